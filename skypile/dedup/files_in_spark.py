"""Deduplication of Parquet files in Spark, on one machine or many: any number of rows (see ``files``).

Spark decides; workers read and write the files, as the way without Spark does. So texts never enter the JVM, both ways
read every type of column alike, and the documents have the input's types, not Spark's. What is written twice, by a
task that is tried again, is the same file.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from skypile.config import DedupConfig
from skypile.dedup.columns import Columns, Counts, bad_id, counted
from skypile.dedup.distributed.hold import holder
from skypile.dedup.file_sketches import FILE_SKETCH, file_sketches, write_documents
from skypile.dedup.parquet_input import Input, batches, pieces
from skypile.dedup.sketch import SKETCH
from skypile.dedup.stage import sketch_decisions
from skypile.errors import SkypileError
from skypile.run_folder.storage import read_parquet, stored
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow
from skypile.schema import FAILED, KEPT, VERDICT_COLUMNS, names

SCRATCH = "_scratch"
PLACED = FILE_SKETCH.append(pa.field("piece", pa.int64())).append(pa.field("row", pa.int64()))  # row of the piece


def dedup_with_spark(spark: SparkSession, given: Input, output: str, columns: Columns, config: DedupConfig) -> Counts:
    """Write ``documents`` and ``verdicts`` below ``output``, in place of what an unfinished run left there."""
    for name in ("documents", "verdicts", SCRATCH):
        files.remove_tree(files.join(output, name))
    scratch = files.join(output, SCRATCH)
    read = stored(_sketched(spark, given, columns, config), files.join(scratch, "sketches"), "lz4_raw")
    count = _check_ids(read, columns)
    compared = read.where("reason is null").select(*SKETCH.names)
    decisions = sketch_decisions(compared, config, holder(files.join(scratch, "tables")), count)
    counts = _write_verdicts(read, decisions, output)
    gone = read.join(decisions, "record_id", "left").where((F.col("verdict") != KEPT) | read["reason"].isNotNull())
    written = _write_documents(spark, given, gone, files.join(output, "documents"))
    if written != counts["kept"]:
        raise SkypileError(
            f"{counts['kept']} of {counts['read']} rows stay, but {written} were written to {output}: "
            "did the input change meanwhile? Run it again"
        )
    files.remove_tree(scratch)
    return counts


def _sketched(spark: SparkSession, given: Input, columns: Columns, config: DedupConfig) -> DataFrame:
    """A row (``PLACED``) a row of the input, one task a piece of it."""
    parts = pieces(given)
    shared = spark.sparkContext.broadcast((given, parts))
    wanted = columns.needed(config)

    def sketch(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        given, parts = shared.value
        for number in (number for batch in numbers for number in batch["id"].to_pylist()):
            row = 0
            for batch in batches(given, parts[number], wanted):
                made = file_sketches(batch, columns, config)
                places = [pa.repeat(pa.scalar(number), len(batch)), pa.array(np.arange(row, row + len(batch)))]
                row += len(batch)
                yield pa.RecordBatch.from_arrays([*made.columns, *places], schema=PLACED)

    numbers = spark.range(0, len(parts), 1, numPartitions=len(parts))
    return map_arrow(numbers, sketch, from_arrow_schema(PLACED))


def _check_ids(documents: DataFrame, columns: Columns) -> int:
    """The number of rows, or an error that names an id that stands twice or is null."""
    ids = documents.groupBy("record_id").agg(F.count("*").alias("rows"))
    times = F.when(F.col("record_id").isNull(), F.lit(2)).otherwise(F.col("rows"))
    row = ids.agg(F.max(times).alias("most"), F.max_by(F.struct("*"), times).alias("worst"), F.sum("rows")).collect()[0]
    if (row["most"] or 0) > 1:
        raise bad_id(row["worst"]["rows"], row["worst"]["record_id"], columns)
    return int(row["sum(rows)"] or 0)


def _write_verdicts(read: DataFrame, decisions: DataFrame, output: str) -> Counts:
    """A verdict for every row; returns the counts."""
    folder = files.join(output, "verdicts")
    every = read.select("record_id", "url", F.col("reason").alias("wrong")).join(decisions, "record_id", "left")
    undecided = F.when(F.col("wrong").isNull(), KEPT).otherwise(FAILED)
    every = every.withColumns({"verdict": F.coalesce("verdict", undecided), "reason": F.coalesce("reason", "wrong")})
    every = every.select("record_id", "url", *names(VERDICT_COLUMNS))
    every.write.mode("overwrite").parquet(folder)
    rows = read_parquet(read.sparkSession, every.schema, folder).groupBy("verdict", "reason").count().collect()
    return counted({(row["verdict"], row["reason"]): row["count"] for row in rows})


def _write_documents(spark: SparkSession, given: Input, gone: DataFrame, folder: str) -> int:
    """Write what stays, a file a piece; returns the number of rows. ``gone``: piece and row of what does not."""
    parts = pieces(given)
    shared = spark.sparkContext.broadcast((given, parts))

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        given, parts = shared.value
        for batch in batches:
            for number, rows in zip(batch["piece"].to_pylist(), batch["rows"], strict=True):
                places = np.sort(rows.values.to_numpy()) if rows.is_valid else np.empty(0, np.int64)
                yield pa.record_batch({"rows": [write_documents(given, parts[number], places, folder, number)]})

    rows = gone.groupBy("piece").agg(F.collect_list("row").alias("rows"))
    every = spark.range(0, len(parts)).select(F.col("id").alias("piece")).join(rows, "piece", "left")
    each = every.repartitionById(len(parts), F.col("piece").cast("int"))
    return int(map_arrow(each, write, "rows bigint").agg(F.sum("rows")).collect()[0][0] or 0)
