"""Batches of Parquet rows are bounded by their bytes in memory, not by rows or by what the file says."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.runtime.parquet_rows import row_batches


def test_batches_are_bounded_by_what_their_values_are_decoded(tmp_path: Path) -> None:
    """A value of 100 KB in every row is stored once: the footer says 100 KB, a batch by that would have 100 MB."""
    pq.write_table(pa.table({"url": ["u" * 100_000] * 1000, "text": ["t"] * 1000}), tmp_path / "a.parquet")
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert file.metadata.row_group(0).total_byte_size < 200_000
        sizes = [(len(batch), batch.nbytes) for batch in row_batches(file, 0, ["url", "text"], 1000, 4 << 20)]
    assert sum(rows for rows, _ in sizes) == 1000 and max(size for _, size in sizes) < 8 << 20
