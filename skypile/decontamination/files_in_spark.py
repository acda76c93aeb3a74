"""Decontamination of Parquet files in Spark: its workers do what the threads of one process do (see ``files``).

Workers get the index; texts never enter the JVM. What is written twice, by a
task that is tried again, is the same file.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from skypile.config import DecontaminationConfig
from skypile.decontamination.frequency import Tally
from skypile.decontamination.index import Index, build_index
from skypile.decontamination.items import Item
from skypile.decontamination.pieces import Written, tally_piece, write_piece
from skypile.decontamination.stage import common_in
from skypile.dedup.columns import Columns
from skypile.dedup.parquet_input import Input, pieces
from skypile.runtime.map_arrow import Batches, map_arrow

_DONE = pa.schema([("kind", pa.string()), ("name", pa.string()), ("reason", pa.string()), ("count", pa.int64())])


def work_in_spark(
    spark: SparkSession,
    given: Input,
    items: Sequence[Item],
    output: str,
    columns: Columns,
    config: DecontaminationConfig,
) -> tuple[Index, int, Iterable[Written]]:
    """Write ``documents`` and ``verdicts``; the index, the number of common n-grams, and what was written."""
    parts = pieces(given)
    files = spark.sparkContext.broadcast((given, parts))

    def count(numbers: Batches, index: Index, tally: Tally) -> None:
        given, parts = files.value
        for number in _each(numbers):
            tally_piece(given, parts[number], columns, index, config, tally)

    numbers = spark.range(0, len(parts), 1, numPartitions=max(len(parts), 1))
    common = common_in(numbers, count, build_index(items, config), config)
    final = build_index(items, config, common)
    shared = spark.sparkContext.broadcast(final)

    def write(numbers: Batches) -> Batches:
        given, parts = files.value
        for number in _each(numbers):
            done = write_piece(given, parts[number], number, output, columns, shared.value, config)
            rows = [("rows", verdict, reason, count) for (verdict, reason), count in done.rows.items()]
            rows += [("cut", name, None, count) for name, count in done.cut.items()]
            rows += [("items", str(item), None, count) for item, count in done.items.items()]
            yield pa.RecordBatch.from_pylist([dict(zip(_DONE.names, row, strict=True)) for row in rows], _DONE)

    written = map_arrow(numbers, write, "kind string, name string, reason string, count bigint")
    summed = Written(Counter(), Counter(), Counter())
    for row in written.groupBy("kind", "name", "reason").agg(F.sum("count").alias("count")).collect():
        if row["kind"] == "rows":
            summed.rows[row["name"], row["reason"]] = row["count"]
        elif row["kind"] == "cut":
            summed.cut[row["name"]] = row["count"]
        else:
            summed.items[int(row["name"])] = row["count"]
    return final, len(common), [summed]


def _each(numbers: Batches) -> Iterator[int]:
    """The numbers of a task's pieces."""
    return (number for batch in numbers for number in batch["id"].to_pylist())
