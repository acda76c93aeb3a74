"""Extraction, in Spark and without it, while its processes are killed and its files damaged: the undisturbed digest."""

import random
import time
from pathlib import Path

import pytest

from skypile.sample import write_sample
from tests.chaos.attempts import ATTEMPTS, Attempt, digests, extraction, finish, kill, moment

pytestmark = pytest.mark.chaos

WAYS = {"processes": 1024, "spark": 0}


@pytest.fixture(scope="module", params=list(WAYS))
def place(request, tmp_path_factory) -> tuple[Path, float]:
    """A folder with a crawl, its settings (waves of 0.2 MB) and an undisturbed run; and the seconds that this took."""
    folder = tmp_path_factory.mktemp(request.param)
    write_sample(folder / "sample")
    (folder / "config.toml").write_text(f"[spark]\nlocal_mb = {WAYS[request.param]}\n[extraction]\nwave_mb = 0.2\n")
    began = time.monotonic()
    finish(folder, command(folder, "undisturbed"))
    return folder, time.monotonic() - began


def command(folder: Path, run: str) -> list[object]:
    return extraction(folder / "config.toml", folder / run, folder / "sample" / "crawl")


def parts(run: Path) -> list[Path]:
    return sorted(run.glob("01_extraction/*/**/part-*.parquet"))


@pytest.mark.parametrize("who", ["the driver", "all at once", "any process below it"])
def test_killed_at_random_moments(place, chance: random.Random, who):
    folder, seconds = place
    run = f"killed {who}"
    for _ in range(ATTEMPTS):
        attempt = Attempt(folder, command(folder, run))
        moment(chance.uniform(0, seconds))
        family = attempt.family()
        if attempt.process.poll() is not None:
            break
        victims = {"the driver": family[:1], "all at once": family, "any process below it": family[1:]}[who]
        for victim in [chance.choice(victims)] if who == "any process below it" and victims else victims:
            kill(victim)
        if who == "any process below it":
            attempt.wait()  # it goes on without it, or ends and says why
        attempt.process.wait(60)
    finish(folder, command(folder, run))
    attempt.end()
    assert digests(folder / run) == digests(folder / "undisturbed")


def test_two_runs_into_one_folder(place, chance: random.Random):
    folder, seconds = place
    first, second = Attempt(folder, command(folder, "both")), None
    moment(chance.uniform(0, seconds / 2))
    (folder / "second").mkdir(exist_ok=True)
    second = Attempt(folder / "second", command(folder, "both"))
    codes = first.wait(), second.wait()
    refused = [a.said for a, code in zip((first, second), codes, strict=True) if code]
    assert len(refused) <= 1, refused
    assert all("is being written by process" in said for said in refused)
    finish(folder, command(folder, "both"))
    assert digests(folder / "both") == digests(folder / "undisturbed")


@pytest.mark.parametrize("harm", ["truncated", "flipped", "missing"])
def test_a_finished_part_is_damaged(place, chance: random.Random, harm):
    folder, _ = place
    run = folder / f"part {harm}"
    finish(folder, command(folder, run.name))
    victim = chance.choice(parts(run))
    data = bytearray(victim.read_bytes())
    at = chance.randrange(len(data))
    if harm == "missing":
        victim.unlink()
    elif harm == "truncated":
        victim.write_bytes(data[:at])
    else:
        data[at] ^= 1 << chance.randrange(8)
        victim.write_bytes(data)
    assert f"redone: {victim.relative_to(run / '01_extraction')}" in finish(folder, command(folder, run.name))
    assert digests(run) == digests(folder / "undisturbed")


def test_an_input_changes_in_mid_run(place, chance: random.Random, tmp_path):
    folder, seconds = place
    write_sample(tmp_path / "sample")
    crawl = tmp_path / "sample" / "crawl"
    (tmp_path / "config.toml").write_text((folder / "config.toml").read_text())
    attempt = Attempt(tmp_path, command(tmp_path, "run"))
    moment(chance.uniform(0, seconds))
    victim = chance.choice(sorted(crawl.glob("*.*")))
    kept = victim.read_bytes()
    victim.unlink()
    attempt.wait()  # with rows that say so, if it had not been read by then
    victim.write_bytes(kept)
    finish(tmp_path, command(tmp_path, "run"))
    assert digests(tmp_path / "run") == digests(folder / "undisturbed")
