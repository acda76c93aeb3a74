"""Deduplication of Parquet files that one process holds, in this process, without Spark (see ``files``).

The files are read twice, batch by batch. The first pass sketches every text, on all cores; the sketches are held, and
``one_task`` decides on them at once. The second pass copies the rows that stay.

Memory does not grow with the input beyond what ``is_small`` lets through: 0.25 GB, twice the sketches, and a few
batches a core. 100,000 short documents (70 MB) take 2.9 s and 0.7 GB, of which 1.1 s are the start and its imports.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.config import DedupConfig
from skypile.dedup.columns import Columns, Counts, bad_id, counted
from skypile.dedup.evidence import DECISIONS, dropped_decisions, kept_decisions
from skypile.dedup.file_sketches import FILE_SKETCH, file_sketches, write_documents
from skypile.dedup.one_task import MOST_SKETCHES, fates
from skypile.dedup.parquet_input import BATCH_BYTES, Input, batches, pieces
from skypile.dedup.sketch import MARK
from skypile.run_folder.parquet_part import part
from skypile.runtime import files
from skypile.schema import FAILED, KEPT, VERDICT_COLUMNS

# Bytes of text before compression. Sketches of Chinese take a third more than the text (a character has 3 bytes, its
# shingle 4), those of English a third less: this much Chinese takes 3.2 GB (200,000 texts, 19 s).
MOST_TEXT = 1 << 30
LARGE_SKETCH = FILE_SKETCH.set(FILE_SKETCH.get_field_index("shingles"), pa.field("shingles", pa.large_binary()))


def is_small(given: Input, config: DedupConfig) -> bool:
    """Whether one process can take it: few rows, little text, no index to be compared with."""
    return not config.against and given.rows() <= config.local_documents and given.text() <= MOST_TEXT


def dedup_without_spark(given: Input, output: str, columns: Columns, config: DedupConfig) -> Counts | None:
    """Write ``documents`` and ``verdicts`` below ``output``, in place of what an unfinished run left there.

    None, with nothing written, if the sketches have more than ``MOST_SKETCHES`` bytes.
    """
    wanted = columns.needed(config)
    verdicts = decided((batch for piece in pieces(given) for batch in batches(given, piece, wanted)), columns, config)
    if verdicts is None:
        return None
    for name in ("documents", "verdicts", "_scratch"):
        files.remove_tree(files.join(output, name))
    _write_documents(given, pc.equal(verdicts["verdict"], KEPT).to_numpy(), files.join(output, "documents"))
    with part(files.join(output, "verdicts"), 0, verdicts.schema) as add:
        for batch in verdicts.to_batches():
            add(batch)
    groups = verdicts.group_by(["verdict", "reason"]).aggregate([([], "count_all")])
    return counted({(row["verdict"], row["reason"]): row["count_all"] for row in groups.to_pylist()})


def decided(read: Iterable[pa.RecordBatch], columns: Columns, config: DedupConfig) -> pa.Table | None:
    """A verdict for every row of ``read``, in its order: record_id, url, and VERDICT_COLUMNS of the schema.

    ``read``: batches with ``columns`` and the column that the survivor rule reads. None if the sketches have more than
    ``MOST_SKETCHES`` bytes. Raises ColumnError for an id that is null or not unique.
    """
    sketches = _sketches(read, columns, config)
    if sketches is None:
        return None
    _check_ids(sketches["record_id"], columns)
    names, compared = sketches.select(["record_id", "url", "reason"]), pc.is_null(sketches["reason"])
    if pc.all(compared).as_py():
        sketches = sketches.drop_columns(["reason"])
    else:
        sketches = sketches.drop_columns(["reason"]).filter(compared).combine_chunks()
    decisions = _decisions(sketches, config)
    del sketches
    at = pc.index_in(names["record_id"], value_set=decisions["record_id"])
    verdicts = decisions.select([c.name for c in VERDICT_COLUMNS]).take(at)
    undecided = pc.if_else(compared, KEPT, FAILED)
    verdicts = verdicts.set_column(0, "verdict", pc.coalesce(verdicts["verdict"], undecided))
    verdicts = verdicts.set_column(1, "reason", pc.coalesce(verdicts["reason"], names["reason"]))
    names = names.drop_columns(["reason"])
    return pa.table([*names.columns, *verdicts.columns], [*names.column_names, *verdicts.column_names])


def _sketches(read: Iterable[pa.RecordBatch], columns: Columns, config: DedupConfig) -> pa.Table | None:
    """Sketches (``FILE_SKETCH``) of all rows in their order; None if they take too much memory."""
    made, held = [], 0
    for piece in _in_threads(lambda batch: file_sketches(batch, columns, config), read):
        held += piece.nbytes
        if held > MOST_SKETCHES:
            return None
        made.append(piece)
    return pa.Table.from_batches(made, FILE_SKETCH).cast(LARGE_SKETCH).combine_chunks()


def _in_threads(
    function: Callable[[pa.RecordBatch], pa.RecordBatch], items: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """``map`` on all cores, in order. Of ``items`` so many are read ahead as there are threads, large ones fewer."""
    threads = pa.cpu_count()
    ahead: deque[tuple[int, Future[pa.RecordBatch]]] = deque()
    held = 0
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            held += item.nbytes
            ahead.append((item.nbytes, pool.submit(function, item)))
            while ahead and (len(ahead) >= 2 * threads or held > 2 * threads * BATCH_BYTES):
                size, done = ahead.popleft()
                held -= size
                yield done.result()
        while ahead:
            yield ahead.popleft()[1].result()


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
    same = pc.and_(pc.equal(new["reason"], "duplicate_text"), pc.is_null(new["via"]))
    new = new.set_column(4, "copies", pc.if_else(same, new["copies"], pa.scalar(None, pa.int32())))
    stay = new.group_by("survivor").aggregate([([], "count_all"), ("copies", "max"), ("component", "max")])
    stay = stay.select(["survivor", "count_all", "copies_max", "component_max"]).rename_columns(
        ["record_id", "duplicates", "copies", "component"]
    )
    stay = stay.set_column(1, "duplicates", stay["duplicates"].cast(pa.int32())).combine_chunks()
    rows = [dropped_decisions(batch, config) for batch in dropped.to_batches()]
    rows += [kept_decisions(batch) for batch in stay.to_batches()]
    return pa.Table.from_batches(rows, DECISIONS)


def _write_documents(given: Input, stays: np.ndarray, folder: str) -> None:
    """The rows of the input that ``stays`` (bool, one a row) marks, a file a piece."""
    parts = pieces(given)
    sizes = [sum(given.files[file].groups[group].rows for file, group in piece) for piece in parts]
    starts = [0, *itertools.accumulate(sizes)]

    def write(number: int) -> None:
        gone = np.flatnonzero(~stays[starts[number] : starts[number + 1]])
        write_documents(given, parts[number], gone, folder, number)

    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        list(pool.map(write, range(len(parts))))
