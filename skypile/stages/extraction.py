"""Stage 1: from the crawl to documents.

One Python worker reads a split of the input (skypile.crawl), sends each page through its sandbox
(skypile.text.page), and hands Spark the documents; what cannot be read or extracted stays a row with its
reason. Bodies, ten times the size of the text, never enter the JVM: as two functions with a DataFrame of
bodies between them the stage cost twice the processor time.
"""

import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from skypile import sandbox
from skypile.config import ExtractionConfig
from skypile.crawl import inputs, read
from skypile.crawl.record import Record
from skypile.crawl.url import host
from skypile.map_arrow import map_arrow
from skypile.schema import DOCUMENT_COLUMNS, FAILED, KEPT, RECORD_COLUMNS, VERDICT_COLUMNS, arrow_schema, names
from skypile.storage import spark_schema
from skypile.text.document import document_from_text  # not page, with which Numba starts: that is the child's

READ: Final = "read"
GROUP_ROWS: Final = 200
GROUP_BYTES: Final = 8 << 20  # passed by one record at most, which readers hold to max_record_bytes

# What a page needs of the settings; sent along with each page, so kept small.
_PAGE_SETTINGS: Final = {"engine", "languages", "min_characters"}
_REASONS: Final = {
    "error": "extraction_error",
    "timeout": "timeout",
    "out_of_memory": "out_of_memory",
    "crash": "crash",
}


def extraction(spark: SparkSession, splits: Sequence[inputs.Split], config: ExtractionConfig) -> DataFrame:
    """DOCUMENT_COLUMNS of everything in `splits`, one row a record, one task a split.

    Its column READ is the reader's own count, to hold the number of rows against: the first row of each batch
    has the number of records in it, the others have 0.
    """
    splits = list(splits)

    def read_and_extract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for index in batch["id"].to_pylist():
                for records in _grouped(read.read_split(splits[index], config)):
                    counts = pa.array([len(records)] + [0] * (len(records) - 1), pa.int64())
                    yield documents(records, config).append_column(READ, counts)

    indices = spark.range(0, len(splits), 1, numPartitions=max(1, len(splits)))
    return map_arrow(indices, read_and_extract, spark_schema(DOCUMENT_COLUMNS).add(READ, "long"))


def _grouped(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Records in order, in groups that bound the memory of what is read ahead."""
    group: list[Record] = []
    size = 0
    for record in records:
        group.append(record)
        size += len(record.body or b"") + len(record.text or "")
        if len(group) >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def documents(records: Sequence[Record], config: ExtractionConfig) -> pa.RecordBatch:
    """DOCUMENT_COLUMNS of records; those that reading has dropped or failed pass through."""
    rows = [_document(record, config) for record in records]
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(DOCUMENT_COLUMNS))


def _document(record: Record, config: ExtractionConfig) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in _CARRIED} | {"host": host(record.url)}
    if record.verdict != KEPT:
        return row | {name: getattr(record, name) for name in names(VERDICT_COLUMNS)}
    if record.body is None:
        return row | document_from_text(record.text or "", config)
    header = {
        "url": record.url,
        "content_type": record.content_type,
        "settings": config.model_dump(mode="json", include=_PAGE_SETTINGS),
    }
    outcome = _sandbox(config.timeout_seconds, config.memory_mb).call(json.dumps(header).encode() + b"\n" + record.body)
    if outcome.status == "ok":
        return row | json.loads(outcome.value)
    limits = {"seconds": config.timeout_seconds, "memory_mb": config.memory_mb, "bytes": len(record.body)}
    evidence = {"detail": outcome.value.decode("utf-8", "replace")} | limits
    return row | {
        "verdict": FAILED,
        "reason": _REASONS[outcome.status],
        "evidence": json.dumps(evidence, ensure_ascii=False),
    }


_CARRIED: Final = [
    name
    for name in names(RECORD_COLUMNS)
    if name in names(DOCUMENT_COLUMNS) and name not in ("text", *names(VERDICT_COLUMNS))
]


@functools.cache
def _sandbox(seconds: float, memory_mb: int) -> sandbox.Sandbox:
    """This worker's child process; Spark reuses workers, so it serves many tasks."""
    return sandbox.Sandbox("skypile.text.page:serve", seconds, memory_mb)
