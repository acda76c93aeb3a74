"""An n-gram model: five flat arrays, and the file that holds them.

All n-grams stand in one row, the shorter before the longer and each length sorted, so an n-gram is a number, its node.
Nodes 0 to n_1 are the unigrams; the children of node i are nodes children[i] to children[i + 1]. A model takes 12 bytes
for each of its longest n-grams and 20 for each other one, in memory and in its file, which is mapped, not read.

The file: `MAGIC`, the header's length in bytes as a little-endian uint64, the header in JSON (order, vocabulary,
discounts, nodes of each length), zeros up to a multiple of 64, then the arrays in the order of `ARRAYS`, each padded to
a multiple of 64. Little-endian throughout.
"""

import functools
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np

from skypile.errors import Refused
from skypile.proxy.ngram.trie import Level, unigrams

MAGIC: Final = b"skypile n-grams\n"
VERSION: Final = 1
MAX_NODES: Final = (1 << 32) - 1
ARRAYS: Final = ("words", "logs", "suffixes", "backoffs", "children")
_ALIGNMENT: Final = 64
# Bits of the filter for each n-gram, at least; 0.06 to 0.12 of them are set. Chinese pages take the same time within
# 5 % with 3 to 24.
_FILTER_BITS: Final = 8


@dataclass(frozen=True)
class NgramModel:
    """An n-gram model with n nodes, m of them shorter than its order.

    Attributes:
        order: words in the longest n-gram.
        vocabulary: words, `<unk>` and `</s>` among them and `<s>` not, over which probabilities sum to 1.
        starts: int64 [order + 1], the first node of each length, and n.
        discounts: float64 [order, 3], those of adjusted counts 1, 2 and 3 or more; nan if read from ARPA.
        words: uint32 [n], last word of each node (`sorting.SPECIAL` more than its id).
        logs: float32 [n], log10 of its probability after the words before it.
        suffixes: uint32 [n], the node without its first word; 0 for unigrams.
        backoffs: float32 [m], log10 of what a shorter context's probability is multiplied by.
        children: uint32 [m + 1], first child of each node.
        unigrams: uint32, the node of each word, 0 (`<unk>`) where it has none.
    """

    order: int
    vocabulary: int
    starts: np.ndarray
    discounts: np.ndarray
    words: np.ndarray
    logs: np.ndarray
    suffixes: np.ndarray
    backoffs: np.ndarray
    children: np.ndarray
    unigrams: np.ndarray

    def __len__(self) -> int:
        """Number of n-grams of all lengths."""
        return len(self.words)

    @functools.cached_property
    def filter(self) -> np.ndarray:
        """See `build_filter`; built when it is first asked for, and kept."""
        return build_filter(self.words, self.children)


def from_levels(
    levels: list[Level], logs: list[np.ndarray], backoffs: list[np.ndarray], discounts: np.ndarray, vocabulary: int
) -> NgramModel:
    """The model of levels (see `trie`) with log10 of probabilities and backoffs; `vocabulary` words in all.

    Raises:
        Refused: more than 2^32 n-grams.
    """
    starts = np.concatenate([[0], np.cumsum([len(level.words) for level in levels])])
    if starts[-1] > MAX_NODES:
        raise Refused(f"{starts[-1]} n-grams: 2^32 are too many for one model; prune, or take a lower order")
    shorter = levels[:-1]
    children = [level.children[:-1] + np.uint32(starts[k + 1]) for k, level in enumerate(shorter)]
    suffixes = [level.suffixes + np.uint32(starts[k]) for k, level in enumerate(levels[1:])]
    words = np.concatenate([level.words for level in levels])
    return NgramModel(
        len(levels),
        vocabulary,
        starts,
        discounts,
        words,
        np.concatenate(logs),
        np.concatenate([np.zeros(starts[1], np.uint32), *suffixes]),
        np.concatenate(backoffs),
        np.concatenate([*children, np.array([starts[-1]], np.uint32)]),
        unigrams(words[: starts[1]]),
    )


def save(model: NgramModel, path: str | Path) -> None:
    """Write the model's file; beside itself first, so that it never looks whole too early."""
    header = {
        "version": VERSION,
        "order": model.order,
        "vocabulary": model.vocabulary,
        "starts": model.starts.tolist(),
        "discounts": [[None if math.isnan(d) else d for d in three] for three in model.discounts.tolist()],
    }
    encoded = json.dumps(header).encode()
    partial = Path(f"{path}.partial")
    with partial.open("wb") as file:
        file.write(MAGIC + struct.pack("<Q", len(encoded)) + encoded)
        for name in ARRAYS:
            file.write(bytes(-file.tell() % _ALIGNMENT))
            array = getattr(model, name)
            array.astype(array.dtype.newbyteorder("<"), copy=False).tofile(file)
        file.write(bytes(-file.tell() % _ALIGNMENT))
    partial.rename(path)


def load(path: str | Path) -> NgramModel:
    """Map a model's file into memory.

    Raises:
        Refused: it is no such file, cut short, or damaged so that following its links would leave it.
    """
    data = np.memmap(path, np.uint8, "r") if Path(path).stat().st_size else np.empty(0, np.uint8)
    fixed = len(MAGIC) + 8
    if bytes(data[: len(MAGIC)]) != MAGIC:
        raise Refused(f"{path} is no n-gram model of skypile's: it does not start with {MAGIC!r}")
    (length,) = struct.unpack("<Q", bytes(data[len(MAGIC) : fixed]).ljust(8, b"\0"))
    try:
        header = json.loads(bytes(data[fixed : fixed + length]))
        starts, discounts = _shape(header)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"{path}: its header is damaged ({error}); make the model anew") from None
    nodes, shorter = int(starts[-1]), int(starts[-2])
    sizes = dict(zip(ARRAYS, (nodes, nodes, nodes, shorter, shorter + 1), strict=True))
    at, arrays = fixed + length, {}
    for name, size in sizes.items():
        at += -at % _ALIGNMENT
        if at + 4 * size > len(data):
            raise Refused(f"{path} is cut short: {len(data)} bytes, {name} would end at {at + 4 * size}")
        arrays[name] = np.frombuffer(data, "<f4" if name in ("logs", "backoffs") else "<u4", size, at)
        at += 4 * size
    first = arrays["words"][: starts[1]]
    if not _sound(starts, arrays["words"], arrays["suffixes"], arrays["children"]) or int(first.max()) >> 21:
        raise Refused(f"{path} is damaged: its n-grams do not hang together; make the model anew")
    return NgramModel(len(starts) - 1, int(header["vocabulary"]), starts, discounts, **arrays, unigrams=unigrams(first))


def _shape(header: Any) -> tuple[np.ndarray, np.ndarray]:
    """starts and discounts of a header."""
    if header["version"] != VERSION:
        raise ValueError(f"version {header['version']}, known is {VERSION}")
    starts = np.array(header["starts"], np.int64)
    discounts = np.array(header["discounts"], np.float64)
    order = int(header["order"])
    if not 2 <= order <= 6 or starts.shape != (order + 1,) or discounts.shape != (order, 3):
        raise ValueError(f"order {order} with {starts.shape} lengths")
    if starts[0] != 0 or (np.diff(starts) < 0).any() or starts[1] < 1 or starts[-1] > MAX_NODES:
        raise ValueError(f"lengths {starts.tolist()}")
    return starts, discounts


@numba.njit(cache=True, nogil=True)
def _sound(starts, words, suffixes, children):
    """Whether links stay within the levels they lead to, words are in order, and the first is UNKNOWN."""
    order = len(starts) - 1
    if words[0] != 0 or children[0] != starts[1] or children[-1] != starts[-1]:
        return False
    for k in range(order):
        if k < order - 1 and children[starts[k]] != starts[k + 1]:
            return False
        for node in range(starts[k], starts[k + 1]):
            if k == 0:
                if node and words[node] <= words[node - 1]:
                    return False
            elif suffixes[node] < starts[k - 1] or suffixes[node] >= starts[k]:
                return False
            if k < order - 1:
                if children[node] > children[node + 1] or children[node + 1] > starts[k + 2]:
                    return False
                for child in range(np.int64(children[node]) + 1, np.int64(children[node + 1])):
                    if words[child] <= words[child - 1]:
                        return False
    return True


@numba.njit(cache=True, nogil=True)
def build_filter(words, children):
    """A bit for each node and child, uint64 [a power of two]: where it is not set, the node has no such child.

    5 ns for each n-gram, and 1 to 2 bytes.
    """
    size = 1
    while 64 * size < _FILTER_BITS * len(words):
        size *= 2
    bits = np.zeros(size, np.uint64)
    for node in range(len(children) - 1):
        for child in range(np.int64(children[node]), np.int64(children[node + 1])):
            at, bit = _place(size, node, words[child])
            bits[at] |= bit
    return bits


@numba.njit(cache=True, nogil=True)
def may_follow(bits, node, word):
    """Whether the filter has a bit for a node and its child of this word."""
    at, bit = _place(len(bits), node, word)
    return bits[at] & bit != 0


@numba.njit(cache=True, nogil=True)
def _place(size, node, word):
    """Where a node's child of a word has its bit: an entry of `size`, and the bit in it (uint64)."""
    mixed = (np.uint64(node) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(word)) * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.int64(mixed >> np.uint64(32)) & (size - 1), np.uint64(1) << (mixed >> np.uint64(26) & np.uint64(63))
