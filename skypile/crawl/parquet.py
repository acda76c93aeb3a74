"""Parquet files as records: one a row, text or HTML by the configured columns, all other columns as metadata.

A range owns the row groups whose first byte lies in it (as parquet-mr does), so that planning opens no file;
ids come from the row number in the file. Columns of which a mean row has more than metadata may have (images) are
not read. A value that Python cannot hold or that is no UTF-8 costs that value, or its row if it is the text. A row
group that cannot be read gives one failed row that says how many rows went with it.
"""

import contextlib
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.config import ExtractionConfig
from skypile.crawl.jsonl import from_fields
from skypile.crawl.metadata import MOST_BYTES
from skypile.crawl.record import Record, failed, record
from skypile.runtime.parquet_rows import THRIFT_BYTES, as_plain, column_bytes, is_text, plain, row_batches

# Read at once, to bound the memory of what lies ahead of the page at hand.
_MAX_ROWS, _MAX_BYTES = 200, 8 << 20
_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)
_UNREAD: Final = object()  # in place of a value that Python cannot hold


def parquet_records(file: IO[bytes], source: str, start: int, end: int, config: ExtractionConfig) -> Iterator[Record]:
    """Rows of the row groups that begin in bytes [start, end) of the file, in order."""
    try:
        parquet = pq.ParquetFile(file, thrift_string_size_limit=THRIFT_BYTES)
        metadata, schema = parquet.metadata, parquet.schema_arrow
    except _ERRORS as error:
        if start == 0:
            yield failed(record(source, 0), "unreadable_file", at=0, detail=f"Parquet footer: {error}"[:300])
        return
    first = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        begins = _offset(group)
        if start <= begins < end:
            yield from _group_records(parquet, number, group, schema, source, first, config)
        first += group.num_rows


def _group_records(
    parquet: pq.ParquetFile,
    number: int,
    group: pq.RowGroupMetaData,
    schema: pa.Schema,
    source: str,
    first: int,
    config: ExtractionConfig,
) -> Iterator[Record]:
    content = (config.text_field, config.html_field)
    most = MOST_BYTES * max(group.num_rows, 1)
    names = list(dict.fromkeys(schema.names))
    unread = {
        name for name in names if name not in (*content, config.url_field, "date") and column_bytes(group, name) > most
    }
    detail = wrong_type(source, schema, config)
    columns = [name for name in names if name not in unread]
    row = first
    try:
        if not columns:  # one row a row all the same, each without its fields
            for row in range(first, first + group.num_rows):
                yield from_fields(record(source, row), dict.fromkeys(names), config, (), detail)
            return
        for batch in row_batches(parquet, number, columns, _MAX_ROWS, _MAX_BYTES):
            values = [_values(batch[name], name in content or name == config.url_field) for name in columns]
            for each in zip(*values, strict=True):
                fields = {name: value for name, value in zip(columns, each, strict=True) if value is not _UNREAD}
                missed = tuple(name for name in names if name not in fields)
                result = from_fields(record(source, row), fields, config, missed, detail)
                if result.text is not None and len(result.text) > config.max_record_bytes:
                    result = failed(result, "too_large", len(result.text), config.max_record_bytes, at=row)
                yield result
                row += 1
    except _ERRORS as error:
        lost = first + group.num_rows - row
        yield failed(
            record(source, row), "bad_compression", at=row, rows=lost, row_group=number, detail=str(error)[:300]
        )


def wrong_type(source: str, schema: pa.Schema, config: ExtractionConfig) -> str:
    """What is wrong with the types of the columns that hold text or HTML; empty if nothing is."""
    for name in (config.text_field, config.html_field):
        at = schema.get_field_index(name)
        if at >= 0 and not is_text(schema.field(at).type):
            return f"{source}: column {name!r} has type {schema.field(at).type}; texts are strings or bytes in UTF-8"
    return ""


def _values(array: pa.Array, content: bool) -> list[Any]:
    """A column as Python's values; `content`: where a text is no UTF-8 its bytes, else it is mended."""
    if pa.types.is_large_string(plain(array.type)):
        return _texts(as_plain(array), content)
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        micro = array.cast(pa.timestamp("us", array.type.tz), safe=False)
        if pc.all(pc.equal(micro.cast(array.type), array)).as_py() is False:
            return [None if value.value is None else _moment(value) for value in array]
        array = micro
    with contextlib.suppress(*_ERRORS):
        array = array.cast(_without_nanoseconds(array.type), safe=False)
    try:
        return array.to_pylist(maps_as_pydicts="strict")
    except (*_ERRORS, KeyError):
        return [_value(value) for value in array]


def _texts(array: pa.Array, content: bool) -> list[Any]:
    try:
        return array.to_pylist()
    except UnicodeDecodeError:
        values = []
        for value in array.cast(pa.large_binary()).to_pylist():
            try:
                values.append(value if value is None else value.decode())
            except UnicodeDecodeError:
                values.append(value if content else value.decode("utf-8", "replace"))
        return values


def _value(value: pa.Scalar) -> Any:
    """One value; a time beyond Python's years or of nanoseconds as text."""
    with contextlib.suppress(*_ERRORS):
        return value.as_py()
    with contextlib.suppress(*_ERRORS):
        if pa.types.is_timestamp(value.type):
            return _moment(value)
        if pa.types.is_date(value.type):
            return str(np.datetime64(value.value, "D" if pa.types.is_date32(value.type) else "ms"))
        if pa.types.is_duration(value.type):
            return value.value / {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[value.type.unit]
    return _UNREAD


def _moment(value: pa.Scalar) -> str:
    """A timestamp to its last digit, in UTC if it has a zone: 2024-02-29T12:00:00.000000001Z."""
    return str(np.datetime64(value.value, value.type.unit)) + ("Z" if value.type.tz else "")


def _without_nanoseconds(kind: pa.DataType) -> pa.DataType:
    """A type with microseconds for nanoseconds, however deep: Python has no smaller ones, pandas may be absent."""
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if pa.types.is_time64(kind):
        return pa.time64("us")
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_nanoseconds(field.type)) for field in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_without_nanoseconds(kind.value_type)))
    return kind


def _offset(group: pq.RowGroupMetaData) -> int:
    """File offset of the first page of a row group."""
    if group.num_columns == 0:
        return 0
    column = group.column(0)
    return int(column.dictionary_page_offset or column.data_page_offset)
