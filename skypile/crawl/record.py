"""One row of RECORD_COLUMNS, and the batches it travels in."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from skypile.schema import DROPPED, FAILED, KEPT, REASONS, RECORD_COLUMNS, arrow_schema, names, record_id

SCHEMA = arrow_schema(RECORD_COLUMNS)

# Making a batch costs about 20 µs a row whatever its size, so these bound memory alone: ten batches in flight
# between a Python worker and Spark stay under 100 MB.
MAX_ROWS = 200
MAX_BYTES = 8 << 20


class Record(NamedTuple):
    """The columns of RECORD_COLUMNS, in their order."""

    record_id: str
    url: str
    source: str
    offset: int
    date: str | None = None
    http_status: int | None = None
    content_type: str | None = None
    body: bytes | None = None
    text: str | None = None
    verdict: str = KEPT
    reason: str | None = None
    score: float | None = None
    threshold: float | None = None
    evidence: str | None = None


assert list(Record._fields) == names(RECORD_COLUMNS)


def record(source: str, offset: int, index: int = 0, url: str | None = None, **fields: Any) -> Record:
    """A kept record; without a URL of its own it is called source#offset."""
    return Record(record_id(source, offset, index), url or f"{source}#{offset}", source, offset, **fields)


def dropped(of: Record, reason: str, score: float | None = None, **evidence: Any) -> Record:
    """`of` without its content, dropped for `reason`."""
    return _refused(of, DROPPED, reason, score, None, evidence)


def failed(
    of: Record, reason: str, score: float | None = None, threshold: float | None = None, **evidence: Any
) -> Record:
    """`of` without its content, failed for `reason`."""
    return _refused(of, FAILED, reason, score, threshold, evidence)


def batches(records: Iterable[Record]) -> Iterator[pa.RecordBatch]:
    """Records as Arrow batches of SCHEMA, in order, at most MAX_ROWS rows and about MAX_BYTES of content.

    A batch passes MAX_BYTES by at most one record, which the readers hold to max_record_bytes.
    """
    rows: list[Record] = []
    size = 0
    for row in records:
        rows.append(row)
        size += len(row.body or b"") + len(row.text or "")
        if len(rows) >= MAX_ROWS or size >= MAX_BYTES:
            yield _batch(rows)
            rows, size = [], 0
    if rows:
        yield _batch(rows)


def _refused(
    of: Record, verdict: str, reason: str, score: float | None, threshold: float | None, evidence: dict[str, Any]
) -> Record:
    assert reason in REASONS, reason
    return of._replace(
        body=None,
        text=None,
        verdict=verdict,
        reason=reason,
        score=score,
        threshold=threshold,
        evidence=json.dumps(evidence, ensure_ascii=False) if evidence else None,
    )


def _batch(rows: list[Record]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, type=field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
