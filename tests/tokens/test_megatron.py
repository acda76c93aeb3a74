"""The .bin/.idx pair against Megatron's documented layout, read here byte by byte."""

import struct

import numpy as np
import pytest

from skypile.tokens.megatron import open_indexed, write_index


def read_by_the_book(prefix) -> tuple[list[list[int]], list[int]]:
    """Megatron's layout, with nothing but struct: sequences and document bounds."""
    raw, data = prefix.with_suffix(".idx").read_bytes(), prefix.with_suffix(".bin").read_bytes()
    assert raw[:9] == b"MMIDIDX\x00\x00"
    version, code, count, bounds = struct.unpack("<QBQQ", raw[9:34])
    assert version == 1
    letter, size = {4: ("i", 4), 8: ("H", 2)}[code]
    lengths = struct.unpack(f"<{count}i", raw[34 : 34 + 4 * count])
    pointers = struct.unpack(f"<{count}q", raw[34 + 4 * count : 34 + 12 * count])
    documents = struct.unpack(f"<{bounds}q", raw[34 + 12 * count : 34 + 12 * count + 8 * bounds])
    assert len(raw) == 34 + 12 * count + 8 * bounds
    sequences = [
        list(struct.unpack(f"<{length}{letter}", data[at : at + size * length]))
        for length, at in zip(lengths, pointers, strict=True)
    ]
    return sequences, list(documents)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_layout_and_reader(tmp_path, dtype):
    sequences = [[1, 2, 65535], [], [4], [5, 6]]
    tokens = np.array([t for s in sequences for t in s], dtype)
    (tmp_path / "a.bin").write_bytes(tokens.tobytes())
    write_index(tmp_path / "a.idx", np.array([3, 0, 1, 2]), np.dtype(dtype), np.array([0, 2, 4]))
    assert read_by_the_book(tmp_path / "a") == (sequences, [0, 2, 4])
    dataset = open_indexed(tmp_path / "a")
    assert [s.tolist() for s in dataset] == sequences
    assert dataset.documents.tolist() == [0, 2, 4]
    assert dataset[0].dtype == dtype and len(dataset) == 4
    assert not list(tmp_path.glob("*.partial"))


def test_every_sequence_is_a_document_by_default(tmp_path):
    (tmp_path / "a.bin").write_bytes(np.arange(6, dtype=np.uint16).tobytes())
    write_index(tmp_path / "a.idx", np.array([3, 3]), np.dtype(np.uint16))
    assert read_by_the_book(tmp_path / "a") == ([[0, 1, 2], [3, 4, 5]], [0, 1, 2])


def test_an_empty_dataset_opens(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"")
    write_index(tmp_path / "a.idx", np.array([], np.int64), np.dtype(np.uint16))
    assert len(open_indexed(tmp_path / "a")) == 0


def test_damage_is_told(tmp_path):
    (tmp_path / "a.bin").write_bytes(np.arange(6, dtype=np.uint16).tobytes())
    write_index(tmp_path / "a.idx", np.array([3, 3]), np.dtype(np.uint16))
    good = (tmp_path / "a.idx").read_bytes()
    (tmp_path / "a.bin").write_bytes(b"1234")
    with pytest.raises(ValueError, match="holds 4 bytes, its index needs 12"):
        open_indexed(tmp_path / "a")
    (tmp_path / "a.idx").write_bytes(good[:40])
    with pytest.raises(ValueError, match="cut short"):
        open_indexed(tmp_path / "a")
    (tmp_path / "a.idx").write_bytes(good[:17] + b"\x09" + good[18:])
    with pytest.raises(ValueError, match="dtype code 9"):
        open_indexed(tmp_path / "a")
    (tmp_path / "a.idx").write_bytes(b"TNTIDX" + good)
    with pytest.raises(ValueError, match="no Megatron index"):
        open_indexed(tmp_path / "a")
    with pytest.raises(ValueError, match="no dtype code for float32"):
        write_index(tmp_path / "b.idx", np.array([1]), np.dtype(np.float32))
