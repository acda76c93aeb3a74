"""`skypile prepare` writes an archive of Spark's classes that later sessions map."""

import subprocess
import sys
from pathlib import Path

import pytest

from skypile.errors import SkypileError
from skypile.prepare import write_archive
from skypile.runtime import session

SCRIPT = """
import sys
from pathlib import Path
from pyspark import SparkContext
from skypile import prepare
from skypile.runtime import session
from skypile.config import SparkConfig

session.archive_path = lambda: Path(sys.argv[1], "share", "classes.jsa")
assert prepare.write_archive() == session.archive_path()
spark = session.start(SparkConfig())
maps = Path(f"/proc/{SparkContext._gateway.proc.pid}/maps").read_text()
print(f"mapped: {str(session.archive_path()) in maps}, answers: {spark.range(5).count()}")
spark.stop()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what a process has mapped is read from /proc")
def test_a_session_maps_the_archive(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout == "mapped: True, answers: 5\n", done.stdout + done.stderr
    assert [path.name for path in Path(tmp_path, "share").iterdir()] == ["classes.jsa"]


def test_an_archive_is_for_one_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = session.archive_path()
    other = tmp_path / "bin" / "java"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\"' >&2\n")
    other.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert session.archive_path() != here and session.archive_path().parent == here.parent


def test_a_process_with_a_session_writes_no_archive(spark: object) -> None:
    with pytest.raises(SkypileError, match="has started one"):
        write_archive()
