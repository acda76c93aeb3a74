"""A text as a sequence of units, and what repeats in it: array arithmetic, no Python object a word.

A *unit* is a word (a run of letters and digits of a script that writes words apart) or one ideograph or
kana. Units are compared by 64-bit hashes: among the 10^6 units of the longest text that the rules look at,
two different ones share a hash with a chance of 1 in 10^7.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from skypile.quality import kernels
from skypile.quality.repeats import first_places
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
    return sum(
        int(is_listed(ngrams(units.hashes, n), listed).sum()) for n, listed in words.items() if len(units.hashes) >= n
    )


def repeated_share(hashes: np.ndarray, lengths: np.ndarray, n: int) -> float:
    """Share of characters inside n-grams that occurred before (Gopher's "duplicate n-grams")."""
    if len(hashes) <= n:
        return 0.0
    repeated = is_repeated(ngrams(hashes, n)).astype(np.int64)
    edges = np.zeros(len(hashes) + 1, dtype=np.int64)
    edges[: len(repeated)] = repeated
    edges[n:] -= repeated
    return float(lengths[np.cumsum(edges[:-1]) > 0].sum() / lengths.sum())


def top_share(hashes: np.ndarray, lengths: np.ndarray, n: int) -> float:
    """Share of characters in the n-gram whose occurrences hold most of them; 0 if none occurs twice."""
    if len(hashes) <= n:
        return 0.0
    counts = np.bincount(first_places(ngrams(hashes, n)))
    at = np.flatnonzero(counts > 1)
    ends = np.append(0, np.cumsum(lengths))
    held = (ends[at + n] - ends[at]) * counts[at]
    return float(min(1.0, held.max(initial=0) / ends[-1]))


def ngrams(hashes: np.ndarray, n: int) -> np.ndarray:
    """Hash of every n-gram of the sequence: uint64, shape (len(hashes) - n + 1,)."""
    found: np.ndarray = kernels.ngrams(hashes, n)
    return found


def is_repeated(hashes: np.ndarray) -> np.ndarray:
    """Whether the same hash stands earlier in the sequence: bool, same shape."""
    found: np.ndarray = first_places(hashes) < np.arange(len(hashes))
    return found


def is_listed(values: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """np.isin for a short sorted list: a quarter of its time on texts of ordinary length."""
    return listed[np.minimum(np.searchsorted(listed, values), len(listed) - 1)] == values
