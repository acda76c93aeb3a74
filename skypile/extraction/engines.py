"""Main text of a page, fit for pre-training, by the engine of choice.

`fast` (the default) is ours: `skypile.extraction.fast`, blocks scored by a small model. `trafilatura` is the peer with
the longest record on articles, in its default mode, which asks two other extractors where it is unsure of itself;
`trafilatura-fast` is its mode that asks none, at twice the speed and with less of the text of pages that are no
articles. Both leave readers' comments out. `resiliparse` is fast and keeps more chrome. `make bench-extraction` prints
their scores and speeds side by side.

What the text looks like, whatever the engine: paragraphs separated by a blank line, list items and table rows
on lines, preformatted text as it stands. Unicode NFC; what `skypile.text.cleaning` names and trailing blanks are gone;
nothing else is rewritten.
"""

import html as html_entities
import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from skypile.crawl import charset
from skypile.extraction.fast.blocks import Scanned, cut, visible_text
from skypile.extraction.fast.engine import main_text
from skypile.extraction.fast.utf8 import foreign_characters
from skypile.text.cleaning import cleaned
from skypile.text.nfc import nfc

Engine = Literal["fast", "trafilatura", "trafilatura-fast", "resiliparse"]
ENGINES: Final = ("fast", "trafilatura", "trafilatura-fast", "resiliparse")

# From a run's first blank on, and without giving back: a megabyte of blanks within a line would take hours.
_TRAILING: Final = re.compile(r"(?<![ \t\u00a0\u3000])[ \t\u00a0\u3000]++(?=\n|\Z)")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
TITLE_HEAD: Final = 64 << 10  # characters
PRETEXT_HEAD: Final = 64 << 10  # bytes; on half of real pages they hold 4,000 visible characters


class ParserGaveUp(ValueError):
    """The page is beyond what the engine's parser follows; taking the part it read for the page would be wrong."""


@dataclass(frozen=True)
class Extraction:
    """`charset`: what the bytes were decoded with, None where text was given. `blocks_kept` of `blocks_seen`:
    blocks of the page that reached the text; 0 of 0 for engines that do not tell. `page_type`: article, forum,
    product, …, as the fast engine sees it. `nesting`: how deep elements nest (fast engine only)."""

    text: str
    title: str | None
    engine: str
    charset: str | None = None
    blocks_kept: int = 0
    blocks_seen: int = 0
    page_type: str | None = None
    nesting: int = 0


def extract(
    html: bytes | str, url: str | None = None, content_type: str | None = None, engine: Engine = "fast"
) -> Extraction:
    """Main text of a page. Raises ParserGaveUp (trafilatura on elements nested over 2,048 deep), ValueError for an
    unknown engine, and nothing else on what the page holds with the fast engine.

    >>> extract("<title>Tea</title><p>Tea is made of leaves.", engine="resiliparse").title
    'Tea'
    """
    found = None
    if isinstance(html, bytes):
        decoded = charset.decode(html, content_type, foreign_characters)
        source, found = decoded.source, decoded.charset
    else:
        source = html.encode("utf-8", "replace")
    if engine == "fast":
        page = of_scanned(source, cut(source), url)
        return replace(page, text=cleaned(nfc(page.text))[0], charset=found)
    html = source.decode()
    if engine in ("trafilatura", "trafilatura-fast"):
        text = _trafilatura(html, url, engine == "trafilatura-fast")
    elif engine == "resiliparse":
        text = _resiliparse(html)
    else:
        raise ValueError(f"engine {engine!r} is none of {', '.join(ENGINES)}")
    return Extraction(clean(text), _title(html), engine, found)


def of_scanned(source: bytes, scanned: Scanned, url: str | None = None) -> Extraction:
    """Main text by the fast engine of a page in UTF-8 that it has scanned: `scanned` is `cut(source)`. Neither cleaned
    nor normalised."""
    main = main_text(source, url, scanned=scanned)
    return Extraction(
        main.text,
        main.title or None,
        "fast",
        None,
        main.blocks_kept,
        main.blocks_seen,
        main.page_type,
        main.nesting,
    )


def clean(text: str) -> str:
    """NFC, nothing that `cleaned` takes out, no trailing blanks, at most one blank line.

    >>> clean("a\\u200b \\r\\n\\n\\n\\nb\\x00")
    'a\\n\\nb'
    """
    text = nfc(cleaned(text)[0])
    return _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text)).strip("\n")


def pretext(source: bytes, limit: int) -> str:
    """All visible text of a page in UTF-8, chrome included, at most `limit` characters.

    For the language and length gate, which decides before the page is paid for. The fast engine's scanner reads
    the head of the page, and the rest only if that was not enough: 0.1 to 0.3 ms.

    >>> pretext(b"<title>T</title><script>var x = '<p>';</script><p>Fish &amp; chips<p>Tea", 100)
    'Fish & chips Tea'
    """
    head = visible_text(cut(source[:PRETEXT_HEAD])[0], limit)
    return head if len(head) == limit or len(source) <= PRETEXT_HEAD else visible_text(cut(source)[0], limit)


def _title(html: str) -> str | None:
    start = re.search(r"<title[^>]{0,200}>", html[:200_000], re.IGNORECASE)
    if start is None:
        return None
    title, _, _ = html[start.end() : start.end() + TITLE_HEAD].partition("<")
    return " ".join(cleaned(html_entities.unescape(title))[0].split()) or None


def _trafilatura(html: str, url: str | None, fast: bool) -> str:
    """Without `deduplicate`: its cache is one for the whole process, and makes the text depend on the pages
    before."""
    import trafilatura
    from lxml import etree
    from lxml import html as lxml_html

    # Elements may nest 2,048 deep instead of 256; past that libxml2 stops, and says so in its log alone.
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = lxml_html.document_fromstring(html.replace("\0", "").encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # no element at all
        return ""
    for entry in parser.error_log.filter_from_fatals():
        if entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
            raise ParserGaveUp(entry.message)
    return trafilatura.extract(tree, url=url, fast=fast, include_comments=False, include_tables=True) or ""


def _resiliparse(html: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    try:
        return extract_plain_text(html, main_content=True, preserve_formatting=True) or ""
    except Exception:
        return ""
