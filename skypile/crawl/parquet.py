"""Parquet files as records: one a row, text or HTML by the configured columns.

A range owns the row groups whose first byte lies in it (as parquet-mr does), so that planning opens no file;
ids come from the row number in the file. Only the columns that are used are read, in batches of about 8 MB by
the row group's mean row size. A value that is not what its column says costs its row at most; a row group that
cannot be read gives one failed row that says how many rows went with it.
"""

from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.config import ExtractionConfig
from skypile.crawl.columns import values
from skypile.crawl.jsonl import from_fields
from skypile.crawl.record import Record, failed, record

# Read at once, to bound the memory of what lies ahead of the page at hand.
_MAX_ROWS, _MAX_BYTES = 200, 8 << 20
_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)


def parquet_records(file: IO[bytes], source: str, start: int, end: int, config: ExtractionConfig) -> Iterator[Record]:
    """Rows of the row groups that begin in bytes [start, end) of the file, in order."""
    try:
        parquet = pq.ParquetFile(file, thrift_string_size_limit=100 << 20)
        metadata = parquet.metadata
    except _ERRORS as error:
        if start == 0:
            yield failed(record(source, 0), "unreadable_file", at=0, detail=f"Parquet footer: {error}"[:300])
        return
    columns = [
        name
        for name in (config.text_field, config.html_field, config.url_field, "date")
        if name in parquet.schema_arrow.names
    ]
    first = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        begins = _offset(group)
        if start <= begins < end:
            yield from _group_records(parquet, number, group, columns, source, first, config)
        first += group.num_rows


def _group_records(
    parquet: pq.ParquetFile,
    number: int,
    group: pq.RowGroupMetaData,
    columns: list[str],
    source: str,
    first: int,
    config: ExtractionConfig,
) -> Iterator[Record]:
    rows = max(1, min(_MAX_ROWS, _MAX_BYTES * group.num_rows // max(group.total_byte_size, 1)))
    row = first
    try:
        if not columns:  # no column is used: one row a row all the same, each without its fields
            for row in range(first, first + group.num_rows):
                yield from_fields(record(source, row), dict.fromkeys(parquet.schema_arrow.names), config)
            return
        for batch in parquet.iter_batches(rows, [number], columns, use_threads=False):
            names = batch.schema.names
            for fields in zip(*map(values, batch.columns), strict=True):
                result = from_fields(record(source, row), dict(zip(names, fields, strict=True)), config)
                if result.text is not None and len(result.text) > config.max_record_bytes:
                    result = failed(result, "too_large", len(result.text), config.max_record_bytes, at=row)
                yield result
                row += 1
    except _ERRORS as error:
        lost = first + group.num_rows - row
        yield failed(
            record(source, row), "bad_compression", at=row, rows=lost, row_group=number, detail=str(error)[:300]
        )


def _offset(group: pq.RowGroupMetaData) -> int:
    """File offset of the first page of a row group."""
    if group.num_columns == 0:
        return 0
    column = group.column(0)
    return int(column.dictionary_page_offset or column.data_page_offset)
