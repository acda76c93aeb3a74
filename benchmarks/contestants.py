"""Contestants of the benchmarks that are processes of their own."""

import subprocess
import time
from collections.abc import Sequence


def timed(command: Sequence[object]) -> tuple[float, str]:
    """Seconds a process takes from its start to its end, and what it prints; SystemExit if it fails."""
    words = [str(word) for word in command]
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{words} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - began, done.stdout
