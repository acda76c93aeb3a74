"""Deduplication of Parquet files that one process holds, in this process, without Spark (see ``dedup_files``).

The files are read twice, batch by batch. The first pass sketches every text, on all cores; the sketches are held, and
``stages.dedup_local`` decides on them at once. The second pass copies the rows that stay.

Memory: the sketches and what deciding takes, and some batches. Texts are 0.4 to 1.3 times as large as their sketches
TODO
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from skypile import files
from skypile.config import DedupConfig
from skypile.dedup_files import Columns, Counts, bad_id, check_columns, counted
from skypile.schema import DROPPED, KEPT
from skypile.stages.dedup_evidence import DECISION_COLUMNS, DECISIONS, dropped_decisions, kept_decisions
from skypile.stages.dedup_local import fates
from skypile.stages.dedup_sketch import MARK, SKETCH, sketch_batch

MOST_FILES = 1000  # each costs the opening of a footer, which an object store takes 20 ms for
MOST_TEXT = 1 << 30
MOST_SKETCHES = 2 << 30
BATCH_BYTES, BATCH_ROWS = 4 << 20, 1000
BUFFER = 1 << 20
ROW_GROUP_BYTES, PART_BYTES = 16 << 20, 128 << 20


class File(NamedTuple):
    fs: AbstractFileSystem
    path: str  # within ``fs``


class SmallInput(NamedTuple):
    """Parquet files of one schema with the rows that each has."""

    files: list[File]
    rows: list[int]
    schema: pa.Schema


def small_input(paths: Sequence[str], columns: Columns, config: DedupConfig) -> SmallInput | None:
    """The files of ``paths`` if they can be deduplicated here; None leaves them, and what is wrong with them, to Spark.

    They can if they have at most ``config.local_documents`` rows and ``MOST_TEXT`` bytes of text, one schema with a
    column of ids that is text or integer, no index to compare with, and no columns that are folders' names.
    ValueError for a column that is missing.
    """
    if config.against:
        return None
    found, rows, text, schema = _listed(paths), [], 0, None
    for file in found or []:
        try:
            footer = pq.ParquetFile(_source(file))
        except (pa.ArrowException, OSError):
            return None
        schema = footer.schema_arrow if schema is None else schema
        rows.append(footer.metadata.num_rows)
        groups = (footer.metadata.row_group(i) for i in range(footer.metadata.num_row_groups))
        text += sum(_column_bytes(group, columns.text) for group in groups)
        same = footer.schema_arrow.equals(schema)
        if not same or sum(rows) > config.local_documents or text > MOST_TEXT:
            return None
    if not found or schema is None:
        return None
    check_columns(schema.names, columns, config)
    return SmallInput(found, rows, schema) if _plain(schema, columns, config) else None


def _listed(paths: Sequence[str]) -> list[File] | None:
    """All files of ``paths`` as Spark finds them; None where it might find others, or there are too many."""
    found: list[File] = []
    for path in paths:
        if any(mark in path for mark in ("[", "]", "{", "}", "\\", "**")):
            return None
        try:
            fs, inner = files.filesystem(path)
        except ImportError:  # Spark may have a reader of its own
            return None
        roots = sorted(fs.glob(inner)) if "*" in inner or "?" in inner else [inner.rstrip("/")]
        for root in roots:
            below = [root] if fs.isfile(root) else _below(fs, root)
            if below is None:
                return None
            found += [File(fs, name) for name in below if not _hidden(name)]
        if not roots or len(found) > MOST_FILES:
            return None
    return found


def _below(fs: AbstractFileSystem, root: str) -> list[str] | None:
    """Files below a folder but for hidden ones; None if there is none, or folders' names are columns."""
    found: list[str] = []
    for parent, _, names in fs.walk(root):
        folders = parent[len(root) :].split("/")
        if any("=" in name for name in folders) or len(found) > MOST_FILES:
            return None
        if not any(_hidden(name) for name in folders):
            found += [f"{parent.rstrip('/')}/{name}" for name in names]
    return sorted(found) or None


def _hidden(path: str) -> bool:
    return path.rsplit("/", 1)[-1].startswith((".", "_"))


def _plain(schema: pa.Schema, columns: Columns, config: DedupConfig) -> bool:
    """Whether the columns have types that are read here as Spark reads them."""
    names = [name.lower() for name in schema.names]
    if len(set(names)) < len(names):  # Spark knows no case
        return False
    id_type = schema.field(columns.id).type
    plain = [pa.types.is_integer(id_type) or _is_text(id_type)]
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


def dedup_small(given: SmallInput, output: str, columns: Columns, config: DedupConfig) -> Counts | None:
    """Write ``documents`` and ``verdicts`` below ``output``, in place of what an unfinished run left there.

    None, with nothing written, if the sketches have more than ``MOST_SKETCHES`` bytes.
    """
    sketches = _sketches(given, columns, config)
    if sketches is None:
        return None
    _check_ids(sketches["record_id"], columns)
    names = sketches.select(["record_id", "url"])
    decisions = _decisions(sketches, config)
    del sketches
    at = pc.index_in(names["record_id"], value_set=decisions["record_id"])
    verdicts = decisions.select(DECISION_COLUMNS[1:-1]).take(at)
    verdicts = verdicts.set_column(0, "verdict", pc.fill_null(verdicts["verdict"], KEPT))
    for name in ("documents", "verdicts", "_scratch"):
        files.remove_tree(files.join(output, name))
    stays = pc.not_equal(verdicts["verdict"], DROPPED).to_numpy()
    _write_documents(given, stays, files.join(output, "documents"))
    table = pa.table([*names.columns, *verdicts.columns], [*names.column_names, *verdicts.column_names])
    with _writer(files.join(output, "verdicts"), 0, table.schema) as writer:
        writer.write_table(table)
    groups = verdicts.group_by(["verdict", "reason"]).aggregate([([], "count_all")])
    return counted({(row["verdict"], row["reason"]): row["count_all"] for row in groups.to_pylist()})


def _sketches(given: SmallInput, columns: Columns, config: DedupConfig) -> pa.Table | None:
    """Sketches (``SKETCH``) of all rows in their order; None if they take too much memory."""
    rule = {"best_quality": config.quality_column, "earliest": config.time_column}.get(config.survivor)
    wanted = list(dict.fromkeys(name for name in (*columns, rule) if name))

    def sketch(batch: pa.RecordBatch) -> pa.RecordBatch:
        nothing = pa.nulls(len(batch), pa.string())
        url = batch[columns.url].cast(pa.string()) if columns.url else nothing
        arrays = [batch[columns.id].cast(pa.string()), url, _ranks(batch, columns, config), batch[columns.text]]
        return sketch_batch(pa.RecordBatch.from_arrays(arrays, ["record_id", "url", "rank", "text"]), config)

    batches = (batch for file in given.files for batch in _batches(file, wanted))
    pieces = (piece for batch in batches for piece in _pieces(batch, columns.text))
    made, held = [], 0
    for piece in _in_threads(sketch, pieces):
        held += piece.nbytes
        if held > MOST_SKETCHES:
            return None
        made.append(piece)
    return pa.Table.from_batches(made, SKETCH)


def _ranks(batch: pa.RecordBatch, columns: Columns, config: DedupConfig) -> pa.Array:
    """The survivor rule as a number, as ``stages.dedup.rank_column`` has it: the smallest stays."""
    if config.survivor == "longest":
        value = pc.negate(pc.utf8_length(batch[columns.text])).cast(pa.float64())
    elif config.survivor == "best_quality":
        value = pc.negate(batch[config.quality_column].cast(pa.float64(), safe=False))
    elif config.survivor == "earliest":
        moments = batch[config.time_column]
        seconds = {"ms": 1e3, "us": 1e6}[moments.type.unit]
        value = pc.divide(moments.cast(pa.int64()).cast(pa.float64(), safe=False), seconds)
    else:
        value = pa.array(np.zeros(len(batch)))
    return pc.if_else(pc.is_null(value, nan_is_null=True), float("inf"), value)


def _batches(file: File, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of a file in their order, by the mean size of a row in batches of ``BATCH_BYTES``."""
    parquet = pq.ParquetFile(_source(file), buffer_size=BUFFER)
    for number in range(parquet.metadata.num_row_groups):
        group = parquet.metadata.row_group(number)
        size = sum(_column_bytes(group, name) for name in columns) if columns else group.total_byte_size
        rows = max(1, min(BATCH_ROWS, BATCH_BYTES * group.num_rows // max(size, 1)))
        yield from parquet.iter_batches(rows, row_groups=[number], columns=columns)


def _column_bytes(group: pq.RowGroupMetaData, name: str) -> int:
    """Bytes of a column before compression."""
    parts = (group.column(i) for i in range(group.num_columns))
    return sum(part.total_uncompressed_size for part in parts if part.path_in_schema == name)


def _source(file: File) -> Any:
    """What pyarrow opens; local files without fsspec's wrapper, which needs the interpreter for every read."""
    return file.path if isinstance(file.fs, LocalFileSystem) else file.fs.open(file.path)


def _pieces(batch: pa.RecordBatch, text: str) -> Iterator[pa.RecordBatch]:
    """A batch cut so that no piece but a single row has much more than ``BATCH_BYTES`` of text."""
    sizes = pc.fill_null(pc.binary_length(batch[text]), 0).to_numpy().astype(np.int64)
    number = (np.cumsum(sizes) - sizes) // BATCH_BYTES
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(batch)]
    for start, end in itertools.pairwise(cuts):
        yield batch.slice(start, end - start)


def _in_threads(
    function: Callable[[pa.RecordBatch], pa.RecordBatch], items: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """``map`` on all cores, in order; of ``items`` so many are read ahead as there are threads."""
    threads = pa.cpu_count()
    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[pa.RecordBatch]] = deque()
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) >= 2 * threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _check_ids(ids: pa.ChunkedArray, columns: Columns) -> None:
    if ids.null_count or pc.count_distinct(ids).as_py() < len(ids):
        counts = ids.value_counts().to_pylist()
        worst = max(counts, key=lambda entry: 2 if entry["values"] is None else entry["counts"])
        raise bad_id(worst["counts"], worst["values"], columns)


def _decisions(sketches: pa.Table, config: DedupConfig) -> pa.Table:
    """Decisions (``DECISIONS``) on the documents that go, and on those that stay in their place."""
    nothing = pa.nulls(len(sketches), pa.string())
    found = fates(sketches.append_column("matched", nothing).append_column("survivor", nothing), config)
    at = pc.index_in(found["survivor"], value_set=sketches["record_id"])
    dropped = found.append_column("survivor_url", sketches["url"].take(at)).combine_chunks()
    new = found.filter(pc.invert(pc.starts_with(found["survivor"], MARK)))
    stay = new.group_by("survivor").aggregate([([], "count_all"), ("component", "max")])
    stay = stay.select(["survivor", "count_all", "component_max"]).rename_columns(
        ["record_id", "duplicates", "component"]
    )
    stay = stay.set_column(1, "duplicates", stay["duplicates"].cast(pa.int32())).combine_chunks()
    rows = [dropped_decisions(batch, config) for batch in dropped.to_batches()]
    rows += [kept_decisions(batch) for batch in stay.to_batches()]
    return pa.Table.from_batches(rows, DECISIONS)


def _write_documents(given: SmallInput, stays: np.ndarray, folder: str) -> None:
    """The rows of the input that ``stays`` (bool, one a row) marks: files in their order, small ones together."""
    parts: list[list[tuple[File, np.ndarray]]] = [[]]
    size = 0
    ends = np.cumsum(given.rows)
    for file, rows, end in zip(given.files, given.rows, ends, strict=True):
        parts[-1].append((file, stays[end - rows : end]))
        size += file.fs.size(file.path)
        if size > PART_BYTES:
            parts.append([])
            size = 0

    def write(number: int) -> None:
        with _writer(folder, number, given.schema) as writer:
            held: list[pa.RecordBatch] = []
            for file, marks in parts[number]:
                row = 0
                for batch in _batches(file):
                    held.append(batch.filter(pa.array(marks[row : row + len(batch)])))
                    row += len(batch)
                    if sum(part.nbytes for part in held) > ROW_GROUP_BYTES:
                        writer.write_table(pa.Table.from_batches(held))
                        held = []
            writer.write_table(pa.Table.from_batches(held, given.schema))

    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        list(pool.map(write, range(len(parts))))


@contextmanager
def _writer(folder: str, number: int, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet file in ``folder``, named as Spark names its own."""
    fs, path = files.filesystem(folder)
    fs.makedirs(path, exist_ok=True)
    name = files.join(folder, f"part-{number:05d}.zstd.parquet")
    with files.open_uri(name, "wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield writer
