"""Two runs into one folder: the second is refused, whenever it comes; a lock whose holder was killed is none."""

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.chaos.attempts import Attempt, Place, check_like_undisturbed, kill, wait_until

pytestmark = pytest.mark.chaos

Tell = Callable[[str], None]
OTHERS = 3


def test_two_runs_into_one_folder(place: Place, chance: random.Random, tell: Tell):
    place = place.named("both")
    lock = place.run / "_lock"
    dead = Attempt(place, place.command())
    assert wait_until(lambda: lock.exists() and lock.stat().st_size > 0, 120)
    time.sleep(chance.uniform(0, 2))
    for processes in dead.family().values():
        for process in processes:
            kill(process)
    dead.wait()
    assert lock.exists()
    tell(f"process {dead.process.pid} killed, which held the lock")

    first = Attempt(place, place.command())
    assert wait_until(lambda: _holder(place).get("pid") == first.process.pid, 120), (first.said, _holder(place))
    since = _holder(place)["since"]
    for _ in range(OTHERS):
        time.sleep(chance.uniform(0, place.seconds / OTHERS / 2))
        where, seconds = first.where(), time.monotonic() - first.clock
        other = Attempt(place, place.command())
        said = other.ended()
        tell(f"{where}, {seconds:.1f} s: begun a second time: {said}")
        if first.process.poll() is None:
            assert f"is being written by process {first.process.pid} on " in said
            assert since in said
    assert first.ended() == "it went on"
    check_like_undisturbed(place)
    tell("the same digests as undisturbed")


def _holder(place: Place) -> dict:
    with suppress(OSError, ValueError):
        return json.loads((place.run / "_lock").read_text())
    return {}
