"""What stands twice in a sequence of hashes: one pass over a table of open addresses, a twentieth of a sort's time.

Where a hash lies in the table depends on a multiplier that every process draws anew, and no result does: a page cannot
be written so that its words all collide.
"""

# mypy: disable-error-code="call-arg"
# Numba's types, not Python's, rule inside the compiled functions.

import secrets

import numba
import numpy as np

MULTIPLIER = np.uint64(secrets.randbits(64) | 1)
_POWERS_OF = np.uint64(0x9E3779B97F4A7C15)


@numba.njit(cache=True, nogil=True)
def ngrams(hashes, n):
    """Hash of every n-gram of the sequence: uint64, shape (len(hashes) - n + 1,).

    The polynomial of its hashes modulo 2**64, from that of the one before it.
    """
    found = np.empty(len(hashes) - n + 1, np.uint64)
    value, power = np.uint64(0), np.uint64(1)
    for i in range(n):
        value = value * _POWERS_OF + hashes[i]
        power *= _POWERS_OF
    found[0] = value
    for i in range(1, len(found)):
        value = value * _POWERS_OF + hashes[i + n - 1] - hashes[i - 1] * power
        found[i] = value
    return found


@numba.njit(cache=True, nogil=True)
def first_places(hashes, multiplier):
    """Where each of the uint64 hashes stands first: int64, same shape.

    >>> first_places(np.array([7, 9, 7], np.uint64), MULTIPLIER).tolist()
    [0, 1, 0]
    """
    bits = 3
    while (1 << bits) < 2 * len(hashes):
        bits += 1
    shift = np.uint64(64 - bits)
    table = np.full(1 << bits, -1, np.int32)
    first = np.empty(len(hashes), np.int64)
    for i in range(len(hashes)):
        at = np.int64((hashes[i] * multiplier) >> shift)
        while table[at] >= 0 and hashes[table[at]] != hashes[i]:
            at = (at + 1) & (len(table) - 1)
        if table[at] < 0:
            table[at] = i
        first[i] = table[at]
    return first


@numba.njit(cache=True, nogil=True)
def repeated_characters(hashes, lengths, n, multiplier):
    """Characters inside n-grams that occurred before (Gopher's "duplicate n-grams")."""
    if len(hashes) <= n:
        return 0
    first = first_places(ngrams(hashes, n), multiplier)
    characters, through = 0, 0  # units before `through` are counted
    for i in range(len(first)):
        if first[i] < i:
            for unit in range(max(i, through), i + n):
                characters += lengths[unit]
            through = i + n
    return characters


@numba.njit(cache=True, nogil=True)
def top_characters(hashes, lengths, n, multiplier):
    """Characters of the n-gram, times its occurrences, that holds most of them; 0 if none occurs twice."""
    if len(hashes) <= n:
        return 0
    first = first_places(ngrams(hashes, n), multiplier)
    counts = np.zeros(len(first), np.int64)
    for i in range(len(first)):
        counts[first[i]] += 1
    most, characters = 0, 0  # `characters`: of the n-gram that begins at i
    for unit in range(n):
        characters += lengths[unit]
    for i in range(len(first)):
        if counts[i] > 1:
            most = max(most, characters * counts[i])
        if i + n < len(lengths):
            characters += lengths[i + n] - lengths[i]
    return most


@numba.njit(cache=True, nogil=True)
def is_listed(value, listed):
    """Whether a uint64 is among the sorted uint64 `listed`."""
    low, high = 0, len(listed)
    while low < high:
        middle = (low + high) >> 1
        if listed[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low < len(listed) and listed[low] == value


@numba.njit(cache=True, nogil=True)
def count_listed(values, listed):
    """How many of the uint64 `values` are among the sorted uint64 `listed`."""
    found = 0
    for value in values:
        found += is_listed(value, listed)
    return found
