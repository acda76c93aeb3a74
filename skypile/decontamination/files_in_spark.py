"""Decontamination of Parquet files in Spark: its workers do what the threads of one process do (see ``files``).

Workers get the index; texts never enter the JVM. What is written twice, by a
task that is tried again, is the same file.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from skypile.config import DecontaminationConfig
from skypile.decontamination.frequency import new_tally
from skypile.decontamination.index import Index, build_index
from skypile.decontamination.items import Item
from skypile.decontamination.pieces import Written, tally_piece, write_piece
from skypile.dedup.columns import Columns
from skypile.dedup.parquet_input import Input, pieces
from skypile.runtime.map_arrow import map_arrow

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
    index = build_index(items, config)
    common = np.sort(index.gram_keys[_common(spark, given, index, columns, config)])
    final = build_index(items, config, common)
    parts = pieces(given)
    shared = spark.sparkContext.broadcast((given, parts, final))

    def write(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        given, parts, final = shared.value
        for number in (number for batch in numbers for number in batch["id"].to_pylist()):
            done = write_piece(given, parts[number], number, output, columns, final, config)
            rows = [("rows", verdict, reason, count) for (verdict, reason), count in done.rows.items()]
            rows += [("cut", name, None, count) for name, count in done.cut.items()]
            rows += [("items", str(item), None, count) for item, count in done.items.items()]
            yield pa.RecordBatch.from_pylist([dict(zip(_DONE.names, row, strict=True)) for row in rows], _DONE)

    written = map_arrow(_numbers(spark, len(parts)), write, "kind string, name string, reason string, count bigint")
    summed = Written(Counter(), Counter(), Counter())
    for row in written.groupBy("kind", "name", "reason").agg(F.sum("count").alias("count")).collect():
        if row["kind"] == "rows":
            summed.rows[row["name"], row["reason"]] = row["count"]
        elif row["kind"] == "cut":
            summed.cut[row["name"]] = row["count"]
        else:
            summed.items[int(row["name"])] = row["count"]
    return final, len(common), [summed]


def _numbers(spark: SparkSession, count: int) -> DataFrame:
    """The numbers of the pieces, one a task."""
    return spark.range(0, count, 1, numPartitions=max(count, 1))


def _common(
    spark: SparkSession, given: Input, index: Index, columns: Columns, config: DecontaminationConfig
) -> np.ndarray:
    """Numbers of the n-grams that are common (``frequency.common_grams``)."""
    parts = pieces(given)
    shared = spark.sparkContext.broadcast((given, parts, index))

    def count(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        given, parts, index = shared.value
        tally = new_tally(index, config)
        for number in (number for batch in numbers for number in batch["id"].to_pylist()):
            tally_piece(given, parts[number], columns, index, config, tally)
        grams = tally.texts.nonzero()[0]
        # Spark has no unsigned integers, and only asks which are equal.
        sources = [[int(value) for value in row[row != 2**64 - 1].view(np.int64)] for row in tally.sources[grams]]
        arrays = [pa.array(grams), pa.array(tally.texts[grams]), pa.array(sources, pa.list_(pa.int64()))]
        yield pa.RecordBatch.from_arrays(arrays, ["gram", "texts", "sources"])

    counted = map_arrow(_numbers(spark, len(parts)), count, "gram bigint, texts bigint, sources array<bigint>")
    sources = F.array_distinct(F.flatten(F.collect_list("sources")))
    summed = counted.groupBy("gram").agg(F.sum("texts").alias("texts"), F.size(sources).alias("sources"))
    often = summed.where((F.col("texts") >= config.common_documents) & (F.col("sources") >= config.common_sources))
    return np.array(sorted(row["gram"] for row in often.select("gram").collect()), np.int64)
