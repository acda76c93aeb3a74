"""Deduplication of Parquet files in Spark, on one machine or many: any number of rows (see ``files``)."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.columns import Columns, Counts, bad_id, check_columns, counted
from skypile.dedup.evidence import DECISION_COLUMNS
from skypile.dedup.stage import dedup_decisions
from skypile.run_folder.attach import attach
from skypile.runtime import files
from skypile.schema import KEPT

SCRATCH = "_scratch"
FEW = 200_000  # so many ids of dropped rows go to every worker (20 MB); more are attached file by file


def dedup_with_spark(
    spark: SparkSession, paths: Sequence[str], output: str, columns: Columns, config: DedupConfig
) -> Counts:
    """Write ``documents`` and ``verdicts`` below ``output``, in place of what an unfinished run left there."""
    rows = spark.read.option("recursiveFileLookup", not _name_columns(paths)).parquet(*paths)
    check_columns(rows.columns, columns, config)
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
    return counts


def _name_columns(paths: Sequence[str]) -> bool:
    """Whether folders below ``paths`` are named ``column=value``. Without such names, Spark passes over folders within
    folders unless told to look there; with them, it must not be told, or it makes no columns of them."""
    for path in paths:
        try:
            fs, inner = files.filesystem(path)
        except (ImportError, ValueError):  # only Spark can read there: it may decide
            return True
        roots = fs.glob(inner) if any(mark in inner for mark in "*?[{") else [inner]
        for root in roots:
            for _, folders, _ in fs.walk(root):
                if any("=" in name for name in folders):
                    return True
    return False


def _check_ids(documents: DataFrame, columns: Columns) -> int:
    """The number of rows, or an error that names an id that stands twice or is null."""
    ids = documents.groupBy("record_id").agg(F.count("*").alias("rows"))
    times = F.when(F.col("record_id").isNull(), F.lit(2)).otherwise(F.col("rows"))
    row = ids.agg(F.max(times).alias("most"), F.max_by(F.struct("*"), times).alias("worst"), F.sum("rows")).collect()[0]
    if (row["most"] or 0) > 1:
        raise bad_id(row["worst"]["rows"], row["worst"]["record_id"], columns)
    return int(row["sum(rows)"] or 0)


def _write_verdicts(documents: DataFrame, decisions: DataFrame, output: str) -> Counts:
    """A verdict for every row; returns the counts."""
    folder = files.join(output, "verdicts")
    every = documents.select("record_id", "url").join(decisions, "record_id", "left")
    every = every.withColumn("verdict", F.coalesce("verdict", F.lit(KEPT)))
    every.select("record_id", "url", *DECISION_COLUMNS[1:-1]).write.mode("overwrite").parquet(folder)
    written = documents.sparkSession.read.parquet(folder)
    rows = written.groupBy("verdict", "reason").count().collect()
    return counted({(row["verdict"], row["reason"]): row["count"] for row in rows})
