"""The passes over a text's code points behind `rules` and `units`, compiled: a fifth of the time of the same in NumPy.

Classes are those of `skypile.text.characters`, uint8 [characters], beside the code points, uint32 [characters].
"""

# mypy: disable-error-code="call-arg"
# Numba's types, not Python's, rule inside the compiled functions.

from typing import NamedTuple

import numba
import numpy as np

from skypile.text import characters as ch

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_IS_IDEOGRAPH = ch.is_in(ch.HAN, ch.KANA)
_IS_WIDE = ch.is_in(ch.HAN, ch.KANA, ch.HANGUL)
_IS_WORD = ch.is_in(ch.LATIN, ch.LETTER, ch.HANGUL, ch.DIGIT)
_IS_SPACE = ch.is_in(ch.SPACE, ch.NEWLINE)
_IS_LETTER = ch.is_in(ch.LATIN, ch.LETTER, ch.HAN, ch.KANA, ch.HANGUL)
_DOT, _QUOTE, _COLON, _SEMICOLON, _OPEN, _CLOSE = (ord(c) for c in '.":;()')
_NEWLINE, _SENTENCE_END, _CLOSING, _CODE = ch.NEWLINE, ch.SENTENCE_END, ch.CLOSING, ch.CODE
_LATIN, _DIGIT = ch.LATIN, ch.DIGIT


class Lines(NamedTuple):
    """The lines of a text that are not blank, white space cut out of them; arrays of [lines]."""

    first: np.ndarray  # int64, where the first of its characters stands in the text
    last: np.ndarray  # int64, and the last
    final: np.ndarray  # int64, and the last before three closing quotes or brackets at most
    lengths: np.ndarray  # int64, characters
    widths: np.ndarray  # int64, columns from the first to the last, white space counted
    marks: np.ndarray  # int64, of code: 1 a mark, 2 a pair that prose has not: `":` `()` `):` `);` `name(` `name.name`
    letters: np.ndarray  # int64, and ideographs
    sentences: np.ndarray  # int64, sentence ends with nothing but white space behind them, or full-width ones
    dots: np.ndarray  # bool, ends in two dots
    hashes: np.ndarray  # uint64, ASCII capitals folded


def lines(points: np.ndarray, kinds: np.ndarray) -> Lines:
    """What `rules` asks of lines.

    >>> text = ch.code_points("Yes (he said).\\n\\n  a = b[0]")
    >>> found = lines(text, ch.classes(text))
    >>> found.lengths.tolist(), found.marks.tolist(), found.sentences.tolist()
    ([12, 6], [0, 3], [1, 0])
    """
    return Lines(*_lines(points, kinds))


@numba.njit(cache=True, nogil=True)
def _mixed(point, offset):
    """The share of a code point in the hash of its group, ASCII capitals folded."""
    folded = np.uint64(point)
    if 65 <= point < 91:
        folded += np.uint64(32)
    mixed = (folded + (np.uint64(offset) << np.uint64(21))) * _MULTIPLIER
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MULTIPLIER
    return mixed ^ (mixed >> np.uint64(32))


@numba.njit(cache=True, nogil=True)
def split(points, kinds):
    """Words and ideographs in their order: their hashes (uint64), characters (int64), whether each is an ideograph, and
    has a digit (bool)."""
    hashes = np.empty(len(points), np.uint64)
    lengths = np.empty(len(points), np.int64)
    ideograph = np.empty(len(points), np.bool_)
    digit = np.zeros(len(points), np.bool_)
    found = 0
    inside = False
    for i in range(len(points)):
        kind = kinds[i]
        if _IS_IDEOGRAPH[kind] or (_IS_WORD[kind] and not inside):
            hashes[found] = _mixed(points[i], 0)
            lengths[found] = 1
            ideograph[found] = _IS_IDEOGRAPH[kind]
            digit[found] = kind == _DIGIT
            found += 1
        elif _IS_WORD[kind]:
            hashes[found - 1] += _mixed(points[i], lengths[found - 1])
            lengths[found - 1] += 1
            digit[found - 1] |= kind == _DIGIT
        inside = _IS_WORD[kind]
    return hashes[:found].copy(), lengths[:found].copy(), ideograph[:found].copy(), digit[:found].copy()


@numba.njit(cache=True, nogil=True)
def ngrams(hashes, n):
    """Hash of every n-gram of the sequence: uint64, shape (len(hashes) - n + 1,)."""
    found = np.empty(len(hashes) - n + 1, np.uint64)
    for i in range(len(found)):
        value = hashes[i]
        for k in range(1, n):
            value ^= value >> np.uint64(31)
            value *= _MULTIPLIER
            value += hashes[i + k]
        found[i] = value
    return found


@numba.njit(cache=True, nogil=True)
def _pair(points, kinds, i):
    """Whether a pair that prose does not have starts here."""
    if i + 1 >= len(points):
        return False
    left, right = points[i], points[i + 1]
    if kinds[i] == _LATIN:
        return right == _OPEN or (right == _DOT and i + 2 < len(points) and kinds[i + 2] == _LATIN)
    if left == _QUOTE:
        return right == _COLON
    return left in (_OPEN, _CLOSE) and right in (_CLOSE, _COLON, _SEMICOLON)


@numba.njit(cache=True, nogil=True)
def _lines(points, kinds):
    count = 1
    for kind in kinds:
        count += kind == _NEWLINE
    first, last, final = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    lengths, widths, marks = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    letters, sentences = np.zeros(count, np.int64), np.zeros(count, np.int64)
    dots, hashes = np.zeros(count, np.bool_), np.zeros(count, np.uint64)
    at = 0
    before = np.int64(-1)  # of the text's characters that are no white space, the last but one
    latest = np.int64(-1)
    for i in range(len(points) + 1):
        if i == len(points) or kinds[i] == _NEWLINE:
            if lengths[at]:
                end, steps = latest, 0
                while steps < 3 and kinds[end] == _CLOSING and end > first[at]:  # He said: "Yes (certainly)."
                    end -= 1
                    while _IS_SPACE[kinds[end]]:
                        end -= 1
                    steps += 1
                last[at], final[at] = latest, end
                widths[at] += latest - first[at] + 1
                dots[at] = points[latest] == _DOT and points[before if before >= 0 else latest] == _DOT
                at += 1
            continue
        kind = kinds[i]
        if _IS_SPACE[kind]:
            continue
        if not lengths[at]:
            first[at] = i
        before, latest = latest, np.int64(i)
        hashes[at] += _mixed(points[i], lengths[at])
        lengths[at] += 1
        widths[at] += _IS_WIDE[kind]
        letters[at] += _IS_LETTER[kind]
        marks[at] += (kind == _CODE) + 2 * _pair(points, kinds, i)
        if kind == _SENTENCE_END:
            sentences[at] += points[i] > 0x2000 or i + 1 == len(points) or _IS_SPACE[kinds[i + 1]]
    return (
        first[:at], last[:at], final[:at], lengths[:at], widths[:at],
        marks[:at], letters[:at], sentences[:at], dots[:at], hashes[:at],
    )  # fmt: skip
