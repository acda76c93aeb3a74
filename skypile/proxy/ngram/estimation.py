"""Counts to a model: interpolated modified Kneser-Ney smoothing, as KenLM's lmplz computes it.

Method (Chen & Goodman 1999; Heafield et al. 2013), with a(.) for adjusted counts:

- a(n-gram) is its count for the longest n-grams and for those that begin with `<s>`; for all others the number of
  distinct words before it.
- Three discounts an order, for adjusted counts 1, 2 and 3 or more, from the number t_j of n-grams with a = j:
  D_j = j - (j + 1) Y t_(j+1) / t_j with Y = t_1 / (t_1 + 2 t_2). Where a t_j is 0 or a D_j is not within 0 and j, the
  order takes `FALLBACK`, as lmplz does with --discount_fallback.
- P(w | h) = (a(h w) - D(a(h w))) / sum_v a(h v) + b(h) P(w | h without its first word), where the backoff b(h) is the
  mass that was discounted in h. Below the unigrams is the uniform distribution over the vocabulary, `<unk>` and `</s>`
  in it and `<s>` not; `<unk>`, which is never counted, has only its share of that.
- Pruned n-grams (count at or below the order's threshold) count in discounts and sums; their mass goes to the backoff.

Cost: 0.2 to 0.3 µs a word of text at order 5, `trie` in it.
"""

# mypy: disable-error-code="assignment, call-arg, operator, var-annotated"
# Numba's types, not Python's, rule inside the compiled functions.

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numba
import numpy as np

from skypile.errors import Refused
from skypile.proxy.ngram.counting import Counts, merged
from skypile.proxy.ngram.model import NgramModel, from_levels
from skypile.proxy.ngram.sorting import BEGIN
from skypile.proxy.ngram.trie import Level, build

FALLBACK: Final = (0.5, 1.0, 1.5)  # lmplz's

# ARPA's customary "never", for a backoff of 0: log10 of it must be a number.
NEVER: Final = -99.0


def estimate(
    counts: Counts,
    prune: Sequence[int] = (),
    vocabulary: int = 0,
    fallback: tuple[float, float, float] = FALLBACK,
) -> NgramModel:
    """The model of the texts that were counted.

    Args:
        counts: of their n-grams.
        prune: an n-gram of k words that occurs prune[k - 1] times or less is left out; later orders take the last
            value. () or all 0: none. The first must be 0, and none below the one before. As lmplz's --prune.
        vocabulary: words among which the unigrams' discounted mass is shared out; where it is more than the texts'
            own, each of the others gets the share of one when it is scored, as `<unk>`. Models are comparable only
            with the same one: the size of the tokenizer's. 0: the texts' own words. As lmplz's --vocab_pad.
        fallback: discounts of an order whose counts allow none.

    Raises:
        Refused: no texts, or thresholds out of order.
    """
    thresholds = _thresholds(prune, counts.order)
    levels = build(merged(counts), counts.order)
    words = max(vocabulary, len(levels[0].words) - 1)
    probabilities, logs, backoffs, discounts = np.array([1.0 / words]), [], [], []
    for k, level in enumerate(levels):
        adjusted = adjusted_counts(levels, k)
        discounts.append(discounts_of(counts_of_counts(adjusted), fallback))
        own, mass = np.empty(len(level.words)), np.empty(len(levels[k - 1].words) if k else 1)
        starts = levels[k - 1].children if k else np.array([0, len(own)], np.uint32)
        suffixes = level.suffixes if k else np.zeros(len(own), np.uint32)
        _probabilities(
            starts, suffixes, level.counts, adjusted, thresholds[k], np.array(discounts[k]), probabilities, own, mass
        )
        if k == 0:
            own[_unigram(level, BEGIN)] = 1.0  # as lmplz writes it: it is given, never predicted
        else:
            backoffs.append(_log10(mass))
        logs.append(_log10(own))
        probabilities = own
    levels, logs, backoffs = _pruned(levels, logs, backoffs, thresholds)
    return from_levels(levels, logs, backoffs, np.array(discounts), words)


def adjusted_counts(levels: list[Level], k: int) -> np.ndarray:
    """uint32 [n]: Kneser-Ney's counts of the n-grams of k + 1 words."""
    if k == len(levels) - 1:
        return levels[k].counts
    adjusted = np.zeros(len(levels[k].words), np.uint32)
    _count_suffixes(levels[k + 1].suffixes, adjusted)
    if k:
        first, last = _unigram(levels[0], BEGIN), _unigram(levels[0], BEGIN) + 1
        for level in levels[:k]:
            first, last = int(level.children[first]), int(level.children[last])
        adjusted[first:last] = levels[k].counts[first:last]
    return adjusted


def counts_of_counts(adjusted: np.ndarray) -> np.ndarray:
    """int64 [5]: how many n-grams have an adjusted count of 0, 1, 2, 3 and 4."""
    return np.bincount(np.minimum(adjusted, 5), minlength=6)[:5]


def discounts_of(counts: np.ndarray, fallback: tuple[float, float, float] = FALLBACK) -> tuple[float, float, float]:
    """Discounts of adjusted counts 1, 2 and 3 or more from counts of counts (Chen & Goodman's equation 26).

    >>> [round(discount, 4) for discount in discounts_of([0, 60, 20, 10, 5])]
    [0.6, 1.1, 1.8]
    """
    t = [int(count) for count in counts]
    if min(t[1:4]) == 0:
        return fallback
    y = Fraction(t[1], t[1] + 2 * t[2])  # exact, so that a discount of just 0 is not taken for one below it
    one, two, three = (j - (j + 1) * y * Fraction(t[j + 1], t[j]) for j in (1, 2, 3))
    if not (0 <= one <= 1 and 0 <= two <= 2 and 0 <= three <= 3):
        return fallback
    return float(one), float(two), float(three)


def _thresholds(prune: Sequence[int], order: int) -> list[int]:
    given = [*prune] or [0]
    if len(given) > order or given[0] != 0 or any(b < a for a, b in pairwise(given)):
        raise Refused(f"prune={tuple(prune)} must be up to {order} counts that begin with 0 and never fall: 0, 0, 1")
    return given + [given[-1]] * (order - len(given))


def _unigram(level: Level, word: int) -> int:
    return int(np.searchsorted(level.words, word))


def _log10(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log10(values), NEVER).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _count_suffixes(suffixes, adjusted):
    for i in range(len(suffixes)):
        adjusted[suffixes[i]] += np.uint32(1)


@numba.njit(cache=True, nogil=True)
def _probabilities(starts, suffixes, counts, adjusted, threshold, discounts, lower, probabilities, backoffs):
    """Write P of every n-gram of a level, and the backoff of every context, one level before.

    lower: P of the level of the suffixes.
    """
    for context in range(len(starts) - 1):
        first, last = np.int64(starts[context]), np.int64(starts[np.int64(context) + 1])
        total, freed = 0.0, 0.0
        for i in range(first, last):
            a = np.int64(adjusted[i])
            total += a
            if a:
                freed += a if counts[i] <= threshold else discounts[min(a, 3) - 1]
        if total == 0:  # nothing follows: back off for free
            backoffs[context] = 1.0
            continue
        backoff = freed / total
        backoffs[context] = backoff
        for i in range(first, last):
            a = np.int64(adjusted[i])
            own = (a - discounts[min(a, 3) - 1]) / total if a else 0.0
            probabilities[i] = own + backoff * lower[suffixes[i]]


def _pruned(
    levels: list[Level], logs: list[np.ndarray], backoffs: list[np.ndarray], thresholds: list[int]
) -> tuple[list[Level], list[np.ndarray], list[np.ndarray]]:
    """Levels, probabilities and backoffs without the n-grams at or below their threshold."""
    if not any(thresholds):
        return levels, logs, backoffs
    kept = [
        level.counts > threshold if threshold else np.ones(len(level.words), bool)
        for level, threshold in zip(levels, thresholds, strict=True)
    ]
    places = [np.concatenate([[0], np.cumsum(keep)]).astype(np.uint32) for keep in kept]
    smaller = []
    for k, (level, keep) in enumerate(zip(levels, kept, strict=True)):
        children = level.children
        if len(children):
            children = places[k + 1][np.append(children[:-1][keep], children[-1])]
        suffixes = places[k - 1][level.suffixes[keep]] if k else level.suffixes
        smaller.append(Level(level.words[keep], level.counts[keep], children, suffixes))
    return (
        smaller,
        [log[keep] for log, keep in zip(logs, kept, strict=True)],
        [backoff[keep] for backoff, keep in zip(backoffs, kept, strict=False)],
    )
