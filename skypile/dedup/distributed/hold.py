"""Compute an intermediate table once; keep the driver out of joins."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from skypile.run_folder.storage import stored

Hold = Callable[[DataFrame, str], DataFrame]


def holder(scratch: str | None) -> Hold:
    """A function that computes a frame once and gives it back without its history.

    Caching would keep the history: Spark compares every plan with every cached one, and at the tenth nested
    join planning alone takes a minute.
    """

    numbers = count()

    def hold(frame: DataFrame, name: str) -> DataFrame:
        if scratch is None or one_machine(frame.sparkSession):
            return frame.localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
        return stored(frame, f"{scratch.rstrip('/')}/{next(numbers):03d}_{name}")

    return hold


def one_machine(spark: SparkSession) -> bool:
    """Whether no executor can be lost; Spark's own blocks then save a write and a read of Parquet."""
    return str(spark.sparkContext.master).startswith("local[")


@contextmanager
def without_broadcast(spark: SparkSession) -> Iterator[None]:
    """Joins planned within are done by shuffles alone.

    Spark broadcasts a table through the driver when its shuffle files are small. Those of a template page with
    100,000 copies compress a hundredfold: the driver unpacked gigabytes and died.
    """
    names = ("spark.sql.autoBroadcastJoinThreshold", "spark.sql.adaptive.autoBroadcastJoinThreshold")
    before = {name: spark.conf.get(name, None) for name in names}
    try:
        for name in names:
            spark.conf.set(name, "-1")
        yield
    finally:
        for name, value in before.items():
            if value is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, value)
