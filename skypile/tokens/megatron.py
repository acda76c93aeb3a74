"""Megatron-LM's indexed dataset: a .bin of tokens and an .idx that says where each sequence is.

The .idx, little-endian (megatron/core/datasets/indexed_dataset.py):

    9 bytes   b"MMIDIDX" and two zero bytes
    uint64    version, 1
    uint8     dtype code of the .bin: 1 uint8, 2 int8, 3 int16, 4 int32, 5 int64, 8 uint16
    uint64    number of sequences S
    uint64    number of document bounds D
    int32[S]  tokens of each sequence
    int64[S]  byte where each sequence starts in the .bin
    int64[D]  first sequence of each document, and S

65,536 pieces fit uint16 to the last id. Megatron's own tools write int32 from 65,500 pieces on, but its
reader goes by the dtype code, as ours does: the code here is 8 whenever the tokens are uint16. A reader
that guesses the type from the vocabulary size would read garbage; do not guess.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
DTYPE_CODES: dict[np.dtype, int] = {
    np.dtype(np.uint8): 1,
    np.dtype(np.int8): 2,
    np.dtype(np.int16): 3,
    np.dtype(np.int32): 4,
    np.dtype(np.int64): 5,
    np.dtype(np.uint16): 8,
}
_HEADER = struct.Struct("<9sQBQQ")


@dataclass(frozen=True)
class IndexedDataset:
    """An opened .bin/.idx pair; `dataset[i]` is sequence i, a read-only view into the mapped file.

    Attributes:
        tokens: memory-mapped .bin.
        lengths: int32 [S], tokens of each sequence.
        pointers: int64 [S], its first byte.
        documents: int64 [D], first sequence of each document, and S.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    pointers: np.ndarray
    documents: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, number: int) -> np.ndarray:
        first = int(self.pointers[number]) // self.tokens.itemsize
        return self.tokens[first : first + int(self.lengths[number])]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))


def write_index(path: str | Path, lengths: np.ndarray, dtype: np.dtype, documents: np.ndarray | None = None) -> None:
    """Write the .idx of sequences that stand end to end in the .bin.

    Args:
        path: the .idx file; written beside itself first and renamed, so it never looks whole too early.
        lengths: tokens of each sequence.
        dtype: type of the tokens in the .bin.
        documents: first sequence of each document, and the number of sequences; None: every sequence is
            one document, as for packed sequences.
    """
    dtype = np.dtype(dtype)
    if dtype not in DTYPE_CODES:
        raise ValueError(f"Megatron has no dtype code for {dtype}; tokens must be uint16 or int32")
    lengths = np.asarray(lengths, np.int64)
    pointers = (np.cumsum(lengths) - lengths) * dtype.itemsize
    if documents is None:
        documents = np.arange(len(lengths) + 1)
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(_HEADER.pack(MAGIC, VERSION, DTYPE_CODES[dtype], len(lengths), len(documents)))
        file.write(lengths.astype("<i4").tobytes())
        file.write(pointers.astype("<i8").tobytes())
        file.write(np.asarray(documents).astype("<i8").tobytes())
    partial.rename(path)


def shard_names(folder: str | Path) -> list[str]:
    """Names of the shards in a folder, without suffix, in order; ValueError if it has none."""
    names = sorted(path.name.removesuffix(".idx") for path in Path(folder).glob("*.idx"))
    if not names:
        raise ValueError(f"{folder} holds no .idx file; pack the tokens first")
    return names


def open_indexed(prefix: str | Path) -> IndexedDataset:
    """Open `prefix`.bin and `prefix`.idx.

    Raises:
        ValueError: not a Megatron index, an unknown dtype, or a .bin that is too short for it.
    """
    index_path, bin_path = Path(f"{prefix}.idx"), Path(f"{prefix}.bin")
    data = index_path.read_bytes()
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise ValueError(f"{index_path} does not start with {MAGIC!r}: no Megatron index (mmap format)")
    _, version, code, sequences, bounds = _HEADER.unpack_from(data)
    by_code: dict[int, np.dtype] = {known: dtype for dtype, known in DTYPE_CODES.items()}
    if version != VERSION or code not in by_code:
        raise ValueError(f"{index_path}: version {version}, dtype code {code}; known: 1 and {sorted(by_code)}")
    if len(data) < _HEADER.size + 12 * sequences + 8 * bounds:
        raise ValueError(f"{index_path} is cut short: {len(data)} bytes for {sequences} sequences")
    lengths = np.frombuffer(data, "<i4", sequences, _HEADER.size)
    pointers = np.frombuffer(data, "<i8", sequences, _HEADER.size + 4 * sequences)
    documents = np.frombuffer(data, "<i8", bounds, _HEADER.size + 12 * sequences)
    dtype = by_code[code]
    needed = int((pointers + lengths.astype(np.int64) * dtype.itemsize).max(initial=0))
    if bin_path.stat().st_size < needed:
        raise ValueError(
            f"{bin_path} holds {bin_path.stat().st_size} bytes, its index needs {needed}: cut short, or written "
            f"with another type than {dtype}"
        )
    tokens = np.memmap(bin_path, dtype, "r") if needed else np.empty(0, dtype)
    return IndexedDataset(tokens, lengths, pointers, documents)
