"""kill -9 of every kind of process in every stage, at random moments; the run is begun again at once each time."""

import random
import shutil
import time
from collections.abc import Callable

import pytest

from skypile.schema import STAGES
from tests.chaos.attempts import (
    FATAL,
    SURVIVED,
    Attempt,
    Place,
    check_like_undisturbed,
    finish,
    kill,
    wait_until,
)
from tests.chaos.conftest import SEED

pytestmark = pytest.mark.chaos

Tell = Callable[[str], None]
TRIES = 4


def test_killed_in_every_stage(place: Place, chance: random.Random, tell: Tell):
    """Of driver, JVM and all at once, each stage loses some with Spark and the others without; and one of the rest."""
    place = place.named("killed")
    _kill_at_the_start(place, chance, tell)
    for stage in STAGES:
        for kind in [*_share(stage, place.spark), "one of each other kind"]:
            _kill(place, stage, kind, chance, tell)
    finish(place)
    check_like_undisturbed(place)
    tell("the same digests as undisturbed")


def _share(stage: str, spark: bool) -> list[str]:
    """Who is killed in a stage in one of the two ways; in the other it is the others."""
    kinds = [kind for kind in FATAL if stage != STAGES[0] or kind != "JVM" or spark]
    random.Random(f"{SEED} {stage}").shuffle(kinds)
    if stage == STAGES[0]:
        return kinds  # which is another one in each way
    return [kind for number, kind in enumerate(kinds) if (number % 2 == 0) == spark]


def _kill_at_the_start(place: Place, chance: random.Random, tell: Tell) -> None:
    attempt = Attempt(place, place.command())
    time.sleep(chance.uniform(0, 3))
    _strike(attempt, chance.choice(["driver", "everything"]), chance, tell)


def _kill(place: Place, stage: str, kind: str, chance: random.Random, tell: Tell) -> None:
    """Begin `stage` and kill in it; again if it was over by then."""
    before = place.stage(STAGES[max(0, STAGES.index(stage) - 1)]) / "manifest.json"
    alone = chance.random() < 0.3 and (stage == STAGES[0] or before.exists())
    command = place.job(stage) if alone else place.command(until=stage)
    share = chance.random()
    for attempts in range(TRIES):
        attempt = Attempt(place, command)
        wait_until(lambda: attempt.reached(stage) or attempt.process.poll() is not None, 300)  # noqa: B023
        left = _left(place, stage)
        time.sleep(place.seconds_of(stage) * left * share / 2**attempts)
        hit = attempt.where() == stage
        _strike(attempt, kind, chance, tell)
        if hit:
            return
        if attempts and (place.stage(stage) / "manifest.json").exists():
            shutil.rmtree(place.stage(stage))
    pytest.fail(f"{stage} was over before {kind} could be killed in it, {TRIES} times")


def _left(place: Place, stage: str) -> float:
    """The share of a stage that is not done yet."""
    done = len(list(place.stage(stage).glob("waves/0*.json")))
    return 1 - done / len(list(place._replace(run=place.undisturbed).stage(stage).glob("waves/0*.json")))


def _strike(attempt: Attempt, kind: str, chance: random.Random, tell: Tell) -> None:
    where, seconds = attempt.where(), time.monotonic() - attempt.clock
    family = attempt.family()
    if kind == "one of each other kind":
        victims = [(name, chance.choice(family[name])) for name in SURVIVED if family[name]]
    elif kind == "everything":
        victims = [(name, process) for name in family for process in family[name]]
    else:
        victims = [(kind, process) for process in family[kind]]
    for _, victim in victims:
        kill(victim)
    names = [f"{name} {victim.pid}" for name, victim in victims]
    tell(f"{where}, {seconds:.1f} s: killed {', '.join(names) or 'nobody, there was none'}: {attempt.ended()}")
