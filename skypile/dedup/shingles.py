"""Texts to sets of hashed shingles, in compiled code, straight from Arrow's UTF-8 buffers.

A text is folded (``skypile.text.folding``) into tokens: a Han (kana, Thai, …) character is a token, a word
is a token, and operators, brackets and signs are part of the token after them. A shingle starts at every token
and spans ``characters`` tokens if it starts with a character and ``words`` tokens if it starts with a word, so
that Chinese is compared by runs of characters, English by runs of words, and a mixed text by both, with no
language decision. Shingles that would run over the end are left out; a text too short for any shingle is one
shingle as a whole; a text without a token has none.

    shingles, words=2:   "the cat sat"  -> {hash(the cat), hash(cat sat)}
    shingles, characters=3: "猫坐在垫上" -> {hash(猫坐在), hash(坐在垫), hash(在垫上)}

Equality is another question than similarity, and is asked of the text itself. A *text key* is a hash of its characters,
case, punctuation and all; only layout does not count: invisible characters, blank lines, what kind of blanks and how
many stand between two words, blanks at a line's end. (The indentation of a line does: code means something by it.) So
no two texts that say different things have one key, and copies that differ in typography are near-duplicates of
similarity 1.

Hashes have 32 bits: they feed MinHash as they are, and a set of them *is* the set the similarity of two
texts is measured on. Two sets of n shingles share about n² / 2³² by accident, so for n = 20,000 the
measured Jaccard similarity is off by 5e-6; in exchange a set is half the size of one with 64-bit hashes.

Cost (one busy core): see ``benchmarks/dedup.py``; Python shingling alone manages 4-5 thousand documents a
second.
"""

from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa
import xxhash

from skypile.dedup.tokenise import STEP, finish, tokenise
from skypile.text.folding import WORD, folding_table


class ShingleBatch(NamedTuple):
    """Shingle sets of n texts: document i owns ``hashes[offsets[i]:offsets[i + 1]]``, sorted, without repeats."""

    hashes: np.ndarray  # uint32
    offsets: np.ndarray  # int64[n + 1]
    text_keys: list[bytes]  # 16 bytes each: hash of the text but for its layout
    tokens: np.ndarray  # int64[n]: tokens in the text


@numba.njit(cache=True)
def _join(tokens, start, size):
    value = np.uint64(size)
    for i in range(start, start + size):
        value = (value + tokens[i]) * STEP
        value ^= value >> np.uint64(32)
    return np.uint32(finish(value) >> np.uint64(32))


@numba.njit(cache=True)
def _shingle(tokens, kinds, count, words, characters, out):
    """Hash the shingles of one text into ``out``; returns how many."""
    made = 0
    for i in range(count):
        size = words if kinds[i] == WORD else characters
        if i + size <= count:
            out[made] = _join(tokens, i, size)
            made += 1
    if made == 0 and count > 0:
        out[0] = _join(tokens, 0, count)
        made = 1
    return made


@numba.njit(cache=True)
def _sort_unique(values, spare, count):
    """Sort the first ``count`` uint32 in place, drop repeats, return how many remain (radix sort, 3 × 11 bits)."""
    if count < 64:
        for i in range(1, count):
            value, j = values[i], i
            while j > 0 and values[j - 1] > value:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value
    else:
        source, target = values, spare
        for shift in (0, 11, 22):
            starts = np.zeros(2049, np.int64)
            for i in range(count):
                starts[np.int64((source[i] >> np.uint32(shift)) & np.uint32(2047)) + 1] += 1
            for i in range(2048):
                starts[i + 1] += starts[i]
            for i in range(count):
                digit = np.int64((source[i] >> np.uint32(shift)) & np.uint32(2047))
                target[starts[digit]] = source[i]
                starts[digit] += 1
            source, target = target, source
        for i in range(count):  # after three passes the result lies in ``spare``
            values[i] = source[i]  # (a loop: to compile a slice assignment takes Numba two seconds)
    unique = 0
    for i in range(count):
        if i == 0 or values[i] != values[unique - 1]:
            values[unique] = values[i]
            unique += 1
    return unique


@numba.njit(cache=True, nogil=True)
def _shingle_texts(data, text_offsets, table, expansions, words, characters, hashes, keys):
    """All texts of a batch. Fills ``hashes``, ``keys``; returns offsets, lengths (see ``tokenise``), token counts."""
    n, key_at = len(text_offsets) - 1, 0
    offsets, lengths = np.zeros(n + 1, np.int64), np.zeros(n, np.int64)
    counts = np.zeros(n, np.int64)
    longest = 0
    for i in range(n):
        longest = max(longest, text_offsets[i + 1] - text_offsets[i])
    # No character folds to more tokens than twice its bytes (㌖: 3 bytes, 6 tokens).
    tokens, kinds = np.empty(2 * longest + 2, np.uint64), np.empty(2 * longest + 2, np.uint8)
    spare = np.empty(2 * longest + 2, np.uint32)
    for i in range(n):
        at = offsets[i]
        lengths[i], count = tokenise(
            data, text_offsets[i], text_offsets[i + 1], table, expansions, keys[key_at:], tokens, kinds
        )
        made = _shingle(tokens, kinds, count, words, characters, hashes[at:])
        offsets[i + 1] = at + _sort_unique(hashes[at : at + made], spare, made)
        key_at += max(0, lengths[i])
        counts[i] = count
    return offsets, lengths, counts


def utf8_buffers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Bytes (uint8) and offsets (int64, n + 1) of an Arrow string array, without a copy of the bytes; null is empty."""
    texts = texts.cast(pa.large_string()) if texts.type != pa.large_string() else texts
    if texts.null_count:
        texts = texts.fill_null("")
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(texts) + 1, texts.offset * 8) if len(texts) else np.zeros(1, np.int64)
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return content, bounds


def shingle_texts(texts: pa.Array, words: int, characters: int) -> ShingleBatch:
    """Shingle sets and text keys of a batch of texts (Arrow string array; null counts as empty).

    ``words`` and ``characters`` are the shingle lengths in tokens, by the kind of the first token. Memory:
    about 12 bytes a byte of text in the batch, and 26 a byte of its longest text, so keep batches at some megabytes.
    """
    if words < 1 or characters < 1:
        raise ValueError(f"shingle lengths must be at least 1 token, got words={words}, characters={characters}")
    data, bounds = utf8_buffers(texts)
    size = int(bounds[-1] - bounds[0])
    hashes, keys = np.empty(2 * size + 2, np.uint32), np.empty(size + 1, np.uint8)
    offsets, lengths, counts = _shingle_texts(data, bounds, *folding_table(), words, characters, hashes, keys)
    text_keys, at = [], 0
    text, copied = data.data, keys.data
    for start, length in zip(bounds.tolist(), lengths.tolist(), strict=False):
        key = text[start : start + ~length] if length < 0 else copied[at : at + length]
        text_keys.append(xxhash.xxh3_128_digest(key))
        at += max(0, length)
    return ShingleBatch(hashes[: offsets[-1]].copy(), offsets, text_keys, counts)
