"""A driver killed in mid-extraction: the same command finishes, with the same result, redoing no finished wave."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.crawls import article, write_warc

WAVES = 6


@pytest.fixture(params=[pytest.param("spark", marks=pytest.mark.slow), "processes"])
def job(tmp_path, request):
    """Starts jobs/extraction.py on six files of 30 pages, a wave each, in Spark or without it."""
    for part in range(WAVES):
        pages = {f"http://a.example/{part}/{n}": article(f"{part} {n}") for n in range(30)}
        write_warc(tmp_path / "crawl" / f"{part}.warc.gz", pages)
    limit = 0 if request.param == "spark" else 1024
    settings = f'[spark]\nlocal_mb = {limit}\n[extraction]\nengine = "resiliparse"\nwave_mb = 0.001\n'
    (tmp_path / "config.toml").write_text(settings)

    def start(run: Path) -> subprocess.Popen[bytes]:
        script = str(REPOSITORY / "jobs" / "extraction.py")
        arguments = ["--config", str(tmp_path / "config.toml"), "--output", str(run), str(tmp_path / "crawl")]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        return subprocess.Popen([sys.executable, script, *arguments], env=environment, stderr=subprocess.PIPE)

    return start


def finish(process: subprocess.Popen[bytes]) -> None:
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 0, messages.decode()[-3000:]


def test_kill_minus_nine_loses_only_the_wave_in_progress(job, tmp_path):
    finish(job(tmp_path / "undisturbed"))
    victim = job(tmp_path / "killed")
    stamps = tmp_path / "killed" / "01_extraction" / "waves"
    deadline = time.monotonic() + 300
    while not (stamps / "00001.json").exists():
        assert victim.poll() is None and time.monotonic() < deadline, "finished or hung before it could be killed"
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    done = {path.name: path.stat().st_mtime_ns for path in stamps.iterdir() if not path.name.startswith(".")}
    assert 2 <= len(done) < WAVES
    assert not (stamps.parent / "manifest.json").exists()

    finish(job(tmp_path / "killed"))
    assert {name: (stamps / name).stat().st_mtime_ns for name in done} == done
    undisturbed, resumed = (
        json.loads((tmp_path / run / "01_extraction" / "manifest.json").read_text())
        for run in ("undisturbed", "killed")
    )
    assert resumed["digest"] == undisturbed["digest"]
    assert resumed["read"] == undisturbed["read"] == 30 * WAVES
    assert resumed["kept"] == undisturbed["kept"]


def test_ctrl_c_ends_a_job_with_one_line(job, tmp_path):
    process = job(tmp_path / "run")
    deadline = time.monotonic() + 300
    while not (tmp_path / "run" / "01_extraction" / "waves" / "00000.json").exists():
        assert process.poll() is None and time.monotonic() < deadline, "finished or hung before it was interrupted"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=120)
    lines = messages.decode().splitlines()
    assert process.returncode == 130 and [line for line in lines if "interrupted; run the same command" in line], lines
    assert not [line for line in lines if "Traceback" in line or "Exception" in line], lines
