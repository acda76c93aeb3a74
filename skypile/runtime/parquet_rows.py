"""Rows of Parquet files in batches of bounded bytes, and columns of any text type as text.

A row group says how many bytes its columns have as they are encoded. Decoded they may have a thousand times as many: a
value of 400 KB that stands in every row is stored once. So a group is read in steps of a few rows, which costs no more
than steps of many (14,208 texts: 8 ms in steps of 64, 12 ms of 16, 37 ms of 200), and the steps are joined up to the
bytes that were asked for.

A page is the least that can be read of a column. Writers bound it (1 MB), but pyarrow looks at its size after 1,024
rows only: 80 rows of 600 MB are one page, a dictionary, for which a reader takes 1.8 GB.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STEP_ROWS = 32  # decoded at once: 512 MB if each has 16 MB
BUFFER = 1 << 20  # of a column that is being read
THRIFT_BYTES = 100 << 20  # a footer's strings; the default refuses schemas with long metadata


def open_parquet(source: Any, filesystem: Any = None) -> pq.ParquetFile:
    """A Parquet file, given as a path or an open file, of whose columns a page is held at a time, not all pages."""
    return pq.ParquetFile(
        source, filesystem=filesystem, buffer_size=BUFFER, pre_buffer=False, thrift_string_size_limit=THRIFT_BYTES
    )


def row_batches(
    parquet: pq.ParquetFile, group: int, columns: list[str] | None, most_rows: int, most_bytes: int
) -> Iterator[pa.RecordBatch]:
    """Rows of a row group, in order, in batches of at most `most_rows` and about `most_bytes`, but a row at least.

    A batch is over `most_bytes` by one step at most: STEP_ROWS rows, or fewer where the mean row is large.
    """
    metadata = parquet.metadata.row_group(group)
    size = sum(column_bytes(metadata, name) for name in columns) if columns is not None else metadata.total_byte_size
    step = max(1, min(STEP_ROWS, most_rows, most_bytes * metadata.num_rows // max(size, 1)))
    steps = parquet.iter_batches(step, [group], columns, use_threads=False)
    held: list[pa.RecordBatch] = []
    rows = taken = 0
    while True:
        damage = None
        try:
            batch = next(steps, None)
        except (pa.ArrowException, OSError, ValueError) as error:  # after what could be read
            batch, damage = None, error
        if held and (batch is None or rows + len(batch) > most_rows or taken + batch.nbytes > most_bytes):
            yield pa.concat_batches(held)
            held, rows, taken = [], 0, 0
        if damage is not None:
            raise damage
        if batch is None:
            return
        held.append(batch)
        rows, taken = rows + len(batch), taken + batch.nbytes


def column_bytes(group: pq.RowGroupMetaData, name: str) -> int:
    """Bytes of a column, with all that nests in it, before compression."""
    parts = (group.column(i) for i in range(group.num_columns))
    return sum(
        part.total_uncompressed_size
        for part in parts
        if part.path_in_schema == name or part.path_in_schema.startswith(f"{name}.")
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether `utf8` takes a type: strings and bytes of every layout, dictionaries of them, and nothing but nulls."""
    kind = plain(kind)
    return pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_null(kind)


def plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values, however they are laid out: large for text and bytes, of what a dictionary lists.

    >>> plain(pa.dictionary(pa.int8(), pa.string_view()))
    DataType(large_string)
    """
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return plain(kind.storage_type)
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary(kind) or pa.types.is_binary_view(kind):
        return pa.large_binary()
    return kind


def utf8(array: pa.Array) -> tuple[pa.LargeStringArray, pa.BooleanArray]:
    """A column that `is_text` as valid strings, null where a value is no UTF-8; and where that is.

    Parquet says of a column that it is UTF-8, and nobody checks it: pandas, Arrow and Spark read the bytes as they are,
    and fail later.
    """
    values = as_plain(array)
    if pa.types.is_null(values.type):
        return values.cast(pa.large_string()), pa.repeat(False, len(values))
    raw = values.cast(pa.large_binary())
    try:
        return raw.cast(pa.large_string()), pa.repeat(False, len(raw))
    except pa.ArrowInvalid:
        wrong = pa.array([value is not None and not _is_utf8(value) for value in raw.to_pylist()], pa.bool_())
        return pc.if_else(wrong, pa.scalar(None, pa.large_binary()), raw).cast(pa.large_string()), wrong


def as_plain(array: pa.Array) -> pa.Array:
    """An array with its type `plain`."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(plain(array.type))


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
