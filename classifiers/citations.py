"""The URLs that Wikipedia's articles cite, from its public dumps.

A dump (pages-articles XML, plain or .bz2, any language edition) is streamed through expat: one article is in
memory at a time, at most MAX_ARTICLE characters of it, and a document type declaration, where entities would
be defined, is refused. In the wikitext, citations are the URLs inside `<ref>…</ref>` and the `url` parameters
of citation templates outside of them; links under "External links" are no citations. A copy in a web archive
counts as the page it is a copy of. Wikipedia's own pages and its sister projects do not count.

Wikitext is taken apart by scanning for the next marker, never by patterns that can backtrack: the time is
linear in the text whatever it holds. Cost: 14 MB of XML a CPU second, decompression included.
"""

import bz2
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.parsers import expat

from skypile.crawl.url import canonical, host
from skypile.errors import Refused
from skypile.runtime import files

MAX_TOKEN: Final = 8 << 20  # bytes of one tag or comment, which expat holds whole; in dumps they have under 1 KB
MAX_ARTICLE: Final = 8 << 20  # characters; MediaWiki allows 2 MiB of text, so longer ones are no articles
MAX_TEMPLATE: Final = 20_000  # characters of one citation template
MAX_URL: Final = 2048

_CHUNK: Final = 1 << 20

# Hosts of the Wikimedia Foundation: a link to them is no outside reference.
_WIKIMEDIA: Final = re.compile(
    r"(?:^|\.)(?:wiki(?:pedia|media|data|books|source|news|quote|species|versity|voyage|functions)|wiktionary"
    r"|mediawiki|wmflabs|wmcloud|toolforge|toolserver)\.org$"
)

_COMMENT: Final = ("<!--", "-->")
_NOWIKI: Final = re.compile(r"<nowiki\s*>|</nowiki\s*>", re.IGNORECASE)
_REF: Final = re.compile(r"<ref(?=[\s>/])[^<>]*>", re.IGNORECASE)
_REF_END: Final = re.compile(r"</ref\s*>", re.IGNORECASE)
# English names, and those of the Chinese edition: 引用网页, 引用新聞, 書籍引用, …
_CITE: Final = re.compile(
    r"\{\{\s*(?:(?:cite|citation|vcite)(?![a-z])|引[用文]|[\u4e00-\u9fff]{1,6}引用)", re.IGNORECASE
)
_BRACES: Final = re.compile(r"\{\{|\}\}")
# Full-width punctuation ends an address: Chinese sets no blank between the two. (MediaWiki takes it into the link.)
_NOT_IN_URL: Final = r"\s|{}\[\]<>\"\x00-\x1f、。，．；：！？…—～｜（）｛｝［］〈〉《》「」『』【】〔〕〖〗“”‘’"
_URL_PARAMETER: Final = re.compile(
    r"\|\s*(?:(?:[a-z]{1,20}[ _-]?)?url|[\u4e00-\u9fff]{0,4}(?:[网網]址|[链鏈連][接結结]))\s*="
    rf"\s*(https?://[^{_NOT_IN_URL}]+)",
    re.IGNORECASE,
)
_URL: Final = re.compile(rf"https?://[^{_NOT_IN_URL}]+", re.IGNORECASE)

_WAYBACK: Final = re.compile(r"/web/[0-9*]{1,14}[a-z_]{0,4}/(.+)", re.IGNORECASE | re.DOTALL)
_ARCHIVE_TODAY: Final = re.compile(r"/(?:[0-9.-]{8,20}|o/\w{4,8}|newest|oldest)/(.+)", re.IGNORECASE | re.DOTALL)
_ARCHIVE_TODAY_HOSTS: Final = {f"archive.{top}" for top in ("today", "is", "ph", "li", "vn", "fo", "md")}


class DumpError(Refused):
    """The file is no Wikipedia dump, or holds what no dump holds."""


class Article(NamedTuple):
    title: str
    text: str


@dataclass
class Scan:
    """What was seen while a dump was read; `broken` says where it breaks off, if it does."""

    articles: int = 0
    citations: int = 0
    broken: str | None = None


def citations(path: str, scan: Scan | None = None) -> Iterator[tuple[str, str]]:
    """(canonical URL, host) of every citation in the dump at `path`, in order, repeats included.

    A dump that breaks off yields what comes before; `scan.broken` then says so. DumpError if `path` holds
    no dump at all.
    """
    scan = scan if scan is not None else Scan()
    for article in articles(path, scan):
        for url in cited_urls(article.text):
            key = canonical(url)
            name = host(key)
            if name and not _WIKIMEDIA.search(name):
                scan.citations += 1
                yield key, name


def check(path: str) -> None:
    """DumpError, which says why, if `path` does not begin like a Wikipedia dump. Reads its first bytes alone."""
    parser = _Parser()
    try:
        for chunk in _chunks(path, 1 << 16):
            parser.feed(chunk)
            break
    except (EOFError, OSError, expat.ExpatError) as error:
        raise DumpError(f"{path} is no Wikipedia dump (pages-articles XML, plain or .bz2): {error}") from None
    if not parser.is_dump:
        raise DumpError(f"{path} is no Wikipedia dump: its root element is no <mediawiki>")


def articles(path: str, scan: Scan | None = None) -> Iterator[Article]:
    """Articles (namespace 0, redirects left out) of the dump at `path`."""
    check(path)
    scan = scan if scan is not None else Scan()
    parser = _Parser()
    try:
        for chunk in _chunks(path, _CHUNK):
            parser.feed(chunk)
            scan.articles += len(parser.ready)
            yield from parser.take()
        parser.close()
    except (EOFError, OSError, expat.ExpatError) as error:
        scan.articles += len(parser.ready)
        yield from parser.take()
        scan.broken = f"{path} breaks off after {scan.articles} articles: {error}"


def _chunks(path: str, size: int) -> Iterator[bytes]:
    with files.open_uri(path) as raw:
        compressed = raw.read(3) == b"BZh"
        raw.seek(0)
        stream = bz2.BZ2File(raw) if compressed else raw
        while chunk := stream.read(size):
            yield chunk


class _Parser:
    """Collects finished articles in `ready`."""

    def __init__(self) -> None:
        self.ready: list[Article] = []
        self.is_dump = False
        self._parts: dict[str, list[str]] = {"title": [], "ns": [], "text": []}
        self._field: str | None = None
        self._length = 0
        self._redirect = False
        self._fed = 0  # bytes
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters
        self._expat.StartDoctypeDeclHandler = self._doctype

    def feed(self, chunk: bytes) -> None:
        self._expat.Parse(chunk, False)
        self._fed += len(chunk)
        if self._fed - self._expat.CurrentByteIndex > MAX_TOKEN:
            raise expat.ExpatError(f"a tag or comment has no end within {MAX_TOKEN >> 20} MB")

    def close(self) -> None:
        self._expat.Parse(b"", True)

    def take(self) -> list[Article]:
        taken, self.ready = self.ready, []
        return taken

    def _doctype(self, name: str, *rest: object) -> None:
        raise DumpError(f"the dump has a document type declaration ({name}): dumps have none, entities are refused")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.is_dump = self.is_dump or name == "mediawiki"
        self._field = name if name in self._parts else None
        if name == "page":
            self._parts = {"title": [], "ns": [], "text": []}
            self._length, self._redirect = 0, False
        elif name == "redirect":
            self._redirect = True

    def _characters(self, data: str) -> None:
        if self._field and self._length <= MAX_ARTICLE:
            self._parts[self._field].append(data)
            self._length += len(data)

    def _end(self, name: str) -> None:
        self._field = None
        if name == "page" and not self._redirect and "".join(self._parts["ns"]).strip() in ("0", ""):
            self.ready.append(Article("".join(self._parts["title"]).strip(), "".join(self._parts["text"])))


def cited_urls(wikitext: str) -> Iterator[str]:
    """URLs cited in one article; the same URL comes as often as it is cited.

    >>> list(cited_urls("A fact.<ref>[http://a.org/x Title].</ref> {{cite web|url=http://b.org/|title=B}}"))
    ['http://a.org/x', 'http://b.org/']
    """
    text = _without(wikitext)
    outside = []
    position = 0
    while opening := _REF.search(text, position):
        outside.append(text[position : opening.start()])
        position = opening.end()
        if opening[0].endswith("/>"):
            continue
        closing = _REF_END.search(text, position)
        if closing is None:
            break
        yield from _originals(_URL.findall(text[position : closing.start()]))
        position = closing.end()
    outside.append(text[position:])
    for template in _templates(" ".join(outside)):
        yield from _originals(_URL_PARAMETER.findall(template))


def original_url(url: str) -> str | None:
    """The address a copy in a web archive was taken from; `url` itself if it is none; None if it does not say.

    >>> original_url("https://web.archive.org/web/20121107221404/http://example.org/a")
    'http://example.org/a'
    """
    for _ in range(3):  # archives of archives occur, endless ones need not be followed
        name = host(url)
        if name in ("web.archive.org", "archive.org"):
            inner = _WAYBACK.search(url)
            if inner is None:
                return url if name == "archive.org" else None
            url = inner[1]
        elif name in _ARCHIVE_TODAY_HOSTS:
            inner = _ARCHIVE_TODAY.search(url, url.find(name) + len(name))
            if inner is None:
                return None
            url = inner[1]
        elif name == "webcitation.org":
            try:
                query = parse_qs(urlsplit(url).query)
            except ValueError:
                return None
            if not (inside := query.get("url")):
                return None
            url = inside[0]
        else:
            return url
        if not re.match(r"https?:/", url, re.IGNORECASE):
            url = "http://" + unquote(url) if not re.match(r"https?%3A", url, re.IGNORECASE) else unquote(url)
        url = re.sub(r"^(https?):/+", r"\1://", url, count=1, flags=re.IGNORECASE)
    return None


def _originals(urls: list[str]) -> Iterator[str]:
    seen = set()  # url and archive-url of one reference are one citation
    for url in urls:
        if len(url) > MAX_URL:
            continue
        original = original_url(_trim(url.replace("&amp;", "&")))
        if original and original not in seen:
            seen.add(original)
            yield original


def _trim(url: str) -> str:
    """What MediaWiki leaves out of a bare link: quotes of bold and italics, final punctuation, a stray bracket."""
    url = url.split("''", 1)[0].rstrip(".,;:!?")
    return url.rstrip(")") if "(" not in url else url


def _without(text: str) -> str:
    """`text` without comments and what stands in <nowiki>."""
    parts, position = [], 0
    while (start := text.find(_COMMENT[0], position)) >= 0:
        parts.append(text[position:start])
        end = text.find(_COMMENT[1], start)
        position = len(text) if end < 0 else end + len(_COMMENT[1])
    text = "".join([*parts, text[position:]])
    pieces = _NOWIKI.split(text)
    marks = _NOWIKI.findall(text)
    kept, inside = [pieces[0]], False
    for mark, piece in zip(marks, pieces[1:], strict=True):
        inside = not mark.startswith("</")
        if not inside:
            kept.append(piece)
    return "".join(kept)


def _templates(text: str) -> Iterator[str]:
    """Citation templates, up to their closing braces or MAX_TEMPLATE."""
    position = 0
    while opening := _CITE.search(text, position):
        depth, end = 1, min(len(text), opening.end() + MAX_TEMPLATE)
        for brace in _BRACES.finditer(text, opening.end(), end):
            depth += 1 if brace[0] == "{{" else -1
            if depth == 0:
                end = brace.end()
                break
        # One that is never closed takes what follows with it, whose parameters are found all the same; to look
        # again right after its opening would cost MAX_TEMPLATE for each of a million openings.
        yield text[opening.start() : end]
        position = end
