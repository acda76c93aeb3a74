"""The seed of a chaos run, what it did and when; and undisturbed runs to hold the others against.

The seed stands in the first lines of the output, and CHAOS_SEED=N does the same things at the same moments once more,
as far as the machine is as fast. What was killed and broken, and what the run said to it, is printed at the end.
"""

import os
import random
import time
from collections.abc import Callable, Iterator

import pytest

from skypile.sample import write_sample
from tests.chaos.attempts import Place, finish, leftovers, wait_until

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
LOG = pytest.StashKey[list[str]]()
BEGUN = time.monotonic()

# Waves of 0.5 MB, so that extraction has five of them; what else is set makes the sample quick, and drops of each kind.
SETTINGS = """
[spark]
driver_memory = "1g"
shuffle_partitions = 2
local_mb = {local_mb}
[extraction]
wave_mb = 0.5
split_mb = 1
[distribution_filter]
budget_min = 130
[quality_filter]
wikipedia = ["{dump}"]
"""
WAYS = {"without Spark": 1024, "with Spark": 0}  # how extraction is done: [spark] local_mb


def pytest_report_header() -> str:
    return f"chaos: CHAOS_SEED={SEED} reproduces this run"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LOG] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section(f"chaos, CHAOS_SEED={SEED}, {time.monotonic() - BEGUN:.0f} s")
    for line in config.stash[LOG]:
        terminalreporter.write_line(line)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """A test's own stream of chances: the same for a seed, whichever tests run beside it."""
    print(f"CHAOS_SEED={SEED}")  # shown with a failure
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Adds a line to the log under the name of the test."""
    lines = request.config.stash[LOG]
    lines.append(f"{request.node.name}:")

    def told(line: str) -> None:
        lines.append(f"  {line}")
        print(line)  # shown with a failure

    return told


@pytest.fixture(scope="session", params=list(WAYS), ids=[way.replace(" ", "-") for way in WAYS])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The sample, its settings, and an undisturbed run of it."""
    folder = tmp_path_factory.mktemp(request.param.replace(" ", "-"))
    sample = write_sample(folder / "sample")
    (folder / "config.toml").write_text(SETTINGS.format(local_mb=WAYS[request.param], dump=sample["wikipedia"]))
    found = Place(folder, folder / "undisturbed", WAYS[request.param] == 0)
    began = time.monotonic()
    finish(found)
    request.config.stash[LOG].append(f"undisturbed, {request.param}: {time.monotonic() - began:.0f} s")
    return found._replace(seconds=time.monotonic() - began)


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test no process of it lives, and no temporary file is there."""
    yield
    if "place" in request.fixturenames:
        place: Place = request.getfixturevalue("place")
        assert wait_until(lambda: not leftovers(), 30), [(p.pid, p.cmdline()[:6]) for p in leftovers()]
        assert wait_until(lambda: not any(temporary(place)), 10), temporary(place)


def temporary(place: Place) -> list[str]:
    return [str(path.relative_to(place.scratch)) for path in place.scratch.rglob("*")]
