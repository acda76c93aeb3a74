"""Where a command may write: absent, empty or its own; never in an input, never over an input."""

import errno
import os
import subprocess
import sys
import uuid

import fsspec
import pytest

from skypile.run_folder.output import OutputRefused, StorageError, check_apart, new_file, output_folder
from tests.conftest import REPOSITORY


def claim(folder, kind="dedup", inputs=(), made_of=None):
    with output_folder(str(folder), kind, [str(path) for path in inputs], made_of or {"settings": {"a": 1}}):
        pass


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    """A folder on this machine, and one that is elsewhere."""
    return str(tmp_path) if request.param == "local" else f"memory://{uuid.uuid4().hex}"


def put(uri, text="mine"):
    with fsspec.open(uri, "w", auto_mkdir=True) as file:
        file.write(text)


def test_an_absent_folder_is_taken_and_stays_ours(root):
    claim(f"{root}/out")
    claim(f"{root}/out", made_of={"settings": {"a": 0}})  # it was marked, and nothing written: empty still
    claim(f"{root}/out")
    put(f"{root}/out/documents/part-0")
    claim(f"{root}/out")
    with pytest.raises(OutputRefused, match=r"made from something else \(a: 1, now 2\)"):
        claim(f"{root}/out", made_of={"settings": {"a": 2}})
    with pytest.raises(OutputRefused, match="holds a deduplication, not token shards"):
        claim(f"{root}/out", kind="tokens")


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(root):
    put(f"{root}/out/notes/thesis.md")
    with pytest.raises(OutputRefused, match=r"out is not empty and holds no tokens of skypile \(notes\)"):
        claim(f"{root}/out", kind="tokens")
    fs, path = fsspec.core.url_to_fs(f"{root}/out")
    assert [name.rpartition("/")[2] for name in fs.find(path)] == ["thesis.md"]


def test_a_file_is_no_folder(root):
    put(f"{root}/out")
    with pytest.raises(OutputRefused, match="is a file; give a folder"):
        claim(f"{root}/out")


def test_hidden_names_do_not_count(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".gitignore").write_text("*")
    claim(tmp_path / "out")
    assert (tmp_path / "out" / ".gitignore").read_text() == "*"


@pytest.mark.parametrize(
    ("output", "given", "words"),
    [
        ("crawl", "crawl", "is an input, too"),
        ("crawl/", "crawl/../crawl", "is an input, too"),
        ("crawl/run", "crawl", "lies in the input"),
        ("crawl/deep/er/run", "crawl", "lies in the input"),
        (".", "crawl", "lies in the output folder"),
        ("corpus", "corpus/documents/a.parquet", "lies in the output folder"),
        ("crawl/a", "crawl/*", "is an input, too"),
        ("crawl/new", "crawl/*", "is an input, too"),  # not there yet, but read the next time
        ("crawl/new/run", "crawl/n*", "lies in the input"),
        ("crawl/new/run", "**", "lies in the input"),
    ],
)
def test_input_and_output_lie_apart(root, output, given, words):
    put(f"{root}/crawl/a/b.jsonl")
    put(f"{root}/corpus/documents/a.parquet")
    with pytest.raises(OutputRefused, match=words):
        check_apart(f"{root}/{output}", [f"{root}/{given}"])


@pytest.mark.parametrize(
    ("output", "given"), [("crawl2", "crawl"), ("run", "crawl/*"), ("crawl/run", "crawl/*.jsonl"), ("a", "ab/c")]
)
def test_neighbours_are_no_overlap(root, output, given):
    put(f"{root}/crawl/a.jsonl")
    put(f"{root}/ab/c")
    check_apart(f"{root}/{output}", [f"{root}/{given}"])


def test_a_link_hides_no_overlap(tmp_path):
    (tmp_path / "crawl").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "crawl")
    with pytest.raises(OutputRefused, match="is an input, too"):
        check_apart(str(tmp_path / "elsewhere"), [str(tmp_path / "crawl")])
    with pytest.raises(OutputRefused, match="lies in the input"):
        check_apart(str(tmp_path / "elsewhere" / "run"), [str(tmp_path / "crawl")])


def test_one_name_on_two_file_systems_is_no_overlap(tmp_path):
    check_apart(f"memory:/{tmp_path}/run", [str(tmp_path)])


def test_relative_and_absolute_names_are_one_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    claim("out", inputs=["in"])
    claim(tmp_path / "out", inputs=[tmp_path / "in"])
    with pytest.raises(OutputRefused, match="lies in the output folder"):
        check_apart("out", [os.fspath(tmp_path / "out" / "x")])


def test_later_stages_take_what_is_there_and_make_nothing(tmp_path):
    with output_folder(str(tmp_path / "run"), "run", [], None):
        pass
    assert not (tmp_path / "run").exists()
    put(str(tmp_path / "mine" / "notes.md"))
    with (
        pytest.raises(OutputRefused, match="holds no run of skypile"),
        output_folder(str(tmp_path / "mine"), "run", []),
    ):
        pass


def test_what_only_looks_different_is_the_same(tmp_path):
    claim(tmp_path / "out")
    put(str(tmp_path / "out" / "documents"))
    with output_folder(str(tmp_path / "out"), "dedup", [], {"settings": {"a": 2}}, same=lambda: True):
        pass
    claim(tmp_path / "out", made_of={"settings": {"a": 2}})


def test_a_single_file_is_never_written_over(tmp_path):
    put(str(tmp_path / "base.model"))
    new_file(str(tmp_path / "new.model"), [str(tmp_path / "base.model")])
    with pytest.raises(OutputRefused, match="is an input, too"):
        new_file(str(tmp_path / "base.model"), [str(tmp_path / "base.model")])
    with pytest.raises(OutputRefused, match="exists already"):
        new_file(str(tmp_path / "base.model"), [])


def test_what_a_killed_writer_left_goes_and_nothing_else_that_is_hidden(tmp_path):
    out = tmp_path / "out"
    claim(out)
    code = (
        "import os, signal; from skypile.runtime import files; "
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL); files.write_json({!r}, {{}})"
    )
    for name in ("_skypile.json", "02_b/manifest.json", "01_a/waves/00003.json"):
        subprocess.run([sys.executable, "-c", code.format(str(out / name))], cwd=REPOSITORY)
    theirs = [".bashrc.deadbeef", "01_a/.notes.json", "01_a/waves/.a.json.backup99"]
    for name in theirs:
        put(str(out / name))
    assert sum(path.is_file() for path in out.rglob("*")) == 1 + 3 + len(theirs)
    claim(out)
    left = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert left == {*theirs, "_skypile.json"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "", "/out/a"), "No space left on device (/out/a)"),
        (OSError(errno.EROFS, ""), "Read-only file system"),
        (
            RuntimeError("java.io.IOException: No space left on device\n\tat org.apache…\n" * 400),
            "No space left on device",
        ),
    ],
)
def test_a_full_disk_is_one_sentence(tmp_path, error, words, monkeypatch):
    monkeypatch.delenv("SPARK_LOCAL_DIRS", raising=False)
    with pytest.raises(StorageError) as told, output_folder(str(tmp_path / "out"), "dedup", [], {}):
        raise error
    assert str(told.value) == f"writing {tmp_path}/out failed: {words}; mend that, and the same command goes on"


def test_a_disk_that_only_spark_says_is_full_may_be_another(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/scratch/a")
    full = r"No space left on device \(here, or for Spark's temporary files: /scratch/a\);"
    with pytest.raises(StorageError, match=full), output_folder(str(tmp_path / "out"), "dedup", [], {}):
        raise RuntimeError("java.io.IOException: No space left on device")


def test_a_checksum_that_hadoop_keeps_beside_a_file(tmp_path):
    """No manifest names it, so only whoever meets the error can say what helps."""
    java = (
        f"org.apache.hadoop.fs.ChecksumException: Checksum error: file:{tmp_path}/a b/part-0 at 0 exp: 1 got: -2\n\tat"
    )
    with (
        pytest.raises(StorageError, match=f"^{tmp_path}/a b/part-0 does not fit its checksum in the .crc file"),
        output_folder(str(tmp_path / "o"), "dedup", [], {}),
    ):
        raise RuntimeError(java)


def test_a_damaged_page_is_one_sentence(tmp_path):
    java = "java.io.IOException: could not verify page integrity, CRC checksum verification failed\n\tat org…\n" * 90
    with (
        pytest.raises(StorageError, match="`skypile verify` names"),
        output_folder(str(tmp_path / "o"), "dedup", [], {}),
    ):
        raise RuntimeError(java)


def test_an_input_that_may_not_be_read_is_no_trouble_of_the_output(tmp_path):
    with pytest.raises(PermissionError), output_folder(str(tmp_path / "out"), "dedup", [], {}):
        raise PermissionError(errno.EACCES, "", "/inputs/a.jsonl")
    with pytest.raises(StorageError), output_folder(str(tmp_path / "out"), "dedup", [], {}):
        raise PermissionError(errno.EACCES, "", f"{tmp_path}/out/manifest.json")
