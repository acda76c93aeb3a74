"""Deduplication of Parquet files that one process holds, in this process, without Spark (see ``files``).

The files are read twice, batch by batch. The first pass sketches every text, on all cores; the sketches are held, and
``one_task`` decides on them at once. The second pass copies the rows that stay.

Memory does not grow with the input beyond what ``small_input`` lets through: 0.25 GB, twice the sketches, and a few
batches a core. 100,000 short documents (70 MB) take 2.9 s and 0.7 GB, of which 1.1 s are the start and its imports.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.config import DedupConfig
from skypile.dedup.columns import Columns, Counts, bad_id, counted
from skypile.dedup.evidence import DECISION_COLUMNS, DECISIONS, dropped_decisions, kept_decisions
from skypile.dedup.one_task import MOST_SKETCHES, fates
from skypile.dedup.sketch import MARK, SKETCH, sketch_batch
from skypile.dedup.small_input import File, batches, pieces
from skypile.run_folder.parquet_part import part
from skypile.runtime import files
from skypile.schema import DROPPED, KEPT

LARGE_SKETCH = SKETCH.set(SKETCH.get_field_index("shingles"), pa.field("shingles", pa.large_binary()))
PART_BYTES = 128 << 20  # of the files that go into one, before compression


def dedup_without_spark(given: list[File], output: str, columns: Columns, config: DedupConfig) -> Counts | None:
    """Write ``documents`` and ``verdicts`` below ``output``, in place of what an unfinished run left there.

    None, with nothing written, if the sketches have more than ``MOST_SKETCHES`` bytes.
    """
    wanted = list(dict.fromkeys(name for name in (*columns, config.survivor_column) if name))
    verdicts = decided((batch for file in given for batch in batches(file, wanted)), columns, config)
    if verdicts is None:
        return None
    for name in ("documents", "verdicts", "_scratch"):
        files.remove_tree(files.join(output, name))
    stays = pc.not_equal(verdicts["verdict"], DROPPED).to_numpy()
    _write_documents(given, stays, files.join(output, "documents"))
    with part(files.join(output, "verdicts"), 0, verdicts.schema) as add:
        for batch in verdicts.to_batches():
            add(batch)
    groups = verdicts.group_by(["verdict", "reason"]).aggregate([([], "count_all")])
    return counted({(row["verdict"], row["reason"]): row["count_all"] for row in groups.to_pylist()})


def decided(read: Iterable[pa.RecordBatch], columns: Columns, config: DedupConfig) -> pa.Table | None:
    """A verdict for every row of ``read``, in its order: record_id, url, and VERDICT_COLUMNS of the schema.

    ``read``: batches with ``columns`` and the column that the survivor rule reads. None if the sketches have more than
    ``MOST_SKETCHES`` bytes. Raises ValueError for an id that is null or not unique.
    """
    sketches = _sketches(read, columns, config)
    if sketches is None:
        return None
    _check_ids(sketches["record_id"], columns)
    names = sketches.select(["record_id", "url"])
    decisions = _decisions(sketches, config)
    del sketches
    at = pc.index_in(names["record_id"], value_set=decisions["record_id"])
    verdicts = decisions.select(DECISION_COLUMNS[1:-1]).take(at)
    verdicts = verdicts.set_column(0, "verdict", pc.fill_null(verdicts["verdict"], KEPT))
    return pa.table([*names.columns, *verdicts.columns], [*names.column_names, *verdicts.column_names])


def _sketches(read: Iterable[pa.RecordBatch], columns: Columns, config: DedupConfig) -> pa.Table | None:
    """Sketches (``SKETCH``) of all rows in their order; None if they take too much memory."""

    def sketch(batch: pa.RecordBatch) -> pa.RecordBatch:
        nothing = pa.nulls(len(batch), pa.string())
        url = batch[columns.url].cast(pa.string()) if columns.url else nothing
        arrays = [batch[columns.id].cast(pa.string()), url, _ranks(batch, columns, config), batch[columns.text]]
        return sketch_batch(pa.RecordBatch.from_arrays(arrays, ["record_id", "url", "rank", "text"]), config)

    cut = (piece for batch in read for piece in pieces(batch, columns.text))
    made, held = [], 0
    for piece in _in_threads(sketch, cut):
        held += piece.nbytes
        if held > MOST_SKETCHES:
            return None
        made.append(piece)
    return pa.Table.from_batches(made, SKETCH).cast(LARGE_SKETCH).combine_chunks()


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


def _write_documents(given: list[File], stays: np.ndarray, folder: str) -> None:
    """The rows of the input that ``stays`` (bool, one a row) marks: files in their order, small ones together."""
    parts: list[list[tuple[File, np.ndarray]]] = [[]]
    row = size = 0
    for file in given:
        if size > PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append((file, stays[row : row + file.rows]))
        row, size = row + file.rows, size + file.size

    def write(number: int) -> None:
        with part(folder, number, given[0].schema) as add:
            for file, marks in parts[number]:
                row = 0
                for batch in batches(file):
                    add(batch.filter(pa.array(marks[row : row + len(batch)])))
                    row += len(batch)

    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        list(pool.map(write, range(len(parts))))
