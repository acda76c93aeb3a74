"""Texts to sets of hashed shingles, in compiled code, straight from Arrow's UTF-8 buffers.

A text is folded (``skypile.text.folding``) into tokens: a Han (kana, Thai, …) character is a token, a word
is a token. A shingle starts at every token and spans ``characters`` tokens if it starts with a character
and ``words`` tokens if it starts with a word, so that Chinese is compared by runs of characters, English by
runs of words, and a mixed text by both, with no language decision. Shingles that would run over the end are
left out; a text too short for any shingle is one shingle as a whole; a text without a token has none.

    shingles, words=2:   "the cat sat"  -> {hash(the cat), hash(cat sat)}
    shingles, characters=3: "猫坐在垫上" -> {hash(猫坐在), hash(坐在垫), hash(在垫上)}

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

from skypile.text.folding import (
    CHARACTER,
    CLASS_SHIFT,
    EXPANDS,
    PAYLOAD,
    SEPARATOR,
    SKIP,
    TABLE_SIZE,
    WORD,
    folding_table,
)

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd
_STEP = np.uint64(0xD1342543DE82EF95)  # a multiplier with good spectral figures (Steele & Vigna 2021)


class ShingleBatch(NamedTuple):
    """Shingle sets of n texts: document i owns ``hashes[offsets[i]:offsets[i + 1]]``, sorted, without repeats."""

    hashes: np.ndarray  # uint32
    offsets: np.ndarray  # int64[n + 1]
    text_keys: list[bytes]  # 16 bytes each: hash of the folded text (of the raw text where nothing is left)
    tokens: np.ndarray  # int64[n]: tokens in the text


@numba.njit(cache=True, inline="always")
def _finish(value):
    """The 64-bit finaliser of MurmurHash3: every input bit moves every output bit."""
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@numba.njit(cache=True)
def _decode(data, at, end):
    """Code point at ``at`` and the position after it; a broken sequence gives (-1, at + 1), so never reads past end."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, at + 1
    if first >= 0xF0:
        size, code = 4, first & 0x07
    elif first >= 0xE0:
        size, code = 3, first & 0x0F
    elif first >= 0xC0:
        size, code = 2, first & 0x1F
    else:
        return np.int64(-1), at + 1
    if at + size > end:
        return np.int64(-1), at + 1
    for i in range(1, size):
        following = np.int64(data[at + i])
        if following & 0xC0 != 0x80:
            return np.int64(-1), at + 1
        code = code << 6 | following & 0x3F
    return code, at + size


@numba.njit(cache=True)
def _tokenise(data, start, end, table, expansions, folded, tokens, kinds):
    """Fold one text. Fills ``folded`` (code points), ``tokens`` (64-bit hashes), ``kinds``; returns both lengths."""
    length, count = 0, 0
    word, in_word, last = np.uint64(0), False, SEPARATOR
    single = np.empty(1, np.uint32)
    at = start
    while at < end:
        code, at = _decode(data, at, end)
        if code < 0 or code >= TABLE_SIZE:
            continue
        entry = table[code]
        if entry & np.uint32(EXPANDS):
            low = np.int64(entry & np.uint32(PAYLOAD))
            parts = expansions[low + 1 : low + 1 + np.int64(expansions[low])]
        else:
            single[0] = entry
            parts = single
        for part in parts:
            kind = np.int64(part >> np.uint32(CLASS_SHIFT))
            if kind == SKIP:
                continue
            if kind == WORD:
                if not in_word:
                    if last == WORD:
                        folded[length] = 32
                        length += 1
                    word, in_word = np.uint64(0), True
                symbol = part & np.uint32(PAYLOAD)
                word = (word ^ np.uint64(symbol)) * _MULTIPLIER
                word ^= word >> np.uint64(29)
                folded[length] = symbol
                length += 1
                last = WORD
                continue
            if in_word:
                tokens[count], kinds[count] = _finish(word), WORD
                count += 1
                in_word = False
            if kind == CHARACTER:
                symbol = part & np.uint32(PAYLOAD)
                tokens[count], kinds[count] = _finish(np.uint64(symbol) * _STEP), CHARACTER
                count += 1
                folded[length] = symbol
                length += 1
                last = CHARACTER
    if in_word:
        tokens[count], kinds[count] = _finish(word), WORD
        count += 1
    return length, count


@numba.njit(cache=True)
def _join(tokens, start, size):
    value = np.uint64(size)
    for i in range(start, start + size):
        value = (value + tokens[i]) * _STEP
        value ^= value >> np.uint64(32)
    return np.uint32(_finish(value) >> np.uint64(32))


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
def _shingle_texts(data, text_offsets, table, expansions, words, characters, hashes, folded):
    """All texts of a batch. ``hashes`` and ``folded`` are filled; returns their offsets and the token counts."""
    n = len(text_offsets) - 1
    offsets, folded_offsets = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    counts = np.zeros(n, np.int64)
    longest = 0
    for i in range(n):
        longest = max(longest, text_offsets[i + 1] - text_offsets[i])
    # No character folds to more tokens than twice its bytes (㌖: 3 bytes, 6 tokens), nor to more than six
    # code points and a blank a byte (ﷺ: 3 bytes, 18 code points).
    tokens, kinds = np.empty(2 * longest + 2, np.uint64), np.empty(2 * longest + 2, np.uint8)
    spare = np.empty(2 * longest + 2, np.uint32)
    for i in range(n):
        at, folded_at = offsets[i], folded_offsets[i]
        length, count = _tokenise(
            data, text_offsets[i], text_offsets[i + 1], table, expansions, folded[folded_at:], tokens, kinds
        )
        made = _shingle(tokens, kinds, count, words, characters, hashes[at:])
        offsets[i + 1] = at + _sort_unique(hashes[at : at + made], spare, made)
        folded_offsets[i + 1] = folded_at + length
        counts[i] = count
    return offsets, folded_offsets, counts


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
    about 40 bytes a byte of text in the batch, so keep batches at some megabytes.
    """
    if words < 1 or characters < 1:
        raise ValueError(f"shingle lengths must be at least 1 token, got words={words}, characters={characters}")
    data, bounds = utf8_buffers(texts)
    size = int(bounds[-1] - bounds[0])
    hashes, folded = np.empty(2 * size + 2, np.uint32), np.empty(7 * size + 2, np.uint32)
    offsets, folded_offsets, counts = _shingle_texts(data, bounds, *folding_table(), words, characters, hashes, folded)
    keys = []
    for i in range(len(texts)):
        low, high = folded_offsets[i], folded_offsets[i + 1]
        key = folded[low:high] if high > low else data[bounds[i] : bounds[i + 1]]
        keys.append(xxhash.xxh3_128_digest(key.tobytes()))
    return ShingleBatch(hashes[: offsets[-1]].copy(), offsets, keys, counts)
