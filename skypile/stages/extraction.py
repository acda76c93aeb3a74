"""Stage 1: from the crawl to documents.

Splits of the input are read in Python workers (skypile.crawl), each page is turned into a document in the
worker's sandbox (skypile.text.page), and what cannot be read or extracted stays a row with its reason.
Bodies travel from the reading worker to the extracting one through the JVM (about 50 us a page), so that
both stay usable alone.
"""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from skypile import sandbox
from skypile.config import ExtractionConfig
from skypile.crawl import inputs, read
from skypile.crawl.url import host
from skypile.schema import DOCUMENT_COLUMNS, FAILED, KEPT, RECORD_COLUMNS, VERDICT_COLUMNS, arrow_schema, names
from skypile.storage import spark_schema
from skypile.text import page

# What a page needs of the settings; sent along with each page, so kept small.
_PAGE_SETTINGS: Final = {"engine", "languages", "min_characters"}
_REASONS: Final = {
    "error": "extraction_error",
    "timeout": "timeout",
    "out_of_memory": "out_of_memory",
    "crash": "crash",
}


def records(spark: SparkSession, splits: Sequence[inputs.Split], config: ExtractionConfig) -> DataFrame:
    """RECORD_COLUMNS of everything in `splits`, one task a split."""
    splits = list(splits)

    def read_splits(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for index in batch["id"].to_pylist():
                yield from read.read_split(splits[index], config)

    indices = spark.range(0, len(splits), 1, numPartitions=max(1, len(splits)))
    return indices.mapInArrow(read_splits, spark_schema(RECORD_COLUMNS))


def extraction(config: ExtractionConfig) -> Callable[[DataFrame], DataFrame]:
    """Stage function: RECORD_COLUMNS -> DOCUMENT_COLUMNS, one row for each."""

    def extract_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield documents(batch, config)

    return lambda frame: frame.mapInArrow(extract_batches, spark_schema(DOCUMENT_COLUMNS))


def documents(batch: pa.RecordBatch, config: ExtractionConfig) -> pa.RecordBatch:
    """DOCUMENT_COLUMNS of a batch of RECORD_COLUMNS; rows that reading has dropped or failed pass through."""
    rows = [_document(record, config) for record in batch.to_pylist()]
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(DOCUMENT_COLUMNS))


def _document(record: dict[str, Any], config: ExtractionConfig) -> dict[str, Any]:
    row = {name: record[name] for name in _CARRIED} | {"host": host(record["url"])}
    if record["verdict"] != KEPT:
        return row | {name: record[name] for name in names(VERDICT_COLUMNS)}
    if record["body"] is None:
        return row | page.document_from_text(record["text"] or "", config)
    header = {
        "url": record["url"],
        "content_type": record["content_type"],
        "settings": config.model_dump(mode="json", include=_PAGE_SETTINGS),
    }
    outcome = _sandbox(config.timeout_seconds, config.memory_mb).call(
        json.dumps(header).encode() + b"\n" + record["body"]
    )
    if outcome.status == "ok":
        return row | json.loads(outcome.value)
    limits = {"seconds": config.timeout_seconds, "memory_mb": config.memory_mb, "bytes": len(record["body"])}
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
