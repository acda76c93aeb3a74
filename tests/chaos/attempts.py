"""Runs as processes that can be killed; and what became of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.conftest import REPOSITORY

ATTEMPTS = 8  # after so many deaths a run is left alone to its end
PATIENCE = 300  # seconds a run may take


class Attempt:
    """A command in a process group of its own, its messages in a file."""

    def __init__(self, folder: Path, command: Sequence[object]) -> None:
        self.log = folder / "messages.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "400"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def family(self) -> list[psutil.Process]:
        """The process and all below it, oldest first."""
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Whatever is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")


def kill(process: psutil.Process) -> None:
    """SIGKILL, if it still lives."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


def extraction(config: Path, run: Path, crawl: Path) -> list[object]:
    return [REPOSITORY / "jobs" / "extraction.py", "--config", config, "--output", run, crawl]


def finish(folder: Path, command: Sequence[object]) -> str:
    """Run to the end; what it said."""
    attempt = Attempt(folder, command)
    assert attempt.wait() == 0, attempt.said[-3000:]
    return attempt.said


def digests(run: Path) -> dict[str, str]:
    """Digest of each finished stage."""
    return {path.parent.name: json.loads(path.read_text())["digest"] for path in sorted(run.glob("0*_*/manifest.json"))}


def moment(seconds: float) -> None:
    """Let a run go on for so long."""
    time.sleep(seconds)
