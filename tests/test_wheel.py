"""The package as others install it: from a wheel, run outside of the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.test_demo import missed

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("skypile-*.whl"))


@pytest.fixture(scope="module")
def outside(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed package in it and nothing of the repository."""
    folder = tmp_path_factory.mktemp("outside")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return folder


def skypile(outside: Path, *arguments: str, timeout: int = 300) -> str:
    """What a command prints, run from a folder that is not the repository's."""
    done = subprocess.run(
        [sys.executable, "-m", "skypile.cli", *arguments],
        cwd=outside.parent,
        env=os.environ | {"PYTHONPATH": str(outside), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(["git", "ls-files", *folders], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout: which files belong into the wheel is not known")
    return {line for line in listed.stdout.splitlines() if not (REPOSITORY / line).is_dir()}


def test_the_wheel_has_every_file_of_the_product(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = tracked("skypile") | {f"skypile/{path}" for path in tracked("classifiers", "jobs", "configs")}
    assert wanted <= packed


def test_the_wheel_takes_no_other_name(wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"skypile"}


def test_commands_find_what_ships_with_them(outside: Path) -> None:
    jobs = Path(skypile(outside, "jobs").strip())
    assert outside in jobs.parents and (jobs / "extraction.py").is_file()
    assert "driver_memory" in skypile(outside, "config")


def test_the_demo_of_the_wheel_finds_what_is_planted(outside: Path, tmp_path: Path) -> None:
    screen = skypile(outside, "demo", "--output", str(tmp_path / "demo"), timeout=600)
    assert "Planted truths" in screen and not missed(tmp_path / "demo")
