"""Spark's temporary files go with their session, whoever of it was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

OWNER = """
import sys, time
from skypile.runtime.local_dirs import claim_local_dirs
for folder in claim_local_dirs({}):
    (folder / "blockmgr-1").mkdir()
    (folder / "blockmgr-1" / "shuffle_0_0_0.data").write_bytes(b"x" * 1000)
print(sys.argv[1], flush=True)
time.sleep(float(sys.argv[1]))
"""
SESSION = """
import os, signal, sys, threading
from pyspark import SparkContext
from skypile.config import SparkConfig
from skypile.failures import one_sentence
from skypile.runtime import session
with one_sentence("session"):
    spark = session.start(SparkConfig(driver_memory="512m"), "test")
    spark.range(100).repartition(3).count()
    for victim in sys.argv[1:]:
        pid = os.getpid() if victim == "driver" else SparkContext._gateway.proc.pid
        threading.Timer(1, os.kill, [pid, signal.SIGKILL]).start()
        spark.range(10**12).repartition(3).count()
"""


@pytest.fixture
def started(tmp_path):
    """Starts Python code whose temporary files go to the given folders."""
    begun = []

    def start(code: str, *arguments: object, roots: str = "") -> subprocess.Popen[str]:
        names = {"SPARK_LOCAL_DIRS": roots} if roots else {}
        kept = {key: value for key, value in os.environ.items() if key != "SPARK_LOCAL_DIRS"}
        environment = kept | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)} | names
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        begun.append(subprocess.Popen(command, env=environment, **pipes))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def folders(root: Path) -> list[Path]:
    return list(root.glob("skypile-spark-*"))


def test_what_a_dead_session_left_is_removed_and_a_living_one_keeps_its_own(started, tmp_path):
    alive, dead = started(OWNER, 60), started(OWNER, 61)
    assert alive.stdout.readline() and dead.stdout.readline()
    before = folders(tmp_path)
    assert len(before) == 2
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    last = started(OWNER, 62)
    assert last.stdout.readline()
    left = folders(tmp_path)
    assert len(left) == 2 and len(set(left) & set(before)) == 1
    assert all((folder / "blockmgr-1" / "shuffle_0_0_0.data").exists() for folder in left)


def test_every_folder_that_spark_was_given_has_one(started, tmp_path):
    roots = [tmp_path / "a", tmp_path / "b c"]
    owner = started(OWNER, 60, roots=",".join(map(str, roots)))
    assert owner.stdout.readline()
    assert [len(folders(root)) for root in roots] == [1, 1]
    assert not folders(tmp_path)


def test_a_classifier_is_trained_in_the_folder_of_the_session(started, tmp_path):
    """What it is trained on is as large as a million texts, and goes with the session if the process is killed."""
    code = """
import time
from skypile.classifiers import train
from skypile.config import CitationConfig
from skypile.runtime.local_dirs import claim_local_dirs
claim_local_dirs({})
train.fasttext.train_supervised = lambda path, **_: print(path, flush=True) or time.sleep(60)
train._fit([(True, "a text")], CitationConfig())
"""
    process = started(code)
    trained_on = Path(process.stdout.readline().strip())
    assert trained_on.exists()
    process.kill()
    process.wait()
    assert trained_on.exists()
    last = started(OWNER, 60)
    assert last.stdout.readline()
    assert not trained_on.exists()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "victims",
    [
        pytest.param([], id="nobody"),
        pytest.param(["driver"], id="driver", marks=pytest.mark.slow),
        pytest.param(["jvm"], id="jvm"),
    ],
)
def test_nothing_stays_of_a_session_who_of_it_was_killed(started, tmp_path, victims):
    process = started(SESSION, *victims)
    said = process.communicate(timeout=120)[0]
    deadline = time.monotonic() + 30
    while folders(tmp_path) and time.monotonic() < deadline:  # the JVM ends after the process that started it
        time.sleep(0.1)
    assert [path for path in tmp_path.rglob("*")] == []
    if victims == ["jvm"]:
        assert process.returncode == 2
        assert said == ("session: Spark's Java process has ended: it was killed, or the machine is out of memory\n")
