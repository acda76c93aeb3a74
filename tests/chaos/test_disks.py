"""A disk that is full, or read-only from a random moment on: one sentence, and the run goes on afterwards."""

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from skypile.schema import STAGES
from tests.chaos.attempts import Attempt, Place, check_like_undisturbed, finish, wait_until
from tests.chaos.conftest import SEED

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted by root, if only of a name space"),
]

Tell = Callable[[str], None]
WHOLE = 2 << 30
SMALLEST = 64 << 10


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of so many bytes at `folder`; skips the test where none can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Lets nobody write to a folder: what is opened from now on is opened in a read-only mount of it, over itself."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        assert wait_until(lambda: remount(folder, "bind,ro"), 10), "files are being written"
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, options: str) -> bool:
    return subprocess.run(["mount", "-o", f"remount,{options}", folder], capture_output=True).returncode == 0


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_disk_is_full(place: Place, chance: random.Random, tell: Tell):
    """Of the run's disk and that of Spark's temporary files, one is full with Spark and the other without."""
    of_run = (random.Random(SEED).random() < 0.5) == place.spark
    most = size_of(place.undisturbed) if of_run else 4 << 20
    size = int(SMALLEST * (most / SMALLEST) ** chance.random())
    place = place.named("full/run" if of_run else "full run")
    with disk(place.run.parent if of_run else place.folder / "small", size) as small:
        attempt = Attempt(place, place.command(), **({} if of_run else {"SPARK_LOCAL_DIRS": str(small)}))
        said = attempt.ended()
        tell(f"{'the run' if of_run else 'temporary files'} on {size:,} bytes: {attempt.where()}: {said}")
        if attempt.wait() == 0:
            assert not of_run, "the whole run fits"
        else:
            assert "o space left on" in said
            assert "\n" not in said
        assert remount(small, f"size={WHOLE}")
        finish(place)
        check_like_undisturbed(place)
    tell("the same digests as undisturbed")


def test_the_folder_is_read_only(place: Place, chance: random.Random, tell: Tell):
    place = place.named("read-only")
    stage = chance.choice(STAGES)
    attempt = Attempt(place, place.command())
    wait_until(lambda: attempt.reached(stage) or attempt.process.poll() is not None, 600)
    time.sleep(chance.uniform(0, 0.9 * place.seconds_of(stage)))
    where, seconds = attempt.where(), time.monotonic() - attempt.clock
    with read_only(place.run):
        said = attempt.ended()
        tell(f"{where}, {seconds:.1f} s: read-only: {said}")
        assert "ead-only" in said or where == f"after {STAGES[-1]}"
        said = Attempt(place, place.command()).ended()
        tell(f"begun while it is: {said}")
        assert "ead-only" in said
    finish(place)
    check_like_undisturbed(place)
    tell("the same digests as undisturbed")
