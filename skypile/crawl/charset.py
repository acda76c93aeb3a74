"""Bytes to text: byte order mark, HTTP header, <meta>, detection, lossy, in this order, each one verified.

The order is that of the Encoding and HTML standards but for one thing: a declaration is believed only as far as the
bytes bear it out, because servers send a default charset over pages written in another, and editors save in another
than the template declares. The rules:

1. Bytes that are valid UTF-8 and not ASCII are UTF-8: by chance, legacy text of n characters is so with a
   probability of about 0.14**n (GB2312). Only a declared multi-byte charset wins over fewer than 4 of them.
2. A page is UTF-8 as well if most bytes beyond ASCII stand in valid sequences, of 4 characters at least, whatever
   is declared: a cut character or a line from elsewhere does not make another charset of it.
3. UTF-8 and multi-byte charsets are believed if at least 5 characters decode for each that does not: a few
   broken bytes are replaced (and counted), not taken for another charset. A character cut off at the end of
   the page is not held against it.
4. The text must look natural where it is Chinese, Japanese or Korean (`skypile.crawl.naturalness`). If it does not, or
   the declared charset is a single-byte one (in which every byte sequence is valid) and the bytes come in long
   runs, then the others are tried, and the declaration loses to one that looks natural and, against a multi-byte
   charset, decodes by rule 3: naturalness does not count what cannot be decoded.
5. What stands between two tags, or on a line, may be in another charset than the page: `skypile.crawl.mixed`.

Detection takes UTF-16 by its zero bytes, then the multi-byte charset that looks most natural, then what
uchardet (resiliparse) says, and windows-1252 for the rest. What none can decode is decoded with the declared
charset, or UTF-8, and replacements: rung `lossy`. About 1 GB/s, 0.06 ms for the median page of a news crawl
(UTF-8 and GBK), 0.7 ms for the slowest of 300.

Labels are those of the WHATWG Encoding standard; each legacy charset is read as its largest superset (GB2312
and GBK as GB18030, Big5 as Big5-HKSCS, Shift-JIS as windows-31J, EUC-KR as UHC, ISO-8859-1 as windows-1252), by the
standard's tables (`skypile.crawl.whatwg`).
"""

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from skypile.crawl import mixed, whatwg
from skypile.crawl.mime import mime_type
from skypile.crawl.naturalness import MIN_JUDGED, NATURAL, TABLES, UNNATURAL, most_natural, naturalness, sample

Rung = Literal["http", "bom", "meta", "detected", "lossy"]


class Decoded(NamedTuple):
    """`source`: the page in UTF-8, without a byte order mark. `charset`: Python codec name. `replacements`: U+FFFD that
    decoding put in. `other`: charset of parts, or None."""

    source: bytes
    charset: str
    rung: Rung
    replacements: int
    other: str | None = None

    @property
    def text(self) -> str:
        """The page as a string: made each time that it is asked for."""
        return self.source.decode()


META_BYTES = 4096  # the HTML standard asks for 1024; Chinese portals put scripts before <meta>
GOOD_PER_BAD = 5  # decoded characters that outweigh one that cannot be decoded
UTF8_CERTAIN = 4  # characters, see rule 1
# Share of the bytes beyond ASCII, see rule 2. Of 647 real pages, written in GB18030, Big5 and three more, none has over
# 0.48, but for one in EUC-JP with 0.66; a page of UTF-8 of which a fifth of the characters is GBK has 0.86.
MOSTLY_UTF8 = 0.7
_DETECT_BYTES = 32768

_SUPERSETS: Final = {
    "gbk": "gb18030", "gb2312": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "euc_kr": "cp949",
    "iso8859-11": "cp874", "utf-16-le": "utf-8", "utf-16-be": "utf-8",
}  # fmt: skip
# UTF-16 is declared in pages that are not (its declaration could not be read if they were): HTML, 13.2.3.2, as is
# x-user-defined. The other two labels are missing in resiliparse.
_LABELS: Final = {"x-user-defined": "cp1252", "x-mac-cyrillic": "mac-cyrillic", "x-mac-ukrainian": "mac-cyrillic"}
_HIGH: Final = bytes(range(128, 256))

_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_XML = re.compile(rb"\s*<\?xml[^>]*?\bencoding\s*+=\s*+[\"']\s*+([A-Za-z0-9._:-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta\b[^>]*?\bcharset\s*+=\s*+[\"']?\s*+([A-Za-z0-9._:-]+)", re.IGNORECASE)
_FOREIGN_RUN = re.compile(rb"[\x81-\xfe]{6}")  # never in Western text, normal in Chinese; also in Cyrillic
_MARKS: Final = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\x84\x31\x95\x33", "gb18030"),
)


def foreign_characters(body: bytes) -> int:
    """Characters beyond ASCII of a page in UTF-8; -1 where it is none."""
    try:
        return _foreign(body.decode())
    except UnicodeDecodeError:
        return -1


def decode(
    body: bytes, content_type: str | None = None, foreign_characters: Callable[[bytes], int] = foreign_characters
) -> Decoded:
    """An HTML or plain text page in UTF-8. `content_type`: HTTP header value. `foreign_characters`: another function
    that says the same. Never raises.

    >>> decode("<meta charset=gb2312>中文".encode("gbk")).text
    '<meta charset=gb2312>中文'
    """
    mark, marked = _marked(body)
    body = body[len(mark) :]
    if marked is not None and marked.startswith("utf-") and marked != "utf-8":
        return _finished(body, marked, "bom")
    declared = list(_declared(body, content_type, marked))
    foreign = foreign_characters(body)
    if foreign < 0:
        return _legacy(body, declared)
    # 7-bit charsets that look like ASCII. (Two bytes are looked for a hundred times more slowly than one.)
    if not foreign and (b"\0" in body or (b"\x1b" in body and b"\x1b$" in body)):
        return _seven_bit(body, declared)
    if not foreign:
        return _ascii(body, declared)
    for codec, rung in declared:
        if codec == "utf-8":
            return Decoded(body, codec, rung, 0)
        if codec in TABLES and foreign < UTF8_CERTAIN and (found := _believed(body, codec, rung)):
            return found
    return Decoded(body, "utf-8", "detected", 0)


def _marked(body: bytes) -> tuple[bytes, str | None]:
    """The byte order mark that a page begins with, and its charset."""
    return next(((mark, codec) for mark, codec in _MARKS if body.startswith(mark)), (b"", None))


def codec_of(label: str) -> str | None:
    """Python codec that reads what a WHATWG label declares; None for an unknown label.

    >>> codec_of("x-gbk"), codec_of("ISO-8859-1"), codec_of("none")
    ('gb18030', 'cp1252', None)
    """
    label = label.strip().lower()
    name = _LABELS.get(label) or (map_encoding_to_html5(label, fallback_utf8=False) if label.isascii() else None)
    if name is None:
        return None
    try:
        return _SUPERSETS.get(name.lower()) or codecs.lookup(name).name
    except LookupError:
        return None


def _declared(body: bytes, content_type: str | None, marked: str | None) -> Iterator[tuple[str, Rung]]:
    """Charsets that the page is said to have, the most binding first."""
    if marked is not None:
        yield marked, "bom"
    if content_type and (label := mime_type(content_type).charset) and (codec := codec_of(label)):
        yield codec, "http"
    head = _COMMENT.sub(b"", body[:META_BYTES])
    for pattern in (_XML, _META):
        found = pattern.match(head) if pattern is _XML else pattern.search(head)
        if found and (codec := codec_of(found[1].decode("ascii"))):
            yield codec, "meta"


def _legacy(body: bytes, declared: list[tuple[str, Rung]]) -> Decoded:
    """Decode what is not valid UTF-8."""
    wide = _utf16(body)
    # Whether all of it is worth a look the first part shows: legacy pages have at most half the share.
    if wide is None and _utf8_share(sample(body)) >= MOSTLY_UTF8 / 2 and _utf8_share(body) >= MOSTLY_UTF8:
        rung: Rung = next((rung for codec, rung in declared if codec == "utf-8"), "detected")
        return _parted(body, _finished(body, "utf-8", rung), [codec for codec, _ in declared])
    for codec, rung in declared:
        if found := _believed(body, codec, rung):
            return _parted(body, found, [])
    if wide:
        return _finished(body, wide, "detected")
    best, share = most_natural(body)
    if share >= NATURAL:
        return _parted(body, _finished(body, best, "detected"), [])
    for candidate in (detect_encoding(body, _DETECT_BYTES), "cp1252"):
        other = codec_of(candidate) if candidate else None
        if other and other != "utf-8" and other not in TABLES and (found := _believed(body, other, "detected")):
            return found
    return _finished(body, declared[0][0] if declared else "utf-8", "lossy")


def _utf8_share(body: bytes) -> float:
    """Share of the bytes beyond ASCII that stand in valid UTF-8; 0 for fewer than UTF8_CERTAIN characters."""
    ascii_bytes = len(body.translate(None, _HIGH))
    text = body.decode("utf-8", "ignore")
    if len(text) - ascii_bytes < UTF8_CERTAIN:
        return 0.0
    return (len(text.encode()) - ascii_bytes) / (len(body) - ascii_bytes)


def _parted(body: bytes, found: Decoded, declared: list[str]) -> Decoded:
    """`found`, or the page with what stands in another charset decoded as such."""
    parted = mixed.decode(body, found.charset, declared)
    if parted is None:
        return found
    text, other = parted
    return _of_text(text, found.charset, found.rung, _replacements(body, text, found.charset), other)


def _believed(body: bytes, codec: str, rung: Rung) -> Decoded | None:
    """The page in `codec` if the bytes bear that out (rules 3 and 4)."""
    single_byte = codec not in TABLES and codec != "utf-8"
    if single_byte and _FOREIGN_RUN.search(body) and most_natural(body)[1] >= NATURAL:
        return None
    found = _finished(body, codec, rung)
    if not _decodes(found):
        return None
    if codec in TABLES:
        share, judged = naturalness(sample(body), codec)
        if judged >= MIN_JUDGED and share < UNNATURAL:
            best, other = most_natural(body)
            if best != codec and other >= NATURAL and _decodes(_finished(body, best, rung)):
                return None
    return found


def _decodes(found: Decoded) -> bool:
    """Whether enough was decoded for what was not (rule 3)."""
    bad = found.replacements - found.source.endswith("\ufffd".encode())
    return bad <= 0 or bad * GOOD_PER_BAD <= _foreign(found.text) - found.replacements


def _finished(body: bytes, codec: str, rung: Rung) -> Decoded:
    text = whatwg.decode(body, codec)
    return _of_text(text, codec, rung, _replacements(body, text, codec))


def _of_text(text: str, codec: str, rung: Rung, replacements: int, other: str | None = None) -> Decoded:
    return Decoded(text.encode("utf-8", "replace"), codec, rung, replacements, other)


def _replacements(body: bytes, text: str, codec: str) -> int:
    found = text.count("\ufffd")
    return max(found - body.count("\ufffd".encode(codec, "ignore") or b"\xff\xff\xff\xff"), 0) if found else 0


def _foreign(text: str) -> int:
    """Characters beyond ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


def _utf16(body: bytes) -> str | None:
    """UTF-16 without a byte order mark: markup has a zero in every other byte."""
    head = body[:256]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _seven_bit(body: bytes, declared: list[tuple[str, Rung]]) -> Decoded:
    """ISO-2022-JP by its escapes, UTF-16 by its zeros; what is neither is ASCII with stray controls."""
    if codec := _utf16(body):
        return _finished(body, codec, "detected")
    if b"\x1b$" in body:
        rung: Rung = next((rung for codec, rung in declared if codec == "iso2022_jp"), "detected")
        found = _finished(body, "iso2022_jp", rung)
        if not found.replacements:
            return found
    return _ascii(body, declared)


def _ascii(body: bytes, declared: list[tuple[str, Rung]]) -> Decoded:
    """ASCII reads the same in whatever was declared."""
    codec, rung = declared[0] if declared else ("utf-8", "detected")
    return Decoded(body, codec, rung, 0)
