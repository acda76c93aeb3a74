"""Make rows of any stage's schema from the few columns a test cares about."""

from collections.abc import Iterable
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from skypile.run_folder.storage import Stage, spark_schema, write_stage
from skypile.schema import STAGE_COLUMNS, VERDICT_COLUMNS, record_id


def frame(
    spark: SparkSession, rows: Iterable[dict[str, Any]], stage: str = "extraction", verdicts: bool = True
) -> DataFrame:
    """A frame of `stage`'s columns; each row gets an id, a URL and a kept verdict unless it brings its own."""
    columns = [c for c in STAGE_COLUMNS[stage] if verdicts or c not in VERDICT_COLUMNS]
    data = []
    for number, row in enumerate(rows):
        full = {
            "record_id": record_id("test", number),
            "url": f"http://example.org/{number}",
            "verdict": "kept",
        } | row
        data.append(tuple(full.get(c.name) for c in columns))
    return spark.createDataFrame(data, spark_schema(tuple(columns)))


def write(spark: SparkSession, run: str, rows: Iterable[dict[str, Any]], stage: str = "extraction") -> dict[str, Any]:
    """Store `rows` as the finished folder of `stage`, for the stage after it to read."""
    rows = list(rows)
    table = frame(spark, rows, stage)
    manifest, _ = write_stage(spark, run, Stage(stage, {}, {"rows": len(rows)}, [lambda: (len(rows), table)]))
    return manifest
