"""Deduplication of a table at hand: the rows that stay and a verdict for every row, without files and without Spark."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.config import DedupConfig
from skypile.dedup.columns import Columns, check_columns
from skypile.dedup.file_sketches import filtered
from skypile.dedup.files_without_spark import decided
from skypile.dedup.parquet_input import BATCH_BYTES, BATCH_ROWS, batches, parquet_input, pieces
from skypile.runtime.parquet_rows import as_plain
from skypile.schema import KEPT

if TYPE_CHECKING:
    import pandas as pd

ROW = "row"  # the id column of a table that is given without one: the row's number


@dataclass(frozen=True)
class Deduplicated:
    """What became of a table.

    Attributes:
        kept: the rows that stay, in their order, all their columns; a DataFrame if one was given, else a pyarrow Table.
        verdicts: a row for every row that was given, in its order: record_id (the id as text), url, verdict, reason,
            score, threshold, evidence (JSON).
    """

    kept: Any
    verdicts: pa.Table

    def __repr__(self) -> str:
        reasons = pc.value_counts(self.verdicts["reason"].drop_null()).to_pylist()
        lost = ", ".join(f"{item['values']} {item['counts']:,}" for item in reasons) or "none"
        return f"read {len(self.verdicts):,}, kept {len(self.kept):,}, dropped: {lost}"


def deduplicate(
    documents: "pa.Table | pd.DataFrame | str | Sequence[str]",
    *,
    text: str = "text",
    id: str | None = None,
    url: str | None = None,
    config: DedupConfig | None = None,
) -> Deduplicated:
    """Drop exact and near duplicates among the rows of a table.

    Examples:
        >>> table = pa.table({"text": ["One text, said twice.", "Another text.", "One text, said twice."]})
        >>> deduplicate(table).kept["text"].to_pylist()
        ['One text, said twice.', 'Another text.']

    Args:
        documents: a pyarrow Table, a pandas DataFrame, or paths of Parquet files or folders, which are read into
            memory. For what is too large for that: `skypile dedup`.
        text: column with the text (string).
        id: column with a unique id, text or integers; without it rows are known by their number, from 0.
        url: column with the URL; without it no URLs are compared.
        config: settings; without them the defaults. Its index (`against`) is for `skypile dedup` alone.

    Raises:
        ValueError: a column is missing, an id is null or not unique, or the table is too large for one task.
    """
    settings = config or DedupConfig()
    if settings.against:
        raise ValueError("deduplicate compares no corpus: dedup.against is set; use `skypile dedup --against`")
    columns = Columns(id or ROW, text, url)
    table = _table(documents, Columns(id or text, text, url), settings)
    if id is None:
        if ROW in table.column_names:
            raise ValueError(f"the table has a column {ROW!r}, the name of its rows' numbers: name the id column")
        table = table.append_column(ROW, pa.array(np.arange(len(table))))
    check_columns("the table", table.schema, columns, settings)
    narrow = table.select(columns.needed(settings)).to_batches(max_chunksize=BATCH_ROWS)
    verdicts = decided((piece for batch in narrow for piece in _halved(_plain(batch))), columns, settings)
    if verdicts is None:
        raise ValueError(f"{len(table):,} documents are too many for one task: write them to Parquet, `skypile dedup`")
    stays = pc.equal(verdicts["verdict"], KEPT)
    if isinstance(documents, pa.Table):
        return Deduplicated(_filtered(documents, stays), verdicts)
    if hasattr(documents, "iloc"):
        return Deduplicated(documents[stays.to_numpy()], verdicts)
    return Deduplicated(_filtered(table, stays).drop_columns([ROW] if id is None else []), verdicts)


def _table(documents: Any, columns: Columns, config: DedupConfig) -> pa.Table:
    if isinstance(documents, pa.Table):
        return documents
    if hasattr(documents, "iloc"):
        return pa.Table.from_pandas(documents, preserve_index=False)
    if isinstance(documents, str | Sequence):
        given = parquet_input([documents] if isinstance(documents, str) else list(documents), columns, config)
        read = (batch for piece in pieces(given) for batch in batches(given, piece))
        return pa.Table.from_batches(read, given.schema)
    raise ValueError(f"documents are a {type(documents).__name__}; give a pyarrow Table, a pandas DataFrame or paths")


def _filtered(table: pa.Table, stays: pa.ChunkedArray) -> pa.Table:
    marks, row, kept = stays.to_numpy(), 0, []
    for batch in table.to_batches():
        kept.append(filtered(batch, marks[row : row + len(batch)]))
        row += len(batch)
    return pa.Table.from_batches(kept, table.schema)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns without dictionaries, whose bytes tell nothing of a slice."""
    return pa.RecordBatch.from_arrays([as_plain(column) for column in batch.columns], batch.schema.names)


def _halved(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in pieces of at most BATCH_BYTES, or of one row."""
    if batch.nbytes <= BATCH_BYTES or len(batch) < 2:
        yield batch
        return
    middle = len(batch) // 2
    yield from _halved(batch.slice(0, middle))
    yield from _halved(batch.slice(middle))
