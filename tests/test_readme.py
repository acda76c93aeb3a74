"""The README is one screen, and its commands are the ones that the tests run (its blocks: tests/test_manual.py)."""

import re
import subprocess

import pytest

from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_it_is_one_screen():
    assert len(README.splitlines()) < 90


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)", README))))
def test_links_lead_somewhere(target):
    assert target.startswith("https://") or (REPOSITORY / target).exists()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(make [a-z-]+)`|^(make [a-z-]+)$", README, re.MULTILINE))))
def test_make_targets_exist(command):
    subprocess.run(["make", "-n", "".join(command).split()[1]], cwd=REPOSITORY, check=True, capture_output=True)


def test_make_demo_is_the_command_that_the_demo_fixture_ran(demo):
    printed = subprocess.run(["make", "-n", "demo"], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    assert f"skypile {' '.join(demo.arguments)} --output demo" in printed
