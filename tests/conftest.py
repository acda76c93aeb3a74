"""Fixtures: one Spark session for all tests, and the shared data where it is there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from skypile import session
from skypile.config import SparkConfig

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A small embedded session; stages get the settings they run with."""
    running = session.start(SparkConfig(driver_memory="1g", shuffle_partitions=2), "tests")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real pages and texts; the test is skipped where it is absent."""
    folder = Path(os.environ.get("SKYPILE_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set SKYPILE_SHARED to the folder that holds data/")
    return folder
