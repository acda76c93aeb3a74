"""The seed of a chaos run: printed first, and given again in CHAOS_SEED to see the same run once more."""

import os
import random

import pytest

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))


def pytest_report_header() -> str:
    return f"chaos: CHAOS_SEED={SEED} reproduces this run"


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """A test's own stream of chances: the same for a seed, whichever tests run beside it."""
    print(f"CHAOS_SEED={SEED}")  # shown with a failure
    return random.Random(f"{SEED} {request.node.name}")
