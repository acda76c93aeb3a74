"""kill -9 of every kind of process in every stage, at random moments; the run is begun again at once each time."""

import random
import shutil
import time
from collections.abc import Callable

import psutil
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
TRIES = 8
OTHERS = "one of each other kind"


def test_killed_in_every_stage(place: Place, chance: random.Random, tell: Tell):
    """Of driver, JVM and all at once, each stage loses some with Spark and the others without; and one of the rest."""
    place = place.named("killed")
    _kill_at_the_start(place, chance, tell)
    for stage in STAGES:
        for kind in _kinds(stage, place.spark):
            _kill(place, stage, kind, chance, tell)
    finish(place)
    check_like_undisturbed(place)
    tell("the same digests as undisturbed")


def _kinds(stage: str, spark: bool) -> list[str]:
    """Who is killed in a stage in one of the two ways, those last whose death it survives."""
    fatal = list(FATAL)
    random.Random(f"{SEED} {stage}").shuffle(fatal)
    if stage == STAGES[0]:  # which is another one in each way
        return [*fatal, OTHERS] if spark else [*(kind for kind in fatal if kind != "JVM"), "worker", OTHERS]
    share = [kind for number, kind in enumerate(fatal) if (number % 2 == 0) == spark]
    return share if stage == STAGES[-1] else [*share, OTHERS]  # the last has no Python processes


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
        if kind in (OTHERS, "worker"):  # which begin a moment after the stage
            wait_until(lambda: bool(_others(attempt)) or attempt.where() != stage, 60)  # noqa: B023
        hit = attempt.where() == stage
        _strike(attempt, kind, chance, tell)
        if hit:
            return
        if (place.stage(stage) / "manifest.json").exists():
            shutil.rmtree(place.stage(stage))
    pytest.fail(f"{stage} was over before {kind} could be killed in it, {TRIES} times")


def _left(place: Place, stage: str) -> float:
    """The share of a stage that is not done yet."""
    done = len(list(place.stage(stage).glob("waves/0*.json")))
    return 1 - done / len(list(place._replace(run=place.undisturbed).stage(stage).glob("waves/0*.json")))


def _strike(attempt: Attempt, kind: str, chance: random.Random, tell: Tell) -> None:
    where, seconds = attempt.where(), time.monotonic() - attempt.clock
    family = attempt.family()
    if kind == OTHERS:
        victims = [(name, chance.choice(processes)) for name, processes in _others(attempt).items()]
    elif kind == "worker":
        victims = [(kind, process) for process in family[kind][:1]]
    elif kind == "everything":
        victims = [(name, process) for name in family for process in family[name]]
    else:
        victims = [(kind, process) for process in family[kind]]
    for _, victim in victims:
        kill(victim)
    names = [f"{name} {victim.pid}" for name, victim in victims]
    tell(f"{where}, {seconds:.1f} s: killed {', '.join(names) or 'nobody, there was none'}: {attempt.ended()}")


def _others(attempt: Attempt) -> dict[str, list[psutil.Process]]:
    """Living processes whose death a run survives: without Spark, whose tasks are tried again, not the workers'."""
    alone = not attempt.place.spark and attempt.where() == STAGES[0]
    family = attempt.family()
    return {kind: family[kind] for kind in SURVIVED if family[kind] and not (alone and kind == "worker")}
