"""Runs as processes that can be killed: what they are made of, how far they are, and what became of them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from skypile.schema import STAGES
from tests.conftest import REPOSITORY

PATIENCE = 900  # seconds that a run may take on a machine with much else to do
MARK = f"SKYPILE_CHAOS_{uuid.uuid4().hex}"  # in the environment of all that is started here, and of what that starts
FATAL = ("driver", "JVM", "everything")
# In the order in which they are killed, if several are: who is below another is gone with it.
SURVIVED = ("sandbox child", "template", "worker", "daemon")


class Place(NamedTuple):
    """A folder with the sample, config.toml and an undisturbed run; and a `run` folder to be made like that.

    `spark`: whether extraction runs in Spark. `seconds`: what the undisturbed run took.
    """

    folder: Path
    run: Path
    spark: bool
    seconds: float = 0

    @property
    def crawl(self) -> Path:
        return self.folder / "sample" / "crawl"

    @property
    def undisturbed(self) -> Path:
        return self.folder / "undisturbed"

    @property
    def scratch(self) -> Path:
        """Where temporary files go."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        return self.folder / "tmp"

    def named(self, run: str) -> "Place":
        return self._replace(run=self.folder / run)

    def stage(self, name: str) -> Path:
        return self.run / f"{STAGES.index(name) + 1:02d}_{name}"

    def seconds_of(self, stage: str) -> float:
        """What an undisturbed stage took."""
        return float(manifest(self._replace(run=self.undisturbed).stage(stage))["seconds"])

    def command(self, until: str = STAGES[-1]) -> list[object]:
        given = ["--config", self.folder / "config.toml", "--output", self.run]
        return ["-m", "skypile.cli", "run", *given, "--until", until, self.crawl]

    def job(self, stage: str) -> list[object]:
        given = ["--config", self.folder / "config.toml", "--output", self.run]
        return [REPOSITORY / "jobs" / f"{stage}.py", *given, *([self.crawl] if stage == STAGES[0] else [])]


class Attempt:
    """A command in a process group of its own, its messages in a file."""

    def __init__(self, place: Place, command: Sequence[object], **environment: str) -> None:
        self.place, self.began, self.clock = place, time.time_ns(), time.monotonic()
        self.log = place.folder / f"messages-{uuid.uuid4().hex[:8]}.txt"
        own = {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "400", MARK: "1"}
        scratch = {"TMPDIR": str(place.scratch), "SPARK_LOCAL_DIRS": str(place.scratch)}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=place.folder,
                env=os.environ | own | scratch | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def reached(self, stage: str) -> bool:
        """Whether this attempt, and no earlier one, has begun a stage."""
        with suppress(FileNotFoundError):
            return (self.place.stage(stage) / "plan.json").stat().st_mtime_ns > self.began
        return False

    def where(self) -> str:
        """The stage that it is in, as far as the run's folder shows it."""
        begun = [stage for stage in STAGES if self.reached(stage)]
        if not begun:
            return "start"
        return f"after {begun[-1]}" if (self.place.stage(begun[-1]) / "manifest.json").exists() else begun[-1]

    def family(self) -> dict[str, list[psutil.Process]]:
        """The living processes of this attempt by kind."""
        found: dict[str, list[psutil.Process]] = {"driver": [], "JVM": [], **{kind: [] for kind in SURVIVED}}
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            for process in [parent, *parent.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    if process.status() != psutil.STATUS_ZOMBIE:
                        found[self._kind(process)].append(process)
        return found

    def _kind(self, process: psutil.Process) -> str:
        if process.pid == self.process.pid:
            return "driver"
        line = " ".join(process.cmdline())
        if "sandbox_child" in line or "pyspark.daemon" in line:
            above = process.parent()
            below = above is not None and above.cmdline() == process.cmdline()
            names = ("sandbox child", "template") if "sandbox_child" in line else ("worker", "daemon")
            return names[0] if below else names[1]
        return "worker" if process.name().startswith("python") else "JVM"  # with the shell that starts it

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ended(self) -> str:
        """How it ended, in words; it must have ended well, by a signal, or with one sentence."""
        code = self.wait()
        assert "Traceback (most recent call last)" not in self.said and "\n\tat " not in self.said, self.said[-6000:]
        if code == 0:
            return "it went on"
        if code == -signal.SIGKILL:
            return "dead"
        said = self.said.strip().splitlines()
        last = said[-1] if said else ""
        assert code == 2 and re.match(r"\w+(\.py)?: ", last), (code, self.said[-6000:])
        assert not any(re.match(r"skypile: |\w+\.py: ", line) for line in said[:-1]), self.said
        return last


def kill(process: psutil.Process) -> None:
    """SIGKILL, if it still lives."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


def finish(place: Place, command: Sequence[object] | None = None) -> str:
    """Run to the end; what it said."""
    attempt = Attempt(place, command or place.command())
    assert attempt.ended() == "it went on", attempt.said[-6000:]
    return attempt.said


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def digests(run: Path) -> dict[str, str]:
    """Digest of each finished stage."""
    return {path.parent.name: manifest(path.parent)["digest"] for path in sorted(run.glob("0*_*/manifest.json"))}


def check_like_undisturbed(place: Place) -> None:
    """The same digests, the parts that the manifests name and no others, and no other file than in the other run."""
    assert digests(place.run) == digests(place.undisturbed)
    for stage in STAGES:
        folder = place.stage(stage)
        there = {str(path.relative_to(folder)) for path in folder.rglob("part-*")}
        named = {name for name in manifest(folder)["parts"] if "/part-" in name}
        assert there == named, (stage, sorted(there ^ named))
    assert _others(place.run) == _others(place.undisturbed), sorted(_others(place.run) ^ _others(place.undisturbed))


def _others(run: Path) -> set[str]:
    """Files that are no parts, nor Hadoop's checksums of them."""
    found = set()
    for path in run.rglob("*"):
        part = path.with_name(path.name.removeprefix(".").removesuffix(".crc"))
        if path.is_file() and not (part.name.startswith("part-") and part.exists()):
            found.add(str(path.relative_to(run)))
    return found


def leftovers() -> list[psutil.Process]:
    """Living processes that any attempt has started."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE and MARK in process.environ():
                found.append(process)
    return found


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it has come true within so many seconds."""
    until = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.02)
    return found
