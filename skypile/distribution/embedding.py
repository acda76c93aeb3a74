"""Text to fixed-length int8 vectors, without a download.

The built-in embedder is static: a table of English and Chinese words distilled from the multilingual
Universal Sentence Encoder, one vector a word, weighted by rarity (SIF: Arora et al., "A Simple but
Tough-to-Beat Baseline for Sentence Embeddings", ICLR 2017) and summed. Words of both languages live in one
space, so a page and its translation land close together. `static_embedding.md` is its model card: sources,
licences, figures; `python -m skypile.distribution.embedding_build` makes the table.

Trade-off: word order is lost, and text in a third script has no words in the table (a zero vector). In
exchange one core embeds thousands of 2,000-character documents a second, and every step is integer
arithmetic, so that the same text gives the same bytes on every machine, in any batch, at any thread count.

Vectors are int8 in [-127, 127], scaled so that the largest component is 127: the dot product of two of them
is an integer below 2^24 (up to 1,040 dimensions) and so exact in float32, in whatever order a matrix product
sums it.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol
from unicodedata import ucd_3_2_0

import numpy as np
from numba import njit
from numpy.typing import NDArray

from skypile.distribution.quantized import Embedded

TABLE = Path(__file__).with_name("static_embedding.npz")

# Longest Chinese word looked up, in characters.
MAX_HAN = 4

# 32-bit sums are four times as fast as 64-bit ones; so many terms of MAX_WEIGHT * 8 cannot overflow them.
MAX_WEIGHT = 4095
WORDS_IN_32_BITS = (2**31 - 1) // (MAX_WEIGHT * 8)

# What `fold` makes of a letter that is neither Latin nor Han: it separates words, and counts as unknown.
OTHER = 1

FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)


class Embedder(Protocol):
    """What the distribution filter needs of a model."""

    dim: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """int8 vectors, shape (len(texts), dim); a text with nothing to embed gives a zero row."""
        ...

    def embed(self, texts: Sequence[str]) -> Embedded:
        """The same with their coverage."""
        ...


@cache
def load(path: str | None = None) -> Embedder:
    """The built-in static embedder, or the sentence-transformers model in the folder `path`; once per process.

    Raises FileNotFoundError if `path` is no folder (models are never downloaded) and ImportError, naming the
    extra to install, if sentence-transformers is missing.
    """
    if path is None:
        return load_table(TABLE)
    from skypile.distribution.embedding_model import SentenceTransformerEmbedder  # only here: it embeds like this one

    return SentenceTransformerEmbedder(path)


class StaticEmbedder:
    """Weighted sum of word vectors.

    `words` as `fold` folds text, `vectors` int8 (words, dim) within 8 of 0, `weights` uint16 (words,) up to
    MAX_WEIGHT, `fold` uint16 (65536,): code point to the code point looked up, 0 for what separates words, OTHER for
    letters of other scripts.
    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: NDArray[np.int8],
        weights: NDArray[np.uint16],
        fold: NDArray[np.uint16],
    ) -> None:
        if not len(words) == len(vectors) == len(weights):
            raise ValueError(f"{len(words)} words, {len(vectors)} vectors, {len(weights)} weights: one of each a word")
        if len(words) and (weights.max() > MAX_WEIGHT or np.abs(vectors).max() > 8):
            raise ValueError(f"weights go up to {MAX_WEIGHT} and vector components to 8, else sums overflow")
        self.words, self.vectors, self.weights, self.fold = words, vectors, weights, fold
        self.dim = vectors.shape[1]
        self.keys, self.rows = _hash_table(*utf8(words), fold)

    def encode(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """See `Embedder.encode`."""
        return self.embed(texts)[0]

    def embed(self, texts: Sequence[str]) -> Embedded:
        """See `Embedder.embed`. Coverage: share of the letters, of any script, that stand in words of the table."""
        data, offsets = utf8(texts)
        return Embedded(*_embed(data, offsets, self.fold, self.keys, self.rows, self.vectors, self.weights))

    def tokenize(self, text: str) -> list[str]:
        """The words that are looked up and found, in order.

        >>> load().tokenize("Trains to Beijing: 北京的火车")
        ['trains', 'to', 'beijing', '北京', '的', '火车']
        """
        data, offsets = utf8([text])
        buffer = np.empty(len(data), np.int32)
        rows = _word_rows(data, 0, offsets[1], self.fold, self.keys, self.rows, buffer)[0]
        return [self.words[row] for row in rows]


def load_table(path: str | Path) -> StaticEmbedder:
    """The table that `skypile.distribution.embedding_build` wrote to `path`."""
    with np.load(path, allow_pickle=False) as table:
        words = table["words"].tobytes().decode("utf-8").split("\n")
        packed = table["nibbles"]
        weights = table["weights"]
        fold = np.zeros(1 << 16, np.uint16)
        fold[table["fold_from"]] = table["fold_to"]
    fold[_letters() & (fold == 0)] = OTHER
    vectors = np.empty((packed.shape[0], packed.shape[1] * 2), np.int8)
    vectors[:, 0::2] = (packed & 15).astype(np.int8) - 8
    vectors[:, 1::2] = (packed >> 4).astype(np.int8) - 8
    return StaticEmbedder(words, vectors, weights, fold)


def _letters() -> NDArray[np.bool_]:
    """Which code points of the basic plane are letters, by Unicode 3.2: the same in every Python."""
    found = np.zeros(1 << 16, bool)
    found[0x80:] = [ucd_3_2_0.category(chr(point))[0] == "L" for point in range(0x80, 1 << 16)]
    return found


def utf8(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All texts as one run of UTF-8 bytes, and where each starts; shapes (bytes,) and (len(texts) + 1,)."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


@njit(cache=True, nogil=True)
def decode(data, i, end):  # type: ignore[no-untyped-def]
    """Code point of the well-formed UTF-8 sequence at `i`, and where the next one starts."""
    lead = np.int64(data[i])
    if lead < 0x80:
        return lead, i + 1
    if lead < 0xE0 and i + 1 < end:
        return (lead & 0x1F) << 6 | np.int64(data[i + 1] & 0x3F), i + 2
    if lead < 0xF0 and i + 2 < end:
        return (lead & 0x0F) << 12 | np.int64(data[i + 1] & 0x3F) << 6 | np.int64(data[i + 2] & 0x3F), i + 3
    return np.int64(0), i + 4  # beyond the basic plane: separates words


@njit(cache=True, nogil=True)
def find_row(keys, rows, key):  # type: ignore[no-untyped-def]
    """Row of the word with hash `key`, -1 if there is none. Linear probing, load factor at most 1/2."""
    mask = np.uint64(len(keys) - 1)
    slot = key & mask
    while rows[slot] >= 0:
        if keys[slot] == key:
            return rows[slot]
        slot = (slot + np.uint64(1)) & mask
    return np.int32(-1)


@njit(cache=True, nogil=True)
def _hash_table(data, offsets, fold):  # type: ignore[no-untyped-def]
    """Open-addressed table from the 64-bit FNV-1a hash of a word's folded code points to its row."""
    words = len(offsets) - 1
    size = 16
    while size < 2 * words:
        size *= 2
    keys = np.zeros(size, np.uint64)
    rows = np.full(size, -1, np.int32)
    mask = np.uint64(size - 1)
    for row in range(words):
        key = FNV_OFFSET
        i = offsets[row]
        while i < offsets[row + 1]:
            point, i = decode(data, i, offsets[row + 1])
            key = (key ^ np.uint64(fold[point])) * FNV_PRIME
        slot = key & mask
        while rows[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = key
        rows[slot] = row
    return keys, rows


@njit(cache=True, nogil=True)
def _word_rows(data, start, end, fold, keys, rows, out):  # type: ignore[no-untyped-def]
    """Rows of the words of data[start:end], written to `out` (at least end - start long): the filled part, and how many
    letters there are, and how many of them in these words.

    Latin: a run of letters is a word. Han: the longest word of the table that starts here.
    """
    found = letters = known = 0
    i = start
    while i < end:
        point, i = decode(data, i, end)
        letter = fold[point]
        if letter == 0:
            continue
        letters += 1
        if letter == OTHER:
            continue
        length = 1
        key = (FNV_OFFSET ^ np.uint64(letter)) * FNV_PRIME
        j = i
        if letter < 0x80:  # Latin
            while j < end:
                point, j = decode(data, j, end)
                letter = fold[point]
                if letter <= OTHER or letter >= 0x80:
                    break
                key = (key ^ np.uint64(letter)) * FNV_PRIME
                i = j
                length += 1
            letters += length - 1
            row = find_row(keys, rows, key)
        else:
            row = find_row(keys, rows, key)
            for size in range(2, MAX_HAN + 1):
                if j >= end:
                    break
                point, j = decode(data, j, end)
                letter = fold[point]
                if letter < 0x80:
                    break
                key = (key ^ np.uint64(letter)) * FNV_PRIME
                longer = find_row(keys, rows, key)
                if longer >= 0:
                    row = longer
                    i = j
                    length = size
            letters += length - 1
        if row >= 0:
            out[found] = row
            found += 1
            known += length
    return out[:found], letters, known


@njit(cache=True, nogil=True)
def _embed(data, offsets, fold, keys, rows, vectors, weights):  # type: ignore[no-untyped-def]
    """int8 (texts, dim): weighted sums of word vectors, largest component scaled to 127, all in integers; and float32
    (texts,): the share of the letters that stand in these words, 0 without letters."""
    texts = len(offsets) - 1
    dim = vectors.shape[1]
    result = np.zeros((texts, dim), np.int8)
    coverage = np.zeros(texts, np.float32)
    longest = 0
    for t in range(texts):
        longest = max(longest, offsets[t + 1] - offsets[t])
    buffer = np.empty(longest, np.int32)
    total = np.empty(dim, np.int64)
    part = np.empty(dim, np.int32)
    for t in range(texts):
        total[:] = 0
        found, letters, known = _word_rows(data, offsets[t], offsets[t + 1], fold, keys, rows, buffer)
        coverage[t] = known / max(letters, 1)
        for start in range(0, len(found), WORDS_IN_32_BITS):
            part[:] = 0
            for row in found[start : start + WORDS_IN_32_BITS]:
                weight = np.int32(weights[row])
                for d in range(dim):
                    part[d] += weight * np.int32(vectors[row, d])
            for d in range(dim):
                total[d] += part[d]
        peak = np.int64(0)
        for d in range(dim):
            peak = max(peak, abs(total[d]))
        if peak > 0:
            for d in range(dim):
                rounded = (254 * abs(total[d]) + peak) // (2 * peak)
                result[t, d] = rounded if total[d] > 0 else -rounded
    return result, coverage
