"""Compute an intermediate table once."""

from collections.abc import Callable
from itertools import count

from pyspark import StorageLevel
from pyspark.sql import DataFrame

Hold = Callable[[DataFrame, str], DataFrame]


def holder(scratch: str | None) -> Hold:
    """A function that computes a frame once and gives it back without its history.

    Caching would keep the history: Spark compares every plan with every cached one, and at the tenth nested
    join planning alone takes a minute.
    """

    numbers = count()

    def hold(frame: DataFrame, name: str) -> DataFrame:
        # On one machine no executor can be lost, and Spark's own blocks save a write and a read of Parquet.
        if scratch is None or str(frame.sparkSession.sparkContext.master).startswith("local["):
            return frame.localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
        path = f"{scratch.rstrip('/')}/{next(numbers):03d}_{name}"
        frame.write.mode("overwrite").parquet(path)
        return frame.sparkSession.read.schema(frame.schema).parquet(path)

    return hold
