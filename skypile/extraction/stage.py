"""Stage 1 in Spark: from the crawl to documents.

One Python worker reads a split of the input, sends each page through its sandbox, and hands Spark the documents
(`skypile.extraction.documents`). Bodies, ten times the size of the text, never enter the JVM: as two functions with a
DataFrame of bodies between them the stage cost twice the processor time.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import Split
from skypile.extraction.documents import documents
from skypile.run_folder.storage import spark_schema
from skypile.runtime.map_arrow import map_arrow
from skypile.schema import DOCUMENT_COLUMNS

READ: Final = "read"


def extraction(spark: SparkSession, splits: Sequence[Split], config: ExtractionConfig) -> DataFrame:
    """DOCUMENT_COLUMNS of everything in `splits`, one row a record, one task a split.

    Its column READ is the reader's own count, to hold the number of rows against: the first row of each batch
    has the number of records in it, the others have 0.
    """
    splits = list(splits)

    def read_and_extract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for index in batch["id"].to_pylist():
                for read, rows in documents(splits[index], config):
                    counts = pa.array([read] + [0] * (len(rows) - 1), pa.int64())
                    yield rows.append_column(READ, counts)

    indices = spark.range(0, len(splits), 1, numPartitions=max(1, len(splits)))
    return map_arrow(indices, read_and_extract, spark_schema(DOCUMENT_COLUMNS).add(READ, "long"))
