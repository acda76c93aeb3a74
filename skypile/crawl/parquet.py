"""Parquet files as records: one a row, text or HTML by the configured columns, all other columns as metadata.

A range owns the row groups whose first byte lies in it (as parquet-mr does), so that planning opens no file;
ids come from the row number in the file. Columns of which a mean row has more than metadata may have (images) are
not read. A value that is not what its column says costs itself, or its row if it is the text. A row group that cannot
be read gives one failed row that says how many rows went with it.
"""

from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.config import ExtractionConfig
from skypile.crawl.columns import UNREAD, values
from skypile.crawl.jsonl import from_fields
from skypile.crawl.metadata import MOST_BYTES
from skypile.crawl.record import Record, failed, record
from skypile.runtime.parquet_rows import column_bytes, is_text, open_parquet, plain, row_batches

# Read at once, to bound the memory of what lies ahead of the page at hand.
_MAX_ROWS, _MAX_BYTES = 200, 8 << 20
_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)


def parquet_records(file: IO[bytes], source: str, start: int, end: int, config: ExtractionConfig) -> Iterator[Record]:
    """Rows of the row groups that begin in bytes [start, end) of the file, in order."""
    try:
        parquet = open_parquet(file)
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
            found = [_values(batch[name], name in (*content, config.url_field)) for name in columns]
            for each in zip(*found, strict=True):
                fields = {name: value for name, value in zip(columns, each, strict=True) if value is not UNREAD}
                missed = tuple(name for name in names if name not in fields)
                result = from_fields(record(source, row), fields, config, missed, detail)
                if (size := _bytes_over(result.text, config.max_record_bytes)) is not None:
                    result = failed(result, "too_large", size, config.max_record_bytes, at=row)
                yield result
                row += 1
    except _ERRORS as error:
        lost = first + group.num_rows - row
        yield failed(
            record(source, row), "bad_compression", at=row, rows=lost, row_group=number, detail=str(error)[:300]
        )


def _bytes_over(text: str | None, limit: int) -> int | None:
    """Bytes of a text in UTF-8 that has more than `limit`; None for others."""
    if text is None or 4 * len(text) <= limit:
        return None
    size = len(text.encode())
    return size if size > limit else None


def wrong_type(source: str, schema: pa.Schema, config: ExtractionConfig) -> str:
    """What is wrong with the types of the columns that hold text or HTML; empty if nothing is."""
    for name in (config.text_field, config.html_field):
        at = schema.get_field_index(name)
        if at >= 0 and not is_text(schema.field(at).type):
            return f"{source}: column {name!r} has type {schema.field(at).type}; texts are strings or bytes in UTF-8"
    return ""


def _values(column: pa.Array, raw: bool) -> list[Any]:
    """A column's values; unless `raw`, what is no UTF-8 in a column of text is mended."""
    found = values(column)
    if raw or not pa.types.is_large_string(plain(column.type)):
        return found
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in found]


def _offset(group: pq.RowGroupMetaData) -> int:
    """File offset of the first page of a row group."""
    if group.num_columns == 0:
        return 0
    column = group.column(0)
    return int(column.dictionary_page_offset or column.data_page_offset)
