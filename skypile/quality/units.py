"""A text as a sequence of units, and what repeats in it: array arithmetic, no Python object a word.

A *unit* is a word (a run of letters and digits of a script that writes words apart) or one ideograph or
kana. Units are compared by 64-bit hashes: among the 10^6 units of the longest text that the rules look at,
two different ones share a hash with a chance of 1 in 10^7.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from skypile.quality import kernels
from skypile.quality.repeats import count_listed as count_in
from skypile.quality.repeats import ngrams
from skypile.text import characters as ch

WordList = dict[int, np.ndarray]  # number of units -> sorted uint64 hashes


class Units(NamedTuple):
    hashes: np.ndarray  # uint64
    lengths: np.ndarray  # int64, characters
    is_ideograph: np.ndarray  # bool
    has_digit: np.ndarray  # bool


def split(points: np.ndarray, kinds: np.ndarray) -> Units:
    """Words and ideographs of a text, in order."""
    return Units(*kernels.split(points, kinds))


def word_list(lines: Iterable[str]) -> WordList:
    """Hashes of listed words and phrases by their number of units; blank lines are passed over.

    English entries match whole words whatever their case, Chinese ones wherever their characters stand.

    >>> sorted(word_list(["spam", "two words", "中文"]))
    [1, 2]
    """
    found: dict[int, set[int]] = {}
    for entry in lines:
        points = ch.code_points(entry)
        units = split(points, ch.classes(points))
        if n := len(units.hashes):
            found.setdefault(n, set()).add(int(ngrams(units.hashes, n)[0]))
    return {n: np.array(sorted(hashes), dtype=np.uint64) for n, hashes in sorted(found.items())}


def count_listed(units: Units, words: WordList) -> int:
    """Occurrences of listed words and phrases."""
    return sum(int(count_in(ngrams(units.hashes, n), listed)) for n, listed in words.items() if len(units.hashes) >= n)
