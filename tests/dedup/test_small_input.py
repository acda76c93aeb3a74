"""Which files one process takes, and which it leaves to Spark."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.config import DedupConfig
from skypile.dedup import small_input
from skypile.dedup.columns import Columns
from tests.dedup.test_files_without_spark import COLUMNS, planted, write


def test_pieces_are_bounded_by_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_input, "BATCH_BYTES", 10)
    batch = pa.record_batch({"text": ["a" * 6, "b" * 6, None, "c" * 25, "d", "e" * 3]})
    assert [piece["text"].to_pylist() for piece in small_input.pieces(batch, "text")] == [
        ["a" * 6, "b" * 6], [None, "c" * 25], ["d", "e" * 3],
    ]  # fmt: skip


def test_what_is_left_to_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = planted(490, 1)
    path = write(table, tmp_path / "in")

    def found(*paths: str, columns: Columns = COLUMNS, **changes: object) -> bool:
        return small_input.small_input(list(paths), columns, DedupConfig(**changes)) is not None

    assert found(path) and found(path, local_documents=len(table))
    assert not found(path, local_documents=len(table) - 1)
    assert not found(path, against="index")
    assert not found(path, str(tmp_path / "absent")) and not found(str(tmp_path / "*.none")) and not found("none://x")
    assert not found(path + "/{0,1}.parquet")
    assert not found(path, columns=Columns("citation_score", "text"))  # Spark says how a number is written
    assert not found(path, columns=Columns("id", "more"))
    assert not found(path, survivor="earliest", time_column="text")
    assert not found(path, survivor="best_quality", quality_column="text")
    assert not found(write(table.append_column("ID", table["id"]), tmp_path / "case"))
    write(table, tmp_path / "hive" / "language=en")
    assert found(str(tmp_path / "hive")) and found(str(tmp_path / "hi*"))
    assert found(str(tmp_path / "hive" / "language=en")) and found(str(tmp_path / "hive" / "*"))
    write(table, tmp_path / "mixed" / "folder" / "folder")
    pq.write_table(table, tmp_path / "mixed" / "file")
    assert found(str(tmp_path / "mixed" / "*")) and found(str(tmp_path / "mixed" / "fi*"))
    assert not found(str(tmp_path / "hive"), str(tmp_path / "mixed"))  # names that are columns, below one path of two
    for number, values in enumerate(
        (("2024-05-01",), ("1e3",), ("en", "1"), ("NaN",), ("__HIVE_DEFAULT_PARTITION__",))
    ):
        for value in values:
            write(table, tmp_path / f"values{number}" / f"language={value}")
        assert not found(str(tmp_path / f"values{number}")), values
    for number, names in enumerate((("a=x", "b=x"), ("a=x", "plain"), ("a=x/b=1", "a=x"), ("text=x",), ("_a=x",))):
        for name in names:
            write(table, tmp_path / f"names{number}" / name)
        assert not found(str(tmp_path / f"names{number}")), names
    assert not found(path, write(table.drop_columns(["more"]), tmp_path / "narrow"))
    (tmp_path / "in" / "notes.txt").write_text("not Parquet")
    assert not found(path)
    (tmp_path / "in" / "notes.txt").unlink()
    monkeypatch.setattr(small_input, "MOST_TEXT", 10)
    assert not found(path)
    monkeypatch.setattr(small_input, "MOST_TEXT", 1 << 30)
    monkeypatch.setattr(small_input, "MOST_FILES", 1)
    assert not found(path)
