"""The encoder's loop as CUDA kernels (numba-cuda): cut, look up, join and put together, a tile of text a block.

`encode_tiles` gives every block THREADS stretches of 32 bytes, of which it owns all but the last two (a segment that
begins in the tile may end in those). Step by step, a barrier between two:

1. every thread marks the safe cuts in its stretch, a bit a byte; the texts' own starts are marked too;
2. the marks become the list of the tile's segments, in order;
3. segment by segment, ids are looked up in the segment table that the compiled encoder filled with the
   vocabulary's pieces. Nothing is ever written to it, so that every launch sees the same. What is not found is
   put on a list, so that
4. threads side by side all join: one segment a thread, its best pair a round, in the thread's own memory;
5. ids, which stand at their segment's first byte so far, move together.

`gather_tiles` moves the tiles together. What a thread does by itself is in `cuda_segments`. Segments of more than
SEGMENT_BYTES (22 in 24 MB of English web text, 3 in 5 MB of Chinese) are left out and listed for the host, which
gives them to the compiled encoder.
"""

# mypy: disable-error-code="arg-type, assignment, call-arg, var-annotated"
# Numba's types, not Python's, rule inside these functions.

from __future__ import annotations

import numba as nb
import numpy as np
from numba import cuda

from skypile.tokens.cuda_segments import SEGMENT_BYTES, STRETCH, join, look_up, mark_cuts

THREADS = 128  # a block
HALO = SEGMENT_BYTES // STRETCH  # stretches read for the ends of a tile's last segments
TILE_BYTES = STRETCH * (THREADS - HALO)
READABLE = 24  # bytes that must be readable after the last text

_SPAN = STRETCH * THREADS  # bytes a block looks at
_GROUP = 16  # threads whose numbers are added by one
_GROUPS = THREADS // _GROUP


@cuda.jit(device=True)
def _first_text(text_starts, position):
    """Number of the first text that starts at a byte or after it."""
    low, high = 0, len(text_starts)
    while low < high:
        middle = (low + high) >> 1
        if text_starts[middle] < position:
            low = middle + 1
        else:
            high = middle
    return low


@cuda.jit(device=True)
def _sum_before(values, sums, thread, own):
    """Sum of `own` of the threads before this one; values and sums are shared, [THREADS] and [_GROUPS]."""
    values[thread] = own
    cuda.syncthreads()
    if thread < _GROUPS:
        together = np.int64(0)
        for i in range(thread * _GROUP, thread * _GROUP + _GROUP):
            together += np.int64(values[i])
        sums[thread] = together
    cuda.syncthreads()
    before = np.int64(0)
    for i in range(thread // _GROUP):
        before += np.int64(sums[i])
    for i in range(thread // _GROUP * _GROUP, thread):
        before += np.int64(values[i])
    return before


@cuda.jit
def encode_tiles(
    words, text_starts, tables, entries, width, ids_a_byte,
    loose, tile_ids, tile_counts, text_ids, long_segments, found,
):  # fmt: skip
    """Encode the texts words[text_starts[i]:text_starts[i + 1]] (bytes), a block a tile.

    Args:
        words: uint32, UTF-8 of all texts end to end, readable for READABLE bytes after the last.
        text_starts: int64 [texts + 1], the last one the end of all.
        tables: as `Tables`, on the device; merge_table as int64.
        entries: int64, a segment table without the words behind it.
        width: bytes an id has in entries, 2 or 4.
        ids_a_byte: the most ids that a byte of text gives, 1 or 3.
        loose, tile_ids: of the id's type, room for so many; the second is filled from each tile's first byte on.
        tile_counts: int32 [tiles], filled with each tile's number of ids.
        text_ids: int64 [texts + 1], filled with the number of ids before each text in its tile.
        long_segments: int64 [2, room], filled with the first bytes of segments too long, and the ids before each in
            its tile, in any order.
        found: int64 [2]; the second is raised by the number of those.
    """
    marks = cuda.shared.array(THREADS, nb.uint32)
    before = cuda.shared.array(THREADS, nb.int32)
    values = cuda.shared.array(THREADS, nb.int32)
    sums = cuda.shared.array(_GROUPS, nb.int32)
    starts = cuda.shared.array(_SPAN, nb.uint16)
    counts = cuda.shared.array(_SPAN, nb.uint16)
    missing = cuda.shared.array(_SPAN, nb.uint16)
    totals = cuda.shared.array(2, nb.int32)  # segments that miss in the table, cuts
    symbols = cuda.local.array(SEGMENT_BYTES, nb.int32)
    joined = cuda.local.array(SEGMENT_BYTES, nb.int32)
    orders = cuda.local.array(SEGMENT_BYTES, nb.uint32)
    following = cuda.local.array(SEGMENT_BYTES, nb.uint8)
    preceding = cuda.local.array(SEGMENT_BYTES, nb.int8)
    work = symbols, joined, orders, following, preceding
    thread = np.int64(cuda.threadIdx.x)
    tile = np.int64(cuda.blockIdx.x)
    base = tile * TILE_BYTES
    total = np.int64(text_starts[len(text_starts) - 1])

    marks[thread] = mark_cuts(words, base + thread * STRETCH, total, tables[0])
    if thread == 0:
        totals[0] = 0
    cuda.syncthreads()
    first_text = _first_text(text_starts, base)
    text = first_text + thread
    while text < len(text_starts) and text_starts[text] < base + _SPAN:
        place = np.int64(text_starts[text]) - base
        cuda.atomic.or_(marks, place // STRETCH, np.uint32(np.int64(1) << (place % STRETCH)))
        text += THREADS
    cuda.syncthreads()

    own = np.int64(marks[thread])
    at = _sum_before(values, sums, thread, np.int64(cuda.popc(own)))
    before[thread] = at
    for i in range(STRETCH):
        if (own >> i) & 1:
            starts[at] = thread * STRETCH + i
            at += 1
    if thread == THREADS - 1:
        totals[1] = at
    cuda.syncthreads()
    cuts = np.int64(totals[1])
    segments = np.int64(before[THREADS - HALO])
    if total < base + TILE_BYTES:
        segments -= 1  # the end of all texts is a cut, but begins no segment

    k = thread
    while k < segments:
        start = np.int64(starts[k])
        length = np.int64(SEGMENT_BYTES + 1)
        if k + 1 < cuts:
            length = np.int64(starts[k + 1]) - start
        count = np.int64(0)
        if length <= SEGMENT_BYTES:
            start += base
            count = look_up(words, start, length, entries, width, loose, start * ids_a_byte)
            if count == 0:
                missing[cuda.atomic.add(totals, 0, 1)] = k
        counts[k] = count
        k += THREADS
    cuda.syncthreads()
    m = thread
    while m < totals[0]:
        k = np.int64(missing[m])
        start = base + np.int64(starts[k])
        length = base + np.int64(starts[k + 1]) - start
        counts[k] = join(words, start, length, tables, work, loose, start * ids_a_byte)
        m += THREADS
    cuda.syncthreads()

    share = (segments + THREADS - 1) // THREADS
    own = np.int64(0)
    for k in range(thread * share, min(thread * share + share, segments)):
        own += np.int64(counts[k])
    filled = _sum_before(values, sums, thread, own)
    for k in range(thread * share, min(thread * share + share, segments)):
        missing[k] = filled  # no longer needed for what it was
        filled += np.int64(counts[k])
    if thread == THREADS - 1:
        tile_counts[tile] = filled
        missing[segments] = filled
    cuda.syncthreads()
    k = thread
    while k < segments:
        filled, count = np.int64(missing[k]), np.int64(counts[k])
        source = (base + np.int64(starts[k])) * ids_a_byte
        target = base * ids_a_byte + filled
        for j in range(count):
            tile_ids[target + j] = loose[source + j]
        if count == 0:
            place = cuda.atomic.add(found, 1, 1)
            long_segments[0, place] = base + np.int64(starts[k])
            long_segments[1, place] = filled
        k += THREADS
    text = first_text + thread
    while text < len(text_starts) and text_starts[text] < base + TILE_BYTES:
        place = np.int64(text_starts[text]) - base
        bits = np.int64(marks[place // STRETCH]) & ((np.int64(1) << (place % STRETCH)) - 1)
        text_ids[text] = missing[np.int64(before[place // STRETCH]) + np.int64(cuda.popc(bits))]
        text += THREADS


@cuda.jit
def gather_tiles(tile_ids, tile_counts, ids_a_byte, text_starts, ids, tile_starts, text_ids, found):
    """Move the ids of all tiles together, and count text_ids from the first id of all.

    Args:
        ids: filled with them.
        tile_starts: int64 [tiles], filled with the number of ids before each.
        found: the first is set to the number of ids.
    """
    values = cuda.shared.array(THREADS, nb.int64)
    sums = cuda.shared.array(_GROUPS, nb.int64)
    all_before = cuda.shared.array(1, nb.int64)
    thread = np.int64(cuda.threadIdx.x)
    tile = np.int64(cuda.blockIdx.x)
    base = tile * TILE_BYTES
    own = np.int64(0)
    for other in range(thread, tile, THREADS):
        own += np.int64(tile_counts[other])
    before = _sum_before(values, sums, thread, own)
    if thread == THREADS - 1:
        all_before[0] = before + own
    cuda.syncthreads()
    before, count = np.int64(all_before[0]), np.int64(tile_counts[tile])
    for i in range(thread, count, THREADS):
        ids[before + i] = tile_ids[base * ids_a_byte + i]
    text = _first_text(text_starts, base) + thread
    while text < len(text_starts) and text_starts[text] < base + TILE_BYTES:
        text_ids[text] += before
        text += THREADS
    if thread == 0:
        tile_starts[tile] = before
        if tile == cuda.gridDim.x - 1:
            found[0] = before + count
