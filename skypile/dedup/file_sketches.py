"""The two passes over a user's files, for a piece of them: sketches of the rows, then the rows that stay."""

import numpy as np
import pyarrow as pa

from skypile.config import DedupConfig
from skypile.dedup.columns import Columns, read_columns
from skypile.dedup.parquet_input import Input, Piece, batches
from skypile.dedup.sketch import SKETCH, sketch_batch
from skypile.run_folder.parquet_part import part

# reason: why a row is not compared with others; null for all that are.
FILE_SKETCH = SKETCH.append(pa.field("reason", pa.string()))


def file_sketches(batch: pa.RecordBatch, columns: Columns, config: DedupConfig) -> pa.RecordBatch:
    """Sketches (``FILE_SKETCH``) of rows with the columns that ``columns`` names."""
    read = read_columns(batch, columns, config)
    made = sketch_batch(read, config)
    return pa.RecordBatch.from_arrays([*made.columns, read["reason"]], schema=FILE_SKETCH)


def write_documents(given: Input, piece: Piece, gone: np.ndarray, folder: str, number: int) -> int:
    """Write the rows of a piece, but those at places ``gone`` (sorted), as a file of ``folder``; how many they are."""
    rows = written = 0
    with part(folder, number, given.schema) as add:
        for batch in batches(given, piece):
            stays = np.ones(len(batch), bool)
            first, last = np.searchsorted(gone, [rows, rows + len(batch)])
            stays[gone[first:last] - rows] = False
            rows += len(batch)
            left = batch if stays.all() else filtered(batch, stays)
            add(left)
            written += len(left)
    return written


def filtered(batch: pa.RecordBatch, stays: np.ndarray) -> pa.RecordBatch:
    """`batch.filter` by bool (one a row), for columns of every type."""
    try:
        return batch.filter(pa.array(stays))
    except pa.ArrowNotImplementedError:  # Arrow filters no views
        runs = np.split(np.flatnonzero(stays), np.flatnonzero(np.diff(np.flatnonzero(stays)) > 1) + 1)
        return pa.concat_batches([batch.slice(0, 0), *(batch.slice(run[0], len(run)) for run in runs if len(run))])
