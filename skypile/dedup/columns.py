"""Which columns of a user's own files hold what, and what both ways of deduplicating files read in them."""

import datetime
import hashlib
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.config import DedupConfig
from skypile.errors import SkypileError
from skypile.runtime.parquet_rows import as_plain, is_text, plain, utf8
from skypile.schema import FAILED, KEPT

Counts = dict[str, Any]  # read, kept, dropped: {reason: rows}, failed: {reason: rows}
NO_TEXT, BAD_TEXT = "no_text", "bad_text"
SHOWN_URL = 2000  # characters of a URL that verdicts show; what a page is known by is the whole of it


class ColumnError(SkypileError, ValueError):
    """A column of the input, or what stands in it, does not serve; the message says which, where and why."""


class Columns(NamedTuple):
    """Which columns of the input hold what; without ``url`` no URLs are compared."""

    id: str
    text: str
    url: str | None = None

    def needed(self, config: DedupConfig) -> list[str]:
        """All columns that decisions depend on."""
        return list(dict.fromkeys(name for name in (*self, config.survivor_column) if name))


def check_columns(file: str, schema: pa.Schema, columns: Columns, config: DedupConfig) -> None:
    """ColumnError if a file lacks a column that is needed, or has one of a type that does not serve, or in the way."""
    missing = [name for name in columns.needed(config) if name not in schema.names]
    if missing:
        raise ColumnError(f"{file} has no column {missing}; its columns are {schema.names}")
    if "record_id" in schema.names and columns.id != "record_id":
        raise ColumnError(f"{file} has a column record_id beside the id column {columns.id!r}: rename or drop it")
    rules = [
        (columns.id, _is_id, "ids are text, integers or decimals"),
        (columns.text, is_text, "texts are strings, or bytes in UTF-8"),
        (columns.url, is_text, "URLs are strings"),
    ]
    if config.survivor == "best_quality":
        rules.append((config.quality_column, _is_number, "survivor = best_quality compares numbers"))
    elif config.survivor == "earliest":
        rules.append((config.time_column, _is_time, "survivor = earliest compares dates, timestamps or ISO 8601 text"))
    for name, serves, rule in rules:
        if name and not serves(schema.field(name).type):
            raise ColumnError(f"{file}: column {name!r} has type {schema.field(name).type}, but {rule}")


def _is_id(kind: pa.DataType) -> bool:
    return is_text(kind) or pa.types.is_integer(plain(kind)) or pa.types.is_decimal(plain(kind))


def _is_number(kind: pa.DataType) -> bool:
    kind = plain(kind)
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_null)
    return any(test(kind) for test in tests)


def _is_time(kind: pa.DataType) -> bool:
    return is_text(kind) or pa.types.is_timestamp(plain(kind)) or pa.types.is_date(plain(kind))


def read_columns(batch: pa.RecordBatch, columns: Columns, config: DedupConfig) -> pa.RecordBatch:
    """record_id, url, rank (float64), text, and reason: why a row cannot be compared, null where it can.

    Such a row has an empty text. A null is no text, and bytes that are no UTF-8 are none either.
    """
    text, wrong = utf8(batch[columns.text])
    reason = pc.if_else(wrong, BAD_TEXT, pc.if_else(pc.is_null(text), NO_TEXT, pa.scalar(None, pa.string())))
    url = _shown(_texts(batch[columns.url])) if columns.url else pa.nulls(len(batch), pa.string())
    identity = as_plain(batch[columns.id])
    arrays = [
        _texts(identity) if is_text(identity.type) else identity.cast(pa.string()),
        url,
        _ranks(batch, text, config),
        pc.fill_null(text, ""),
        reason,
    ]
    return pa.RecordBatch.from_arrays(arrays, ["record_id", "url", "rank", "text", "reason"])


def _texts(array: pa.Array) -> pa.StringArray:
    """Values as strings; bytes that are no UTF-8 are spelt out, so that they stay apart."""
    values, wrong = utf8(array)
    if not pc.any(wrong).as_py():
        return values.cast(pa.string())
    raw = as_plain(array).cast(pa.large_binary()).to_pylist()
    return pa.array([value if value is None else value.decode("utf-8", "backslashreplace") for value in raw])


def _shown(urls: pa.StringArray) -> pa.StringArray:
    """URLs as verdicts show them: a longer one is its beginning, and a digest by which it stays apart."""
    if (pc.max(pc.binary_length(urls)).as_py() or 0) <= SHOWN_URL:
        return urls
    return pa.array([url if url is None or len(url) <= SHOWN_URL else _cut(url) for url in urls.to_pylist()])


def _cut(url: str) -> str:
    digest = hashlib.blake2b(url.encode(), digest_size=16).hexdigest()
    return f"{url[:SHOWN_URL]}…[{len(url)} characters, {digest}]"


def _ranks(batch: pa.RecordBatch, text: pa.Array, config: DedupConfig) -> pa.Array:
    """The survivor rule as a number, as ``stage.rank_column`` has it: the smallest stays."""
    if config.survivor == "longest":
        value = pc.negate(pc.utf8_length(text)).cast(pa.float64())
    elif config.survivor == "best_quality":
        value = pc.negate(as_plain(batch[config.quality_column]).cast(pa.float64(), safe=False))
    elif config.survivor == "earliest":
        value = _seconds(batch[config.time_column])
    else:
        value = pa.array(np.zeros(len(batch)))
    return pc.if_else(pc.is_null(value, nan_is_null=True), float("inf"), value)


def _seconds(moments: pa.Array) -> pa.Array:
    """Seconds since 1970, in UTC; null for a text that is no ISO 8601."""
    values = as_plain(moments)
    if is_text(values.type):
        return pa.array([_moment(value) for value in utf8(values)[0].to_pylist()], pa.float64())
    if pa.types.is_date32(values.type):
        return pc.multiply(values.cast(pa.int32()).cast(pa.float64()), 86400.0)
    units = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
    unit = units["ms" if pa.types.is_date64(values.type) else values.type.unit]
    return pc.divide(values.cast(pa.int64()).cast(pa.float64(), safe=False), unit)


def _moment(text: str | None) -> float | None:
    try:
        moment = datetime.datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def bad_id(rows: int, record: str | None, columns: Columns) -> ColumnError:
    """What to raise for an id that is null or stands in several rows."""
    return ColumnError(
        f"{rows} rows have the id {record!r} in column {columns.id!r}: "
        "ids must be unique and not null; is it the right column?"
    )


def counted(rows: dict[tuple[str, str | None], int]) -> Counts:
    """Counts of the manifest from the number of rows of each verdict and reason."""
    ordered = sorted(rows.items(), key=str)
    dropped = {str(reason): n for (verdict, reason), n in ordered if verdict not in (KEPT, FAILED)}
    failed = {str(reason): n for (verdict, reason), n in ordered if verdict == FAILED}
    return {"read": sum(rows.values()), "kept": rows.get((KEPT, None), 0), "dropped": dropped, "failed": failed}
