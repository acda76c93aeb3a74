"""Pages in two charsets: a template in UTF-8 and a text from a database in GBK, or the other way round.

What stands between two tags, or on one line, is taken to be in one charset, since it comes from one place. In a page
of UTF-8 the pieces of which most is no UTF-8 are looked at together: they are in the multi-byte charset, declared ones
first, in which they look natural, of 8 characters at least; in a single-byte one if the page is in letters, not in Han,
kana or hangul, where a lone byte may be what is left of a cut character. In a page of a multi-byte charset the pieces
that are valid UTF-8 of 4 characters or more are UTF-8, if the page has a row of 6 ideographs in UTF-8, which other
bytes are by chance once in a million. What remains is decoded as the page is, and replaced where it cannot.
"""

import re
from collections.abc import Callable
from typing import Final

import numpy as np
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from skypile.crawl import whatwg
from skypile.crawl.naturalness import MIN_JUDGED, NATURAL, TABLES, most_natural, naturalness, sample

MOST_PIECES: Final = 200_000  # beyond, the page is decoded as one: a page of 2 MB has 20,000
LEAST_FOREIGN: Final = 0.5  # share of a piece's bytes beyond ASCII that are no UTF-8
LEAST_LETTERS: Final = 3  # lone bytes between ASCII letters that are windows-1252
LEAST_DETECTED: Final = 40  # bytes beyond ASCII that a detector may judge
LEAST_UTF8: Final = 4  # characters of a piece
LEAST_ROW: Final = 6  # ideographs

_PIECE: Final = re.compile(rb"[^<>\n]+")
_HIGH: Final = bytes(range(128, 256))
_HIGH_RUN: Final = re.compile(rb"[\x80-\xff]+")
_LETTER: Final = re.compile(rb"[A-Za-z][\xc0-\xff]|[\xc0-\xff][a-z]")
_CJK: Final = re.compile("[\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")

Span = tuple[int, int]


def decode(body: bytes, codec: str, declared: list[str]) -> tuple[str, str] | None:
    """Text of a page in the charset `codec` of which parts are in another, and that other; None if none are.

    `declared`: other charsets that the page is said to have.
    """
    if codec == "utf-8":
        spans = _pieces(body, _is_foreign)
        other = _charset(body, b"\n".join(body[begin:end] for begin, end in spans), declared) if spans else None
    else:
        other = "utf-8" if codec in TABLES and _has_utf8_row(body) else None
        spans = _pieces(body, _is_utf8) if other else []
    if other is None or not spans:
        return None
    parts, done = [], 0
    for begin, end in spans:
        parts += [whatwg.decode(body[done:begin], codec), whatwg.decode(body[begin:end], other)]
        done = end
    return "".join([*parts, whatwg.decode(body[done:], codec)]), other


def _has_utf8_row(body: bytes) -> bool:
    """Whether LEAST_ROW characters of U+3000 to U+9FFF stand in a row in UTF-8. (A regular expression takes 60 times
    as long.)"""
    points = np.frombuffer(body, np.uint8)
    if len(points) < 3 * LEAST_ROW:
        return False
    follows = (points & 0xC0) == 0x80
    starts = (points[:-2] - np.uint8(0xE3) <= 6) & follows[1:-1] & follows[2:]
    row = starts[: -3 * (LEAST_ROW - 1)]
    for place in range(1, LEAST_ROW):
        row = row & starts[3 * place : len(row) + 3 * place]
    return bool(row.any())


def _pieces(body: bytes, wanted: Callable[[bytes], bool]) -> list[Span]:
    """Where the pieces stand that hold bytes beyond ASCII and are `wanted`; none if there are too many pieces."""
    found = []
    for number, match in enumerate(_PIECE.finditer(body)):
        if number == MOST_PIECES:
            return []
        piece = match[0]
        if not piece.isascii() and wanted(piece):
            found.append(match.span())
    return found


def _is_foreign(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        ascii_bytes = len(piece.translate(None, _HIGH))
        valid = len(piece.decode("utf-8", "ignore").encode()) - ascii_bytes
        return valid <= (1 - LEAST_FOREIGN) * (len(piece) - ascii_bytes)
    return False


def _is_utf8(piece: bytes) -> bool:
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return False
    return len(text) - len(piece.translate(None, _HIGH)) >= LEAST_UTF8


def _charset(body: bytes, foreign: bytes, declared: list[str]) -> str | None:
    """Codec of the pieces of a UTF-8 page that are no UTF-8; None if they do not show it."""
    sampled = sample(foreign)
    for codec in declared:
        if codec in TABLES:
            share, judged = naturalness(sampled, codec)
            if judged >= MIN_JUDGED and share >= NATURAL:
                return codec
    best, share = most_natural(foreign)
    if share >= NATURAL:
        return best
    text = body.decode("utf-8", "ignore")
    if 2 * len(_CJK.findall(text)) > len(text) - len(body.translate(None, _HIGH)):
        return None
    runs = _HIGH_RUN.findall(foreign)
    if all(len(run) == 1 for run in runs):
        return "cp1252" if len(_LETTER.findall(foreign)) >= LEAST_LETTERS else None
    if sum(map(len, runs)) < LEAST_DETECTED:
        return None
    found = map_encoding_to_html5(detect_encoding(foreign) or "", fallback_utf8=False)
    return found if found is not None and found.startswith(("cp125", "koi8", "iso8859")) else None
