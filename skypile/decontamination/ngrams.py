"""N-grams of one weight over a row of units (``units``), hashed in one pass, and a table of those of items."""

from typing import NamedTuple

import numba
import numpy as np

from skypile.decontamination.units import NUMBER, WORD_WEIGHT
from skypile.dedup.tokenise import MULTIPLIER, finish
from skypile.text.folding import WORD

_FREE = -1
# Bits of the filter a slot of the table, two to four slots a key. With more it outgrows the cache: 1.3 million n-grams,
# Chinese: 24,000 documents a second; 18,000 with 32 bits for one.
_BITS_A_KEY = 8


class GramTable(NamedTuple):
    """Which keys are n-grams of items: a filter before a table with open addresses."""

    filter: np.ndarray  # uint64, a power of two
    keys: np.ndarray  # uint64, a power of two, at most half full
    grams: np.ndarray  # int32, beside keys; _FREE where there is none


def powers(weight: int) -> np.ndarray:
    """MULTIPLIER to the power of 0 … weight, modulo 2**64: an n-gram has at most so many units."""
    made, value = [], 1
    for _ in range(weight + 1):
        made.append(value)
        value = value * int(MULTIPLIER) % 2**64
    return np.array(made, np.uint64)


@numba.njit(cache=True, inline="always")
def unit_weight(kind):
    return WORD_WEIGHT if kind == WORD else 1


@numba.njit(cache=True)
def prefixes(hashes, count, out):
    """Polynomial hashes of the first 0 … count units."""
    out[0] = np.uint64(0)
    for i in range(count):
        out[i + 1] = out[i] * MULTIPLIER + hashes[i]


@numba.njit(cache=True, inline="always")
def window_key(sums, start, end, power):
    """Key of the units from ``start`` to before ``end``, from ``prefixes``."""
    return finish(sums[end] - sums[start] * power[end - start] + np.uint64(end - start))


@numba.njit(cache=True)
def windows(kinds, count, weight, last):
    """Fill ``last[i]``, the end of the n-gram from unit i on: so many units as weigh ``weight``; how many there are."""
    end, held, made = 0, 0, 0
    for start in range(count):
        while end < count and held < weight:
            held += unit_weight(kinds[end])
            end += 1
        if held < weight:
            break
        last[start] = end
        made += 1
        held -= unit_weight(kinds[start])
    return made


@numba.njit(cache=True)
def gram_keys(hashes, kinds, weight, power):
    """Keys (uint64) of the n-grams of a row of units, and where each ends."""
    sums, last = np.empty(len(kinds) + 1, np.uint64), np.empty(len(kinds), np.int32)
    prefixes(hashes, len(kinds), sums)
    count = windows(kinds, len(kinds), weight, last)
    keys = np.empty(count, np.uint64)
    for i in range(count):
        keys[i] = window_key(sums, i, last[i], power)
    return keys, last[:count]


@numba.njit(cache=True, inline="always")
def _bits(key):
    """Three bits of a word of the filter: with 13 a key, 1 % of other keys have them all, and of two bits 2 %."""
    made = np.uint64(1) << (key >> np.uint64(58)) | np.uint64(1) << (key >> np.uint64(52) & np.uint64(63))
    return made | np.uint64(1) << (key >> np.uint64(46) & np.uint64(63))


@numba.njit(cache=True, inline="always")
def look_up(key, bits, keys, grams):
    """The number of an n-gram, or _FREE."""
    asked = _bits(key)
    if bits[key & np.uint64(len(bits) - 1)] & asked != asked:
        return np.int32(_FREE)
    at = np.int64(key >> np.uint64(20)) & (len(keys) - 1)
    while grams[at] != _FREE:
        if keys[at] == key:
            return grams[at]
        at = (at + 1) & (len(keys) - 1)
    return np.int32(_FREE)


@numba.njit(cache=True)
def _enter(found, numbers, bits, keys, grams):
    for i in range(len(found)):
        key = found[i]
        bits[key & np.uint64(len(bits) - 1)] |= _bits(key)
        at = np.int64(key >> np.uint64(20)) & (len(keys) - 1)
        while grams[at] != _FREE:
            at = (at + 1) & (len(keys) - 1)
        keys[at], grams[at] = key, numbers[i]


def gram_table(keys: np.ndarray, numbers: np.ndarray) -> GramTable:
    """Table of distinct keys (uint64) and their numbers (int32); 25 to 50 bytes a key."""
    slots = 1 << max(4, int(2 * len(keys)).bit_length())
    bits = np.zeros(max(16, slots * _BITS_A_KEY // 128), np.uint64)  # two to four slots a key
    table = GramTable(bits, np.zeros(slots, np.uint64), np.full(slots, _FREE, np.int32))
    _enter(keys, numbers.astype(np.int32), *table)
    return table


@numba.njit(cache=True)
def covered_weights(kinds, weighed):
    """Weight of each unit for the share of an item that was found: numbers, and what is not ``weighed``, count 0."""
    made = np.zeros(len(kinds), np.int64)
    for i in range(len(kinds)):
        if weighed[i] and kinds[i] != NUMBER:
            made[i] = unit_weight(kinds[i])
    return made
