"""Plans: names that survive a move, order, splits, and errors that say what is wrong."""

import gzip
import json
import os
import pickle
import time
import tracemalloc
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import InputError, format_of, plan
from skypile.crawl.read import read_split
from skypile.schema import RECORD_COLUMNS, arrow_schema
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
    assert read(str(moved) + "/*") == rows
    assert read(str(moved / "[ab]" / "*")) == [r for r in rows if r["source"] != "z.htm"]
    assert [r["source"] for r in read(moved / "b" / "one.warc.gz")] == ["one.warc.gz"]
    assert read(f"file://{moved}") == rows


def named(*paths: Path) -> dict[str, str]:
    """What each file, by its text, is called and known by when these inputs are given, in any order."""
    found = [
        {r["text"]: (r["source"], r["record_id"]) for r in read(map(str, order))} for order in (paths, paths[::-1])
    ]
    assert found[0] == found[1]
    assert len({source for source, _ in found[0].values()}) == len(found[0])
    return found[0]


def lay(root: Path, *names: str) -> Path:
    """A folder of JSONL files, each with a text of its own."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps({"text": f"{root}/{name}"}))
    return root


def test_several_inputs_are_each_named_from_where_the_user_points(tmp_path: Path) -> None:
    """However far apart they lie, whatever their folders are called, wherever they are moved."""
    books = lay(tmp_path / "home" / "me" / "books", "a.jsonl", "deep/b.jsonl")
    web = lay(tmp_path / "mnt" / "web", "c.jsonl", "d.jsonl", "e1.jsonl")
    inputs = ("books", "web/c.jsonl", "web/e*")
    first = named(books, web / "c.jsonl", web / "e*")
    assert sorted(source for source, _ in first.values()) == ["a.jsonl", "c.jsonl", "deep/b.jsonl", "e1.jsonl"]
    books, web = books.rename(tmp_path / "elsewhere"), web.rename(tmp_path / "home" / "w")
    assert named(books, web / "c.jsonl", web / "e*") == first, inputs
    (together := tmp_path / "x" / "y").mkdir(parents=True)
    books, web = books.rename(together / "1"), web.rename(together / "2")
    assert named(books, web / "c.jsonl", web / "e*") == first


def test_inputs_with_files_of_one_name_take_their_own_name_in_front(tmp_path: Path) -> None:
    """All files of both, and nobody else's; as many folders as tell them apart."""
    places = ("en/2024/part", "en/2025/part", "zh/part-2", "zh/part-3")
    files = (("0.jsonl", "1.jsonl"), ("0.jsonl",), ("0.jsonl", "7.jsonl"), ("8.jsonl",))
    for place, names in zip(places, files, strict=True):
        lay(tmp_path / "one" / place, *names)
    first = named(*(tmp_path / "one" / place for place in places))
    assert sorted(source for source, _ in first.values()) == [
        "2024/part/0.jsonl", "2024/part/1.jsonl", "2025/part/0.jsonl", "8.jsonl", "part-2/0.jsonl", "part-2/7.jsonl",
    ]  # fmt: skip
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "one").rename(tmp_path / "far" / "away" / "two")
    (tmp_path / "far" / "away" / "two" / "en").rename(tmp_path / "english")
    moved = (tmp_path / "english" / "2024" / "part", tmp_path / "english" / "2025" / "part")
    assert named(*moved, *(tmp_path / "far" / "away" / "two" / place for place in places[2:])) == first


def test_the_name_in_front_may_itself_be_taken(tmp_path: Path) -> None:
    """`b` and `c` both hold a, so they take their names; then b/a stands below `d` too, which takes its own."""
    roots = [lay(tmp_path / "b", "a.jsonl"), lay(tmp_path / "c", "a.jsonl"), lay(tmp_path / "d", "b/a.jsonl")]
    sources = sorted(source for source, _ in named(*roots).values())
    assert sources == ["b/a.jsonl", "c/a.jsonl", "d/b/a.jsonl"]


def test_pages_of_several_folders_are_found_under_their_names(tmp_path: Path) -> None:
    for place in ("a/x", "b/x", "c"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "page.html").write_text(f"<p>{place}")
    rows = read([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "c")])
    assert {r["source"]: r["body"] for r in rows} == {
        "a/x/page.html": b"<p>a/x", "b/x/page.html": b"<p>b/x", "page.html": b"<p>c",
    }  # fmt: skip


@pytest.mark.parametrize("name", [b"\xff\xfe.jsonl", b"caf\xe9.html", b"\xb2\xe2\xca\xd4.warc.gz", b"\xed\xa0\x80"])
def test_a_file_name_that_is_not_utf8_is_shown_escaped_and_keeps_apart(tmp_path: Path, name: bytes) -> None:
    content = gzip.compress(response(body=b"<p>x")) if name.endswith(b"gz") else b'{"text": "<p>x"}'
    path = tmp_path / "crawl" / os.fsdecode(name)
    shown = name.decode("utf-8", "backslashreplace")
    path.parent.mkdir()
    path.write_bytes(content)
    path.with_name(shown).write_bytes(content)
    rows = read(path.parent)
    assert [row["source"] for row in rows] == [shown, shown] and len({row["record_id"] for row in rows}) == 2
    assert {row["verdict"] for row in rows} == {"kept"}
    table = pa.Table.from_pylist(rows, schema=arrow_schema(RECORD_COLUMNS))
    assert table["url"].to_pylist() == (
        [response().decode().split("\r\n")[2][17:]] * 2 if name.endswith(b"gz") else [f"{shown}#0"] * 2
    )
    path.unlink()
    path.with_name(shown).unlink()
    (tmp_path / "bare").mkdir()
    splits = plan([str(lay_bytes(tmp_path / "bare", name))], CONFIG)
    (tmp_path / "bare" / os.fsdecode(name)).unlink()
    (gone,) = [row for split in splits for row in read_split(split, CONFIG)]
    assert gone.reason == "unreadable_file"
    pa.Table.from_pylist([gone._asdict()], schema=arrow_schema(RECORD_COLUMNS))


def lay_bytes(root: Path, name: bytes) -> Path:
    (root / os.fsdecode(name)).write_bytes(b"x")
    return root


def test_remote_files_read_as_local_ones(crawl: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(crawl), "/bucket/crawl", recursive=True)
    try:
        rows = read(crawl)
        assert read("memory:///bucket/crawl") == rows
        assert read("memory:///bucket/crawl/*") == rows
        assert [r["source"] for r in read("memory:///bucket/crawl/z.htm")] == ["z.htm"]
        memory.pipe("/other/crawl/z.htm", b"<p>")
        both = read(["memory:///bucket/crawl", "memory:///other/crawl"])
        assert [r["source"] for r in both][-2:] == ["bucket/crawl/z.htm", "other/crawl/z.htm"]
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
    assert splits == plan([str(crawl)], CONFIG)
    several = [str(crawl / name) for name in ("a", "b", "z.htm")]
    assert plan(several, CONFIG) == plan(several[::-1], CONFIG)
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
        ("archive.bin", gzip.compress(response(), mtime=0), ("kept", None)),
        ("plain.bin", response(), ("kept", None)),
        ("really-plain.warc.gz", response(), ("kept", None)),
        ("really-gzip.warc", gzip.compress(response(), mtime=0), ("kept", None)),
        ("lines.jsonl", gzip.compress(b'{"text": "x"}', mtime=0), ("kept", None)),
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
