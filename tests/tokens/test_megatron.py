"""The .bin/.idx pair against Megatron's documented layout, read here byte by byte."""

import struct

import numpy as np
import pytest

from skypile.errors import Refused
from skypile.tokens.megatron import open_indexed, open_shards, write_index
from skypile.tokens.shuffled import plan_shuffle, write_shuffled


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


@pytest.fixture
def packed(tmp_path):
    """A folder for shards, beside what is made of them."""
    folder = tmp_path / "packed"
    folder.mkdir()
    return folder


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


def write(prefix, tokens, dtype):
    np.array(tokens, dtype).tofile(f"{prefix}.bin")
    write_index(f"{prefix}.idx", np.full(len(tokens) // 4, 4), np.dtype(dtype))


@pytest.mark.parametrize(("one", "two"), [(np.uint16, np.int32), (np.int32, np.int64), (np.uint16, np.int16)])
def test_shards_of_two_types_are_not_joined(tmp_path, packed, one, two):
    write(packed / "a", range(8), one)
    write(packed / "b", range(8, 16), two)
    for join in (lambda: open_shards(packed), lambda: plan_shuffle(packed, tmp_path / "out", 1, 0)):
        with pytest.raises(Refused, match=f"a holds {np.dtype(one)} tokens and b {np.dtype(two)}"):
            join()
    assert not (tmp_path / "out").exists()


def test_shards_that_another_tool_wrote_are_shuffled_in_their_type(tmp_path, packed):
    for number, name in enumerate("ab"):
        write(packed / name, range(60_000 + 8 * number, 60_008 + 8 * number), np.int32)
    [name] = plan_shuffle(packed, tmp_path / "out", 1, 0)
    write_shuffled(packed, tmp_path / "out", 0)
    shuffled = open_indexed(tmp_path / "out" / name)
    assert shuffled.tokens.dtype == np.int32
    assert sorted(np.concatenate(list(shuffled)).tolist()) == list(range(60_000, 60_016))


def test_shards_that_changed_after_the_plan_are_refused(tmp_path, packed):
    write(packed / "a", range(8), np.uint16)
    plan_shuffle(packed, tmp_path / "out", 1, 0)
    write(packed / "a", range(12), np.uint16)
    with pytest.raises(Refused, match="have changed since"):
        write_shuffled(packed, tmp_path / "out", 0)
    with pytest.raises(Refused, match="shards=0"):
        plan_shuffle(packed, tmp_path / "out", 0, 0)


def test_a_folder_above_the_shards_is_refused_with_theirs(tmp_path):
    (tmp_path / "train").mkdir()
    write(tmp_path / "train" / "a", range(8), np.uint16)
    with pytest.raises(Refused, match=r"train does, give that"):
        open_shards(tmp_path)
    (tmp_path / "train" / "a.bin").unlink()
    with pytest.raises(Refused, match=r"a\.bin is missing"):
        open_shards(tmp_path / "train")
