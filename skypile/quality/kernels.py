"""The passes over a text's code points behind `sums` and `units`, compiled.

Classes are those of `skypile.text.characters`, uint8 [characters], beside the code points, uint32 [characters]. The
arrays that are returned are views of longer ones: use them and let them go.
"""

# mypy: disable-error-code="call-arg"
# Numba's types, not Python's, rule inside the compiled functions.

import numba
import numpy as np

from skypile.text import characters as ch

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

# What is asked of a class, as bits.
_IDEOGRAPH, _WIDE, _WORD, _SPACE, _LETTER, _SYMBOL = 1, 2, 4, 8, 16, 32
_FLAGS = (
    _IDEOGRAPH * ch.is_in(ch.HAN, ch.KANA)
    | _WIDE * ch.is_in(ch.HAN, ch.KANA, ch.HANGUL)
    | _WORD * ch.is_in(ch.LATIN, ch.LETTER, ch.HANGUL, ch.DIGIT)
    | _SPACE * ch.is_in(ch.SPACE, ch.NEWLINE)
    | _LETTER * ch.is_in(ch.LATIN, ch.LETTER, ch.HAN, ch.KANA, ch.HANGUL)
    | _SYMBOL * ch.is_in(ch.SYMBOL, ch.BULLET)
).astype(np.uint8)
_DOT, _QUOTE, _COLON, _SEMICOLON, _OPEN, _CLOSE = (ord(c) for c in '.":;()')
_ELLIPSIS = ord("…")
_NEWLINE, _SENTENCE_END, _CLOSING, _CODE = ch.NEWLINE, ch.SENTENCE_END, ch.CLOSING, ch.CODE
_LATIN, _DIGIT = ch.LATIN, ch.DIGIT


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
        flags = _FLAGS[kinds[i]]
        if flags & _IDEOGRAPH or (flags & _WORD and not inside):
            hashes[found] = _mixed(points[i], 0)
            lengths[found] = 1
            ideograph[found] = flags & _IDEOGRAPH != 0
            digit[found] = kinds[i] == _DIGIT
            found += 1
        elif flags & _WORD:
            hashes[found - 1] += _mixed(points[i], lengths[found - 1])
            lengths[found - 1] += 1
            digit[found - 1] |= kinds[i] == _DIGIT
        inside = flags & _WORD != 0
    return hashes[:found], lengths[:found], ideograph[:found], digit[:found]


@numba.njit(cache=True, nogil=True)
def symbols_and_letters(points, kinds):
    """Symbols, ellipses (runs of three dots or more counted once) among them, and letters and ideographs."""
    symbols, letters, dots = 0, 0, 0
    for i in range(len(points)):
        flags = _FLAGS[kinds[i]]
        dots = dots + 1 if points[i] == _DOT else 0
        symbols += (flags & _SYMBOL != 0) + (points[i] == _ELLIPSIS) + (dots == 3)
        letters += flags & _LETTER != 0
    return symbols, letters


@numba.njit(cache=True, nogil=True)
def _pair(points, kinds, i):
    """Whether a pair that prose does not have starts here; its right half is at most the semicolon."""
    left, right = points[i], points[i + 1]
    if kinds[i] == _LATIN:
        return right == _OPEN or (right == _DOT and i + 2 < len(points) and kinds[i + 2] == _LATIN)
    if left == _QUOTE:
        return right == _COLON
    return left in (_OPEN, _CLOSE) and right in (_CLOSE, _COLON, _SEMICOLON)


@numba.njit(cache=True, nogil=True)
def lines(points, kinds):
    """The lines of a text that are not blank, white space cut out of them; arrays of [lines].

    first      int64, where the first of its characters stands in the text
    last       int64, and the last
    final      int64, and the last before three closing quotes or brackets at most
    lengths    int64, characters
    widths     int64, columns from the first to the last, white space counted
    marks      int64, of code: 1 a mark, 2 a pair that prose has not: `":` `()` `):` `);` `name(` `name.name`
    letters    int64, and ideographs
    sentences  int64, sentence ends with nothing but white space behind them, or full-width ones
    dots       bool, ends in two dots
    hashes     uint64, ASCII capitals folded

    >>> text = ch.code_points("Yes (he said).\\n\\n  a = b[0]")
    >>> first, last, final, lengths, widths, marks, letters, sentences, dots, hashes = lines(text, ch.classes(text))
    >>> lengths.tolist(), marks.tolist(), sentences.tolist()
    ([12, 6], [0, 2], [1, 0])
    """
    count = 1
    for kind in kinds:
        count += kind == _NEWLINE
    firsts, lasts, finals = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    of_lengths, of_widths, of_marks = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    of_letters, of_sentences = np.empty(count, np.int64), np.empty(count, np.int64)
    of_dots, of_hashes = np.empty(count, np.bool_), np.empty(count, np.uint64)
    at = 0
    before = np.int64(-1)  # of the text's characters that are no white space, the last but one
    latest = np.int64(-1)
    first = np.int64(-1)
    length = width = marks = letters = sentences = 0
    value = np.uint64(0)
    for i in range(len(points) + 1):
        if i == len(points) or kinds[i] == _NEWLINE:
            if length:
                end, steps = latest, 0
                while steps < 3 and kinds[end] == _CLOSING and end > first:  # He said: "Yes (certainly)."
                    end -= 1
                    while _FLAGS[kinds[end]] & _SPACE:
                        end -= 1
                    steps += 1
                firsts[at], lasts[at], finals[at] = first, latest, end
                of_lengths[at], of_widths[at], of_marks[at] = length, width + latest - first + 1, marks
                of_letters[at], of_sentences[at], of_hashes[at] = letters, sentences, value
                of_dots[at] = points[latest] == _DOT and points[before if before >= 0 else latest] == _DOT
                at += 1
            length = width = marks = letters = sentences = 0
            value = np.uint64(0)
            continue
        kind = kinds[i]
        flags = _FLAGS[kind]
        if flags & _SPACE:
            continue
        if not length:
            first = np.int64(i)
        before, latest = latest, np.int64(i)
        value = value * _MULTIPLIER + np.uint64(points[i] + 32 if 65 <= points[i] < 91 else points[i])
        length += 1
        width += flags & _WIDE != 0
        letters += flags & _LETTER != 0
        marks += kind == _CODE
        if i + 1 < len(points) and points[i + 1] <= _SEMICOLON:
            marks += 2 * _pair(points, kinds, i)
        if kind == _SENTENCE_END:
            sentences += points[i] > 0x2000 or i + 1 == len(points) or _FLAGS[kinds[i + 1]] & _SPACE != 0
    return (
        firsts[:at], lasts[:at], finals[:at], of_lengths[:at], of_widths[:at],
        of_marks[:at], of_letters[:at], of_sentences[:at], of_dots[:at], of_hashes[:at],
    )  # fmt: skip
