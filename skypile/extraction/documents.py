"""From a piece of the crawl to documents: read (`crawl`), and take the text out in a sandbox (`extraction.page`).

What cannot be read or extracted stays a row with its reason.
"""

import functools
import json
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import Split
from skypile.crawl.read import read_split
from skypile.crawl.record import Record
from skypile.crawl.url import host

# Not `page`, with which Numba starts: that is the child's.
from skypile.extraction.document import document_from_text, unpacked
from skypile.runtime.sandbox import PAGE_FUNCTION, Sandbox, end_template
from skypile.schema import DOCUMENT_COLUMNS, FAILED, KEPT, RECORD_COLUMNS, VERDICT_COLUMNS, arrow_schema, names
from skypile.text.limits import evidence_json

GROUP_ROWS: Final = 200
GROUP_BYTES: Final = 8 << 20  # passed by one record at most, which readers hold to max_record_bytes
GROUPS_AHEAD: Final = 4
# Characters of ready text that are judged without the sandbox. Its length bounds what the text can cost, by however
# bad a method: 16,384 squared are a second. Of 1,005 real texts 44 are longer.
SHORT_TEXT: Final = 1 << 14

_REASONS: Final = {
    "error": "extraction_error",
    "timeout": "timeout",
    "out_of_memory": "out_of_memory",
    "crash": "crash",
}


def documents(split: Split, config: ExtractionConfig) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Records read, as the reader counts them, and DOCUMENT_COLUMNS of them, batch by batch, one row a record."""
    return from_records(read_split(split, config), config)


def from_records(records: Iterator[Record], config: ExtractionConfig) -> Iterator[tuple[int, pa.RecordBatch]]:
    """`documents` of records, wherever they come from."""
    sandbox = _sandbox(config.timeout_seconds, config.memory_mb)
    ahead: deque[list[Record]] = deque()
    for group in _grouped(records):
        ahead.append(group)
        pages = any(record.body is not None or len(record.text or "") > SHORT_TEXT for record in group)
        if pages and len(ahead) < GROUPS_AHEAD and not sandbox.is_ready():
            continue  # a process that has just begun reads until its sandbox has loaded what pages need
        while ahead:
            yield len(ahead[0]), _batch(ahead.popleft(), sandbox, config)
    while ahead:
        yield len(ahead[0]), _batch(ahead.popleft(), sandbox, config)


def document(record: Record, config: ExtractionConfig) -> dict[str, Any]:
    """DOCUMENT_COLUMNS of one record, under the limits that hold in a run; null is None."""
    columns = dict.fromkeys(names(DOCUMENT_COLUMNS))
    return columns | _document(record, _sandbox(config.timeout_seconds, config.memory_mb), config)


def prepare() -> None:
    """Compile the fast engine where it never was: 30 s, which the processes to come would each spend."""
    box = Sandbox(PAGE_FUNCTION, 1, 4096)
    box.wait()
    box.close()
    end_template(PAGE_FUNCTION)


def _grouped(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Records in order, in groups that bound the memory of what is read ahead."""
    group: list[Record] = []
    size = 0
    for record in records:
        group.append(record)
        size += len(record.body or b"") + len(record.text or "") + len(record.metadata or "")
        if len(group) >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _batch(records: Sequence[Record], sandbox: Sandbox, config: ExtractionConfig) -> pa.RecordBatch:
    """DOCUMENT_COLUMNS of records; those that reading has dropped or failed pass through."""
    rows = [_document(record, sandbox, config) for record in records]
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(DOCUMENT_COLUMNS))


def _document(record: Record, sandbox: Sandbox, config: ExtractionConfig) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in _CARRIED} | {"host": host(record.url)}
    if record.verdict != KEPT:
        return row | {name: getattr(record, name) for name in names(VERDICT_COLUMNS)}
    if (text := record.text) is not None and len(text) <= SHORT_TEXT:
        return _with_facts(row | document_from_text(text, config.min_characters), record)
    page = [record.url, record.content_type] if text is None else None
    body = (record.body or b"") if text is None else text.encode("utf-8", "replace")
    outcome = sandbox.call(b"\n".join((json.dumps(page).encode(), _page_settings(config), body)))
    if outcome.status == "ok":
        return _with_facts(row | unpacked(outcome.value), record)
    limits = {"seconds": config.timeout_seconds, "memory_mb": config.memory_mb, "bytes": len(body)}
    evidence = {"detail": outcome.value.decode("utf-8", "replace")} | limits
    found = {"verdict": FAILED, "reason": _REASONS[outcome.status], "evidence": evidence_json(evidence)}
    return _with_facts(row | found, record)


def _with_facts(row: dict[str, Any], record: Record) -> dict[str, Any]:
    """`row` with what reading knows of the record (a body that breaks off) before its own evidence."""
    if record.evidence is None:
        return row
    known = json.loads(record.evidence) | json.loads(row.get("evidence") or "{}")
    return row | {"evidence": evidence_json(known)}


_CARRIED: Final = [
    name
    for name in names(RECORD_COLUMNS)
    if name in names(DOCUMENT_COLUMNS) and name not in ("text", *names(VERDICT_COLUMNS))
]


@functools.lru_cache(1)
def _page_settings(config: ExtractionConfig) -> bytes:
    """`PageSettings` of skypile.extraction.page, sent along with each page, as a line of JSON."""
    return json.dumps([config.engine, config.languages, config.min_characters]).encode()


@functools.cache
def _sandbox(seconds: float, memory_mb: int) -> Sandbox:
    """This process's child; Spark reuses its workers, so it serves many splits."""
    return Sandbox(PAGE_FUNCTION, seconds, memory_mb)
