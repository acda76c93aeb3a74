"""Parquet: every row a row, in any pieces, and row groups that cannot be read."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import Split
from skypile.crawl.read import read_split
from tests.crawl.archives import outcomes, read

CONFIG = ExtractionConfig()


def pieces(path: Path, step: int) -> list[dict]:
    size = path.stat().st_size
    return [
        row._asdict()
        for start in range(0, size, step)
        for row in read_split(Split(str(path), path.name, "parquet", start, min(size, start + step), size), CONFIG)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = pa.table(
        {
            "text": [f"text {i}" if i % 3 else None for i in range(1000)],
            "html": [f"<p>{i}".encode() if i % 2 else None for i in range(1000)],
            "url": [f"http://a.example/{i}" if i % 5 else None for i in range(1000)],
            "other": list(range(1000)),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=70)
    return tmp_path / "a.parquet"


def test_rows_and_ranges(path: Path) -> None:
    rows = read(path)
    assert [r["offset"] for r in rows] == list(range(1000))
    assert all(r["text"] == f"text {i}" for i, r in enumerate(rows) if i % 3)
    assert all(r["body"] == f"<p>{i}".encode() for i, r in enumerate(rows) if i % 3 == 0 and i % 2)
    assert all(r["reason"] == "missing_field" for i, r in enumerate(rows) if i % 6 == 0)
    assert rows[0]["url"] == "a.parquet#0" and rows[1]["url"] == "http://a.example/1"
    for step in (1000, 4097, 30_000):
        assert pieces(path, step) == rows


def test_a_damaged_row_group_costs_its_rows(path: Path) -> None:
    sound = read(path)
    data = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(3).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(data)
    rows = read(path)
    failed = [r for r in rows if r["reason"] == "bad_compression"]
    assert len(failed) == 1 and json.loads(failed[0]["evidence"])["rows"] == 70
    assert [r for r in rows if r not in failed] == sound[:210] + sound[280:]
    assert pieces(path, 5000) == rows


@pytest.mark.parametrize(
    "damage", [b"PAR1", b"PAR1" + bytes(200) + b"PAR1", b"PAR1" + b"\xff" * 400 + b"\xff\0\0\0PAR1"]
)
def test_a_damaged_footer_fails_the_file_once(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(damage)
    assert outcomes(pieces(path, 50)) == [("failed", "unreadable_file")]


def test_no_wanted_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), tmp_path / "a.parquet")
    rows = read(tmp_path)
    assert outcomes(rows) == [("failed", "missing_field")] * 2
    assert json.loads(rows[0]["evidence"])["found"] == ["a", "b"]


def test_configured_columns_and_types(tmp_path: Path) -> None:
    table = pa.table({"content": pa.array(["x", "y"]).dictionary_encode(), "link": ["u", "v"], "date": [1, 2]})
    pq.write_table(table.set_column(2, "date", pa.array([0, 0], pa.timestamp("s"))), tmp_path / "a.parquet")
    rows = read(tmp_path, text_field="content", url_field="link")
    assert [(r["text"], r["url"], r["date"]) for r in rows] == [
        ("x", "u", "1970-01-01T00:00:00"),
        ("y", "v", "1970-01-01T00:00:00"),
    ]
