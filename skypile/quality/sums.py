"""What the rules ask of a text, summed in compiled code: whole numbers, of which `rules` makes shares.

By numbers and not by arrays: a text of 2,000 characters takes 40 µs so, where handing ten arrays of its lines and units
to NumPy took 300.
"""

# mypy: disable-error-code="call-arg"
# Numba's types, not Python's, rule inside the compiled functions.

from typing import Final, NamedTuple

import numba
import numpy as np

from skypile.quality import kernels, repeats
from skypile.text import characters as ch

IDEOGRAPHS_PER_WORD: Final = 1.6  # mean length of a word in segmented Chinese prose
SHORT_LINE: Final = 30  # width; FineWeb: "lines shorter than 30 characters"
CODE_LINE: Final = 0.08  # least share of code marks in a line of code

# Gopher counts repeats of 5 to 10 words and the commonest of 2 to 4; one of each is kept here. Twice the n where
# ideographs prevail.
REPEATED_NGRAM: Final = 5
TOP_NGRAM: Final = 2

_BULLET, _SENTENCE_END = ch.BULLET, ch.SENTENCE_END
_CLAUSE_ENDS = tuple(map(ord, ",;，；"))
_BULLET_STARTS = tuple(map(ord, "-*–—+"))
_ELLIPSIS = ord("…")


class LineSums(NamedTuple):
    """Lines and characters of a text, white space cut out; of prose: of the lines that do not look like code."""

    lines: int
    characters: int
    code_lines: int
    bullet_lines: int
    ellipsis_lines: int
    prose_characters: int
    prose_letters: int
    sentence_lines: int
    closed_lines: int
    short_characters: int
    repeated_characters: int


class UnitSums(NamedTuple):
    """Words and ideographs of a text, and the characters of n-grams of them; words: an ideograph is 1/1.6."""

    words: float
    units: int
    ideographs: int
    plain_words: int  # without a digit
    plain_characters: int
    function_en: int
    function_zh: int
    symbols: int
    letters: int
    characters: int
    repeated_characters: int
    top_characters: int


def line_sums(points: np.ndarray, kinds: np.ndarray) -> LineSums:
    """Of the lines of a text that are not blank."""
    return LineSums(*_line_sums(points, kinds, repeats.MULTIPLIER))


def unit_sums(points: np.ndarray, kinds: np.ndarray, english: np.ndarray, chinese: np.ndarray) -> UnitSums:
    """Of the units of a text; `english`, `chinese`: sorted hashes of function words."""
    return UnitSums(*_unit_sums(points, kinds, english, chinese, repeats.MULTIPLIER))


@numba.njit(cache=True, nogil=True)
def _line_sums(points, kinds, multiplier):
    firsts, lasts, finals, lengths, widths, marks, letters, sentences, dots, hashes = kernels.lines(points, kinds)
    first_said = repeats.first_places(hashes, multiplier)
    characters = code = bullets = ellipses = prose_characters = prose_letters = said = closed = short = repeated = 0
    for i in range(len(lengths)):
        length = lengths[i]
        is_code = marks[i] >= CODE_LINE * length
        narrow = widths[i] < SHORT_LINE
        opening, closing = points[firsts[i]], points[finals[i]]
        characters += length
        code += is_code
        bullets += kinds[firsts[i]] == _BULLET or opening in _BULLET_STARTS
        ellipses += dots[i] or points[lasts[i]] == _ELLIPSIS
        if first_said[i] < i and not (is_code and narrow):  # closing brackets have to repeat
            repeated += length
        if not is_code:
            ended = kinds[finals[i]] == _SENTENCE_END
            prose_characters += length
            prose_letters += letters[i]
            said += ended or sentences[i] > 0
            closed += ended
            if narrow and not ended and closing not in _CLAUSE_ENDS:
                short += length
    return (
        len(lengths), characters, code, bullets, ellipses,
        prose_characters, prose_letters, said, closed, short, repeated,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _unit_sums(points, kinds, english, chinese, multiplier):
    hashes, lengths, is_ideograph, has_digit = kernels.split(points, kinds)
    symbols, letters = kernels.symbols_and_letters(points, kinds)
    ideographs = plain = plain_characters = function_en = function_zh = characters = 0
    for i in range(len(hashes)):
        characters += lengths[i]
        if is_ideograph[i]:
            ideographs += 1
            function_zh += repeats.is_listed(hashes[i], chinese)
        else:
            function_en += repeats.is_listed(hashes[i], english)
            if not has_digit[i]:
                plain += 1
                plain_characters += lengths[i]
    words = len(hashes) - ideographs + ideographs / IDEOGRAPHS_PER_WORD
    factor = 2 if ideographs / IDEOGRAPHS_PER_WORD > 0.5 * words else 1
    repeated = repeats.repeated_characters(hashes, lengths, REPEATED_NGRAM * factor, multiplier)
    top = repeats.top_characters(hashes, lengths, TOP_NGRAM * factor, multiplier)
    return (
        words, len(hashes), ideographs, plain, plain_characters, function_en, function_zh,
        symbols, letters, characters, repeated, top,
    )  # fmt: skip
