"""The documents of a stage's folder, narrow column by narrow column, in batches: memory does not grow with a run.

Of a page that was taken down (`skypile.run_folder.takedowns`) nothing is quoted that it said, whatever folder still has
it: it is counted, without text, title and evidence.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from skypile.run_folder import ledger
from skypile.run_folder.takedowns import taken_down
from skypile.runtime import files
from skypile.schema import STAGE_COLUMNS, arrow_schema

ROWS = 65_536  # a batch: 25 MB of measured values as JSON
TEXTS = 1024  # a batch with texts
QUOTED = ("text", "title", "evidence")


def documents(stage: str, folder: str) -> ds.Dataset:
    """Every document a stage judged, those it did not keep too."""
    schema = arrow_schema(STAGE_COLUMNS[stage])
    return ledger.dataset(files.join(folder, "documents"), schema.append(pa.field("kept", pa.string())))


def batches(
    stage: str,
    folder: str,
    columns: list[str],
    lost_only: bool = False,
    where: pc.Expression | None = None,
    rows: int = ROWS,
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Path and rows, file by file in the order of their paths; no batch is empty."""
    found, hidden = documents(stage, folder), _hidden(folder, columns)
    read_too = [*columns, *(name for name in ("record_id", "url") if hidden and name not in columns)]
    only_lost = pc.field("kept") == "false" if lost_only else None
    for fragment in sorted(found.get_fragments(filter=only_lost), key=lambda f: f.path):
        read = {"batch_size": rows, "batch_readahead": 1, "fragment_readahead": 1}
        for batch in fragment.to_batches(schema=found.schema, columns=read_too, filter=where, **read):
            if batch.num_rows:
                yield fragment.path, _without_hidden(batch, hidden).select(columns)


def records(
    found: ds.Dataset, fragment: ds.Fragment, folder: str, ids: list[str], columns: list[str]
) -> Iterator[dict[str, Any]]:
    """Rows of one file of the documents `found` of a stage's folder, of the ids named.

    `columns` have record_id among them. Texts are read of the row groups that hold any.
    """
    hidden = _hidden(folder, columns)
    read_too = [*columns, *(["url"] if hidden and "url" not in columns else [])]
    read = {"batch_size": TEXTS, "batch_readahead": 1, "fragment_readahead": 1}
    where = pc.field("record_id").isin(ids)
    for group in fragment.split_by_row_group():
        if group.count_rows(filter=where):
            for batch in group.to_batches(schema=found.schema, columns=read_too, filter=where, **read):
                yield from _without_hidden(batch, hidden).select(columns).to_pylist()


def _hidden(folder: str, columns: list[str]) -> pa.Array | None:
    """Keys of the pages that were taken down from the run of a stage's folder, if any is asked what it says."""
    if not set(columns) & set(QUOTED):
        return None
    keys = [page.key for page in taken_down(folder.rstrip("/").rpartition("/")[0])]
    return pa.array(keys, pa.string()) if keys else None


def _without_hidden(batch: pa.RecordBatch, hidden: pa.Array | None) -> pa.RecordBatch:
    """Rows of the pages `hidden`, by record_id or url, without what they say."""
    if hidden is None:
        return batch
    inside = pc.or_(*(pc.is_in(batch[name], hidden) for name in ("record_id", "url")))
    for at, field in enumerate(batch.schema):
        if field.name in QUOTED:
            batch = batch.set_column(at, field, pc.if_else(inside, pa.scalar(None, field.type), batch.column(at)))
    return batch


def floats(column: pa.Array) -> NDArray[np.float64]:
    """Numbers of a column, NaN where it is null."""
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def flags(column: pa.Array) -> NDArray[np.bool_]:
    """Truth values of a column, false where it is null."""
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)


def groups(table: pa.Table, keys: list[str], figures: list[tuple[str, str]] | None = None) -> list[dict[str, Any]]:
    """Rows of `table` by `keys`: `count_all` and the figures (column, function) of each."""
    return table.group_by(keys).aggregate([*(figures or []), ([], "count_all")]).to_pylist()


def judged_from(later: dict[str, str], columns: list[str], rows: int = ROWS) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Stage and rows of every record that the first stage of `later` judged, where its way ended.

    `later`: folders by stage, that stage and those after it. A record is among the rows that a stage did not keep, or
    among all of the last.
    """
    for stage, folder in later.items():
        for _, batch in batches(stage, folder, columns, lost_only=stage != list(later)[-1], rows=rows):
            yield stage, batch
