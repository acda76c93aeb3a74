"""A user's files: every type of column, layouts of folders, names of paths; read alike with and without Spark."""

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from skypile.config import DedupConfig
from skypile.crawl.inputs import InputError
from skypile.dedup.columns import ColumnError, Columns
from skypile.dedup.files import dedup_files
from tests.dedup.test_files_without_spark import folder, small  # noqa: F401  (a fixture)

COLUMNS = Columns("id", "text")
TEXTS = [
    "The quay was empty when the last of the boats came in.",
    "一条河从山里流出来，经过三座桥。",
    "Third.",
    "Third.",
]
STAY = ["1", "2", "3"]
MOMENT = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)


def write(path: Path, **columns: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    given = {"id": ["1", "2", "3", "4"], "text": TEXTS} | columns
    pq.write_table(pa.table({name: value for name, value in given.items() if value is not None}), path)
    return str(path)


def both(
    spark: SparkSession, paths: list[str], out: Path, columns: Columns = COLUMNS, config: DedupConfig | None = None
) -> tuple[dict, list[dict], list[dict]]:
    """Counts, documents and verdicts of the way without Spark, which are those with it."""
    found = []
    for name, run in (("here", small), ("spark", lambda *given: dedup_files(spark, *given))):
        done = run(paths, str(out / name), columns, config or DedupConfig())
        documents = pq.read_table(out / name / "documents", partitioning=None)
        verdicts = pq.read_table(out / name / "verdicts").to_pylist()
        found.append((done | {"seconds": 0, "parts": {}}, documents, sorted(verdicts, key=str)))
    (done, documents, verdicts), there = found
    assert done == there[0] and verdicts == there[2]
    assert documents.schema == there[1].schema and documents.equals(there[1])
    assert done["read"] == done["kept"] + sum(done["dropped"].values()) + sum(done["failed"].values())
    shown = [name for name in documents.column_names if name not in OWN]  # Python has no words for some of those
    return done, documents.select(shown).to_pylist(), verdicts


def refused(spark: SparkSession, paths: list[str], out: Path, columns: Columns, config: DedupConfig, *words: str):
    """Both ways refuse it in the same sentence, which has all of `words` in it."""
    said = []
    for run in (small, lambda *given: dedup_files(spark, *given)):
        with pytest.raises((ColumnError, InputError)) as error:
            run(paths, str(out), columns, config)
        said.append(str(error.value))
    assert said[0] == said[1] and all(word in said[0] for word in words) and "\n" not in said[0], said
    assert not out.exists()


TEXT_TYPES = [
    pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view(),
    pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string()),
]  # fmt: skip


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_texts_and_ids_of_every_layout(spark: SparkSession, tmp_path: Path, kind: pa.DataType) -> None:
    def column(values: list[str]) -> pa.Array:
        if pa.types.is_dictionary(kind):
            return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
        return pa.array(values, pa.string()).cast(pa.binary() if "binary" in str(kind) else pa.string()).cast(kind)

    urls = [f"http://h.example/{i}" for i in (1, 2, 3, 3)]
    path = write(tmp_path / "a.parquet", id=column(["1", "2", "3", "4"]), text=column(TEXTS), url=column(urls))
    done, documents, verdicts = both(spark, [path], tmp_path / "out", Columns("id", "text", "url"))
    assert [row["record_id"] for row in verdicts] == ["1", "2", "3", "4"] and done["dropped"] == {"duplicate_url": 1}
    assert len(documents) == 3
    assert pq.read_schema(next((tmp_path / "out/here/documents").iterdir())).equals(pq.read_schema(path))


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.int64(), pa.uint64(), pa.decimal128(20, 0)], ids=str
)
def test_ids_that_are_numbers(spark: SparkSession, tmp_path: Path, kind: pa.DataType) -> None:
    path = write(tmp_path / "a.parquet", id=pa.array([1, 2, 3, 4]).cast(kind))
    _, documents, verdicts = both(spark, [path], tmp_path / "out")
    assert [row["record_id"] for row in verdicts] == ["1", "2", "3", "4"] and [row["id"] for row in documents] == [
        1,
        2,
        3,
    ]


OWN = {
    "half": pa.array([1.5, None, -2.0, 0.0], pa.float16()),
    "money": pa.array([Decimal("1.25"), None, Decimal("3.00"), Decimal("9.99")], pa.decimal128(9, 2)),
    "crawled": pa.array([1, 2, None, 4], pa.timestamp("ns")),
    "zoned": pa.array([MOMENT, None, MOMENT, MOMENT], pa.timestamp("s", "Asia/Shanghai")),
    "far": pa.array([569_000_000_000_000_000, 1, 2, 3], pa.timestamp("us")),  # the year 20000
    "day": pa.array([6_600_000, None, 3, 4], pa.date32()),
    "clock": pa.array([1, 2, 3, 4], pa.time64("ns")),
    "took": pa.array([1, None, 3, 4], pa.duration("ms")),
    "tags": pa.array([["a"], [], None, ["b", None]], pa.list_(pa.string())),
    "meta": pa.array([{"k": {"deep": [1]}}, None, {"k": None}, {"k": {"deep": []}}]),
    "pairs": pa.array([[("a", 1)], None, [], [("b", 2)]], pa.map_(pa.string(), pa.int32())),
    "nothing": pa.nulls(4),
    "image": pa.array([b"\xff\xd8", None, b"", b"x"]),
    "key": pa.array([b"ab", b"cd", None, b"ef"], pa.binary(2)),
    "flag": pa.array([True, None, False, True]),
    "big": pa.array([2**63, 1, None, 2**64 - 1], pa.uint64()),
}


def test_columns_that_decide_nothing_come_out_as_they_went_in(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", **OWN)
    both(spark, [path], tmp_path / "out")
    given = pq.read_table(path)
    for way in ("here", "spark"):
        kept = pq.read_table(tmp_path / "out" / way / "documents")
        assert kept.schema == given.schema and kept.equals(given.slice(0, 3))


@pytest.mark.parametrize("name", ["half", "money", "flag", "big"])
def test_the_best_by_any_number(spark: SparkSession, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.parquet", text=["Same words."] * 4, **{name: OWN[name]})
    _, documents, _ = both(
        spark, [path], tmp_path / "out", config=DedupConfig(survivor="best_quality", quality_column=name)
    )
    assert [row["id"] for row in documents] == [{"half": "1", "money": "4", "flag": "1", "big": "4"}[name]]


@pytest.mark.parametrize(
    "moments, first",
    [
        (pa.array([3, 2, None, 4], pa.timestamp("ns")), "2"),
        (pa.array([3, 2, 1, None], pa.timestamp("s", "UTC")), "3"),
        (pa.array([3, None, 4, 2], pa.date32()), "4"),
        (pa.array([2 * 86_400_000, 86_400_000 * 3, None, 86_400_000], pa.date64()), "4"),
        (pa.array(["2024-01-02", "2024-01-02T01:00:00+09:00", None, "soon"]), "2"),
        (pa.array([569_000_000_000_000_000, None, None, 5], pa.timestamp("us")), "4"),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_the_earliest_by_any_time(spark: SparkSession, tmp_path: Path, moments: pa.Array, first: str) -> None:
    path = write(tmp_path / "a.parquet", text=["Same words."] * 4, date=moments)
    _, documents, _ = both(spark, [path], tmp_path / "out", config=DedupConfig(survivor="earliest"))
    assert [row["id"] for row in documents] == [first]


def test_a_row_without_a_text_costs_that_row(spark: SparkSession, tmp_path: Path) -> None:
    """Null, or bytes that are no UTF-8 in a column that says it is: each its own reason, and no neighbour's loss."""
    values = [b"A sentence of its own.", None, b"\xe4\xb8", b"", None, "一句话。".encode(), b"\xe4\xb8", b""]
    raw = pa.array(values, pa.binary())
    text = pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2], raw.buffers()[0])
    path = write(tmp_path / "a.parquet", id=list("abcdefgh"), text=text)
    done, documents, verdicts = both(spark, [path], tmp_path / "out")
    assert done["failed"] == {"bad_text": 2, "no_text": 2} and done["dropped"] == {"duplicate_text": 1}
    assert {row["record_id"]: row["reason"] for row in verdicts if row["verdict"] == "failed"} == {
        "b": "no_text", "c": "bad_text", "e": "no_text", "g": "bad_text",
    }  # fmt: skip
    assert [row["id"] for row in documents] == ["a", "d", "f"]


def test_a_column_without_any_text_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", text=pa.nulls(4), body=TEXTS)
    for run in (small, lambda *given: dedup_files(spark, *given)):
        with pytest.raises(ColumnError, match=r"none of the 4 rows has a text in column 'text'.*body"):
            run([path], str(tmp_path / "out"), COLUMNS, DedupConfig())
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_bytes_in_ids_and_urls_that_are_no_text_stay_apart(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", id=[b"\xff", b"\xfe", b"3", b"4"], url=[b"\xff", b"\xfe", b"/c", b"/d"])
    done, _, verdicts = both(spark, [path], tmp_path / "out", Columns("id", "text", "url"))
    assert sorted(row["record_id"] for row in verdicts) == ["3", "4", "\\xfe", "\\xff"]
    assert done["dropped"] == {"duplicate_text": 1}


@pytest.mark.parametrize("one, other, common", [
    (pa.int32(), pa.int64(), pa.int64()),
    (pa.string(), pa.large_string(), pa.large_string()),
    (pa.string_view(), pa.string(), pa.large_string()),
    (pa.dictionary(pa.int8(), pa.string()), pa.string(), pa.large_string()),
    (pa.null(), pa.int16(), pa.int16()),
    (pa.float16(), pa.float64(), pa.float64()),
    (pa.timestamp("ms"), pa.timestamp("ns"), pa.timestamp("ns")),
    (pa.decimal128(5, 2), pa.decimal128(7, 3), pa.decimal128(7, 3)),
], ids=str)  # fmt: skip
def test_columns_of_several_types_are_united(spark, tmp_path: Path, one, other, common) -> None:
    write(tmp_path / "in" / "a.parquet", more=pa.nulls(4, one))
    write(tmp_path / "in" / "b.parquet", id=["5", "6", "7", "8"], more=pa.nulls(4, other), text=["v", "w", "x", "y"])
    both(spark, [str(tmp_path / "in")], tmp_path / "out")
    assert pq.read_table(tmp_path / "out/here/documents").schema.field("more").type == common


def test_a_column_that_one_file_lacks_is_null_there(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.parquet", topic=["x"] * 4)
    write(tmp_path / "in" / "b.parquet", id=["5", "6", "7", "8"], text=["v", "w", "x", "y"], score=[1, 2, 3, 4])
    done, documents, _ = both(spark, [str(tmp_path / "in")], tmp_path / "out")
    assert done["kept"] == 7 and list(documents[0]) == ["id", "text", "topic", "score"]
    assert documents[0]["score"] is None and documents[-1] == {"id": "8", "text": "y", "topic": None, "score": 4}


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"text": [1, 2, 3, 4]}, ["'text'", "int64"]),
        ({"text": [["a"], ["b"], ["c"], ["d"]]}, ["'text'", "list<"]),
        ({"id": [0.5, 1.5, 2.5, 3.5]}, ["'id'", "double"]),
        ({"id": [MOMENT] * 4}, ["'id'", "timestamp"]),
        ({"url": [True] * 4}, ["'url'", "bool"]),
        ({"text": None, "content": TEXTS}, ["no column ['text']", "content"]),
        ({"record_id": [1, 2, 3, 4]}, ["record_id", "rename"]),
        ({"more": ["x"] * 4}, ["'more'", "string", "int64", "a.parquet"]),
    ],
    ids=lambda value: "",
)
def test_what_does_not_serve_is_refused_by_file_column_and_type(spark, tmp_path: Path, columns, words) -> None:
    urls = {"url": list("abcd"), "more": [1] * 4}
    write(tmp_path / "in" / "a.parquet", **urls)
    write(tmp_path / "in" / "b.parquet", **(urls | columns))
    given = [str(tmp_path / "in")], tmp_path / "out", Columns("id", "text", "url"), DedupConfig()
    refused(spark, *given, "b.parquet", *words)


@pytest.mark.parametrize("rule, column", [("earliest", "date"), ("best_quality", "citation_score")])
def test_a_survivor_rule_needs_its_type(spark, tmp_path: Path, rule: str, column: str) -> None:
    path = write(tmp_path / "a.parquet", **{column: [["x"]] * 4})
    refused(spark, [path], tmp_path / "out", COLUMNS, DedupConfig(survivor=rule), "a.parquet", repr(column), "list<")


@pytest.mark.parametrize("name", ["news[1]", "a {b,c}", "*", "文件 夹", "100%25 done", "q?x=1", "a'b\"c", "tab\there"])
def test_names_of_paths_are_names(spark: SparkSession, tmp_path: Path, name: str) -> None:
    """With brackets, blanks, Han characters, percent signs: in inputs, outputs and the names of files."""
    path = Path(write(tmp_path / name / f"{name}.parquet"))
    write(tmp_path / "news1" / "other.parquet", id=list("efgh"))
    for number, given in enumerate((path, path.parent)):
        done, documents, _ = both(spark, [str(given)], tmp_path / f"{name} out {number}")
        assert done["read"] == 4 and [row["id"] for row in documents] == STAY


def test_a_data_set_as_hubs_lay_it_out(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path / "set" / "data" / "train-00000-of-00002.parquet")
    write(tmp_path / "set" / "data" / "deeper" / "train-00001-of-00002.parquet", id=["5", "6", "7", "8"])
    (tmp_path / "set" / "README.md").write_text("---\nlicense: cc0\n---\n")
    (tmp_path / "set" / ".gitattributes").write_text("*.parquet filter=lfs")
    Path(write(tmp_path / "set" / "x.parquet", id=["9", "10", "11", "12"])).rename(tmp_path / "set" / "shard-0")
    done, _, _ = both(spark, [str(tmp_path / "set")], tmp_path / "out")
    assert done["read"] == 12 and [Path(path).name for path in done["passed_over"]] == ["README.md"]


def test_folders_named_for_a_column(spark: SparkSession, tmp_path: Path) -> None:
    for number, language in enumerate(("en", "zh-Hant", "__HIVE_DEFAULT_PARTITION__")):
        texts = [f"{language} {text}" for text in TEXTS]
        ids = [f"{number}{i}" for i in range(4)]
        write(tmp_path / "in" / f"year={number}" / f"language={language}" / "a.parquet", id=ids, text=texts)
    _, documents, _ = both(spark, [str(tmp_path / "in")], tmp_path / "out")
    assert {(row["year"], row["language"]) for row in documents} == {(0, "en"), (1, "zh-Hant"), (2, None)}


@pytest.mark.parametrize(
    "files, words",
    [
        ({"a.parquet": b""}, ["a.parquet", "empty"]),
        ({"a.parquet": b"PAR1 and no more"}, ["a.parquet", "no readable Parquet"]),
        ({"a.csv": b"id,text"}, ["no Parquet file", "a.csv"]),
        ({}, ["matches no file"]),
    ],
    ids=["empty", "cut", "another format", "nothing"],
)
def test_files_that_are_no_parquet(spark, tmp_path: Path, files: dict[str, bytes], words: list[str]) -> None:
    (tmp_path / "in").mkdir()
    for name, content in files.items():
        (tmp_path / "in" / name).write_bytes(content)
    refused(spark, [str(tmp_path / "in")], tmp_path / "out", COLUMNS, DedupConfig(), *words)


def test_two_columns_of_one_name(spark: SparkSession, tmp_path: Path) -> None:
    pq.write_table(pa.table([["1"], ["a"], ["b"]], ["id", "text", "text"]), tmp_path / "a.parquet")
    refused(
        spark, [str(tmp_path / "a.parquet")], tmp_path / "out", COLUMNS, DedupConfig(), "a.parquet", "several", "'text'"
    )


def test_urls_of_any_length_are_told_apart(spark: SparkSession, tmp_path: Path) -> None:
    long = "http://h.example/" + "p" * 300_000
    texts = [TEXTS[0], f"{TEXTS[0]} Again.", *TEXTS[2:]]
    path = write(tmp_path / "a.parquet", url=[f"{long}1", f"{long}1", f"{long}2", "/short"], text=texts)
    done, _, verdicts = both(spark, [path], tmp_path / "out", Columns("id", "text", "url"))
    assert done["dropped"] == {"duplicate_url": 1, "duplicate_text": 1}
    assert max(len(row["url"]) for row in verdicts) < 2100
