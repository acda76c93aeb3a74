"""Compiled loop of the encoder (Numba): cut a text, look the segments up, have new ones joined.

A text goes through in blocks of 512 segments, four passes over each: find the cuts (`scanning`), look every segment
up, join those not found (`joining`), copy the ids of all to the output. None of them branches on the data
where that could be avoided: of 9 ns a segment of English known before, 2 find the cut, 5 look it up, 1 copies.
All sets of a block are asked for before the first is read: the table is larger than the caches near the processor,
and waiting for each set in turn took a fifth of the time (English 3.3 to 2.75 ns a byte, Chinese 6.3 to 5.6).

Tried without gain, all within the 10 % by which a shared machine wavers: blocks of 128 or 2,048 segments, half or
twice the table, huge pages for it, a pair filter of half or a quarter the size.

The segment table is set-associative: a set is one 64-byte cache line of two entries, an entry 15 bytes of key (the
segment itself, so that two segments can never be taken for each other) and one of its length, then the ids, as they
stand in the output: seven of 16 bits or three of 32. Of web text's segments 99.8 % (English) and 96 % (Chinese) fit;
others are joined anew each time. A new entry pushes out the older of its set: memory is fixed, and results are the
same whatever the table holds. Entries of segments that a block had to join stand behind the table until the
block is done, so that copying sees no difference, and only then move into their sets.
"""

# mypy: disable-error-code="assignment, call-arg, var-annotated"
# Numba's types, not Python's, rule inside these functions.

from __future__ import annotations

import numba as nb
import numpy as np

from skypile.runtime.intrinsics import load, load_word, prefetch, smaller, store, store_word
from skypile.tokens.joining import GROUP, LANES, ROWS, join_segments
from skypile.tokens.scanning import decode, find_cuts

KEY_BYTES = 15
SET_WORDS = 8  # two entries of four words
ENTRY_WORDS = 4  # key, key and length, count and further ids, first ids
PADDING = 16  # bytes that must be readable after the last text
SLACK = 8  # bytes that must be writable after the last id
BLOCK = 512  # segments a block: their starts stay in the L1 cache
NEW_WORDS = (BLOCK + 16) * ENTRY_WORDS  # of the entries behind the table

LENGTH_AT = 56  # bits of the second word below the length
COUNT_MASK = 0xFF  # mask of the count of ids in the third word; the further ids stand above 16 bits
_FURTHER_AT = 16
_MANY = 0xFF  # count of an entry that holds no ids, but where they are
_MIX = (np.int64(np.uint64(0x9E3779B97F4A7C15)), np.int64(np.uint64(0xC2B2AE3D27D4EB4F)))


def length_masks() -> np.ndarray:
    """int64 [KEY_BYTES + 2, 2] flat: masks that clear what lies beyond a segment of 0..KEY_BYTES bytes, and all."""
    masks = np.zeros((KEY_BYTES + 2, 16), np.uint8)
    for length in range(KEY_BYTES + 1):
        masks[length, :length] = 0xFF
    return masks.view("<i8").reshape(-1).copy()


@nb.njit(cache=True, forceinline=True)
def _key(buffer, cuts, k, masks):
    """Both words of segment k's key."""
    start = load(cuts, k)
    length = smaller(load(cuts, k + 1) - start, KEY_BYTES + 1)
    word0 = load_word(buffer, start) & load(masks, 2 * length)
    word1 = load_word(buffer, start + 8) & load(masks, 2 * length + 1)
    return word0, word1 | (length << LENGTH_AT)


@nb.njit(cache=True, forceinline=True)
def set_place(word0, word1, set_mask):
    """First word of the set that a key belongs to, in a table of set_mask + 1 sets."""
    mixed = (word0 * _MIX[0]) ^ (word1 * _MIX[1])
    mixed = (mixed ^ (mixed >> 29)) * _MIX[0]
    return ((mixed >> 32) & set_mask) * SET_WORDS


@nb.njit(cache=True, forceinline=True)
def _look_up(buffer, cuts, count, masks, entries, slots, missing, sets):
    """Write where each segment's entry is to slots. Returns the number of those that have none.

    Of those: their numbers go to missing, their sets to sets, and slots gives each a place behind the table. A
    segment too long for a key gets a key that none has.
    """
    behind = len(entries) - NEW_WORDS
    set_mask = behind // SET_WORDS - 1
    misses = 0
    for k in range(count):
        word0, word1 = _key(buffer, cuts, k, masks)
        slot = set_place(word0, word1, set_mask)
        store(slots, k, slot)
        prefetch(entries, slot)
    for k in range(count):
        word0, word1 = _key(buffer, cuts, k, masks)
        slot = load(slots, k)
        differs = (load(entries, slot) ^ word0) | (load(entries, slot + 1) ^ word1)
        differs_too = (load(entries, slot + 4) ^ word0) | (load(entries, slot + 5) ^ word1)
        store(missing, misses, k)
        store(sets, misses, slot)
        new = np.int64(smaller(differs, differs_too) != 0)
        slot += np.int64(differs != 0) * ENTRY_WORDS
        store(slots, k, slot ^ ((slot ^ (behind + misses * ENTRY_WORDS)) & -new))
        misses += new
    return misses


@nb.njit(cache=True, forceinline=True)
def _pack(misses, new_ids, new_ends, entries, width):
    """Write the ids of joined segments into their entries behind the table, or where they are in new_ids."""
    in_first, in_further = 8 // width, 6 // width
    slot = len(entries) - NEW_WORDS
    at = 0
    for i in range(misses):
        count = load(new_ends, i) - at
        first, further = 0, 0
        if count > in_first + in_further:
            store(entries, slot + 2, _MANY)
            store(entries, slot + 3, (count << 32) | at)
        else:
            for j in range(min(count, in_first)):
                first |= load(new_ids, at + j) << (8 * width * j)
            for j in range(in_first, count):
                further |= load(new_ids, at + j) << (8 * width * (j - in_first))
            store(entries, slot + 2, (further << _FURTHER_AT) | count)
            store(entries, slot + 3, first)
        at += count
        slot += ENTRY_WORDS


@nb.njit(cache=True, forceinline=True)
def _copy_ids(count, slots, entries, new_ids, width, out, filled):
    """Append the ids of a block's segments to out. Returns the new number of ids in it."""
    in_first = 8 // width
    for k in range(count):
        slot = load(slots, k)
        about = load(entries, slot + 2)
        store_word(out, filled * width, load(entries, slot + 3))
        ids = about & COUNT_MASK
        if ids > in_first:
            if ids == _MANY:
                at = load(entries, slot + 3) & 0xFFFFFFFF
                ids = load(entries, slot + 3) >> 32
                for i in range(ids):
                    store_word(out, (filled + i) * width, load(new_ids, at + i))
            else:
                store_word(out, (filled + in_first) * width, about >> _FURTHER_AT)
        filled += ids
    return filled


@nb.njit(cache=True, forceinline=True)
def _remember(buffer, cuts, misses, missing, sets, masks, entries):
    """Move the entries of joined segments into their sets, where they fit an entry."""
    new = len(entries) - NEW_WORDS
    for i in range(misses):
        word0, word1 = _key(buffer, cuts, load(missing, i), masks)
        if word1 >> LENGTH_AT <= KEY_BYTES and load(entries, new + 2) & COUNT_MASK != _MANY:
            slot = load(sets, i)
            if load(entries, slot) != word0 or load(entries, slot + 1) != word1:  # it may be new twice in a block
                for j in range(slot, slot + ENTRY_WORDS):
                    store(entries, j + ENTRY_WORDS, load(entries, j))
                store(entries, slot, word0)
                store(entries, slot + 1, word1)
                store(entries, slot + 2, load(entries, new + 2))
                store(entries, slot + 3, load(entries, new + 3))
        new += ENTRY_WORDS


@nb.njit(cache=True, nogil=True)
def encode_texts(buffer, text_starts, text_ends, tables, masks, entries, new_ids, width, out, out_offsets):
    """Encode texts buffer[text_starts[i]:text_ends[i]] (UTF-8, the dummy prefix already a space in it).

    Args:
        buffer: must be readable for PADDING bytes past the last text.
        entries: int64, the segment table of a power of two sets, and NEW_WORDS.
        new_ids: int32, room for the ids of the longest text: one a byte, or three, where the model has no piece for
            the space.
        width: bytes an id takes in out, 2 or 4.
        out: uint8, room for that many ids of all texts, and SLACK bytes.
        out_offsets: int64 [n + 1], filled with the number of ids before each text.
    """
    ascii_joins, pair_bits, char_symbol, merge_table, ranks, n_pieces, byte_base = tables
    cuts = np.empty(BLOCK + 16, np.int64)
    slots = np.empty(BLOCK + 16, np.int64)
    missing = np.empty(BLOCK + 16, np.int64)
    sets = np.empty(BLOCK + 16, np.int64)
    new_ends = np.empty(BLOCK + 16, np.int64)
    work = np.empty(GROUP * ROWS * LANES, np.uint32)
    sizes = np.empty(GROUP, np.int64)
    active = np.empty(GROUP, np.int64)
    filled = 0
    out_offsets[0] = 0
    for text in range(len(text_starts)):
        at, end = text_starts[text], text_ends[text]
        if at < end:
            store(cuts, 0, at)  # the first segment; later, the one left open by the block before
            previous, size = decode(buffer, at)
            at += size
            last = False
            while not last:
                found, at, previous = find_cuts(buffer, at, end, previous, ascii_joins, pair_bits, cuts)
                last = at >= end
                if last:
                    found += 1
                    store(cuts, found, end)
                misses = _look_up(buffer, cuts, found, masks, entries, slots, missing, sets)
                if misses:
                    join_segments(
                        buffer, cuts, missing, misses, char_symbol, merge_table, ranks, n_pieces, byte_base,
                        work, sizes, active, new_ids, new_ends,
                    )  # fmt: skip
                    _pack(misses, new_ids, new_ends, entries, width)
                filled = _copy_ids(found, slots, entries, new_ids, width, out, filled)
                _remember(buffer, cuts, misses, missing, sets, masks, entries)
                store(cuts, 0, load(cuts, found))
        out_offsets[text + 1] = filled
