"""Inputs that vanish, grow or are edited while a run reads them."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from skypile.schema import STAGES
from tests.chaos.attempts import Attempt, Place, check_like_undisturbed, digests, finish

pytestmark = pytest.mark.chaos

Tell = Callable[[str], None]


def vanish(victim: Path, chance: random.Random) -> None:
    victim.unlink()


def grow(victim: Path, chance: random.Random) -> None:
    with victim.open("ab") as file:
        file.write(victim.read_bytes()[: chance.randrange(1, victim.stat().st_size)])


def edit(victim: Path, chance: random.Random) -> None:
    """In place, at the same size, and with the time of change that it had."""
    data, known = bytearray(victim.read_bytes()), victim.stat()
    at = chance.randrange(len(data) // 2)
    data[at : at + 200] = bytes(chance.randbytes(len(data[at : at + 200])))
    with victim.open("r+b") as file:
        file.write(data)
    os.utime(victim, ns=(known.st_atime_ns, known.st_mtime_ns))


def replace(victim: Path, chance: random.Random) -> None:
    """By another file, renamed to its name, as rsync does."""
    aside = victim.with_name(f".{victim.name}")
    aside.write_bytes(victim.read_bytes()[: chance.randrange(1, victim.stat().st_size)])
    aside.replace(victim)


def test_inputs_change_in_mid_run(place: Place, chance: random.Random, tell: Tell):
    """What was read of a changed input is read again by the next run; and when it is as it was, so are the digests.

    With Spark the later stages are left out: they read no input, and without Spark they are there.
    """
    place, last = place.named("changed"), STAGES[0] if place.spark else STAGES[-1]
    victims = chance.sample(sorted(path for path in place.crawl.rglob("*") if path.is_file()), 4)
    kept = {victim: (victim.read_bytes(), victim.stat()) for victim in victims}
    try:
        attempt = Attempt(place, place.command(until=last))
        moments = sorted(chance.uniform(0, 3 + 1.5 * place.seconds_of("extraction")) for _ in victims)
        for how, victim, moment in zip(chance.sample([vanish, grow, edit, replace], 4), victims, moments, strict=True):
            time.sleep(max(0.0, attempt.clock + moment - time.monotonic()))
            tell(f"{attempt.where()}, {moment:.1f} s: {how.__name__} {victim.relative_to(place.crawl)}")
            how(victim, chance)
        tell(f"the run: {attempt.ended()}")
        finish(place, place.command(until="extraction"))
        fresh = place.named("of the changed input")
        finish(fresh, fresh.command(until="extraction"))
        assert digests(place.run)["01_extraction"] == digests(fresh.run)["01_extraction"]
        tell("begun again: as a run of the changed input into another folder")
    finally:
        for victim, (data, known) in kept.items():
            victim.write_bytes(data)
            os.utime(victim, ns=(known.st_atime_ns, known.st_mtime_ns))
    finish(place, place.command(until=last))
    if last == STAGES[-1]:
        check_like_undisturbed(place)
    assert digests(place.run)["01_extraction"] == digests(place.undisturbed)["01_extraction"]
    tell("with the inputs as they were: the same digests as undisturbed")
