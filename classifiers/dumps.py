"""The articles of Wikipedia's public dumps (pages-articles XML of any language; bz2, gz or plain), piece by piece.

A dump is a row of <page> elements, and in its XML `<` is escaped wherever it is text, so pages are found by looking
for their tags: no parser, no entity to expand, and a page can be read without what stands before it. bzip2 and plain
files are cut into pieces, which many tasks read at once; a page belongs to the piece in which it begins. Of a page
with several revisions the last counts; redirects and other namespaces than the articles' are left out.

At most MAX_PAGE bytes of a page are in memory. Cost, on one core: 180 MB of XML a second, after decompression
(bz2 24 MB/s).
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple
from xml.parsers import expat

from skypile.classifiers.bz2_blocks import blocks
from skypile.errors import Refused
from skypile.runtime import files

MAX_PAGE: Final = 32 << 20  # bytes; MediaWiki allows 2 MiB of text, which escaped has 12 at most
PIECE_BZ2: Final = 16 << 20  # bytes of the file; half a minute's work
PIECE_PLAIN: Final = 256 << 20

_CHUNK: Final = 1 << 20
_HEAD: Final = 1 << 16
_BEGIN: Final = b"<page>"
_END: Final = b"</page>"
_ENTITIES: Final = {b"lt": b"<", b"gt": b">", b"quot": b'"', b"amp": b"&", b"apos": b"'", b"#039": b"'"}
_TEXT: Final = re.compile(rb"<text(?:\s[^<>]*)?>")


class DumpError(Refused):
    """The file is no Wikipedia dump, or holds what no dump holds."""


class Piece(NamedTuple):
    """Bytes `start` to `end` (None: its end) of a dump whose articles are in `language` (its own word for it)."""

    path: str
    start: int
    end: int | None
    language: str


class Article(NamedTuple):
    title: str
    text: str


@dataclass
class Scan:
    """What was seen while a dump was read; `damage` says where it cannot be read."""

    articles: int = 0
    damage: list[str] = field(default_factory=list)


def pieces(path: str) -> list[Piece]:
    """All of the dump at `path`. DumpError if it does not begin like one."""
    language, kind = _header(path)
    fs, inner = files.filesystem(path)
    size = fs.size(inner)
    length = {b"BZ": PIECE_BZ2, b"\x1f\x8b": None}.get(kind, PIECE_PLAIN)
    if length is None or size is None:
        return [Piece(path, 0, None, language)]
    starts = range(0, max(1, size), length)
    return [Piece(path, start, start + length if start + length < size else None, language) for start in starts]


def check(path: str) -> None:
    """DumpError, which says why, if `path` does not begin like a Wikipedia dump. Reads its beginning alone."""
    _header(path)


def _header(path: str) -> tuple[str, bytes]:
    """The dump's language, empty if it names none, and the first two bytes of the file."""
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if not found:
            found.append({"": name} | attributes)

    def doctype(name: str, *rest: object) -> None:
        raise DumpError(f"{path} has a document type declaration ({name}): dumps have none, entities are refused")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    try:
        with files.open_uri(path) as file:
            kind = file.read(2)
            if kind == b"7z":
                raise DumpError(f"{path} is a 7z archive: unpack it, or take the .bz2 of the same dump")
            for chunk, _ in _chunks(file, kind, 0, None, Scan(), path):
                parser.Parse(chunk[:_HEAD], False)
                break
    except (EOFError, OSError, zlib.error, expat.ExpatError) as error:
        if not found:  # what follows the root's tag is read without a parser
            raise DumpError(f"{path} is no Wikipedia dump (pages-articles XML; bz2, gz or plain): {error}") from None
    if not found or found[0][""] != "mediawiki":
        raise DumpError(f"{path} is no Wikipedia dump: its root element is no <mediawiki>")
    return found[0].get("xml:lang", ""), kind


def articles(piece: Piece, scan: Scan | None = None) -> Iterator[Article]:
    """Articles that begin in the piece, in order. What cannot be read is left out, and `scan.damage` says where."""
    scan = scan if scan is not None else Scan()
    for page in _pages(piece, scan):
        article = _article(page)
        if article is not None:
            scan.articles += 1
            yield article


def _article(page: bytes) -> Article | None:
    at = -1
    for opening in _TEXT.finditer(page):
        at = opening.end()
    head = page[: page.find(b"<revision")] if b"<revision" in page else page
    namespace = _inside(head, b"ns")
    if at < 0 or b"<redirect" in head or (namespace is not None and namespace.strip() != b"0"):
        return None
    end = at if page[at - 2 : at] == b"/>" else page.find(b"</text>", at)
    title = _inside(head, b"title") or b""
    return Article(_unescaped(title).strip(), _unescaped(page[at : end if end >= 0 else len(page)]))


def _inside(data: bytes, name: bytes) -> bytes | None:
    start = data.find(b"<" + name + b">")
    end = data.find(b"</" + name + b">", start)
    return data[start + len(name) + 2 : end] if 0 <= start < end else None


def _unescaped(data: bytes) -> str:
    """Text of XML without entities but its own, each read once.

    >>> _unescaped(b"&lt;ref&gt;AT&amp;amp;T &#039;")
    "<ref>AT&amp;T '"
    """
    first, *rest = data.split(b"&")
    parts = [first]
    for part in rest:
        name, _, after = part.partition(b";")
        meant = _ENTITIES.get(name)
        parts.append(b"&" + part if meant is None else meant + after)
    return b"".join(parts).decode("utf-8", "replace")


def _pages(piece: Piece, scan: Scan) -> Iterator[bytes]:
    with files.open_uri(piece.path) as file:
        kind = file.read(2)
        data, position, read, owned = b"", 0, 0, 0  # data[position] is what is looked at; bytes read, and of the piece
        inside = False  # a page begins at `position`
        searched = 0
        for chunk, own in _chunks(file, kind, piece.start, piece.end, scan, piece.path):
            data, position, searched = data[position:] + chunk, 0, max(0, searched - position)
            read += len(chunk)
            owned = read if own else owned
            while True:
                if not inside:
                    begin = data.find(_BEGIN, position)
                    if begin < 0:
                        position = max(position, len(data) - len(_BEGIN) + 1)
                        break
                    position, searched, inside = begin, begin, True
                    if read - len(data) + begin >= owned:
                        return
                end = data.find(_END, searched)
                if end < 0:
                    searched = max(searched, len(data) - len(_END) + 1)
                    if len(data) - position > MAX_PAGE:
                        scan.damage.append(f"{piece.path}: a page has no end within {MAX_PAGE >> 20} MB")
                        position, inside = len(data) - len(_BEGIN) + 1, False
                    break
                yield data[position:end]
                position, inside = end + len(_END), False
            if not own and not inside and read - len(data) + position >= owned:
                return
        if inside:
            scan.damage.append(f"{piece.path} breaks off after {scan.articles} articles of its last piece")


def _chunks(
    file: IO[bytes], kind: bytes, start: int, end: int | None, scan: Scan, path: str
) -> Iterator[tuple[bytes, bool]]:
    """The content from the piece's beginning to the file's end, and of each part whether it begins in the piece."""
    if kind == b"BZ":
        for block in blocks(file, start):
            own = end is None or block.position < end
            if block.content is None:
                if own:
                    scan.damage.append(f"{path}: the bzip2 block at byte {block.position} is damaged or cut off")
            else:
                yield block.content, own
        return
    file.seek(start)
    if kind == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                while chunk := unpacked.read1(_CHUNK):
                    yield chunk, True
        except (EOFError, OSError, zlib.error) as error:
            scan.damage.append(f"{path} cannot be unpacked to its end: {error}")
        return
    at = start
    while chunk := file.read(_CHUNK if end is None or at >= end else min(_CHUNK, end - at)):
        yield chunk, end is None or at < end
        at += len(chunk)
