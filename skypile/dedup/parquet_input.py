"""A user's Parquet files: which they are, whether they fit together, and their rows in pieces of bounded size.

Both ways of deduplicating files read them here, so that both know the same files, columns and types. What does not
fit is refused before anything is written, in a sentence that names file, column and type.
"""

import re
import urllib.parse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.config import DedupConfig
from skypile.crawl import inputs
from skypile.crawl.inputs import InputError
from skypile.dedup.columns import ColumnError, Columns, check_columns
from skypile.runtime import files
from skypile.runtime.parquet_rows import as_plain, column_bytes, open_parquet, plain, row_batches

# 100,000 documents of 700 bytes are sketched in 0.5 s by 500 to 1,000 rows a batch, in 0.7 s by 200, in 0.9 s by 2,000.
BATCH_BYTES, BATCH_ROWS = 4 << 20, 1000
PIECE_BYTES = 128 << 20  # before compression: what becomes one file of the output, and one task of Spark
FOOTERS_AT_ONCE = 16  # an object store takes 20 ms for each
MAGIC: Final = b"PAR1"
_PARQUET = re.compile(r"\.(?:parquet|pq|parq)$", re.IGNORECASE)
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


class Group(NamedTuple):
    """A row group: its rows, its bytes before compression, and those of the column with the text."""

    rows: int
    size: int
    text: int


class File(NamedTuple):
    """A Parquet file, with what its footer says, and the columns that its folders' names are."""

    uri: str
    size: int
    schema: pa.Schema
    groups: tuple[Group, ...]
    folders: dict[str, str | None]


class Input(NamedTuple):
    """Files whose rows have columns `schema`; `passed_over`: what lies beside them and is no Parquet."""

    files: list[File]
    schema: pa.Schema
    passed_over: list[str]

    def rows(self) -> int:
        return sum(group.rows for file in self.files for group in file.groups)

    def text(self) -> int:
        return sum(group.text for file in self.files for group in file.groups)


# Row groups (number of the file, number of the group in it) that are read together.
Piece = list[tuple[int, int]]


def parquet_input(paths: Sequence[str], columns: Columns, config: DedupConfig) -> Input:
    """The Parquet files that `paths` (files, folders with all below them, globs) name; or InputError, ColumnError.

    A folder may hold other files, such as a data set's README; they are passed over. Columns are united by name; one
    that a file lacks is null in its rows, unless it is needed: then the file is refused.
    """
    found, passed_over = _listed(paths)
    with ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
        read = list(pool.map(lambda item: _footer(item[0], item[1], item[2], columns.text), found))
    for file in read:
        check_columns(file.uri, file.schema, columns, config)
    return Input(read, _united(read), passed_over)


def pieces(given: Input) -> list[Piece]:
    """All row groups in their order, in pieces of about PIECE_BYTES; a large group is a piece of its own."""
    made: list[Piece] = [[]]
    size = 0
    for number, file in enumerate(given.files):
        for index, group in enumerate(file.groups):
            if made[-1] and size + group.size > PIECE_BYTES:
                made.append([])
                size = 0
            made[-1].append((number, index))
            size += group.size
    return made


def batches(given: Input, piece: Piece, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of a piece in their order, with the columns of `given.schema`, or those named, as they are there."""
    held: tuple[int, pq.ParquetFile] | None = None
    try:
        for number, group in piece:
            file = given.files[number]
            if held is None or held[0] != number:
                if held is not None:
                    held[1].close(force=True)
                held = number, _open(file.uri)
            wanted = given.schema if columns is None else pa.schema([given.schema.field(name) for name in columns])
            there = [name for name in wanted.names if name in file.schema.names]
            for batch in row_batches(held[1], group, there, BATCH_ROWS, BATCH_BYTES):
                yield _conformed(batch, file, wanted)
    finally:
        if held is not None:
            held[1].close(force=True)


def _conformed(batch: pa.RecordBatch, file: File, wanted: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in wanted:
        if field.name in batch.schema.names:
            column = batch[field.name]
            columns.append(column if column.type == field.type else as_plain(column).cast(field.type))
        elif field.name in file.folders:
            value = pa.scalar(file.folders[field.name], pa.string()).cast(field.type)
            columns.append(pa.repeat(value, len(batch)))
        else:
            columns.append(pa.nulls(len(batch), field.type))
    return pa.RecordBatch.from_arrays(columns, schema=wanted) if columns else batch


def _open(uri: str) -> pq.ParquetFile:
    """Local files without a Python object between, which needs the interpreter for every read."""
    source = uri if "://" not in uri else files.open_uri(uri)
    return open_parquet(source)


def _listed(paths: Sequence[str]) -> tuple[list[tuple[str, int, dict[str, str | None]]], list[str]]:
    """Address, size and folder columns of the files, in their order; and the files beside them."""
    found: dict[str, tuple[str, int, dict[str, str | None]]] = {}
    beside = []
    for path in paths:
        prefix, listed = inputs.listed(path)
        shown = sorted(listed)
        chosen = 0
        for file in shown:
            uri = prefix + file.path
            named = path.endswith(file.path.lstrip("/"))  # the file itself, and not a folder
            if not (_PARQUET.search(uri) or named or _is_parquet(uri)):
                beside.append(uri)
                continue
            if uri in found:
                raise InputError(f"{uri} is named twice by the input paths {list(paths)}")
            found[uri] = uri, file.size, _folder_columns(_below(file))
            chosen += 1
        if not shown:
            raise InputError(f"input {path!r} matches no file; {inputs.why(path)}")
        if not chosen:
            names = ", ".join(_below(file) for file in shown[:5])
            raise InputError(f"input {path!r} holds no Parquet file, and nothing else is read here; it has {names}")
    return list(found.values()), beside


def _below(file: inputs.File) -> str:
    return file.path[len(file.root) :].lstrip("/")


def _is_parquet(uri: str) -> bool:
    with files.open_uri(uri) as file:
        return file.read(len(MAGIC)) == MAGIC


def _folder_columns(source: str) -> dict[str, str | None]:
    """Columns that folders are named for, as Hive and Spark write them.

    >>> _folder_columns("language=zh/day=3/a.parquet")
    {'language': 'zh', 'day': '3'}
    """
    pairs = (part.partition("=") for part in source.split("/")[:-1] if "=" in part)
    unquote = urllib.parse.unquote
    return {unquote(name): None if value == _HIVE_NULL else unquote(value) for name, _, value in pairs if name}


def _footer(uri: str, size: int, folders: dict[str, str | None], text: str) -> File:
    try:
        parquet = _open(uri)
        metadata, schema = parquet.metadata, parquet.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        what = "it is empty" if not size else str(error).splitlines()[0][:200]
        raise InputError(f"{uri} is no readable Parquet file: {what}") from None
    with parquet:
        twice = {name for name in schema.names if schema.names.count(name) > 1}
        if twice:
            raise ColumnError(f"{uri} has several columns named {sorted(twice)[0]!r}; rename or drop them")
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        known = tuple(Group(group.num_rows, group.total_byte_size, column_bytes(group, text)) for group in groups)
    return File(uri, size, schema, known, {k: v for k, v in folders.items() if k not in schema.names})


def _united(read: Sequence[File]) -> pa.Schema:
    """The columns of all files, in the order in which they are met, with types that hold every file's values."""
    fields: dict[str, tuple[pa.Field, File]] = {}
    for file in read:
        for field in file.schema:
            if field.name not in fields:
                fields[field.name] = field, file
                continue
            known, first = fields[field.name]
            if known.type != field.type:
                kind = _common(known.type, field.type)
                if kind is None:
                    raise ColumnError(
                        f"column {field.name!r} has type {known.type} in {first.uri} and {field.type} in {file.uri}, "
                        "which no column of one file can hold: convert one of them, or read them apart"
                    )
                fields[field.name] = pa.field(field.name, kind, metadata=known.metadata), first
    united = [field.with_nullable(True) for field, _ in fields.values()]
    united += [
        pa.field(name, _folder_type(read, name))
        for name in dict.fromkeys(name for file in read for name in file.folders)
        if name not in fields
    ]
    return pa.schema(united, read[0].schema.metadata if len(read) == 1 else None)


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """A type that holds the values of both, if there is one."""
    schemas = [pa.schema([pa.field("x", plain(kind))]) for kind in (one, other)]
    try:
        kind = pa.unify_schemas(schemas, promote_options="permissive").field("x").type
        for schema in schemas:
            pc.cast(pa.nulls(0, schema.field("x").type), kind)
    except (pa.ArrowTypeError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return kind


def _folder_type(read: Sequence[File], name: str) -> pa.DataType:
    values = [value for file in read if (value := file.folders.get(name)) is not None]
    if not values or not all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value, re.ASCII) for value in values):
        return pa.string()
    return pa.int32() if max(map(len, values)) < 10 else pa.int64()
