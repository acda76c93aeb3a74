"""Pages that fuzzing works from or once broke on, replayed; and a short run of the fuzzer itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extraction.promises import FUZZED, check

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", sorted(FUZZED.iterdir()), ids=lambda path: path.name)
def test_promises_hold_on_pages_kept_from_fuzzing(page):
    check(page.read_bytes())


def test_a_short_fuzz_finds_no_page_that_breaks_a_promise(tmp_path):
    pytest.importorskip("atheris", reason="atheris (libFuzzer for Python) is not installed: pip install atheris")
    arguments = ["-max_total_time=5", "-seed=1", f"-artifact_prefix={tmp_path}/", str(tmp_path)]
    run = subprocess.run(
        [sys.executable, "-m", "tests.extraction.fuzz", *arguments],
        cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert "DONE" in run.stderr
