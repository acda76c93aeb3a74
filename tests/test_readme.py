"""The README's commands run, and its settings are the settings."""

import re
import shlex
import subprocess

import pytest

from skypile.config.table import describe
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b|\.\.\.")  # RUN, PATH..., MASTER: the reader's own


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    return [
        line for block in blocks for line in block.splitlines() if line and not line.startswith((" ", "for", "done"))
    ]


def test_settings_table_is_current():
    shown = README.split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    assert shown.strip() == describe().strip(), "put the output of `skypile config --describe` there"


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("make ")])
def test_make_targets_exist(command):
    subprocess.run(["make", "-n", *shlex.split(command)[1:]], cwd=REPOSITORY, check=True, capture_output=True)


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith(".venv/bin/skypile")])
def test_commands_run_on_the_demo(command, demo):
    """`demo`: what `make demo` leaves in demo/, made once for all tests, elsewhere."""
    words = command.replace("URL_OR_ID", demo.near_duplicate).replace("demo/run", str(demo.run))
    if PLACEHOLDER.search(command.replace("URL_OR_ID", "")):
        words = words.replace("RUN", str(demo.folder / "readme")).replace(" OUT ", f" {demo.folder}/readme_dedup ")
        words = words.replace("PATH...", str(demo.folder / "sample" / "crawl" / "saved"))
    done = subprocess.run(
        [*shlex.split(demo.skypile), *shlex.split(words)[1:]],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_make_demo_is_the_command_that_the_demo_fixture_ran(demo):
    printed = subprocess.run(["make", "-n", "demo"], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    assert f"skypile {' '.join(demo.arguments)} --output demo" in printed
