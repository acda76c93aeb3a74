"""Parquet files as Spark writes its own, written without it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.runtime import files

ROW_GROUP_BYTES = 16 << 20  # as ``session`` has Spark write: what readers hold of a column is small
ZSTD_LEVEL = 3  # Spark's; 1 gives files that are 17 % larger in 60 % of the time


@contextmanager
def part(folder: str, number: int, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """A Parquet file in ``folder``, named as Spark names its own; yields what adds rows to it."""
    fs, path = files.filesystem(folder)
    fs.makedirs(path, exist_ok=True)
    held: list[pa.RecordBatch] = []
    size = 0
    with (
        files.open_uri(files.join(folder, f"part-{number:05d}.zstd.parquet"), "wb") as file,
        pq.ParquetWriter(file, schema, compression="zstd", compression_level=ZSTD_LEVEL) as writer,
    ):

        def add(batch: pa.RecordBatch) -> None:
            nonlocal size
            held.append(batch)
            size += batch.nbytes
            if size > ROW_GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(held, schema))
                held.clear()
                size = 0

        yield add
        writer.write_table(pa.Table.from_batches(held, schema))
