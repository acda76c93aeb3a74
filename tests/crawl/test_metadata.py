"""A record's own fields: kept as far as JSON can say them, bounded, the same from JSON lines and from Parquet."""

import datetime
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.crawl.metadata import MARK, MOST_BYTES, metadata
from tests.crawl.archives import read

UTC = datetime.UTC
MIDNIGHT = "1970-01-01T00:00:00"


def own(path: Path, **config: str) -> list[dict | None]:
    return [json.loads(row["metadata"]) if row["metadata"] else None for row in read(path, **config)]


def test_fields_of_json_lines_travel_with_their_types(tmp_path: Path) -> None:
    fields = {
        "id": 9007199254740993, "title": "山 & sea", "score": 0.1, "ok": True, "none": None,
        "meta": {"tags": ["a", 1, None], "deep": {"x": {}}}, "date_seen": "2024-02-30",
    }  # fmt: skip
    lines = [fields | {"text": "A text.", "url": "http://h.example/"}, {"text": "Nothing else."}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert own(tmp_path) == [fields, None]


def test_a_field_that_serves_no_other_column_is_metadata(tmp_path: Path) -> None:
    lines = [
        {"text": "t", "url": 7, "date": 20240229, "html": "<p>unused"},
        {"body": "t", "text": "not the text", "url": "http://h.example/", "date": "2024"},
    ]
    for number, line in enumerate(lines):
        (tmp_path / f"{number}.jsonl").write_text(json.dumps(line))
    assert own(tmp_path / "0.jsonl") == [{"url": 7, "date": 20240229}]
    assert own(tmp_path / "1.jsonl", text_field="body") == [{"text": "not the text"}]


COLUMNS = {
    "int": (pa.array([2**40]), 2**40),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
    "half": (pa.array([1.5], pa.float16()), 1.5),
    "nan": (pa.array([float("nan")]), "nan"),
    "flag": (pa.array([False]), False),
    "decimal": (pa.array([Decimal("1.10")]), "1.10"),
    "view": (pa.array(["v"], pa.string_view()), "v"),
    "large": (pa.array(["l"], pa.large_string()), "l"),
    "category": (pa.array(["c"]).dictionary_encode(), "c"),
    "bytes": (pa.array([b"\xff\x00"]), "/wA="),
    "day": (pa.array([datetime.date(2024, 2, 29)]), "2024-02-29"),
    "far day": (pa.array([6_600_000], pa.date32()), "+20040-03-09"),
    "moment": (pa.array([0], pa.timestamp("us", "UTC")), "1970-01-01T00:00:00+00:00"),
    "nano": (pa.array([1], pa.timestamp("ns")), "1970-01-01T00:00:00.000000001"),
    "nano of micro": (pa.array([1000], pa.timestamp("ns")), "1970-01-01T00:00:00.000001"),
    "far": (pa.array([569_000_000_000_000_000], pa.timestamp("us")), "+20000-11-22T03:33:20"),
    "clock": (pa.array([1_000_000_001], pa.time64("ns")), "00:00:01"),
    "took": (pa.array([1500], pa.duration("ms")), 1.5),
    "list": (pa.array([[1, None]]), [1, None]),
    "struct": (pa.array([{"a": {"b": "c"}}]), {"a": {"b": "c"}}),
    "nested": (pa.array([[{"t": 1}]], pa.list_(pa.struct([("t", pa.timestamp("ns"))]))), [{"t": MIDNIGHT}]),
    "map": (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())), {"k": 1}),
    "nothing": (pa.nulls(1), None),
}  # fmt: skip


def test_columns_of_every_type_travel(tmp_path: Path) -> None:
    """All in one row, whose text none of them may cost."""
    table = {"text": pa.array(["A text."])} | {name: column for name, (column, _) in COLUMNS.items()}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    (row,) = read(tmp_path)
    assert row["verdict"] == "kept" and row["text"] == "A text."
    assert json.loads(row["metadata"]) == {name: value for name, (_, value) in COLUMNS.items()}


def invalid(values: list[bytes | None]) -> pa.StringArray:
    raw = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2], raw.buffers()[0])


@pytest.mark.parametrize("column", ["text", "html", "url", "title", "date"])
def test_bytes_that_are_no_utf8_cost_at_most_their_row(tmp_path: Path, column: str) -> None:
    good = {name: [f"{name} {i}" for i in range(600)] for name in ("text", "url", "title", "date")}
    good |= {"html": [None] * 600} if column != "html" else {"html": ["<p>x"] * 600, "text": [None] * 600}
    bad = [value if value is None else value.encode() for value in good[column]]
    bad[300] = b"\xe6\x9d"
    pq.write_table(pa.table(good | {column: invalid(bad)}), tmp_path / "a.parquet")
    rows = read(tmp_path)
    assert len(rows) == 600
    lost = [(row["offset"], row["reason"]) for row in rows if row["verdict"] != "kept"]
    assert lost == ([(300, "bad_text")] if column == "text" else [])
    if column == "html":
        assert rows[300]["body"] == b"\xe6\x9d"
    if column == "title":
        assert json.loads(rows[300]["metadata"])["title"] == "\ufffd"


@pytest.mark.parametrize("kind", ["timestamp[us]", "date32", "timestamp[ns]"])
def test_dates_beyond_pythons_years_cost_nothing(tmp_path: Path, kind: str) -> None:
    values = {"timestamp[us]": 569_000_000_000_000_000, "date32": 6_600_000, "timestamp[ns]": 1}[kind]
    types = {"timestamp[us]": pa.timestamp("us"), "date32": pa.date32(), "timestamp[ns]": pa.timestamp("ns")}
    dates = pa.array([0] * 99 + [values], types[kind])
    pq.write_table(pa.table({"text": [f"t{i}" for i in range(100)], "date": dates}), tmp_path / "a.parquet")
    rows = read(tmp_path)
    assert [row["verdict"] for row in rows] == ["kept"] * 100
    assert rows[0]["date"].startswith("1970-01-01") and rows[99]["date"][:6] in ("+20000", "+20040", "1970-0")


def test_what_is_too_long_is_cut_and_said_to_be(tmp_path: Path) -> None:
    fields = {"id": 5, "abstract": "字" * 20_000, "vector": [0.125] * 9000, "short": "s", "more": "m" * 3000}
    found = json.loads(metadata(fields) or "")
    assert found["id"] == 5 and found["short"] == "s" and found["more"] == "m" * 3000
    assert found["abstract"] == "字" * 200 + "…" and found["vector"] is None
    assert sorted(found[MARK]) == ["abstract", "vector"]
    many = metadata({f"field {i}": i for i in range(10_000)}) or ""
    assert len(many.encode()) <= MOST_BYTES and json.loads(many)[MARK][-1].endswith("fields left out")
    names = metadata({"n" * 5000 + str(i): "v" * 5000 for i in range(20)}) or ""
    assert len(names.encode()) <= MOST_BYTES and json.loads(names)
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert json.loads(metadata({"deep": deep, "id": 1}) or "")["id"] == 1


def test_large_columns_are_not_read_and_are_named(tmp_path: Path) -> None:
    images = [bytes([i]) * 50_000 for i in range(20)]
    texts = [f"text {i}" for i in range(20)]
    pq.write_table(pa.table({"text": texts, "id": range(20), "image": images}), tmp_path / "a.parquet")
    assert own(tmp_path)[3] == {"id": 3, MARK: ["image"]}


def test_surrogates_and_infinities_of_json_are_valid_json_after_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "t", "a": "\\ud800", "b": Infinity, "\\udfff": [NaN]}')
    (row,) = read(tmp_path)
    assert json.loads(row["metadata"].encode()) == {"a": "\ufffd", "b": "inf", "\ufffd": ["nan"]}


@pytest.mark.parametrize("column", [[1, 2], [["a"], ["b"]], [{"a": 1}, None], [True, False]], ids=str)
def test_a_text_of_another_type_is_named_by_file_column_and_type(tmp_path: Path, column: list) -> None:
    path = tmp_path / "odd name.parquet"
    pq.write_table(pa.table({"text": column, "id": [1, 2]}), path)
    kind = str(pq.read_schema(path).field("text").type)
    for row in read(tmp_path):
        evidence = json.loads(row["evidence"])
        assert row["reason"] == "missing_field" and evidence["found"] == ["text", "id"]
        assert "odd name.parquet" in evidence["detail"] and kind in evidence["detail"]
