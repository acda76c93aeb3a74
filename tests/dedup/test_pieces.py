"""Files are read, and written again, in pieces of bounded bytes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.config import DedupConfig
from skypile.dedup import parquet_input
from skypile.dedup.columns import Columns

COLUMNS = Columns("id", "text")


def test_pieces_cut_large_files_and_join_small_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pa.table({"id": [str(i) for i in range(60)], "text": [f"{i} " + "x" * 1000 for i in range(60)]})
    pq.write_table(texts, tmp_path / "large.parquet", row_group_size=10)
    for number in range(3):
        pq.write_table(texts.slice(0, 1), tmp_path / f"small{number}.parquet")
    given = parquet_input.parquet_input([str(tmp_path)], COLUMNS, DedupConfig())
    size = given.files[0].groups[0].size
    monkeypatch.setattr(parquet_input, "PIECE_BYTES", size * 2 + 100)
    parts = parquet_input.pieces(given)
    assert [piece for part in parts for piece in part] == [(0, i) for i in range(6)] + [(1, 0), (2, 0), (3, 0)]
    assert [len(part) for part in parts[:3]] == [2, 2, 2] and len(parts) == 4
