"""Windows of words, sorted and merged in compiled code (Numba).

A window is up to six words of 21 bits in two int64: words one to three in the first, four to six in the second, each
from the high end. So windows compare as their words do, and zeros behind a window that a text's end cuts short come
before all words. 21 bits hold every Unicode character and every vocabulary in use.

Sorting is by digits (LSD radix sort), 11 and 10 bits a word: ten passes for five words.
Digits in which all windows agree are left out.
"""

# mypy: disable-error-code="assignment, call-arg, var-annotated"
# Numba's types, not Python's, rule inside these functions.

import numba
import numpy as np

WORD_BITS = 21
WORDS_A_KEY = 3
_WORD = (1 << WORD_BITS) - 1
_LOW_BITS = 11  # of a word's two digits
_DIGITS = 4 * WORDS_A_KEY  # of a window
_RADIX = 1 << _LOW_BITS

UNKNOWN, BEGIN, END = 0, 1, 2  # as KenLM numbers <unk>, <s> and </s>; UNKNOWN is never counted, and pads windows
SPECIAL = 3  # id i is word i + SPECIAL


@numba.njit(cache=True, nogil=True)
def cut_windows(ids, offsets, text, first, order, out, filled):
    """Append the windows of texts to `out`, from position `first` of text `text` on, until it is full.

    Text t is BEGIN at position 0, ids[offsets[t]:offsets[t + 1]], END. Returns the text and position that come next,
    and the number of windows in `out`.
    """
    high_mask, low_mask = np.int64(0), np.int64(0)
    for k in range(min(order, WORDS_A_KEY)):
        high_mask |= np.int64(_WORD) << np.int64((WORDS_A_KEY - 1 - k) * WORD_BITS)
    for k in range(order - WORDS_A_KEY):
        low_mask |= np.int64(_WORD) << np.int64((WORDS_A_KEY - 1 - k) * WORD_BITS)
    while text < len(offsets) - 1 and filled < len(out):
        start = offsets[text]
        positions = offsets[text + 1] - start + 2
        last = min(positions, first + len(out) - filled)
        high, low = np.int64(0), np.int64(0)
        for position in range(min(positions, last + order - 1) - 1, first - 1, -1):  # each shifts the one behind it
            if position == 0:
                word = np.int64(BEGIN)
            elif position == positions - 1:
                word = np.int64(END)
            else:
                word = np.int64(ids[start + position - 1]) + np.int64(SPECIAL)
            low = ((low >> np.int64(WORD_BITS)) | ((high & np.int64(_WORD)) << np.int64(2 * WORD_BITS))) & low_mask
            high = ((high >> np.int64(WORD_BITS)) | (word << np.int64(2 * WORD_BITS))) & high_mask
            if position < last:
                out[filled + position - first, 0] = high
                out[filled + position - first, 1] = low
        filled += last - first
        first = last
        if last == positions:
            text, first = text + 1, 0
    return text, first, filled


@numba.njit(cache=True, nogil=True)
def _digit(key, d):
    """Digit d, from the least, of half a window."""
    word = (key >> np.int64((d >> 1) * WORD_BITS)) & np.int64(_WORD)
    return (word >> np.int64(_LOW_BITS)) if d & 1 else (word & np.int64(_RADIX - 1))


@numba.njit(cache=True, nogil=True)
def sort_windows(windows, spare):
    """Sort int64 [n, 2] windows; `spare` is as large. Returns whether the result lies in `spare`."""
    half = _DIGITS // 2
    counts = np.zeros((_DIGITS, _RADIX), np.int64)
    for i in range(len(windows)):
        high, low = windows[i, 0], windows[i, 1]
        for d in range(half):
            counts[d, _digit(low, d)] += 1
            counts[half + d, _digit(high, d)] += 1
    source, target, swapped = windows, spare, False
    for d in range(_DIGITS):
        column, digit = (1, d) if d < half else (0, d - half)
        begins = counts[d]
        if begins[_digit(source[0, column], digit)] == len(source):
            continue
        total = 0
        for value in range(_RADIX):
            total, begins[value] = total + begins[value], total
        for i in range(len(source)):
            value = _digit(source[i, column], digit)
            at = begins[value]
            begins[value] = at + 1
            target[at, 0] = source[i, 0]
            target[at, 1] = source[i, 1]
        source, target, swapped = target, source, not swapped
    return swapped


@numba.njit(cache=True, nogil=True)
def count_equal(windows, out):
    """Write distinct windows and their counts, int64 [n, 3], of sorted windows. Returns how many there are."""
    found = 0
    for i in range(len(windows)):
        if i and windows[i, 0] == windows[i - 1, 0] and windows[i, 1] == windows[i - 1, 1]:
            out[found - 1, 2] += 1
        else:
            out[found, 0] = windows[i, 0]
            out[found, 1] = windows[i, 1]
            out[found, 2] = 1
            found += 1
    return found


@numba.njit(cache=True, nogil=True)
def merge(left, right, out):
    """Merge two sorted runs int64 [n, 3], adding the counts of equal windows. Returns the length of the result.

    Windows whose counts add up to nothing are left out.
    """
    i, j, found = 0, 0, 0
    while i < len(left) or j < len(right):
        if j == len(right):
            take = -1
        elif i == len(left):
            take = 1
        elif left[i, 0] != right[j, 0]:
            take = -1 if left[i, 0] < right[j, 0] else 1
        elif left[i, 1] != right[j, 1]:
            take = -1 if left[i, 1] < right[j, 1] else 1
        else:
            take = 0
        count = np.int64(0)
        if take <= 0:
            high, low, count = left[i, 0], left[i, 1], left[i, 2]
            i += 1
        if take >= 0:
            high, low, count = right[j, 0], right[j, 1], count + right[j, 2]
            j += 1
        if count:
            out[found, 0] = high
            out[found, 1] = low
            out[found, 2] = count
            found += 1
    return found


@numba.njit(cache=True, nogil=True)
def lower_bound(run, high, low):
    """First row of a sorted run whose window is not below (high, low)."""
    first, last = 0, len(run)
    while first < last:
        middle = (first + last) // 2
        if run[middle, 0] < high or (run[middle, 0] == high and run[middle, 1] < low):
            first = middle + 1
        else:
            last = middle
    return first
