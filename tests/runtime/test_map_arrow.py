"""Workers of a stage hide their imports from the garbage collector, once."""

import gc
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

from skypile.runtime.map_arrow import map_arrow


def test_workers_freeze_once_and_rows_pass(spark: SparkSession) -> None:
    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os

        for batch in batches:
            yield pa.record_batch({"id": batch["id"], "pid": [os.getpid()], "frozen": [gc.get_freeze_count()]})

    rows = map_arrow(spark.range(0, 24, 1, 24), count, "id long, pid long, frozen long").collect()
    assert sorted(row["id"] for row in rows) == list(range(24))
    workers = {row["pid"] for row in rows}
    assert len(workers) < len(rows)
    for worker in workers:
        counts = [row["frozen"] for row in rows if row["pid"] == worker]
        assert min(counts) > 10_000
        assert max(counts[2:], default=0) <= max(counts[:2])  # the first task imports more, those that follow nothing
