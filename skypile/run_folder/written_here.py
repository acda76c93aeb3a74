"""A wave of a stage, written by this process and not by Spark: the same rows, verdicts and digest."""

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.run_folder import stage_folder
from skypile.run_folder.parquet_part import part
from skypile.run_folder.parts import Parts
from skypile.run_folder.row_hash import row_hash
from skypile.run_folder.stamp import Decisions, Written, two_verdicts
from skypile.runtime import files
from skypile.runtime.optional_import import without
from skypile.schema import KEPT, LEDGER_COLUMNS, STAGE_COLUMNS, arrow_schema, names

_LEDGER = arrow_schema(LEDGER_COLUMNS)


def write_part(
    folder: str, stage: str, wave: int, number: int, batches: Iterable[pa.RecordBatch], attempt: str = ""
) -> Written:
    """Write `batches` (STAGE_COLUMNS) as part `number` of a wave. `read` of the result: the rows that were written.

    The names of the parts are those of files below `folder`. Files of several `attempt` never meet.
    """
    columns = STAGE_COLUMNS[stage]
    schema, passed_on = arrow_schema(columns), stage_folder.passed_on(columns)
    rows: Counter[tuple[str, str | None]] = Counter()
    digests: Counter[tuple[str, str | None]] = Counter()
    parts: Parts = {}
    with ExitStack() as written, without("pandas"):  # which Arrow would import, 0.15 s, to ask for its types

        @functools.cache
        def add_to(place: str, schema: pa.Schema) -> Any:
            return written.enter_context(part(stage_folder.of_wave(place, wave), number, schema, parts, attempt))

        for batch in batches:
            kept = pc.equal(batch["verdict"], KEPT)
            for place, chosen in (True, kept), (False, pc.invert(kept)):
                if pc.any(chosen).as_py():
                    add_to(stage_folder.documents_dir(folder, place), schema)(batch.filter(chosen))
            ledger = _ledger(batch, stage)
            add_to(stage_folder.verdicts_dir(folder), _LEDGER)(ledger)
            for row in _rows(ledger):
                kind = row[3], row[4]
                rows[kind] += 1
                digests[kind] ^= row_hash(row)
            for row in _rows(batch.filter(kept).select(passed_on)):
                digests[KEPT, None] ^= row_hash(row)
    decisions = [Decisions(*kind, rows[kind], digests[kind]) for kind in rows]
    named = {name.removeprefix(f"{folder}/"): entry for name, entry in parts.items()}
    return Written(sum(rows.values()), decisions, named)


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _ledger(batch: pa.RecordBatch, stage: str) -> pa.RecordBatch:
    """LEDGER_COLUMNS of documents."""
    said = pa.repeat(pa.scalar(stage), len(batch))
    columns = [said if name == "stage" else batch[name] for name in names(LEDGER_COLUMNS)]
    return pa.RecordBatch.from_arrays(columns, schema=_LEDGER)


def check_ids(folder: str) -> None:
    """Raise ConservationError if a record of a finished stage folder has two verdicts."""
    fs, path = files.filesystem(stage_folder.verdicts_dir(folder))
    found = []
    for name in files.parquet_below(fs, path):  # Spark, if it wrote some of the waves, left more than that
        with fs.open(name) as file, pq.ParquetFile(file) as parquet:
            found += parquet.read(["record_id"])["record_id"].chunks
    ids = pa.chunked_array(found, pa.string())
    if pc.count_distinct(ids).as_py() < len(ids):
        worst = max(ids.value_counts().to_pylist(), key=lambda entry: entry["counts"])
        raise two_verdicts(worst["values"], worst["counts"], folder)
