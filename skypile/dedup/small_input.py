"""Parquet files that one process holds: found as Spark finds them, read in batches of bounded size.

Folders within a folder are read too. Where all their names are ``column=value``, they are columns, as Spark has it:
behind those of the files, int32 if all values are whole numbers. What Spark might read otherwise is left to Spark:
values it could take for a date or another number, patterns but for ``*`` and ``?``, files whose schemas differ, ids
that are neither text nor integers.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from skypile.config import DedupConfig
from skypile.dedup.columns import Columns, check_columns
from skypile.runtime import files

MOST_FILES = 1000  # their footers are read one by one, which an object store takes 20 ms for
# Bytes of text before compression. Sketches of Chinese take a third more than the text (a character has 3 bytes, its
# shingle 4), those of English a third less: this much Chinese takes 3.2 GB (200,000 texts, 19 s).
MOST_TEXT = 1 << 30
# 100,000 documents of 700 bytes are sketched in 0.5 s by 500 to 1,000 rows a batch, in 0.7 s by 200, in 0.9 s by 2,000.
BATCH_BYTES, BATCH_ROWS = 4 << 20, 1000
BUFFER = 1 << 20  # of a column that is being read


class File(NamedTuple):
    """A Parquet file: its path within its file system, and from its footer what is in it."""

    fs: AbstractFileSystem
    path: str
    schema: pa.Schema
    rows: int
    size: int  # bytes before compression
    text: int  # of them, the column with the text
    folders: tuple[pa.Scalar, ...] = ()  # values of the last columns of the schema, which its folders name


def small_input(paths: Sequence[str], columns: Columns, config: DedupConfig) -> list[File] | None:
    """The files of ``paths`` if they can be deduplicated here; None leaves them, and what is wrong with them, to Spark.

    They can if they have at most ``config.local_documents`` rows and ``MOST_TEXT`` bytes of text, one schema with ids
    that are text or integers, and no index to be compared with. ValueError for a column that is missing.
    """
    found = None if config.against else _listed(paths)
    if not found:
        return None
    read: list[File] = []
    named = _named_columns([folders for _, _, folders in found])
    if named is None:
        return None
    for (fs, path, _), values in zip(found, named, strict=True):
        try:
            read.append(_footer(fs, path, columns.text, values))
        except (pa.ArrowException, OSError):
            return None
        same = read[-1].schema.equals(read[0].schema)
        rows, text = sum(file.rows for file in read), sum(file.text for file in read)
        if not same or rows > config.local_documents or text > MOST_TEXT:
            return None
    check_columns(read[0].schema.names, columns, config)
    if {*columns, config.survivor_column} & named[0].keys():  # they would be read with every batch
        return None
    return read if _plain(read[0].schema, columns, config) else None


def _footer(fs: AbstractFileSystem, path: str, text: str, values: dict[str, pa.Scalar]) -> File:
    with pq.ParquetFile(_source(fs, path)) as parquet:
        metadata = parquet.metadata
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        texts = sum(_column_bytes(group, text) for group in groups)
        schema = parquet.schema_arrow
        for name, value in values.items():
            schema = schema.append(pa.field(name, value.type))
        return File(fs, path, schema, metadata.num_rows, size, texts, tuple(values.values()))


def _source(fs: AbstractFileSystem, path: str) -> Any:
    """What pyarrow opens; local files without fsspec's wrapper, which needs the interpreter for every read."""
    return path if isinstance(fs, LocalFileSystem) else fs.open(path)


def _listed(paths: Sequence[str]) -> list[tuple[AbstractFileSystem, str, list[str]]] | None:
    """All files of ``paths``, each with the names of the folders between a path and it; None where Spark might find
    others, or there are too many."""
    found: list[tuple[AbstractFileSystem, str, list[str]]] = []
    roots = 0
    for path in paths:
        if any(mark in path for mark in ("[", "]", "{", "}", "\\", "**")):
            return None
        try:
            fs, inner = files.filesystem(path)
        except (ImportError, ValueError):  # Spark may have a reader of its own
            return None
        for root in sorted(fs.glob(inner)) if "*" in inner or "?" in inner else [inner.rstrip("/")]:
            roots += 1
            below = _files_in(fs, root)
            if not below or len(found) + len(below) > MOST_FILES:
                return None
            found += [(fs, name, name.removeprefix(root).split("/")[1:-1]) for name in below]
    if roots > 1 and any("=" in name for _, _, folders in found for name in folders):
        return None  # which Spark has refuse most of the time
    return found


def _files_in(fs: AbstractFileSystem, path: str) -> list[str] | None:
    """A file itself, or the files in a folder and below it; None if there are none, or what Spark may see otherwise."""
    if not fs.isdir(path):
        return [path] if fs.exists(path) else None
    found = files.visible_below(fs, path)
    return None if any("/_" in name and "=" in name for name in found) else found  # _name=value is a column


def _named_columns(folders: list[list[str]]) -> list[dict[str, pa.Scalar]] | None:
    """The columns that each file's folders name, none without ``column=value``; None where that is Spark's to say.

    >>> _named_columns([["wave=0", "language=en"], ["wave=1", "language=zh"]])[1]
    {'wave': <pyarrow.Int32Scalar: 1>, 'language': <pyarrow.StringScalar: 'zh'>}
    """
    if not any("=" in name for names in folders for name in names):
        return [{} for _ in folders]
    pairs = [[_NAMED.fullmatch(name) for name in names] for names in folders]
    rows = [{match[1]: match[2] for match in names if match} for names in pairs]
    same = all(
        tuple(row) == tuple(rows[0]) and len(row) == len(names) for row, names in zip(rows, folders, strict=True)
    )
    if not same:
        return None
    kinds: dict[str, pa.DataType] = {}
    for name in rows[0]:
        values = {row[name] for row in rows}
        if all(_WHOLE.fullmatch(value) for value in values):
            kinds[name] = pa.int32()
        elif all(_WORD.fullmatch(value) and value.lower() not in _NO_WORDS for value in values):
            kinds[name] = pa.string()
        else:
            return None
    return [
        {name: pa.scalar(int(text) if kinds[name] == pa.int32() else text, kinds[name]) for name, text in row.items()}
        for row in rows
    ]


_NAMED = re.compile(r"([A-Za-z]\w*)=(.+)", re.ASCII)
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,8}", re.ASCII)
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]*", re.ASCII)  # in nothing like a number, a date or a time of day
_NO_WORDS = ("nan", "infinity", "null")


def _plain(schema: pa.Schema, columns: Columns, config: DedupConfig) -> bool:
    """Whether the columns have types that are read here as Spark reads them."""
    names = [name.lower() for name in schema.names]
    if len(set(names)) < len(names):  # Spark knows no case
        return False
    id_type = schema.field(columns.id).type
    plain = [_is_text(id_type) or (pa.types.is_integer(id_type) and columns.id != "record_id")]  # which keeps its type
    plain += [_is_text(schema.field(name).type) for name in (columns.text, columns.url) if name]
    if config.survivor == "best_quality":
        quality = schema.field(config.quality_column).type
        plain.append(pa.types.is_integer(quality) or pa.types.is_float32(quality) or pa.types.is_float64(quality))
    if config.survivor == "earliest":
        moment = schema.field(config.time_column).type
        plain.append(pa.types.is_timestamp(moment) and moment.unit in ("ms", "us"))
    return all(plain)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def batches(file: File, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of a file in their order, by the mean size of a row in batches of ``BATCH_BYTES``."""
    with pq.ParquetFile(_source(file.fs, file.path), buffer_size=BUFFER) as parquet:
        for number in range(parquet.metadata.num_row_groups):
            group = parquet.metadata.row_group(number)
            size = sum(_column_bytes(group, name) for name in columns) if columns else group.total_byte_size
            rows = max(1, min(BATCH_ROWS, BATCH_BYTES * group.num_rows // max(size, 1)))
            for batch in parquet.iter_batches(rows, row_groups=[number], columns=columns):
                yield batch if columns else _with_folders(batch, file)


def _with_folders(batch: pa.RecordBatch, file: File) -> pa.RecordBatch:
    """A batch of all columns of a file, and those that its folders name."""
    for value, field in zip(file.folders, list(file.schema)[len(batch.schema) :], strict=True):
        batch = batch.append_column(field, pa.repeat(value, len(batch)))
    return batch


def _column_bytes(group: pq.RowGroupMetaData, name: str) -> int:
    """Bytes of a column before compression."""
    parts = (group.column(i) for i in range(group.num_columns))
    return sum(part.total_uncompressed_size for part in parts if part.path_in_schema == name)


def pieces(batch: pa.RecordBatch, text: str) -> Iterator[pa.RecordBatch]:
    """A batch cut so that no piece but a single row has much more than ``BATCH_BYTES`` of text."""
    sizes = pc.fill_null(pc.binary_length(batch[text]), 0).to_numpy().astype(np.int64)
    number = (np.cumsum(sizes) - sizes) // BATCH_BYTES
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(batch)]
    for start, end in itertools.pairwise(cuts):
        yield batch.slice(start, end - start)
