"""What one thread of the CUDA kernels does: mark the cuts of a stretch of text, look a segment up, join one.

Text is an array of uint32, four bytes each, and a place in it counts bytes. Every number is made an int64 where it is
read: with NUMBA_ENABLE_CUDASIM=1 Numba runs the kernels in Python, where NumPy's rules for narrower types are others
than Numba's.
"""

# mypy: disable-error-code="arg-type, assignment, call-arg, var-annotated"
# Numba's types, not Python's, rule inside these functions.

from __future__ import annotations

import numpy as np
from numba import cuda

from skypile.tokens.joining import FACTOR, NO_ORDER, ORDER_BITS
from skypile.tokens.kernels import COUNT_MASK, ENTRY_WORDS, KEY_BYTES, LENGTH_AT
from skypile.tokens.kernels import set_place as set_place_on_cpu
from skypile.tokens.piece_model import FIRST_SLOT, SECOND_SLOT, SYMBOL_BITS, SYMBOL_MASK
from skypile.tokens.scanning import decode_word as decode_word_on_cpu
from skypile.tokens.scanning import pair_place as pair_place_on_cpu

STRETCH = 32  # bytes a thread marks the cuts of: the bits of one word
SEGMENT_BYTES = 64  # of the longest segment joined here

# The functions that decide are the compiled encoder's own.
decode_word = cuda.jit(device=True)(decode_word_on_cpu.py_func)
pair_place = cuda.jit(device=True)(pair_place_on_cpu.py_func)
set_place = cuda.jit(device=True)(set_place_on_cpu.py_func)


@cuda.jit(device=True)
def _four_bytes(words, at):
    """Bytes at to at + 3 as a number."""
    low, high = np.int64(words[at >> 2]), np.int64(words[(at >> 2) + 1])
    return (((high << 32) | low) >> ((at & 3) << 3)) & 0xFFFFFFFF


@cuda.jit(device=True)
def _byte(words, at):
    return (np.int64(words[at >> 2]) >> ((at & 3) << 3)) & 0xFF


@cuda.jit(device=True)
def mark_cuts(words, first, total, pair_bits):
    """Word with a bit for each byte first to first + STRETCH - 1 where a character begins that joins none before it."""
    end = min(first + STRETCH, total)
    at = first
    while at < end and _byte(words, at) & 0xC0 == 0x80:
        at += 1
    marks = np.int64(0)
    if at < end:
        previous = np.int64(0)
        if at > 0:
            before = at - 1
            while _byte(words, before) & 0xC0 == 0x80:
                before -= 1
            previous = decode_word(_four_bytes(words, before))[0]
        while at < end:
            code, size = decode_word(_four_bytes(words, at))
            place = pair_place(previous, code)
            joins = (np.int64(pair_bits[place >> 3]) >> (place & 7)) & 1
            marks |= (1 - joins) << (at - first)
            previous = code
            at += size
    return marks


@cuda.jit(device=True)
def look_up(words, start, length, entries, width, ids, at):
    """Write the ids of a segment to ids[at:] where the table has it. Returns their number, or 0."""
    if length > KEY_BYTES:
        return 0
    word0 = _four_bytes(words, start) | (_four_bytes(words, start + 4) << 32)
    word1 = np.int64(0)
    if length < 8:
        word0 &= (np.int64(1) << (8 * length)) - 1
    else:
        word1 = _four_bytes(words, start + 8) | (_four_bytes(words, start + 12) << 32)
        word1 &= (np.int64(1) << (8 * (length - 8))) - 1
    word1 |= np.int64(length) << LENGTH_AT
    slot = set_place(word0, word1, len(entries) // (2 * ENTRY_WORDS) - 1)
    if entries[slot] != word0 or entries[slot + 1] != word1:
        slot += ENTRY_WORDS
        if entries[slot] != word0 or entries[slot + 1] != word1:
            return 0
    count, ids_there = np.int64(entries[slot + 2]) & COUNT_MASK, np.int64(entries[slot + 3])
    if count * width > 8:
        return 0  # no piece of the vocabulary has so many
    for j in range(count):
        ids[at + j] = (ids_there >> (8 * width * j)) & ((np.int64(1) << (8 * width)) - 1)
    return count


@cuda.jit(device=True)
def _order(symbols, joined, i, after, merge_table, ranks):
    """Rank and place of what the symbols at i and `after` join to, NO_ORDER where they do not; the symbol to joined."""
    key = (np.int64(symbols[i]) << SYMBOL_BITS) | np.int64(symbols[after])
    mixed = key * FACTOR
    mask = len(merge_table) - 1
    row = np.int64(merge_table[(mixed >> FIRST_SLOT) & mask])
    if row >> SYMBOL_BITS != key:
        row = np.int64(merge_table[(mixed >> SECOND_SLOT) & mask])
        if row >> SYMBOL_BITS != key:
            return NO_ORDER
    symbol = row & SYMBOL_MASK
    joined[i] = symbol
    return (np.int64(ranks[symbol]) << ORDER_BITS) | i


@cuda.jit(device=True)
def join(words, start, length, tables, work, ids, at):
    """Join a segment as SentencePiece does and write its ids to ids[at:]. Returns their number.

    A symbol stands at its first byte's place, and knows where the next one does and the one before it.

    Args:
        work: symbols, what each joins with the next to (int32), how early (uint32), the places of the next (uint8)
            and the one before (int8): [SEGMENT_BYTES] each.
    """
    _, char_symbol, merge_table, ranks, n_pieces, byte_base = tables
    symbols, joined, orders, following, preceding = work
    i, last = np.int64(0), np.int64(-1)
    while i < length:
        code, size = decode_word(_four_bytes(words, start + i))
        symbols[i] = char_symbol[code]
        following[i] = i + size
        preceding[i] = last
        if last >= 0:
            orders[last] = _order(symbols, joined, last, i, merge_table, ranks)
        last = i
        i += size
    orders[last] = NO_ORDER
    while True:
        best, i = np.int64(NO_ORDER), np.int64(0)
        while i < length:
            best = min(best, np.int64(orders[i]))
            i = np.int64(following[i])
        if best == NO_ORDER:
            break
        i = best & (SEGMENT_BYTES - 1)
        symbols[i] = joined[i]
        after = np.int64(following[np.int64(following[i])])
        following[i] = after
        if after < length:
            preceding[after] = i
            orders[i] = _order(symbols, joined, i, after, merge_table, ranks)
        else:
            orders[i] = NO_ORDER
        before = np.int64(preceding[i])
        if before >= 0:
            orders[before] = _order(symbols, joined, before, i, merge_table, ranks)
    filled, i = at, np.int64(0)
    while i < length:
        after, symbol = np.int64(following[i]), np.int64(symbols[i])
        if symbol < n_pieces:
            ids[filled] = symbol
            filled += 1
        elif _byte(words, start + i) == 0x20:  # of a model without a piece for the space: U+2581's bytes
            ids[filled] = byte_base + 0xE2
            ids[filled + 1] = byte_base + 0x96
            ids[filled + 2] = byte_base + 0x81
            filled += 3
        else:
            for j in range(i, after):
                ids[filled] = byte_base + _byte(words, start + j)
                filled += 1
        i = after
    return filled - at
