"""Plans: names that survive a move, order, splits, and errors that say what is wrong."""

import gzip
import os
import pickle
import time
import tracemalloc
from pathlib import Path

import fsspec
import pytest

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import InputError, format_of, plan
from skypile.crawl.read import read_split
from tests.crawl.archives import outcomes, read, response

CONFIG = ExtractionConfig(split_mb=1)


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    root = tmp_path / "crawl"
    for name, data in {
        "b/one.warc.gz": gzip.compress(response("http://a.example/1")),
        "a/two.jsonl": b'{"text": "two"}\n',
        "a/页 面.html": b"<p>three",
        "a/empty.html": b"",
        "z.htm": b"<p>four",
        "_SUCCESS": b"",
        ".hidden/x.html": b"<p>",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def test_names_are_relative_to_the_root_and_survive_a_move(crawl: Path, tmp_path: Path) -> None:
    rows = read(crawl)
    assert sorted(r["source"] for r in rows) == [
        "a/empty.html", "a/two.jsonl", "a/页 面.html", "b/one.warc.gz", "z.htm",
    ]  # fmt: skip
    moved = tmp_path / "elsewhere" / "deep"
    moved.parent.mkdir()
    crawl.rename(moved)
    assert read(moved) == rows
    assert read(os.path.relpath(moved)) == rows
    assert read([str(moved / "a"), str(moved / "b"), str(moved / "z.htm")]) == rows
    assert read(str(moved) + "/*") == rows
    assert read(str(moved / "[ab]" / "*")) == [r for r in rows if r["source"] != "z.htm"]
    assert [r["source"] for r in read(moved / "b" / "one.warc.gz")] == ["one.warc.gz"]
    assert read(f"file://{moved}") == rows


def test_remote_files_read_as_local_ones(crawl: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(crawl), "/bucket/crawl", recursive=True)
    try:
        rows = read(crawl)
        assert read("memory:///bucket/crawl") == rows
        assert read("memory:///bucket/crawl/*") == rows
        assert [r["source"] for r in read("memory:///bucket/crawl/z.htm")] == ["z.htm"]
        memory.pipe("/other/z.html", b"<p>")
        both = read(["memory:///bucket", "memory:///other"])
        assert [r["source"] for r in both if r["source"].endswith(".html")][-1] == "other/z.html"
        assert {r["verdict"] for r in both} == {"kept", "dropped"} and len(both) == len(rows) + 1
        with pytest.raises(InputError, match="several file systems"):
            plan(["memory:///bucket/crawl", str(crawl)], CONFIG)
        with pytest.raises(InputError, match="does not exist"):
            plan(["memory:///bucket/nothing"], CONFIG)
    finally:
        memory.rm("/bucket", recursive=True)
        memory.rm("/other", recursive=True)


def test_the_plan_is_sorted_and_repeatable(crawl: Path) -> None:
    splits = plan([str(crawl)], CONFIG)
    assert (
        splits == plan([str(crawl)], CONFIG) == plan([str(crawl / "b"), str(crawl / "a"), str(crawl / "z.htm")], CONFIG)
    )
    others = [s.source for s in splits if s.format != "html"]
    assert others == sorted(others)
    assert pickle.loads(pickle.dumps(splits)) == splits


@pytest.mark.parametrize("path", ["missing.warc.gz", "nothing/*.warc", "bare", "."])
def test_a_path_that_matches_nothing_is_an_error(tmp_path: Path, monkeypatch, path: str) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "_SUCCESS").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="matches no file"):
        plan([path], CONFIG)
    with pytest.raises(InputError, match="no input path"):
        plan([], CONFIG)


def test_a_file_named_twice_is_an_error(crawl: Path) -> None:
    with pytest.raises(InputError, match=r"z\.htm is named twice"):
        plan([str(crawl), str(crawl / "z.htm")], CONFIG)


def test_large_files_are_cut_where_the_format_allows(tmp_path: Path) -> None:
    for name in ("a.warc.gz", "a.warc", "a.warc.zst", "a.jsonl", "a.ndjson.gz", "a.parquet", "a.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate((5 << 19) + 1)
    pieces: dict[str, list] = {}
    for split in plan([str(tmp_path)], CONFIG):
        pieces.setdefault(split.source, []).append((split.start, split.end))
    cut = [(0, 1 << 20), (1 << 20, 2 << 20), (2 << 20, (5 << 19) + 1)]
    whole = [(0, (5 << 19) + 1)]
    assert pieces == {
        "a.warc.gz": cut, "a.warc.zst": cut, "a.jsonl": cut, "a.parquet": cut, "a.warc": whole,
        "a.ndjson.gz": whole, "a.bin": whole,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("page", b"<!doctype html><p>x", ("kept", None)),
        ("lines.txt", b'{"text": "x"}', ("kept", None)),
        ("archive.bin", gzip.compress(response()), ("kept", None)),
        ("plain.bin", response(), ("kept", None)),
        ("really-plain.warc.gz", response(), ("kept", None)),
        ("really-gzip.warc", gzip.compress(response()), ("kept", None)),
        ("lines.jsonl", gzip.compress(b'{"text": "x"}'), ("kept", None)),
        ("old.arc", b"filedesc://x 0.0.0.0 2010 text/plain 0\n", ("failed", "unreadable_file")),
        ("image.png", b"\x89PNG\r\n\x1a\n", ("failed", "unreadable_file")),
        ("empty.warc.gz", b"", ("failed", "unreadable_file")),
        ("empty", b"", ("failed", "unreadable_file")),
        ("garbage.warc.gz", b"\x1f\x8b\x08garbage", ("failed", "bad_compression")),
        ("garbage.warc", b"garbage", ("failed", "bad_warc_header")),
        ("garbage.parquet", b"garbage", ("failed", "unreadable_file")),
        ("short.gz", b"\x1f\x8b\x08\0", ("failed", "unreadable_file")),
    ],
)
def test_first_bytes_win_over_the_name(tmp_path: Path, name: str, data: bytes, expected: tuple) -> None:
    (tmp_path / name).write_bytes(data)
    assert outcomes(read(tmp_path)) == [expected]


def test_a_file_that_vanishes_is_a_row(crawl: Path) -> None:
    splits = plan([str(crawl)], CONFIG)
    for name in ("z.htm", "b/one.warc.gz", "a/two.jsonl"):
        (crawl / name).unlink()
    rows = [row._asdict() for s in splits for row in read_split(s, CONFIG)]
    assert sorted(r["source"] for r in rows if r["reason"] == "unreadable_file") == [
        "a/two.jsonl",
        "b/one.warc.gz",
        "z.htm",
    ]


def test_an_oversized_html_file_fails_unread(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"<p>" + bytes(5000))
    (row,) = read(tmp_path, max_record_bytes=2000)
    assert (row["reason"], row["score"], row["threshold"]) == ("too_large", 5003, 2000)


def test_many_html_files_plan_in_linear_time_and_little_memory(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for i in range(5_000):
        (folder / f"page-{i:04}.html").touch()
    tracemalloc.start()
    start = time.process_time()
    splits = plan([str(folder)], CONFIG)
    seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(splits) == 10 and sum(s.source.count("\0") + 1 for s in splits) == 5_000
    assert seconds < 2 and kept < 1 << 20 and peak < 5 << 20, (seconds, kept, peak)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.WARC.GZ", "warc"), ("a.warc.wet.gz", "warc"), ("a.warc.wat.gz", "warc"), ("a.warc.lz4", "warc"),
        ("a.arc", "warc"), ("a.jsonl.zst", "jsonl"), ("a.ndjson", "jsonl"), ("a.json.gz", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.htm", "html"), ("a.xhtml", "html"), ("a.html.gz", "unknown"), ("a", "unknown"),
    ],
)  # fmt: skip
def test_formats_by_name(name: str, format: str) -> None:
    assert format_of(name) == format
