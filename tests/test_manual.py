"""The manual: its examples run, its settings and reasons are those of the code, and it needs no network.

Every block of bash or Python is run, by itself, in a folder that holds the demo's run and the repository's configs.
A block that cannot be run here says so in its info string: ``` { .bash .not-run }.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from skypile.config.table import describe
from skypile.schema import REASONS
from tests.conftest import REPOSITORY

MANUAL = REPOSITORY / "docs"
PAGES = sorted(MANUAL.rglob("*.md"))
FENCE = re.compile(r"^``` ?(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
NOT_RUN = "{ .bash .not-run }"


class Block(NamedTuple):
    page: str
    line: int
    info: str
    code: str


def blocks() -> list[Block]:
    found = []
    for path in [*PAGES, REPOSITORY / "README.md"]:
        text = path.read_text(encoding="utf-8")
        for fence in FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            found.append(Block(str(path.relative_to(REPOSITORY)), line, fence["info"], fence["code"]))
    return found


def of(info: str) -> list:
    """Those of one language. Runs and sessions take half a minute: but for the README's they are slow tests."""
    found = []
    for block in blocks():
        whole = re.search(r"skypile run (?!--dry-run)|session\.start\(", block.code) and block.page != "README.md"
        if block.info == info:
            marks = [pytest.mark.slow] if whole else []
            found.append(pytest.param(block, id=f"{block.page}:{block.line}", marks=marks))
    return found


@pytest.fixture
def desk(demo, tmp_path, monkeypatch) -> Path:
    """A folder with demo/run (of `make demo`), configs and a command `skypile`."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "run").symlink_to(demo.run)
    (tmp_path / "demo" / "sample").symlink_to(demo.folder / "sample")
    (tmp_path / "configs").symlink_to(REPOSITORY / "configs")
    command = tmp_path / "bin" / "skypile"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {demo.skypile} "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path


def run(command: list[str], desk: Path) -> None:
    done = subprocess.run(command, cwd=desk, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize("block", of("python"))
def test_python(block, desk):
    run([sys.executable, "-c", block.code], desk)


@pytest.mark.parametrize("block", of("bash"))
def test_bash(block, desk, demo):
    """RUN: a copy of the demo's run for commands that change one. PATH...: the demo's saved pages."""
    lines = block.code.splitlines()
    if all(line.startswith("make ") for line in lines):
        for line in lines:
            run(["make", "-C", str(REPOSITORY), "-n", *shlex.split(line)[1:]], desk)
        return
    saved = demo.folder / "sample" / "crawl" / "saved"
    code = block.code.replace("PATH...", str(saved)).replace(".venv/bin/skypile", "skypile")
    if "--output RUN" not in code and re.search(r"\bRUN\b", code):
        run(["cp", "-r", f"{demo.run}/", str(desk / "RUN")], desk)
    run(["bash", "-euo", "pipefail", "-c", code], desk)


def test_few_blocks_are_not_run_and_no_other_kind_hides_one():
    kinds = {"python", "bash", "text", "toml", NOT_RUN}
    assert {block.info for block in blocks()} <= kinds
    unrun = [block for block in blocks() if block.info == NOT_RUN]
    # On a cluster, with a dump of Wikipedia, with a finished run and minutes of training, or that take a page from it.
    elsewhere = ("spark-submit", "source .venv", "skypile prune hdfs", "skypile jobs")
    elsewhere += ("skypile ablate", "skypile proxy train", "skypile losses", "skypile leakage")
    elsewhere += ("skypile citations", "--citations CITED", "skypile takedown", "--centroids")
    assert all(any(word in block.code for word in elsewhere) for block in unrun)


def test_settings_are_the_settings():
    shown = (MANUAL / "settings.md").read_text(encoding="utf-8")
    shown = shown.split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    assert shown.strip() == describe().strip(), "put the output of `skypile config --describe` into docs/settings.md"


def test_every_reason_stands_on_the_page_of_a_stage():
    pages = [*(MANUAL / "stages").glob("*.md"), MANUAL / "decontamination.md"]
    text = "".join(path.read_text(encoding="utf-8") for path in pages)
    assert [reason for reason in REASONS if f"`{reason}`" not in text] == []


def test_files_that_the_manual_names_are_there():
    named = re.compile(r"`((?:skypile|notebooks|configs|jobs)/[\w/.-]+\.\w+)`")
    found = {path for page in PAGES for path in named.findall(page.read_text(encoding="utf-8"))}
    assert found and [path for path in sorted(found) if not (REPOSITORY / path).exists()] == []


def test_the_manual_builds_and_asks_the_network_for_nothing(tmp_path):
    pytest.importorskip("mkdocs", reason="the manual needs the extra [docs]")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr[-3000:]
    loads = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*(?:src|href)=["']?(https?:)?//""")
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES)
    assert [page.name for page in pages if loads.search(page.read_text(encoding="utf-8"))] == []
