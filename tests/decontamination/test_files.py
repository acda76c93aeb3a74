"""The command, the job and Spark: what is read is kept, dropped or failed, in whatever types, and all three agree."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import skypile.stages
from skypile import job
from skypile.cli import app
from skypile.config import DecontaminationConfig
from skypile.decontamination import files
from skypile.decontamination.files import decontaminate, decontaminate_in_spark
from skypile.dedup import parquet_input
from skypile.dedup.columns import Columns
from skypile.errors import SkypileError
from tests.decontamination.test_judge import HILLS, MILL, RIVER, TEA, spoken

PAGE = f"{HILLS[0]} {HILLS[1]} {HILLS[2]}"
ROWS = {
    "id": [1, 2, 3, 4, 5],
    "url": ["https://a.example/1", None, "https://b.example/3", "https://c.example/4", "https://d.example/5"],
    "text": [
        PAGE,
        f"{PAGE}\n\n{MILL.question}\n\n{TEA[0]}",
        f"{TEA[0] * 4}{spoken(RIVER, 'ABCD')}{TEA[1] * 4}",
        None,
        f"{MILL.question}\n\n{MILL.answer}",
    ],
    "note": [[1], None, [2, 3], [], [4]],
}


@pytest.fixture
def benchmark(tmp_path: Path) -> str:
    rows = [{"id": item.name, "question": item.question, "choices": list(item.choices)} for item in (MILL, RIVER)]
    (tmp_path / "sums.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(tmp_path / "sums.jsonl")


@pytest.fixture
def given(tmp_path: Path) -> str:
    folder = tmp_path / "in"
    folder.mkdir()
    table = pa.table(ROWS)
    for number, rows in enumerate((table.slice(0, 2), table.slice(2))):
        pq.write_table(rows, folder / f"{number}.parquet", row_group_size=1)
    return str(folder)


def outcome(folder: Path | str) -> tuple[list[dict], list[dict]]:
    documents, verdicts = (pq.read_table(f"{folder}/{name}").to_pylist() for name in ("documents", "verdicts"))
    return sorted(documents, key=lambda row: row["id"]), sorted(verdicts, key=lambda row: row["record_id"])


def test_pages_are_dropped_and_every_row_has_a_verdict(given, benchmark, tmp_path):
    out = tmp_path / "out"
    done = decontaminate([given], str(out), Columns("id", "text", "url"), [benchmark])
    assert (done["read"], done["kept"]) == (5, 1)
    assert done["dropped"] == {"contaminated": 3} and done["failed"] == {"no_text": 1}
    assert done["benchmarks_found"] == {"sums": {"items": 2, "found": 2}}
    documents, verdicts = outcome(out)
    assert documents == [{name: values[0] for name, values in ROWS.items()}]
    assert [row["verdict"] for row in verdicts] == ["kept", "dropped", "dropped", "failed", "dropped"]
    assert verdicts[1]["reason"] == "contaminated" and verdicts[1]["score"] >= verdicts[1]["threshold"]
    assert json.loads(verdicts[2]["evidence"])["items"][0]["item"] == RIVER.name
    assert sorted(path.name for path in out.iterdir() if path.name[0] not in "._") == [
        "documents", "manifest.json", "verdicts",
    ]  # fmt: skip


def test_passages_are_cut_and_what_is_mostly_items_is_dropped(given, benchmark, tmp_path):
    done = decontaminate([given], str(tmp_path / "out"), Columns("id", "text", "url"), [benchmark], action="cut")
    assert (done["kept"], done["dropped"], done["cut"]["rows"]) == (3, {"contaminated": 1}, 2)
    documents, verdicts = outcome(tmp_path / "out")
    assert [row["text"] for row in documents[:2]] == [PAGE, f"{PAGE}\n\n{TEA[0]}"]
    assert [row["note"] for row in documents] == ROWS["note"][:3]
    assert RIVER.question[:8] not in documents[2]["text"] and documents[2]["text"].count(TEA[0]) == 4
    for document, verdict in zip(documents[1:], verdicts[1:3], strict=True):
        text, at, left = ROWS["text"][document["id"] - 1], 0, ""
        for span in json.loads(verdict["evidence"])["cut"]:
            left, at = left + text[at : span["start"]], span["end"]
        assert left + text[at:] == document["text"]
    lost = sum(len(text or "") for text in ROWS["text"][:3]) - sum(len(row["text"]) for row in documents)
    assert done["cut"]["characters"] == lost


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string()), pa.large_binary()],
    ids=str,
)
def test_a_text_that_was_cut_keeps_its_type(kind, benchmark, tmp_path):
    texts = [text for text in ROWS["text"] if text][:3]
    plain = pa.array(texts) if not pa.types.is_dictionary(kind) else pa.array(texts).dictionary_encode()
    pq.write_table(pa.table({"id": ["a", "b", "c"], "text": plain.cast(kind)}), tmp_path / "in.parquet")
    decontaminate(
        [str(tmp_path / "in.parquet")], str(tmp_path / "out"), Columns("id", "text"), [benchmark], action="cut"
    )
    table = pq.read_table(tmp_path / "out/documents")
    assert table.schema.field("text").type == pq.read_table(tmp_path / "in.parquet").schema.field("text").type
    values = [value.decode() if isinstance(value, bytes) else value for value in table["text"].to_pylist()]
    assert values[0] == PAGE and values[1] == f"{PAGE}\n\n{TEA[0]}" and len(values[2]) < len(texts[2])


def test_with_spark_and_in_other_pieces_the_outcome_is_the_same(given, benchmark, tmp_path, spark, monkeypatch):
    columns = Columns("id", "text", "url")
    without = decontaminate([given], str(tmp_path / "a"), columns, [benchmark], action="cut")
    monkeypatch.setattr(parquet_input, "PIECE_BYTES", 1)
    assert len(parquet_input.pieces(parquet_input.parquet_input([given], columns, files.READ))) == 5
    pieces = decontaminate([given], str(tmp_path / "b"), columns, [benchmark], action="cut")
    inside = decontaminate_in_spark([given], str(tmp_path / "c"), columns, [benchmark], action="cut", spark=spark)
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b") == outcome(tmp_path / "c")
    apart = ("seconds", "parts")
    first, *others = ({k: v for k, v in done.items() if k not in apart} for done in (without, pieces, inside))
    assert all(other == first for other in others)


def test_what_is_common_is_the_same_in_spark(benchmark, tmp_path, spark):
    """The n-grams of a passage on twelve hosts: neither way finds the pages then."""
    passage = MILL.question[:-70]
    rows = [(str(n), f"https://h{n}.example/", f"{HILLS[n % 3]}\n\n{passage}\n\n{TEA[n % 3]}") for n in range(12)]
    pq.write_table(
        pa.table(dict(zip(("id", "url", "text"), zip(*rows, strict=True), strict=True))), tmp_path / "in.parquet"
    )
    columns = Columns("id", "text", "url")
    ways = [
        decontaminate([str(tmp_path / "in.parquet")], str(tmp_path / "a"), columns, [benchmark]),
        decontaminate_in_spark([str(tmp_path / "in.parquet")], str(tmp_path / "b"), columns, [benchmark], spark=spark),
    ]
    assert ways[0]["common_ngrams"] == ways[1]["common_ngrams"] > 10
    assert ways[0]["kept"] == ways[1]["kept"] == 12


def test_the_command(given, benchmark, tmp_path):
    command = ["decontaminate", given, "--benchmarks", benchmark, "--output", str(tmp_path / "out"), "--action", "cut"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "read 5, kept 3, cut 2, dropped: contaminated 1, failed: no_text 1" in done.output
    assert "sums: 2 of 2 items found" in done.output
    again = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert again["read"] == 5 and again["config"]["action"] == "cut"
    with pytest.raises(ValueError, match="made from something else"):
        decontaminate([given], str(tmp_path / "out"), Columns("id", "text"), [benchmark], action="drop")


def test_the_job(given, benchmark, tmp_path, spark, monkeypatch, capsys):
    monkeypatch.setattr("skypile.runtime.session.start", lambda *_: spark)
    monkeypatch.setattr(type(spark), "stop", lambda _: None)
    arguments = ["--benchmarks", benchmark, "--id-column", "id", "--output", str(tmp_path / "out"), given]
    job.submit_decontamination("", arguments)
    assert json.loads(capsys.readouterr().out)["dropped"] == {"contaminated": 3}


def test_what_cannot_be_used_is_refused_in_a_sentence(given, benchmark, tmp_path):
    columns, out = Columns("id", "text"), str(tmp_path / "out")
    with pytest.raises(SkypileError, match="action = 'burn'"):
        decontaminate([given], out, columns, [benchmark], action="burn")
    with pytest.raises(ValueError, match=r"no column \['body'\]"):
        decontaminate([given], out, Columns("id", "body"), [benchmark])
    with pytest.raises(ValueError, match="lies in the input"):
        decontaminate([given], f"{given}/out", columns, [benchmark])
    with pytest.raises(ValueError, match="no benchmark"):
        decontaminate([given], out, columns, [])
    with pytest.raises(ValueError, match="say --benchmarks again"):
        decontaminate([given, benchmark], out, columns, [benchmark])
    pq.write_table(pa.table({"id": [1], "text": pa.array([None], pa.string())}), tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match="none of the 1 rows has a text"):
        decontaminate([str(tmp_path / "empty.parquet")], out, columns, [benchmark])


def test_a_frame_has_the_verdicts_of_the_files(given, benchmark, tmp_path, spark):
    decontaminate([given], str(tmp_path / "out"), Columns("id", "text", "url"), [benchmark], action="cut")
    documents, verdicts = outcome(tmp_path / "out")
    frame = (
        spark.read.parquet(given).withColumnRenamed("id", "number").selectExpr("cast(number as string) record_id", "*")
    )
    judged = skypile.stages.decontamination([benchmark], DecontaminationConfig(action="cut"))(frame.repartition(3))
    rows = sorted((row.asDict() for row in judged.collect()), key=lambda row: row["record_id"])
    assert [{name: row[name] for name in verdicts[0]} for row in rows] == verdicts
    assert [row["text"] for row in rows if row["verdict"] == "kept"] == [row["text"] for row in documents]
    assert [row["note"] for row in rows] == ROWS["note"]


def test_status_and_why_say_what_wrote_the_verdicts(given, benchmark, tmp_path):
    """Before, they called it deduplication, and `why` ended with a traceback where passages were cut."""
    output = str(tmp_path / "out")
    decontaminate([given], output, Columns("id", "text", "url"), [benchmark], action="cut")
    told = CliRunner().invoke(app, ["status", output, "--json"])
    assert [(stage["stage"], stage["read"]) for stage in json.loads(told.stdout)["stages"]] == [("decontaminate", 5)]
    told = CliRunner().invoke(app, ["why", "https://b.example/3", "--run", output])
    lines = [line.strip() for line in told.stdout.splitlines()]
    assert lines[1].startswith("decontaminate        kept")
    assert any(line.startswith("item ") and " of sums, " in line for line in lines)
    assert any(re.fullmatch(r"cut \d+-\d+", line) for line in lines)
    for command in (["report", output], ["takedown", "1", "--run", output]):
        with pytest.raises(SkypileError, match="no run but what `skypile decontaminate` wrote"):
            CliRunner().invoke(app, command, catch_exceptions=False)
