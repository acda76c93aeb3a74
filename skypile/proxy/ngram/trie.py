"""Sorted windows to a trie of n-grams, level by level, with links to each one's suffix.

Level k holds the n-grams of k words, sorted. The continuations of one stand side by side in the next level, in order of
their last words; they are its children. The suffix of an n-gram, itself without its first word, is where Kneser-Ney
takes the lower order from, and where the scorer goes on when it backs off. It is found without a search over the whole
level: the children of `a b c` are among those of its suffix `b c`, in the same order, so one walk along both finds all.

Cost: see `estimation`.
"""

# mypy: disable-error-code="assignment, call-arg, var-annotated"
# Numba's types, not Python's, rule inside the compiled functions.

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np

from skypile.errors import Refused
from skypile.proxy.ngram.sorting import UNKNOWN, WORD_BITS, WORDS_A_KEY

Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # words, counts and children of some nodes of a level


@dataclass(frozen=True)
class Level:
    """The n-grams of one length.

    Attributes:
        words: uint32 [n], the last word of each.
        counts: uint32 [n], how often it occurs.
        children: uint32 [n + 1], where its children begin in the next level; empty in the last level.
        suffixes: uint32 [n], its suffix in the level before; empty in the first level.
    """

    words: np.ndarray
    counts: np.ndarray
    children: np.ndarray
    suffixes: np.ndarray


@numba.njit(cache=True, nogil=True)
def _word(high, low, k):
    key = high if k < WORDS_A_KEY else low
    return (key >> np.int64((WORDS_A_KEY - 1 - k % WORDS_A_KEY) * WORD_BITS)) & np.int64((1 << WORD_BITS) - 1)


@numba.njit(cache=True, nogil=True)
def _append(piece, previous, sizes, words, counts, children, added, carried):
    """New nodes of all levels from a piece of sorted windows that follows window `previous`.

    sizes: int64 [order], nodes before this piece. Written: words, counts and children [order, n], `added` of each;
    `carried` is what adds to the counts of the last nodes before this piece.
    """
    order = len(sizes)
    for i in range(len(piece)):
        high, low, count = piece[i, 0], piece[i, 1], piece[i, 2]
        shared = True
        for k in range(order):
            word = _word(high, low, k)
            if word == 0:
                break
            shared = shared and word == _word(previous[0], previous[1], k)
            if shared:
                if added[k]:
                    counts[k, added[k] - 1] += count
                else:
                    carried[k] += count
            else:
                at = added[k]
                words[k, at] = word
                counts[k, at] = count
                if k + 1 < order:
                    children[k, at] = sizes[k + 1] + added[k + 1]
                added[k] = at + 1
        previous[0], previous[1] = high, low


def build(pieces: Iterator[np.ndarray], order: int) -> list[Level]:
    """The levels of the n-grams in pieces of sorted windows (see `counting.merged`); UNKNOWN is their first unigram.

    Raises:
        Refused: there are no n-grams.
    """
    sizes = np.zeros(order, np.int64)
    sizes[0] = 1
    unknown = np.array([UNKNOWN], np.uint32), np.zeros(1, np.uint32), np.zeros(1, np.uint32)
    none = unknown[0][:0], unknown[1][:0], unknown[2][:0]
    parts: list[list[Part]] = [[unknown], *([none] for _ in range(order - 1))]
    previous = np.zeros(2, np.int64)
    for piece in pieces:
        words = np.empty((order, len(piece)), np.uint32)
        counts = np.empty((order, len(piece)), np.uint32)
        children = np.empty((order, len(piece)), np.uint32)
        added, carried = np.zeros(order, np.int64), np.zeros(order, np.int64)
        _append(piece, previous, sizes, words, counts, children, added, carried)
        for k in range(order):
            if carried[k]:
                parts[k][-1][1][-1] += np.uint32(carried[k])
            n = added[k]
            if n:
                parts[k].append((words[k, :n].copy(), counts[k, :n].copy(), children[k, :n].copy()))
        sizes += added
    if sizes[0] == 1:
        raise Refused("there is no text to count n-grams in: give at least one")
    return _linked([_joined(parts, k, sizes) for k in range(order)])


def _joined(parts: list[list[Part]], k: int, sizes: np.ndarray) -> Level:
    words, counts, children = (np.concatenate([part[i] for part in parts[k]]) for i in range(3))
    parts[k].clear()
    nothing = np.empty(0, np.uint32)
    if k + 1 == len(sizes):
        return Level(words, counts, nothing, nothing)
    return Level(words, counts, np.append(children, np.uint32(sizes[k + 1])), nothing)


def _linked(levels: list[Level]) -> list[Level]:
    """The levels with their suffixes."""
    linked = [levels[0]]
    for level in levels[1:]:
        above = linked[-1]
        suffixes = np.empty(len(level.words), np.uint32)
        if len(linked) == 1:
            suffixes[:] = unigrams(above.words)[level.words]
        else:
            grand = linked[-2]
            missing = link_children(above.children, above.suffixes, grand.children, above.words, level.words, suffixes)
            assert not missing, "an n-gram without its suffix"
        linked.append(Level(level.words, level.counts, level.children, suffixes))
    return linked


def unigrams(words: np.ndarray) -> np.ndarray:
    """uint32 [largest word + 1]: the unigram of each word, that of UNKNOWN where it has none."""
    table = np.zeros(int(words.max()) + 1, np.uint32)
    table[words] = np.arange(len(words), dtype=np.uint32)
    return table


@numba.njit(cache=True, nogil=True)
def link_children(children, parent_suffixes, suffix_children, suffix_words, words, suffixes):
    """Write the suffix of every n-gram of a level. Returns how many have none.

    children, parent_suffixes: of their parents, one level before. suffix_children: of the parents' suffixes, two
    levels before. suffix_words: last words of the level of the suffixes, the one before.
    """
    missing = 0
    for parent in range(len(parent_suffixes)):
        at = np.int64(suffix_children[parent_suffixes[parent]])
        end = np.int64(suffix_children[np.int64(parent_suffixes[parent]) + 1])
        for child in range(np.int64(children[parent]), np.int64(children[np.int64(parent) + 1])):
            word = words[child]
            step = np.int64(1)
            while at + step < end and suffix_words[at + step] <= word:  # gallop, then halve
                at += step
                step *= 2
            step = min(step, end - at)
            while step > 1:
                half = step // 2
                if suffix_words[at + half] <= word:
                    at += half
                    step -= half
                else:
                    step = half
            if at < end and suffix_words[at] == word:
                suffixes[child] = at
            else:
                suffixes[child] = 0
                missing += 1
    return missing
