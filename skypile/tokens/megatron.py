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
from typing import NamedTuple

import numpy as np

from skypile.errors import Refused
from skypile.runtime import files

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
_DTYPES = {code: dtype for dtype, code in DTYPE_CODES.items()}
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
        raise Refused(f"Megatron has no dtype code for {dtype}; tokens must be uint16 or int32")
    lengths = np.asarray(lengths, np.int64)
    pointers = (np.cumsum(lengths) - lengths) * dtype.itemsize
    if documents is None:
        documents = np.arange(len(lengths) + 1)
    partial = f"{path}.partial"
    with files.open_uri(partial, "wb") as file:
        file.write(_HEADER.pack(MAGIC, VERSION, DTYPE_CODES[dtype], len(lengths), len(documents)))
        file.write(lengths.astype("<i4").tobytes())
        file.write(pointers.astype("<i8").tobytes())
        file.write(np.asarray(documents).astype("<i8").tobytes())
    fs, whole = files.filesystem(str(path))
    fs.mv(f"{whole}.partial", whole)


def uniform_sequences(prefix: str | Path) -> tuple[int, int]:
    """How many sequences a shard holds, and their length; of the index, the lengths are read and no more.

    Raises:
        Refused: no Megatron index, no .bin beside it or one of another size, or sequences of several lengths.
    """
    path, tokens = Path(f"{prefix}.idx"), Path(f"{prefix}.bin")
    with path.open("rb") as file:
        code, sequences = _header(path, file.read(_HEADER.size))
        if not sequences:
            raise Refused(f"{path} holds no sequence: leave it out")
        if (size := path.stat().st_size) < _HEADER.size + 12 * sequences:
            raise Refused(f"{path} is cut short: {size} bytes for {sequences} sequences")
        lengths = np.frombuffer(file.read(4 * sequences), "<i4")
    if not tokens.exists():
        raise Refused(f"{tokens} is missing beside its index {path}: copy both files of a shard")
    length = int(lengths[0])
    if len(others := np.flatnonzero(lengths != length)):
        raise Refused(
            f"{prefix}: sequence {others[0]} has {lengths[others[0]]} tokens, sequence 0 has {length}; pack documents "
            "into sequences of one length (`skypile tokens pack`)"
        )
    size = tokens.stat().st_size
    if length < 1 or size != sequences * length * _DTYPES[code].itemsize:
        raise Refused(f"{prefix}: {size} bytes are not {sequences} sequences of {length} tokens: copy the shard anew")
    return sequences, length


def open_shards(folder: str | Path) -> dict[str, IndexedDataset]:
    """The shards of a folder that are to be joined, by name (without suffix), in order of name.

    Raises:
        Refused: there are none, one is damaged, or their tokens differ in type: those of two types come from two
            tools or vocabularies, and bytes of one read as the other are other tokens.
    """
    if not Path(folder).is_dir():
        raise Refused(f"{folder} is no folder of token shards; pack the tokens first")
    names = sorted(path.name.removesuffix(".idx") for path in Path(folder).glob("*.idx"))
    if not names:
        below = sorted({path.parent for path in Path(folder).rglob("*.idx")})
        hint = f"; {', '.join(map(str, below[:3]))} does, give that" if below else "; pack the tokens first"
        raise Refused(f"{folder} holds no .idx file{hint}")
    shards = {name: open_indexed(Path(folder) / name) for name in names}
    first = names[0]
    for name, shard in shards.items():
        if shard.tokens.dtype != shards[first].tokens.dtype:
            raise Refused(
                f"{folder}: {first} holds {shards[first].tokens.dtype} tokens and {name} {shard.tokens.dtype}; shards "
                "are joined only if all are of one type: pack them anew with one vocabulary and one tool"
            )
    return shards


def open_indexed(prefix: str | Path) -> IndexedDataset:
    """Open `prefix`.bin and `prefix`.idx.

    Raises:
        Refused: not a Megatron index, an unknown dtype, or a .bin that is missing or too short for it.
    """
    index_path, bin_path = Path(f"{prefix}.idx"), Path(f"{prefix}.bin")
    index = read_index(index_path, index_path.read_bytes())
    if not bin_path.exists():
        raise Refused(f"{bin_path} is missing beside its index {index_path}: copy both files of a shard")
    index.check_size(bin_path, bin_path.stat().st_size)
    tokens = np.memmap(bin_path, index.dtype, "r") if index.needed else np.empty(0, index.dtype)
    return IndexedDataset(tokens, index.lengths, index.pointers, index.documents)


class Index(NamedTuple):
    """What an .idx says: the tokens' type, and the arrays of `IndexedDataset`."""

    dtype: np.dtype
    lengths: np.ndarray
    pointers: np.ndarray
    documents: np.ndarray

    @property
    def needed(self) -> int:
        """Bytes that the .bin must have."""
        return int((self.pointers + self.lengths.astype(np.int64) * self.dtype.itemsize).max(initial=0))

    def check_size(self, tokens: str | Path, size: int) -> None:
        """Refused if the .bin called `tokens`, of so many bytes, is too short."""
        if size < self.needed:
            raise Refused(
                f"{tokens} holds {size} bytes, its index needs {self.needed}: cut short, or written "
                f"with another type than {self.dtype}"
            )


def read_index(path: str | Path, data: bytes) -> Index:
    """The .idx called `path`, of these bytes. Raises Refused: no Megatron index, an unknown dtype, or cut short."""
    code, sequences = _header(path, data)
    bounds = _HEADER.unpack_from(data)[-1]
    if len(data) < _HEADER.size + 12 * sequences + 8 * bounds:
        raise Refused(f"{path} is cut short: {len(data)} bytes for {sequences} sequences")
    lengths = np.frombuffer(data, "<i4", sequences, _HEADER.size)
    pointers = np.frombuffer(data, "<i8", sequences, _HEADER.size + 4 * sequences)
    documents = np.frombuffer(data, "<i8", bounds, _HEADER.size + 12 * sequences)
    return Index(_DTYPES[code], lengths, pointers, documents)


def _header(path: str | Path, data: bytes) -> tuple[int, int]:
    """The dtype code and the number of sequences that an index begins with."""
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise Refused(f"{path} does not start with {MAGIC!r}: no Megatron index (mmap format)")
    _, version, code, sequences, _ = _HEADER.unpack_from(data)
    if version != VERSION or code not in _DTYPES:
        raise Refused(f"{path}: version {version}, dtype code {code}; known: 1 and {sorted(_DTYPES)}")
    return code, sequences
