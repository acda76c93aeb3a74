"""What makes two inputs the same: content, not names of folders nor times of change."""

import os
import uuid

import fsspec
import pytest

from skypile.run_folder import identity
from skypile.run_folder.identity import GONE, difference, mark, named_files, signature, tree_signature


def test_an_edit_in_place_is_noticed_whatever_the_clock_says(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("river\n")
    before, times = signature(str(path)), path.stat()
    path.write_text("rover\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    assert signature(str(path)) != before


def test_what_was_touched_or_moved_is_the_same(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("river\n")
    before = signature(str(path))
    os.utime(path, (1, 1))
    (tmp_path / "far").mkdir()
    path.rename(tmp_path / "far" / "other.txt")
    assert signature(str(tmp_path / "far" / "other.txt")) == before


@pytest.mark.parametrize("at", [0, 5 << 20, (9 << 20) - 1])
def test_a_large_file_is_known_by_its_time_and_samples(tmp_path, at):
    path = tmp_path / "dump.xml"
    path.write_bytes(bytes(9 << 20))
    before, times = signature(str(path), whole=1 << 20), path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"x")
    assert signature(str(path), whole=1 << 20) != before
    if at != 5 << 20:  # where a sample lies, a clock that was set back hides nothing
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert signature(str(path), whole=1 << 20) != before


def test_what_is_not_there_has_an_answer(tmp_path):
    assert signature(str(tmp_path / "no")) == mark(str(tmp_path / "no")) == GONE


def test_an_object_is_known_by_its_content_too():
    uri = f"memory://{uuid.uuid4().hex}/a.jsonl"
    known = []
    for text in ("one", "two", "one"):
        with fsspec.open(uri, "w") as file:
            file.write(text)
        known.append(signature(uri))
    assert known[0] != known[1] and known[0] == known[2]


def test_a_store_that_marks_versions_is_not_read(monkeypatch):
    monkeypatch.setattr(identity, "_details", lambda uri, fresh=False: {"size": 9, "ETag": '"5d41"'})
    assert signature("s3://bucket/a") == '9 version "5d41"'


def test_a_folder_is_known_by_all_below_it(tmp_path):
    (tmp_path / "model" / "en").mkdir(parents=True)
    (tmp_path / "model" / "en" / "a.bin").write_bytes(b"1")
    before = tree_signature(str(tmp_path / "model"))
    (tmp_path / "model" / "en" / "a.bin").write_bytes(b"2")
    changed = tree_signature(str(tmp_path / "model"))
    (tmp_path / "model" / "en" / "b.bin").write_bytes(b"")
    assert len({before, changed, tree_signature(str(tmp_path / "model"))}) == 3


def test_files_of_one_name_are_told_apart(tmp_path):
    for folder in ("en", "zh"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "part-0.parquet").write_text(folder)
    (tmp_path / "zh" / "_SUCCESS").write_text("")
    found = named_files([str(tmp_path / "en"), str(tmp_path / "z*")])
    assert len(found) == 2 and len(set(found.values())) == 2
    assert list(named_files([str(tmp_path / "en")])) == ["part-0.parquet"]


def test_the_difference_in_words():
    old = {"settings": {"rules": {"min_words": 50.0}, "bins": 5}, "inputs": {"citations dump en.xml": "a", "x": "1"}}
    assert difference(old, old) is None
    new = {"settings": {"rules": {"min_words": 9.0}, "bins": 5}, "inputs": {"citations dump en.xml": "b", "y": "1"}}
    assert (
        difference(old, new) == "rules.min_words was 50.0, now 9.0, citations dump en.xml changed, y is new and 1 more"
    )
    assert difference({"code": {"trafilatura": "1"}}, {"code": {"trafilatura": "2"}}) == "trafilatura changed"
