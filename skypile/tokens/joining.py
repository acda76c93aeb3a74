"""Join segments as SentencePiece does: compiled loops for what the segment table does not hold.

Symbols are piece ids, numbers above them for characters that are parts of pieces only, and `no_symbol` for what
is in no piece. The best pair is joined until none can be. Each join waits for the look-ups of the one before it, so
short segments are joined 32 side by side, one join each a round, and the processor works on several at
once: 107 ns a segment of English, 68 of Chinese, where one after the other they took 188 and 88. Segments of 64
bytes and more are joined with a heap.

Working space is one uint32 array of six rows for each segment (`SYMBOL` to `OFFSET`), a lane for each symbol.
"""

# mypy: disable-error-code="assignment, call-arg, var-annotated"
# Numba's types, not Python's, rule inside these functions.

from __future__ import annotations

import numba as nb
import numpy as np

from skypile.runtime.intrinsics import load, smaller, smallest_of_16, store
from skypile.tokens.piece_model import FIRST_SLOT, MERGE_FACTOR, NO_RANK, SECOND_SLOT, SYMBOL_BITS
from skypile.tokens.scanning import decode

GROUP = 32  # segments joined side by side; 16 and 64 were no faster
LANES = 64  # a short segment has at most 63 bytes: one lane is spare
ORDER_BITS = 6

# Rows of the working space, by segment and lane: the symbol; what it and the next join to; how early (rank, and in
# short segments the lane below it); the lanes of the symbols after and before; the first byte.
_SYMBOL, _JOINED, _ORDER, _NEXT, _PREVIOUS, _OFFSET = range(6)
ROWS = 6

NO_ORDER = NO_RANK << ORDER_BITS
FACTOR = np.int64(np.uint64(MERGE_FACTOR))
_POSITION = 0xFFFFFFFF


@nb.njit(cache=True, forceinline=True)
def _pair_rank(left, right, merge_table, ranks, work, joined):
    """Rank of what two neighbouring symbols join to, NO_RANK where they do not; writes the symbol to work[joined].

    Both places a row can be in are read and compared without a branch: a row less its key is the symbol, any
    other row is larger than all symbols.
    """
    key = (left << SYMBOL_BITS) | right
    mixed = key * FACTOR
    mask = len(merge_table) - 1
    first = load(merge_table, (mixed >> FIRST_SLOT) & mask) ^ (key << SYMBOL_BITS)
    second = load(merge_table, (mixed >> SECOND_SLOT) & mask) ^ (key << SYMBOL_BITS)
    symbol = smaller(smaller(first, second), len(ranks) - 1)
    store(work, joined, symbol)
    return load(ranks, symbol)


@nb.njit(cache=True, forceinline=True)
def _start(buffer, start, end, char_symbol, no_symbol, work, base, lanes):
    """One symbol a character, and after them a lane that joins with nothing; returns their number."""
    n = 0
    at = start
    while at < end:
        code, size = decode(buffer, at)
        lane = base + n
        store(work, lane + _SYMBOL * lanes, load(char_symbol, code))
        store(work, lane + _NEXT * lanes, n + 1)
        store(work, lane + _PREVIOUS * lanes, n - 1)
        store(work, lane + _OFFSET * lanes, at - start)
        n += 1
        at += size
    store(work, base + n + _SYMBOL * lanes, no_symbol)
    store(work, base + n + _NEXT * lanes, n)
    store(work, base + n + _OFFSET * lanes, end - start)
    return n


@nb.njit(cache=True, forceinline=True)
def _start_short(buffer, start, end, char_symbol, merge_table, ranks, work, base):
    """As `_start`, with the order of every pair; before the first symbol, too, stands what joins with nothing."""
    no_symbol = len(ranks) - 1
    n = _start(buffer, start, end, char_symbol, no_symbol, work, base, LANES)
    store(work, base + _PREVIOUS * LANES, LANES - 1)
    store(work, base + LANES - 1 + _SYMBOL * LANES, no_symbol)
    for i in range(n - 1):
        lane = base + i
        left, right = load(work, lane + _SYMBOL * LANES), load(work, lane + 1 + _SYMBOL * LANES)
        rank = _pair_rank(left, right, merge_table, ranks, work, lane + _JOINED * LANES)
        store(work, lane + _ORDER * LANES, (rank << ORDER_BITS) | i)
    for i in range(n - 1, (n + 15) & -16):  # orders are read 16 at a time
        store(work, base + i + _ORDER * LANES, NO_ORDER)
    return n


@nb.njit(cache=True, forceinline=True)
def _join_best(n, merge_table, ranks, work, base):
    """Join the best pair of a short segment, the leftmost of equals; False where there is none."""
    best = smallest_of_16(work, base + _ORDER * LANES)
    for i in range(16, n - 1, 16):
        best = smaller(best, smallest_of_16(work, base + i + _ORDER * LANES))
    if best >= NO_ORDER:
        return False
    at = best & (LANES - 1)
    gone = load(work, base + at + _NEXT * LANES)
    after = load(work, base + gone + _NEXT * LANES)
    before = load(work, base + at + _PREVIOUS * LANES)
    symbol = load(work, base + at + _JOINED * LANES)
    store(work, base + at + _SYMBOL * LANES, symbol)
    store(work, base + at + _NEXT * LANES, after)
    store(work, base + after + _PREVIOUS * LANES, at)
    store(work, base + gone + _ORDER * LANES, NO_ORDER)
    right, left = load(work, base + after + _SYMBOL * LANES), load(work, base + before + _SYMBOL * LANES)
    right_rank = _pair_rank(symbol, right, merge_table, ranks, work, base + at + _JOINED * LANES)
    left_rank = _pair_rank(left, symbol, merge_table, ranks, work, base + before + _JOINED * LANES)
    store(work, base + at + _ORDER * LANES, (right_rank << ORDER_BITS) | at)
    store(work, base + before + _ORDER * LANES, (left_rank << ORDER_BITS) | before)
    return True


@nb.njit(cache=True, forceinline=True)
def join_segments(
    buffer, cuts, numbers, count, char_symbol, merge_table, ranks, n_pieces, byte_base, work, sizes, active, ids, ends
):
    """Encode segments cuts[k]..cuts[k + 1] for the first `count` k in numbers: ids to ids, their ends to ends.

    work: uint32 [GROUP * ROWS * LANES]; sizes, active: [GROUP], working space.
    """
    filled = 0
    for first in range(0, count, GROUP):
        group = min(GROUP, count - first)
        left = 0
        for g in range(group):
            k = load(numbers, first + g)
            start, end = load(cuts, k), load(cuts, k + 1)
            n = 0
            if end - start < LANES:
                n = _start_short(buffer, start, end, char_symbol, merge_table, ranks, work, g * ROWS * LANES)
                store(active, left, g)
                left += 1
            store(sizes, g, n)
        while left > 0:
            kept = 0
            for i in range(left):
                g = load(active, i)
                store(active, kept, g)
                kept += _join_best(load(sizes, g), merge_table, ranks, work, g * ROWS * LANES)
            left = kept
        for g in range(group):
            k = load(numbers, first + g)
            n = load(sizes, g)
            if n:
                filled = _emit(
                    buffer, load(cuts, k), n, n_pieces, byte_base, work, g * ROWS * LANES, LANES, ids, filled
                )
            else:
                filled = _join_long_segment(
                    buffer, load(cuts, k), load(cuts, k + 1), char_symbol, merge_table, ranks, n_pieces, byte_base,
                    ids, filled,
                )  # fmt: skip
            store(ends, first + g, filled)


@nb.njit(cache=True, forceinline=True)
def _emit(buffer, start, n, n_pieces, byte_base, work, base, lanes, ids, filled):
    """Write the ids of a joined segment; a character that is no piece as its bytes."""
    at = 0
    while at < n:
        after = load(work, base + at + _NEXT * lanes)
        symbol = load(work, base + at + _SYMBOL * lanes)
        if symbol < n_pieces:
            store(ids, filled, symbol)
            filled += 1
        else:
            first = start + load(work, base + at + _OFFSET * lanes)
            last = start + load(work, base + after + _OFFSET * lanes)
            filled = _emit_bytes(buffer, first, last, byte_base, ids, filled)
        at = after
    return filled


@nb.njit(cache=True)
def _emit_bytes(buffer, first, last, byte_base, ids, filled):
    """Write the byte pieces of one character; a space (of a model without a piece for it) as U+2581's."""
    if load(buffer, first) == 0x20:
        for byte in (0xE2, 0x96, 0x81):
            store(ids, filled, byte_base + byte)
            filled += 1
        return filled
    for i in range(first, last):
        store(ids, filled, byte_base + load(buffer, i))
        filled += 1
    return filled


@nb.njit(cache=True)
def _join_long_segment(buffer, start, end, char_symbol, merge_table, ranks, n_pieces, byte_base, ids, filled):
    """Encode one segment of any length (10 MB without a cut) in n log n, in 40 bytes of working space a byte.

    The heap holds rank << 32 | lane of the left symbol: the best rank first, then the leftmost, as
    SentencePiece orders them. An entry is stale when its lane's pair no longer has that rank.
    """
    lanes = end - start + 1
    work = np.empty(ROWS * lanes, np.uint32)
    heap = np.empty(2 * lanes, np.int64)  # each join uses one entry up and adds at most two
    n = _start(buffer, start, end, char_symbol, len(ranks) - 1, work, 0, lanes)
    size = 0
    for i in range(n):
        left, right = load(work, i + _SYMBOL * lanes), load(work, i + 1 + _SYMBOL * lanes)
        rank = _pair_rank(left, right, merge_table, ranks, work, i + _JOINED * lanes)
        store(work, i + _ORDER * lanes, rank)
        if rank != NO_RANK:
            heap[size] = (rank << 32) | i
            size += 1
    for i in range(size // 2 - 1, -1, -1):
        _sift_down(heap, size, i)
    while size > 0:
        top = heap[0]
        size -= 1
        if size > 0:
            heap[0] = heap[size]
            _sift_down(heap, size, 0)
        at = top & _POSITION
        if load(work, at + _ORDER * lanes) != top >> 32:
            continue
        gone = load(work, at + _NEXT * lanes)
        after = load(work, gone + _NEXT * lanes)
        store(work, at + _SYMBOL * lanes, load(work, at + _JOINED * lanes))
        store(work, at + _NEXT * lanes, after)
        store(work, after + _PREVIOUS * lanes, at)
        store(work, gone + _ORDER * lanes, NO_RANK)
        for i in (load(work, at + _PREVIOUS * lanes), at):
            if i != _POSITION:  # the first symbol has none before it
                left = load(work, i + _SYMBOL * lanes)
                right = load(work, load(work, i + _NEXT * lanes) + _SYMBOL * lanes)
                rank = _pair_rank(left, right, merge_table, ranks, work, i + _JOINED * lanes)
                store(work, i + _ORDER * lanes, rank)
                if rank != NO_RANK:
                    _heap_push(heap, size, (rank << 32) | i)
                    size += 1
    return _emit(buffer, start, n, n_pieces, byte_base, work, 0, lanes, ids, filled)


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
