"""Main text of a page, by the engine of choice."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Engine = Literal["trafilatura", "resiliparse"]

_TITLE: Final = re.compile(r"(?is)<title[^>]*>([^<]*)</title>")
_INVISIBLE: Final = re.compile(r"(?is)<(script|style|noscript|template|svg)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>")


@dataclass(frozen=True)
class Extraction:
    text: str
    title: str | None
    engine: str


class ParserGaveUp(ValueError):
    """The page is beyond what the engine's parser follows; taking the rest for the page would be wrong."""


def extract(html: str, url: str | None = None, engine: Engine = "trafilatura") -> Extraction:
    """Main text of `html`: paragraphs separated by blank lines. Raises ParserGaveUp."""
    title = _TITLE.search(html)
    text = _trafilatura(html, url) if engine == "trafilatura" else _resiliparse(html)
    return Extraction(text, title[1].strip() if title else None, engine)


def _trafilatura(html: str, url: str | None) -> str:
    """Never with deduplicate=True: its process-wide cache makes the output depend on the pages before."""
    import trafilatura
    from lxml import etree
    from lxml import html as lxml_html

    # Elements may nest 2,048 deep instead of 256; past that libxml2 stops, and says so in its log alone.
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # no element at all
        return ""
    for entry in parser.error_log.filter_from_fatals():
        if entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
            raise ParserGaveUp(entry.message)
    return trafilatura.extract(tree, url=url, fast=True, include_comments=False) or ""


def _resiliparse(html: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(html, main_content=True)


def pretext(html: str, limit: int) -> str:
    """Visible text of the page, roughly: tags and scripts stripped, at most `limit` characters."""
    return re.sub(r"\s+", " ", _INVISIBLE.sub(" ", html)).strip()[:limit]
