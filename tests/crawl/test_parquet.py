"""Parquet: every row a row, in any pieces, and row groups that cannot be read."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.config import ExtractionConfig
from skypile.crawl.columns import timestamp
from skypile.crawl.inputs import Split, plan
from skypile.crawl.read import read_split
from skypile.runtime.optional_import import without
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


def test_a_value_costs_its_own_row(tmp_path: Path) -> None:
    """A text that is no UTF-8 among 1,000 in one row group, in every type that says it holds text, and as bytes."""
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary()):
        data = [b"text \xe4\xb8\xad" if i != 399 else b"text \xff\xfe" for i in range(1000)]
        wide = (
            pa.large_binary()
            if kind == pa.large_string()
            else pa.binary_view()
            if kind == pa.string_view()
            else pa.binary()
        )
        column = pa.Array.from_buffers(kind, 1000, pa.array(data, wide).buffers())
        pq.write_table(pa.table({"text": column, "n": range(1000)}), tmp_path / "a.parquet")
        rows = read(tmp_path)
        assert [r["offset"] for r in rows if r["verdict"] == "failed"] == [399], kind
        assert rows[399]["reason"] == "bad_text" and "0xff" in rows[399]["evidence"]
        assert {r["text"] for r in rows if r["text"]} == {"text 中"} and len(rows) == 1000


def test_a_page_and_an_address_that_are_not_utf8_are_no_loss(tmp_path: Path) -> None:
    page, link = "<p>中文".encode("gbk"), b"http://a.example/\xff"
    columns = {"html": [page, b"<p>"], "url": [link, b"http://b.example/"]}
    strings = {name: pa.Array.from_buffers(pa.string(), 2, pa.array(data).buffers()) for name, data in columns.items()}
    pq.write_table(pa.table(strings), tmp_path / "a.parquet")
    rows = read(tmp_path)
    assert [(r["verdict"], r["body"], r["url"]) for r in rows] == [
        ("kept", page, "http://a.example/%FF"), ("kept", b"<p>", "http://b.example/"),
    ]  # fmt: skip
    assert rows[0]["content_type"] is None  # its charset is to be found out, as a page's is


MOMENTS = [
    ("s", -62_135_596_800, "0001-01-01T00:00:00"),
    ("s", 253_402_300_800, "+10000-01-01T00:00:00"),
    ("ms", -1, "1969-12-31T23:59:59.999000"),
    ("us", 568_971_820_800 * 10**6, "+20000-01-01T00:00:00"),
    ("ns", 1_704_164_645_123_456_789, "2024-01-02T03:04:05.123456789"),
    ("ns", 1_704_164_645_123_456_000, "2024-01-02T03:04:05.123456"),
    ("ms", -62_135_596_800_001, "0000-12-31T23:59:59.999000"),
    ("ms", -62_167_219_200_001, "-0001-12-31T23:59:59.999000"),
]


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai", "No/Where"])
@pytest.mark.parametrize(("unit", "moment", "shown"), MOMENTS)
def test_no_date_costs_its_row(tmp_path: Path, unit: str, moment: int, shown: str, zone: str | None) -> None:
    """Nanoseconds, years of one digit and of five, time zones that nobody knows: with pandas loaded or not."""
    dates = pa.array([moment, None, 0], pa.timestamp(unit, zone))
    table = pa.table({"text": ["x", "y", "z"], "date": dates})
    pq.write_table(table, tmp_path / "a.parquet")
    mark = "" if zone is None else "+00:00"
    found = [r["date"] for r in read(tmp_path)]
    assert found == [shown + mark, None, "1970-01-01T00:00:00" + mark]
    with without("pandas"):
        assert [r["date"] for r in read(tmp_path)] == found


def test_dates_without_a_time(tmp_path: Path) -> None:
    days = [0, 2_932_897, -719_163, None]  # 10000-01-01 and 0000-12-31
    columns = {"text": ["x"] * 4, "date": pa.array(days, pa.date32())}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert [r["date"] for r in read(tmp_path)] == ["1970-01-01", "+10000-01-01", "0000-12-31", None]


def test_iso_dates_are_those_of_python() -> None:
    for second in range(-62_135_596_800, 253_402_300_800, 10_000_019 * 37):
        assert timestamp(second, "s") == (datetime(1970, 1, 1) + timedelta(seconds=second)).isoformat()


def test_the_limit_is_of_bytes_whatever_the_script(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["山" * 600, "山" * 300, "a" * 1025, "a" * 1024]}), path)
    config = ExtractionConfig(max_record_bytes=1024)
    rows = [row for split in plan([str(path)], config) for row in read_split(split, config)]
    assert [(row.reason, row.score) for row in rows] == [
        ("too_large", 1800), (None, None), ("too_large", 1025), (None, None)
    ]  # fmt: skip
