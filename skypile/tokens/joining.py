"""Join one segment as SentencePiece does: compiled loops for what the segment table does not hold.

Symbols are piece ids, or numbers above them for characters that are parts of pieces only; -1 is a
character of no piece. The best pair is joined until none can be: short segments by looking at all pairs
each time, long ones with a heap. A miss costs some 0.3 us for a Chinese and 1 us for an English segment.
"""

from __future__ import annotations

import numba as nb
import numpy as np

# Up to here a segment is joined by looking at all its pairs for every join (quadratic, no set-up); above,
# with a heap.
SCAN_SYMBOLS = 64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_LOW = np.uint64(0xFFFFFFFF)
_NO_RANK = np.uint64(0xFFFFFFFFFFFFFFFF)


@nb.njit(cache=True)
def decode(buffer, at):
    """Code point and length in bytes of the (valid) UTF-8 character at `at`; the space's for U+2581."""
    first = np.uint32(buffer[at])
    if first < 0x80:
        return first, 1
    second = np.uint32(buffer[at + 1] & 0x3F)
    if first < 0xE0:
        return ((first & 0x1F) << 6) | second, 2
    third = np.uint32(buffer[at + 2] & 0x3F)
    if first < 0xF0:
        code = ((first & 0x0F) << 12) | (second << 6) | third
        return (np.uint32(0x20) if code == 0x2581 else code), 3
    return ((first & 0x07) << 18) | (second << 12) | (third << 6) | np.uint32(buffer[at + 3] & 0x3F), 4


@nb.njit(cache=True)
def _merge(left, right, merge_table):
    """rank << 32 | symbol that two neighbours join to; all ones where they do not."""
    if left < 0 or right < 0:
        return _NO_RANK
    key = (np.uint64(left) << np.uint64(32)) | np.uint64(right)
    mask = np.uint64(len(merge_table) - 1)
    slot = ((key * _GOLDEN) >> np.uint64(32)) & mask
    while True:
        stored = merge_table[slot, 0]
        if stored == key:
            return merge_table[slot, 1]
        if stored == _EMPTY:
            return _NO_RANK
        slot = (slot + np.uint64(1)) & mask


@nb.njit(cache=True)
def _scan_join(symbols, starts, merges, count, merge_table):
    """Join the best pair until none is left; returns the number of symbols that remain, in place."""
    for i in range(count - 1):
        merges[i] = _merge(symbols[i], symbols[i + 1], merge_table)
    while count > 1:
        best = 0
        for i in range(1, count - 1):
            if merges[i] >> np.uint64(32) < merges[best] >> np.uint64(32):
                best = i
        if merges[best] == _NO_RANK:
            break
        symbols[best] = np.int64(merges[best] & _LOW)
        count -= 1
        for i in range(best + 1, count):
            symbols[i] = symbols[i + 1]
            starts[i] = starts[i + 1]
        for i in range(best + 1, count - 1):
            merges[i] = merges[i + 1]
        if best > 0:
            merges[best - 1] = _merge(symbols[best - 1], symbols[best], merge_table)
        if best < count - 1:
            merges[best] = _merge(symbols[best], symbols[best + 1], merge_table)
    return count


@nb.njit(cache=True)
def _sift_down(heap, size, at):
    item = heap[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= item:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = item


@nb.njit(cache=True)
def _heap_push(heap, size, item):
    at = size
    while at > 0 and heap[(at - 1) >> 1] > item:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = item


@nb.njit(cache=True)
def _heap_join(symbols, starts, count, merge_table):
    """As `_scan_join` in n log n, for segments of any length (10 MB without a cut).

    The heap holds rank << 32 | position of the left symbol: the best rank first, then the leftmost, as
    SentencePiece orders them. An entry is stale when its position's pair no longer has that rank.
    """
    left = np.empty(count, np.int32)
    right = np.empty(count, np.int32)
    merges = np.full(count, _NO_RANK, np.uint64)
    heap = np.empty(3 * count, np.uint64)  # each join adds two entries and uses one up
    size = 0
    for i in range(count):
        left[i], right[i] = i - 1, i + 1
        if i + 1 < count:
            merges[i] = _merge(symbols[i], symbols[i + 1], merge_table)
            if merges[i] != _NO_RANK:
                heap[size] = (merges[i] & ~_LOW) | np.uint64(i)
                size += 1
    for i in range(size // 2 - 1, -1, -1):
        _sift_down(heap, size, i)
    while size > 0:
        top = heap[0]
        size -= 1
        if size > 0:
            heap[0] = heap[size]
            _sift_down(heap, size, 0)
        at = np.int64(top & _LOW)
        if merges[at] == _NO_RANK or (merges[at] & ~_LOW) != (top & ~_LOW):
            continue
        gone = right[at]
        symbols[at] = np.int64(merges[at] & _LOW)
        right[at] = right[gone]
        merges[gone] = _NO_RANK
        symbols[gone] = -2
        if right[at] < count:
            left[right[at]] = at
        for i in (left[at], np.int32(at)):
            if i < 0:
                continue
            merges[i] = _NO_RANK
            if right[i] < count:
                merges[i] = _merge(symbols[i], symbols[right[i]], merge_table)
                if merges[i] != _NO_RANK:
                    _heap_push(heap, size, (merges[i] & ~_LOW) | np.uint64(i))
                    size += 1
    kept = 0
    i = 0
    while i < count:
        symbols[kept], starts[kept] = symbols[i], starts[i]
        kept += 1
        i = right[i]
    return kept


@nb.njit(cache=True)
def join_segment(buffer, start, end, tables, out, filled):
    """Encode the segment [start, end) by joining; writes ids at out[filled:], returns the new end."""
    room = end - start
    symbols = np.empty(room, np.int64)
    starts = np.empty(room + 1, np.int64)
    count = 0
    at = start
    while at < end:
        code, size = decode(buffer, at)
        symbols[count] = tables.char_symbol[code]
        starts[count] = at
        count += 1
        at += size
    if count <= SCAN_SYMBOLS:
        merges = np.empty(SCAN_SYMBOLS, np.uint64)
        kept = _scan_join(symbols, starts, merges, count, tables.merge_table)
    else:
        kept = _heap_join(symbols, starts, count, tables.merge_table)
    starts[kept] = end
    for i in range(kept):
        if 0 <= symbols[i] < tables.n_pieces:
            out[filled] = symbols[i]
            filled += 1
        elif buffer[starts[i]] == 0x20:
            # a model without a piece for the space: its bytes are those of U+2581
            for byte in (0xE2, 0x96, 0x81):
                out[filled] = tables.byte_base + byte
                filled += 1
        else:
            for j in range(starts[i], starts[i + 1]):
                out[filled] = tables.byte_base + buffer[j]
                filled += 1
    return filled
