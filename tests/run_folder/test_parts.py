"""Sizes and checksums of parts, and `verify`, which reads them all."""

import io
import json

import pyarrow as pa
import pytest

from skypile.run_folder.identity import content_digest
from skypile.run_folder.parquet_part import part
from skypile.run_folder.parts import HashedFile, problems, remove_surplus, summed
from skypile.run_folder.verify import verify

SCHEMA = pa.schema([("text", pa.string())])


def write_part(folder, number=0, rows=1000):
    parts = {}
    with part(str(folder), number, SCHEMA, parts) as add:
        add(pa.record_batch([pa.array([f"text {n}" for n in range(rows)])], schema=SCHEMA))
    return parts


def test_what_is_written_is_hashed_on_the_way(tmp_path):
    parts = write_part(tmp_path / "documents")
    ((path, (size, digest)),) = parts.items()
    assert path == str(tmp_path / "documents" / "part-00000.zstd.parquet")
    assert (size, digest) == ((tmp_path / "documents" / "part-00000.zstd.parquet").stat().st_size, content_digest(path))
    raw = io.BytesIO()
    hashed = HashedFile(raw)
    assert [hashed.write(b"abc"), hashed.write(memoryview(b"de"))] == [3, 2]
    assert raw.getvalue() == b"abcde" and hashed.entry[0] == 5


def test_a_part_has_its_name_when_it_is_whole(tmp_path):
    with pytest.raises(RuntimeError), part(str(tmp_path), 3, SCHEMA, {}) as add:
        add(pa.record_batch([pa.array(["a"])], schema=SCHEMA))
        assert [path.name for path in tmp_path.iterdir()] == ["_part-00003.zstd.parquet"]
        raise RuntimeError
    assert not list(tmp_path.glob("part-*"))


def test_everything_that_can_be_wrong_is_named(tmp_path):
    for number in range(4):
        write_part(tmp_path / "documents", number)
    parts = summed(str(tmp_path), ("documents",))
    assert problems(str(tmp_path), parts, ("documents",), contents=True) == []
    files = [tmp_path / name for name in sorted(parts)]
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes() + b"x")
    data = bytearray(files[2].read_bytes())
    data[len(data) // 2] ^= 4
    files[2].write_bytes(data)
    (tmp_path / "documents" / "part-00009.parquet").write_bytes(b"")
    (tmp_path / "documents" / "_SUCCESS").write_bytes(b"")
    found = problems(str(tmp_path), parts, ("documents",), contents=True)
    size = parts["documents/part-00001.zstd.parquet"][0]
    wanted = ["is missing", f"has {size + 1} bytes, {size} were written", "was not written by skypile", "(checksum)"]
    assert all(line.endswith(words) for line, words in zip(found, wanted, strict=True)), found
    assert len(problems(str(tmp_path), parts, ("documents",), contents=False, surplus=False)) == 2


def test_what_a_killed_writer_left_is_removed(tmp_path):
    write_part(tmp_path / "documents")
    parts = summed(str(tmp_path), ("documents",))
    write_part(tmp_path / "documents", 1)
    (tmp_path / "documents" / ".spark-staging-0123" / "kept=true").mkdir(parents=True)
    (tmp_path / "documents" / "_temporary" / "0").mkdir(parents=True)
    remove_surplus(str(tmp_path), parts, ("documents",))
    assert [path.name for path in (tmp_path / "documents").iterdir()] == ["part-00000.zstd.parquet"]


def test_verify_reads_a_result_of_any_kind(tmp_path):
    write_part(tmp_path / "out" / "documents")
    write_part(tmp_path / "out" / "verdicts")
    parts = summed(str(tmp_path / "out"), ("documents", "verdicts"))
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({"parts": parts}))
    found = verify(str(tmp_path / "out"))
    assert (found.parts, found.wrong) == (2, []) and found.size == sum(size for size, _ in parts.values())
    (tmp_path / "out" / "verdicts" / "part-00000.zstd.parquet").unlink()
    assert verify(str(tmp_path / "out")).wrong == ["verdicts/part-00000.zstd.parquet is missing"]
    with pytest.raises(FileNotFoundError, match="nothing to verify"):
        verify(str(tmp_path))


def test_verify_reads_the_token_shards_of_a_run_too(tmp_path):
    for name in ("05_shards", "06_tokens"):
        write_part(tmp_path / name / "documents")
        parts = summed(str(tmp_path / name), ("documents",))
        (tmp_path / name / "manifest.json").write_text(json.dumps({"parts": parts}))
    assert verify(str(tmp_path))[::2] == (2, [])
    (tmp_path / "06_tokens" / "documents" / "part-00000.zstd.parquet").unlink()
    assert verify(str(tmp_path)).wrong == ["06_tokens/documents/part-00000.zstd.parquet is missing"]
