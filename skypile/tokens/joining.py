"""Join segments as SentencePiece does: compiled loops for what the segment table does not hold.

Symbols are piece ids, or numbers above them for characters that are parts of pieces only; -1 is a
character of no piece. The best pair is joined until none can be: short segments by looking at all pairs
each time (quadratic, no set-up), long ones with a heap.
"""

# mypy: disable-error-code="assignment, call-arg"
# Numba's types, not Python's, rule inside these functions.

from __future__ import annotations

import numba as nb
import numpy as np

from skypile.tokens.piece_model import EMPTY, NO_SYMBOL, SYMBOL_BITS

# Bytes up to which a segment is joined by looking at all its pairs; above, with a heap.
SCAN_BYTES = 64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_EMPTY = np.uint64(EMPTY)
_BITS = np.uint64(SYMBOL_BITS)
_SYMBOL = np.uint64(NO_SYMBOL)
_POSITION = np.uint64(0xFFFFFFFF)
_NONE = np.uint32(0xFFFFFFFF)


@nb.njit(cache=True)
def decode(buffer, at):
    """Code point and length in bytes of the (valid) UTF-8 character at `at`; the space's for U+2581."""
    first = np.int64(buffer[at])
    if first < 0x80:
        return first, 1
    second = np.int64(buffer[at + 1]) & 0x3F
    if first < 0xE0:
        return ((first & 0x1F) << 6) | second, 2
    third = np.int64(buffer[at + 2]) & 0x3F
    if first < 0xF0:
        code = ((first & 0x0F) << 12) | (second << 6) | third
        return (0x20 if code == 0x2581 else code), 3
    return ((first & 0x07) << 18) | (second << 12) | (third << 6) | (np.int64(buffer[at + 3]) & 0x3F), 4


@nb.njit(cache=True)
def _merge(left, right, merge_table):
    """Symbol that two neighbours join to; NO_SYMBOL where they do not."""
    if left < 0 or right < 0:
        return NO_SYMBOL
    key = (np.uint64(left) << _BITS) | np.uint64(right)
    mask = np.uint64(len(merge_table) - 1)
    slot = ((key * _GOLDEN) >> np.uint64(32)) & mask
    while True:
        row = merge_table[slot]
        if row >> _BITS == key:
            return np.int64(row & _SYMBOL)
        if row == _EMPTY:
            return NO_SYMBOL
        slot = (slot + np.uint64(1)) & mask


@nb.njit(cache=True)
def _rank(symbol, ranks):
    return _NONE if symbol == NO_SYMBOL else ranks[symbol]


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
def _heap_join(symbols, starts, joined, order, count, merge_table, ranks):
    """Join the best pair until none is left, in n log n, for segments of any length (10 MB without a cut).

    The heap holds rank << 32 | position of the left symbol: the best rank first, then the leftmost, as
    SentencePiece orders them. An entry is stale when its position's pair no longer has that rank.
    """
    left = np.empty(count, np.int32)
    right = np.empty(count, np.int32)
    heap = np.empty(2 * count, np.uint64)  # each join uses one entry up and adds at most two
    size = 0
    for i in range(count):
        left[i], right[i] = i - 1, i + 1
        if i + 1 < count and order[i] != _NONE:
            heap[size] = (np.uint64(order[i]) << np.uint64(32)) | np.uint64(i)
            size += 1
    order[count - 1] = _NONE
    for i in range(size // 2 - 1, -1, -1):
        _sift_down(heap, size, i)
    while size > 0:
        top = heap[0]
        size -= 1
        if size > 0:
            heap[0] = heap[size]
            _sift_down(heap, size, 0)
        at = np.int64(top & _POSITION)
        if order[at] == _NONE or np.uint64(order[at]) != top >> np.uint64(32):
            continue
        gone = right[at]
        symbols[at] = joined[at]
        right[at] = right[gone]
        order[gone] = _NONE
        if right[at] < count:
            left[right[at]] = at
        for i in (left[at], np.int32(at)):
            if i < 0:
                continue
            order[i] = _NONE
            if right[i] < count:
                joined[i] = _merge(symbols[i], symbols[right[i]], merge_table)
                order[i] = _rank(joined[i], ranks)
                if order[i] != _NONE:
                    _heap_push(heap, size, (np.uint64(order[i]) << np.uint64(32)) | np.uint64(i))
                    size += 1
    kept = 0
    i = 0
    while i < count:
        symbols[kept], starts[kept] = symbols[i], starts[i]
        kept += 1
        i = right[i]
    return kept


@nb.njit(cache=True)
def join_segments(
    buffer,
    cuts,
    numbers,
    count,
    char_symbol,
    ascii_merges,
    merge_table,
    ranks,
    n_pieces,
    byte_base,
    symbols,
    starts,
    joined,
    order,
    out,
    ends,
):
    """Encode segments cuts[k]..cuts[k + 1] for the first `count` k in numbers: ids to out, their ends to ends.

    One long loop on purpose: a call for each segment, with all these arrays, would cost more than the joins.

    symbols, starts, joined, order: working space for SCAN_BYTES + 1 symbols: the symbol, its first byte, what
    it and the next join to, the rank of that.
    """
    filled = 0
    for number in range(count):
        start, end = cuts[numbers[number]], cuts[numbers[number] + 1]
        if end - start > SCAN_BYTES:
            filled = _join_long_segment(
                buffer, start, end, char_symbol, merge_table, ranks, n_pieces, byte_base, out, filled
            )
            ends[number] = filled
            continue
        n = 0
        at = start
        previous = 0
        while at < end:
            code, size = decode(buffer, at)
            symbols[n] = char_symbol[code]
            starts[n] = at
            if n > 0:
                if code < 128 and previous < 128:
                    joined[n - 1] = ascii_merges[(previous << 7) | code]
                else:
                    joined[n - 1] = _merge(symbols[n - 1], symbols[n], merge_table)
                order[n - 1] = _rank(joined[n - 1], ranks)
            previous = code
            n += 1
            at += size
        while n > 1:
            best = 0
            for i in range(1, n - 1):
                if order[i] < order[best]:
                    best = i
            if order[best] == _NONE:
                break
            symbols[best] = joined[best]
            n -= 1
            for i in range(best + 1, n):
                symbols[i] = symbols[i + 1]
                starts[i] = starts[i + 1]
            for i in range(best + 1, n - 1):
                joined[i] = joined[i + 1]
                order[i] = order[i + 1]
            if best > 0:
                joined[best - 1] = _merge(symbols[best - 1], symbols[best], merge_table)
                order[best - 1] = _rank(joined[best - 1], ranks)
            if best < n - 1:
                joined[best] = _merge(symbols[best], symbols[best + 1], merge_table)
                order[best] = _rank(joined[best], ranks)
        starts[n] = end
        for i in range(n):
            if 0 <= symbols[i] < n_pieces:
                out[filled] = symbols[i]
                filled += 1
            else:
                filled = _emit_bytes(buffer, starts[i], starts[i + 1], byte_base, out, filled)
        ends[number] = filled


@nb.njit(cache=True)
def _emit_bytes(buffer, start, end, byte_base, out, filled):
    """Write the byte pieces of one character; a space (of a model without a piece for it) as U+2581's."""
    if buffer[start] == 0x20:
        for byte in (0xE2, 0x96, 0x81):
            out[filled] = byte_base + byte
            filled += 1
        return filled
    for i in range(start, end):
        out[filled] = byte_base + buffer[i]
        filled += 1
    return filled


@nb.njit(cache=True)
def _join_long_segment(buffer, start, end, char_symbol, merge_table, ranks, n_pieces, byte_base, out, filled):
    """As `join_segments` for one segment, with a heap and working space of its own: 52 bytes a byte."""
    symbols = np.empty(end - start + 1, np.int64)
    starts = np.empty(end - start + 1, np.int64)
    joined = np.empty(end - start + 1, np.int64)
    order = np.empty(end - start + 1, np.uint32)
    n = 0
    at = start
    while at < end:
        code, size = decode(buffer, at)
        symbols[n] = char_symbol[code]
        starts[n] = at
        if n > 0:
            joined[n - 1] = _merge(symbols[n - 1], symbols[n], merge_table)
            order[n - 1] = _rank(joined[n - 1], ranks)
        n += 1
        at += size
    n = _heap_join(symbols, starts, joined, order, n, merge_table, ranks)
    starts[n] = end
    for i in range(n):
        if 0 <= symbols[i] < n_pieces:
            out[filled] = symbols[i]
            filled += 1
        else:
            filled = _emit_bytes(buffer, starts[i], starts[i + 1], byte_base, out, filled)
    return filled
