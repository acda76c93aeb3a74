"""Compiled loops of the encoder (Numba): find the safe cuts, look the segments up, have new ones joined.

A text goes through in blocks of segments. `find_cuts` walks the bytes, without a branch on what ASCII bytes
are, and writes where each segment starts; `encode_block` looks the segments up in the segment table and
has those it does not find joined by `join_segments`, to fill the table with.

The segment table is set-associative: a set is one 64-byte cache line of two entries, an entry 16 bytes of
key (the segment itself, so that two segments can never be taken for each other), its length, and up to five
ids. Of web text's segments 99.8 % (English) and 98.6 % (Chinese) fit; others are joined anew each time. A
new entry pushes out the older of its set: memory is fixed, and results are the same whatever the table
holds. A segment found costs about 30 ns, a new one 80 (Chinese) to 160 ns.

A block's new segments are joined together, and arrays are handed on one by one: a call for each segment, or
arrays out of a tuple, make Numba count references in the innermost loops, which tripled the cost of a join.
"""

# mypy: disable-error-code="assignment, call-arg"
# Numba's types, not Python's, rule inside these functions.

from __future__ import annotations

import numba as nb
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from skypile.tokens.joining import SCAN_BYTES, decode, join_segments
from skypile.tokens.piece_model import NO_SYMBOL, PAIR_BITS, SYMBOL_BITS

KEY_BYTES = 16
KEY_IDS = 5
SET_WORDS = 8  # two entries of four words: two of key; length, count and two ids; three ids
PADDING = KEY_BYTES  # bytes that must be readable after the last text
BLOCK = 512  # segments a block: their starts stay in the L1 cache

_PAIR_MASK = np.uint64((1 << PAIR_BITS) - 1)
_PAIR_LEFT, _PAIR_RIGHT = np.uint64(0x9E3779B1), np.uint64(0x85EBCA77)
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_SYMBOL = np.uint64(NO_SYMBOL)
_COUNT_AT, _COUNT, _LENGTH = np.uint64(8), np.uint64(0xFF), np.uint64(0xFF)
_FIRST_AT, _SECOND_AT = np.uint64(16), np.uint64(16 + SYMBOL_BITS)


@intrinsic
def load_word(typingctx, array, index):
    """Eight bytes of a uint8 array from any index, as a little-endian uint64: one machine load."""

    def generate(context, builder, signature, args):
        view = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.gep(view.data, [args[1]])
        word = builder.load(builder.bitcast(pointer, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(array, types.intp), generate


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of array[index] (uint64), without waiting for it."""

    def generate(context, builder, signature, args):
        view = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.bitcast(builder.gep(view.data, [args[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        builder.call(function, [pointer, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


def length_masks() -> np.ndarray:
    """uint64 [KEY_BYTES + 1, 2]: masks that clear what lies beyond a segment of 0..KEY_BYTES bytes."""
    masks = np.zeros((KEY_BYTES + 1, KEY_BYTES), np.uint8)
    for length in range(KEY_BYTES + 1):
        masks[length, :length] = 0xFF
    return masks.view("<u8").copy()


@nb.njit(cache=True)
def _joined(previous, code, pair_bits):
    mixed = np.uint64(previous) * _PAIR_LEFT + np.uint64(code) * _PAIR_RIGHT
    slot = (mixed >> np.uint64(9)) & _PAIR_MASK
    return (pair_bits[slot >> np.uint64(3)] >> (slot & np.uint64(7))) & np.uint8(1)


@nb.njit(cache=True)
def find_cuts(buffer, at, end, previous, ascii_joins, pair_bits, cuts):
    """Write the starts of segments between `at` and `end` into cuts[1:]; stop when it is full.

    Returns: number of cuts, the byte reached, the last code point read (for the next call).
    """
    found = 1
    room = len(cuts) - 1
    while at < end and found < room:
        byte = np.int64(buffer[at])
        cuts[found] = at
        if byte < 0x80 and previous < 0x80:
            found += 1 - np.int64(ascii_joins[(previous << 7) | byte])
            previous = byte
            at += 1
        else:
            code, size = decode(buffer, at)
            found += 1 - np.int64(_joined(previous, code, pair_bits))
            previous = code
            at += size
    return found - 1, at, previous


@nb.njit(cache=True)
def _find(entries, slot, word0, word1, length):
    """Where in its set the entry of a segment is; -1 where it is not."""
    if entries[slot] == word0 and entries[slot + 1] == word1 and entries[slot + 2] & _LENGTH == np.uint64(length):
        return slot
    slot += 4
    if entries[slot] == word0 and entries[slot + 1] == word1 and entries[slot + 2] & _LENGTH == np.uint64(length):
        return slot
    return -1


@nb.njit(cache=True)
def encode_block(
    buffer,
    cuts,
    n_cuts,
    char_symbol,
    ascii_merges,
    merge_table,
    ranks,
    n_pieces,
    byte_base,
    masks,
    entries,
    slots,
    missing,
    symbols,
    starts,
    joined,
    order,
    new_ids,
    new_ends,
    out,
    filled,
):
    """Encode segments cuts[k]..cuts[k + 1] for k < n_cuts; returns the new end of out.

    slots, missing, new_ids, new_ends: working space for a block: where each segment's set, then entry is, the
    numbers of the segments that have none, their ids and the ends of those.
    """
    set_mask = np.uint64(len(entries) // SET_WORDS - 1)
    for k in range(n_cuts):
        length = min(cuts[k + 1] - cuts[k], KEY_BYTES)
        word0 = load_word(buffer, cuts[k]) & masks[length, 0]
        word1 = load_word(buffer, cuts[k] + 8) & masks[length, 1]
        mixed = (word0 * _MIX[0]) ^ (word1 * _MIX[1])
        mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX[0]
        slots[k] = np.int64((mixed >> np.uint64(32)) & set_mask) * SET_WORDS
        prefetch(entries, slots[k])
    misses = 0
    for k in range(n_cuts):
        length = cuts[k + 1] - cuts[k]
        found = -1
        if length <= KEY_BYTES:
            word0 = load_word(buffer, cuts[k]) & masks[length, 0]
            word1 = load_word(buffer, cuts[k] + 8) & masks[length, 1]
            found = _find(entries, slots[k], word0, word1, length)
        missing[misses] = k
        misses += found < 0
        slots[k] = found if found >= 0 else -1 - slots[k]
    if misses:
        join_segments(
            buffer, cuts, missing, misses, char_symbol, ascii_merges, merge_table, ranks, n_pieces, byte_base,
            symbols, starts, joined, order, new_ids, new_ends,
        )  # fmt: skip
    at = 0
    new = 0
    for k in range(n_cuts):
        slot = slots[k]
        if slot >= 0:
            meta = entries[slot + 2]
            count = np.int64((meta >> _COUNT_AT) & _COUNT)
            out[filled] = (meta >> _FIRST_AT) & _SYMBOL
            out[filled + 1] = (meta >> _SECOND_AT) & _SYMBOL
            if count > 2:
                rest = entries[slot + 3]
                for i in range(2, count):
                    out[filled + i] = rest & _SYMBOL
                    rest >>= np.uint64(SYMBOL_BITS)
            filled += count
        else:
            for i in range(at, new_ends[new]):
                out[filled] = new_ids[i]
                filled += 1
            at = new_ends[new]
            new += 1
    # only now: a new entry may push out one that this block has found
    at = 0
    for number in range(misses):
        k = missing[number]
        length, count = cuts[k + 1] - cuts[k], new_ends[number] - at
        if length <= KEY_BYTES and count <= KEY_IDS:
            slot = -1 - slots[k]
            word0 = load_word(buffer, cuts[k]) & masks[length, 0]
            word1 = load_word(buffer, cuts[k] + 8) & masks[length, 1]
            if _find(entries, slot, word0, word1, length) < 0:  # it may be new twice in a block
                for i in range(slot, slot + 4):
                    entries[i + 4] = entries[i]
                meta = np.uint64(length) | (np.uint64(count) << _COUNT_AT)
                rest = np.uint64(0)
                for i in range(min(count, 2)):
                    meta |= np.uint64(new_ids[at + i]) << np.uint64(16 + SYMBOL_BITS * i)
                for i in range(2, count):
                    rest |= np.uint64(new_ids[at + i]) << np.uint64(SYMBOL_BITS * (i - 2))
                entries[slot] = word0
                entries[slot + 1] = word1
                entries[slot + 2] = meta
                entries[slot + 3] = rest
        at = new_ends[number]
    return filled


@nb.njit(cache=True, nogil=True)
def encode_texts(buffer, text_starts, text_ends, tables, masks, entries, new_ids, out, out_offsets):
    """Encode texts buffer[text_starts[i]:text_ends[i]] (UTF-8, the dummy prefix already a space in it).

    `buffer` must be readable for PADDING bytes past the last text. `out` must hold one id a byte (three, where the
    model has no piece for the space) and KEY_IDS more, `new_ids` as many for the longest text. Fills
    out_offsets (n + 1).
    """
    ascii_joins, pair_bits, char_symbol, merge_table, ascii_merges, ranks, n_pieces, byte_base = tables
    cuts = np.empty(BLOCK + 2, np.int64)
    slots = np.empty(BLOCK + 2, np.int64)
    missing = np.empty(BLOCK + 2, np.int64)
    new_ends = np.empty(BLOCK + 2, np.int64)
    symbols = np.empty(SCAN_BYTES + 1, np.int64)
    starts = np.empty(SCAN_BYTES + 1, np.int64)
    joined = np.empty(SCAN_BYTES + 1, np.int64)
    order = np.empty(SCAN_BYTES + 1, np.uint32)
    filled = 0
    out_offsets[0] = 0
    for text in range(len(text_starts)):
        at, end = text_starts[text], text_ends[text]
        if at < end:
            cuts[0] = at  # the first segment; later, the one left open by the block before
            previous, size = decode(buffer, at)
            at += size
            last = False
            while not last:
                found, at, previous = find_cuts(buffer, at, end, previous, ascii_joins, pair_bits, cuts)
                last = at >= end
                if last:
                    found += 1
                    cuts[found] = end
                filled = encode_block(
                    buffer, cuts, found, char_symbol, ascii_merges, merge_table, ranks, n_pieces, byte_base,
                    masks, entries, slots, missing, symbols, starts, joined, order, new_ids, new_ends, out, filled,
                )  # fmt: skip
                cuts[0] = cuts[found]
        out_offsets[text + 1] = filled
