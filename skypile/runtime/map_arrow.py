"""The one way a stage runs Python over rows: `mapInArrow` in workers that do not pay for their imports again.

PySpark's worker collects garbage after every task. With Numba, SciPy and Arrow imported that looks at half a
million objects, 60 ms a task, in a stage of many tasks nearly half of a worker's time. Frozen objects are not
looked at.
"""

import functools
import gc
import sys
from collections.abc import Callable, Iterator

import pyarrow as pa
from pyspark.resource import ResourceProfile
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

Batches = Iterator[pa.RecordBatch]

_frozen_modules = 0


def map_arrow(
    frame: DataFrame,
    function: Callable[[Batches], Batches],
    schema: StructType | str,
    profile: ResourceProfile | None = None,
) -> DataFrame:
    """`frame.mapInArrow(function, schema)`; `profile`: what a task needs besides a core, such as a GPU."""

    @functools.wraps(function)
    def frozen(batches: Batches) -> Batches:
        freeze_imports()
        yield from function(batches)

    return frame.mapInArrow(frozen, schema, profile=profile)


def map_batches(
    frame: DataFrame, function: Callable[[pa.RecordBatch], pa.RecordBatch], schema: StructType | str
) -> DataFrame:
    """`map_arrow` with a function of one batch at a time, which is never empty."""

    def each(batches: Batches) -> Batches:
        for batch in batches:
            if batch.num_rows:
                yield function(batch)

    return map_arrow(frame, each, schema)


def freeze_imports() -> None:
    """Hide what is imported by now from the garbage collector.

    Once for each set of modules, not once a task: a cycle among what is alive at that moment is never freed.
    """
    global _frozen_modules
    if len(sys.modules) > _frozen_modules:
        gc.freeze()
        _frozen_modules = len(sys.modules)
