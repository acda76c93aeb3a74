"""What stands twice in a sequence of hashes: one pass over a table of open addresses, a fifth of a sort's time.

Where a hash lies in the table depends on a multiplier that every process draws anew, and no result does: a page cannot
be written so that its words all collide.
"""

# mypy: disable-error-code="call-arg"
# Numba's types, not Python's, rule inside the compiled functions.

import secrets

import numba
import numpy as np

_MULTIPLIER = np.uint64(secrets.randbits(64) | 1)


def first_places(hashes: np.ndarray) -> np.ndarray:
    """Where each of the uint64 hashes stands first: int64, same shape.

    >>> first_places(np.array([7, 9, 7], np.uint64))
    array([0, 1, 0])
    """
    found: np.ndarray = _first_places(hashes, _MULTIPLIER)
    return found


@numba.njit(cache=True, nogil=True)
def _first_places(hashes, multiplier):
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
def count_listed(values, listed):
    """How many of the uint64 `values` are among the sorted uint64 `listed`."""
    found = 0
    for value in values:
        low, high = 0, len(listed)
        while low < high:
            middle = (low + high) >> 1
            if listed[middle] < value:
                low = middle + 1
            else:
                high = middle
        found += low < len(listed) and listed[low] == value
    return found
