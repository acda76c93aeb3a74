"""Batches of Parquet rows are bounded by their bytes in memory, not by rows or by what the file says."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.runtime.parquet_rows import open_parquet, row_batches


def test_batches_are_bounded_by_what_their_values_are_decoded(tmp_path: Path) -> None:
    """A value of 100 KB in every row is stored once: the footer says 100 KB, a batch by that would have 100 MB."""
    pq.write_table(pa.table({"url": ["u" * 100_000] * 1000, "text": ["t"] * 1000}), tmp_path / "a.parquet")
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert file.metadata.row_group(0).total_byte_size < 200_000
        sizes = [(len(batch), batch.nbytes) for batch in row_batches(file, 0, ["url", "text"], 1000, 4 << 20)]
    assert sum(rows for rows, _ in sizes) == 1000 and max(size for _, size in sizes) < 8 << 20


def test_of_a_column_a_page_is_read_at_a_time(tmp_path: Path) -> None:
    """Not the whole column of a row group that has 16 MB."""
    rng = np.random.default_rng(0)
    texts = [rng.integers(97, 123, 256 << 10, np.uint8).tobytes().decode() for _ in range(64)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts}), path, use_dictionary=False, write_batch_size=1, compression="none")

    class Counted(io.FileIO):
        count = 0

        def read(self, size: int = -1) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    with Counted(path) as file:
        parquet = open_parquet(file)
        assert parquet.metadata.num_row_groups == 1
        batches = row_batches(parquet, 0, ["text"], 200, 1 << 20)
        first = next(batches)["text"].to_pylist()
        assert first == texts[: len(first)] and file.count < 4 << 20
        assert sum(len(batch) for batch in batches) == 64 - len(first)
