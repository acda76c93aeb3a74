"""Files of a finished run that are cut, flipped or gone: noticed before they are used, and made again to the same."""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from skypile.schema import STAGES
from tests.chaos.attempts import Attempt, Place, check_like_undisturbed, finish, manifest
from tests.chaos.conftest import SEED

pytestmark = pytest.mark.chaos

Tell = Callable[[str], None]
HARMS = ("truncated", "flipped", "missing")


def harm(victim: Path, how: str, chance: random.Random) -> str:
    """What was done to a file, in words."""
    data = bytearray(victim.read_bytes())
    at = chance.randrange(len(data))
    if how == "missing":
        victim.unlink()
        return "removed"
    if how == "truncated":
        victim.write_bytes(data[:at])
        return f"cut at byte {at:,} of {len(data):,}"
    bit = chance.randrange(8)
    data[at] ^= 1 << bit
    victim.write_bytes(data)
    return f"bit {bit} of byte {at:,} of {len(data):,} flipped"


def test_a_part_of_every_stage(place: Place, chance: random.Random, tell: Tell):
    """Each stage loses a part in one of the ways; three seeds that follow each other bring all of them round."""
    place = place.named("damaged")
    shutil.copytree(place.undisturbed, place.run)
    victims = {}
    for number, stage in enumerate(STAGES):
        how = HARMS[(number + SEED + place.spark) % len(HARMS)]
        victims[stage] = chance.choice(sorted(manifest(place.stage(stage))["parts"]))
        tell(f"{stage}: {victims[stage]}: {harm(place.stage(stage) / victims[stage], how, chance)}")
    said = finish(place)
    for stage, victim in victims.items():
        assert f"{stage:<20} redone: {victim} " in said, said
    check_like_undisturbed(place)
    tell("all noticed, the same digests as undisturbed")


def test_what_lies_beside_the_parts(place: Place, chance: random.Random, tell: Tell):
    """Manifests, settings, models of a run: made again, or refused in one sentence.

    But for plans and stamps: of a finished stage nobody reads them.
    """
    place = place.named("damaged papers")
    shutil.copytree(place.undisturbed, place.run)
    unread = re.compile(r"part-|\.part-|plan\.json|\d+\.json")
    papers = sorted(p for p in place.run.rglob("*") if p.is_file() and not unread.match(p.name))
    victim, how = chance.choice(papers), chance.choice(HARMS)
    done = harm(victim, how, chance)
    attempt = Attempt(place, place.command())
    said = attempt.ended()
    tell(f"{victim.relative_to(place.run)}: {done}: {said}")
    if attempt.wait():
        assert str(victim) in said
        victim.unlink()
        finish(place)
    check_like_undisturbed(place)
    tell("the same digests as undisturbed")
