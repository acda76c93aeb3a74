"""The column `keep_weight`, in Spark: two passes over narrow columns, and one in which the documents go by."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import FloatType, StructField, StructType

from skypile import schema
from skypile.config import Config
from skypile.recurrence import in_run
from skypile.recurrence.curve import READ
from skypile.recurrence.weights import document_weights, fit
from skypile.run_folder import stage_folder, storage
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow, map_batches

COLUMN = "keep_weight"


def with_weights(spark: SparkSession, run: str, config: Config, kept: DataFrame) -> DataFrame:
    """`kept`, the documents that the quality filter of `run` keeps, with COLUMN (float); 1 each at strength 0."""
    if not config.recurrence.strength:
        return kept.withColumn(COLUMN, F.lit(1.0).cast("float"))
    folder = files.join(stage_folder.stage_dir(run, in_run.STAGE), "documents")
    judged = storage.read_parquet(spark, storage.spark_schema(schema.STAGE_COLUMNS[in_run.STAGE]), folder)

    def over(function: Callable[[pa.RecordBatch], pa.RecordBatch], made: pa.Schema) -> Iterable[tuple[Any, ...]]:
        *keys, first, second = made.names
        counted = map_batches(judged.select(*READ), function, from_arrow_schema(made))
        summed = counted.groupBy(*keys).agg(F.sum(first).alias(first), F.sum(second).alias(second))
        return [tuple(row) for row in summed.collect()]

    weights = fit(in_run.of_config(run, config), in_run.core_budget(run, config), config.recurrence, over)

    def weigh(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch.append_column(COLUMN, pa.array(document_weights(batch, weights)))

    return map_arrow(kept, weigh, StructType([*kept.schema.fields, StructField(COLUMN, FloatType())]))
