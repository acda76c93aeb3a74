"""Deduplication on its own: any Parquet files in, the surviving rows and a verdict for every row out.

    DIR/documents/     the rows that stay, all their columns
    DIR/verdicts/      record_id (the id column's value), url, verdict, reason, score, threshold, evidence
    DIR/manifest.json  written last: settings, inputs, counts by reason, seconds

Paragraphs are not cut here: that changes texts, and belongs to the pipeline's stage.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from skypile import files
from skypile.config import DedupConfig
from skypile.schema import KEPT
from skypile.stages.attach import attach
from skypile.stages.dedup import dedup_decisions
from skypile.stages.dedup_evidence import DECISION_COLUMNS

SCRATCH = "_scratch"
FEW = 200_000  # so many ids of dropped rows go to every worker (20 MB); more are attached file by file


class Columns(NamedTuple):
    """Which columns of the input hold what; without ``url`` no URLs are compared."""

    id: str
    text: str
    url: str | None = None


def dedup_files(
    spark: SparkSession, paths: Sequence[str], output: str, columns: Columns, config: DedupConfig
) -> dict[str, Any]:
    """Deduplicate the rows of Parquet files in ``paths`` (files, folders, globs) into the folder ``output``.

    Returns the manifest. Raises ValueError for a missing column, for an id that is null or not unique, and for an
    ``output`` that holds a finished run of another input or other settings (the same one is left as it is).
    """
    started = time.monotonic()
    identity = {"paths": sorted(paths), "columns": columns._asdict(), "config": config.model_dump(mode="json")}
    done = files.read_json(files.join(output, "manifest.json"))
    if done is not None:
        if {key: done.get(key) for key in identity} != identity:
            raise ValueError(f"{output} holds a finished run of other inputs or settings; choose another folder")
        return done
    rows = spark.read.parquet(*paths)
    _check_columns(rows, columns)
    if columns.id != "record_id":
        rows = rows.withColumn("record_id", F.col(columns.id).cast("string"))
    documents = rows.withColumn("url", F.col(columns.url) if columns.url else F.lit(None).cast("string"))
    documents = documents.withColumn("text", F.col(columns.text).cast("string"))
    count = _check_ids(documents, columns)
    scratch = files.join(output, SCRATCH)
    decisions = dedup_decisions(documents, config, files.join(scratch, "tables"), count)
    counts = _write_verdicts(documents, decisions, output)
    dropped = decisions.where(F.col("verdict") != KEPT).select("record_id")
    if counts["read"] - counts["kept"] <= FEW:
        kept = rows.join(F.broadcast(dropped), "record_id", "left_anti").select(rows.columns)
    else:
        marked = attach(rows, dropped.withColumn("_dropped", F.lit(True)), files.join(scratch, "attached"), count)
        kept = marked.where(F.col("_dropped").isNull()).drop("_dropped")
    kept = kept if columns.id == "record_id" else kept.drop("record_id")
    kept.write.mode("overwrite").parquet(files.join(output, "documents"))
    files.remove_tree(scratch)
    manifest = identity | counts | {"seconds": round(time.monotonic() - started, 2)}
    files.write_json(files.join(output, "manifest.json"), manifest)
    return manifest


def _check_columns(rows: DataFrame, columns: Columns) -> None:
    wanted = [name for name in columns if name]
    missing = [name for name in wanted if name not in rows.columns]
    if missing:
        raise ValueError(f"the input has no column {missing}; its columns are {rows.columns}")
    if "record_id" in rows.columns and columns.id != "record_id":
        raise ValueError(f"the input has a column record_id beside the id column {columns.id!r}: rename or drop it")


def _check_ids(documents: DataFrame, columns: Columns) -> int:
    """The number of rows, or an error that names an id that stands twice or is null."""
    ids = documents.groupBy("record_id").agg(F.count("*").alias("rows"))
    times = F.when(F.col("record_id").isNull(), F.lit(2)).otherwise(F.col("rows"))
    row = ids.agg(F.max(times).alias("most"), F.max_by(F.struct("*"), times).alias("worst"), F.sum("rows")).collect()[0]
    if (row["most"] or 0) > 1:
        raise ValueError(
            f"{row['worst']['rows']} rows have the id {row['worst']['record_id']!r} in column {columns.id!r}: "
            "ids must be unique and not null; is it the right column?"
        )
    return int(row["sum(rows)"] or 0)


def _write_verdicts(documents: DataFrame, decisions: DataFrame, output: str) -> dict[str, Any]:
    """A verdict for every row; returns the counts."""
    folder = files.join(output, "verdicts")
    every = documents.select("record_id", "url").join(decisions, "record_id", "left")
    every = every.withColumn("verdict", F.coalesce("verdict", F.lit(KEPT)))
    every.select("record_id", "url", *DECISION_COLUMNS[1:-1]).write.mode("overwrite").parquet(folder)
    written = documents.sparkSession.read.parquet(folder)
    counts = {
        (row["verdict"], row["reason"]): row["count"] for row in written.groupBy("verdict", "reason").count().collect()
    }
    dropped = {reason: n for (verdict, reason), n in sorted(counts.items(), key=str) if verdict != KEPT}
    return {"read": sum(counts.values()), "kept": counts.get((KEPT, None), 0), "dropped": dropped}
