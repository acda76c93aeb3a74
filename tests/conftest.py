"""Fixtures: one Spark session and one demo run for all tests, and the shared data where it is there."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings
from pyspark.sql import SparkSession

from skypile.config import SparkConfig
from skypile.run_folder import ledger
from skypile.runtime import session

REPOSITORY = Path(__file__).resolve().parent.parent

# How long an example takes to make tells how busy the machine is.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Throw away machine code that is older than any source beside it.

    Numba notices a change in the file of a function, not in those of the functions it calls.
    """
    for cache in (REPOSITORY / "skypile").rglob("__pycache__"):
        newest = max((source.stat().st_mtime for source in cache.parent.glob("*.py")), default=0)
        compiled = [*cache.glob("*.nbi"), *cache.glob("*.nbc")]
        if any(path.stat().st_mtime < newest for path in compiled):
            for path in compiled:
                path.unlink()


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A small embedded session; stages get the settings they run with."""
    running = session.start(SparkConfig(driver_memory="1g", shuffle_partitions=2), "tests")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real pages and texts; the test is skipped where it is absent."""
    folder = Path(os.environ.get("SKYPILE_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set SKYPILE_SHARED to the folder that holds data/")
    return folder


@dataclass(frozen=True)
class Demo:
    """What `skypile demo` left, and how it went."""

    folder: Path
    arguments: tuple[str, ...]
    screen: str
    peak_mb: float

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def skypile(self) -> str:
        """The command, whether or not the package is installed."""
        return f"{sys.executable} -m skypile.cli"

    @property
    def near_duplicate(self) -> str:
        """URL of a page that was dropped as a near-duplicate."""
        url = ledger.example(str(self.run), "near_duplicate")
        assert url is not None
        return url


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The command of `make demo`, in a process of its own, whose memory (driver, workers and all) is watched."""
    folder = tmp_path_factory.mktemp("demo")
    arguments = ("demo", "--config", "configs/demo.toml")
    command = [sys.executable, "-m", "skypile.cli", *arguments, "--output", str(folder)]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"COLUMNS": "160"},
    )
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            peak[0] = max(peak[0], memory_mb(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    screen, _ = process.communicate(timeout=1200)
    over.set()
    watcher.join()
    assert process.returncode == 0, screen[-4000:]
    return Demo(folder, arguments, screen, peak[0])


def memory_mb(pid: int) -> float:
    """Proportional memory (pages shared by forked workers count once) of a process and all below it."""
    total = 0
    try:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except (psutil.Error, AttributeError):
                continue
    except psutil.Error:
        return 0.0
    return total / 2**20
