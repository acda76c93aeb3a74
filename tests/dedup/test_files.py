"""Deduplication of any Parquet files, by function, job arguments and command line."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from skypile import job, pipeline
from skypile.cli import app
from skypile.config import Config, DedupConfig
from skypile.dedup.columns import Columns
from skypile.dedup.files import dedup_files
from skypile.run_folder import ledger
from skypile.runtime import session
from tests import documents

BODY = " ".join(f"word{i}" for i in range(80))
ROWS = [
    (1, "http://a.cn/1", BODY + " first and longest", 0.5),
    (2, "http://b.cn/2", BODY + " second", 0.25),
    (3, "http://c.cn/3", "something else entirely, and longer than its other capture by one word", 1.0),
    (4, "http://c.cn/3#top", "something else entirely, and longer than its other capture by one", 2.0),
    (5, None, None, 3.0),
]


@pytest.fixture
def rows(spark: SparkSession, tmp_path: Path) -> str:
    folder = str(tmp_path / "in")
    spark.createDataFrame(ROWS, "id int, address string, body string, extra double").repartition(2).write.parquet(
        folder
    )
    return folder


def test_rows_that_stay_and_a_verdict_for_each(spark: SparkSession, rows: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    manifest = dedup_files(spark, [rows], out, Columns("id", "body", "address"), DedupConfig())
    assert (manifest["read"], manifest["kept"]) == (5, 2)
    assert manifest["dropped"] == {"duplicate_url": 1, "near_duplicate": 1} and manifest["failed"] == {"no_text": 1}
    kept = sorted(spark.read.parquet(f"{out}/documents").collect())
    assert [tuple(row) for row in kept] == [ROWS[0], ROWS[2]]
    verdicts = {row["record_id"]: row for row in spark.read.parquet(f"{out}/verdicts").collect()}
    assert {record: row["verdict"] for record, row in verdicts.items()} == {
        "1": "kept", "2": "dropped", "3": "kept", "4": "dropped", "5": "failed",
    }  # fmt: skip
    assert json.loads(verdicts["2"]["evidence"])["survivor"] == "1"
    assert verdicts["2"]["score"] >= verdicts["2"]["threshold"] == 0.8
    written = sorted(path.name for path in Path(out).iterdir() if not path.name.startswith("_"))
    assert written == ["documents", "manifest.json", "verdicts"]

    assert dedup_files(spark, [rows], out, Columns("id", "body", "address"), DedupConfig()) == manifest
    with pytest.raises(ValueError, match="made from something else"):
        dedup_files(spark, [rows], out, Columns("id", "body"), DedupConfig())


def test_numbers_called_record_id_stay_numbers(spark: SparkSession, tmp_path: Path) -> None:
    texts = ["one text of a few words", "another text of a few words", "one text of a few words"]
    pq.write_table(pa.table({"record_id": [30, 20, 10], "text": texts}), tmp_path / "in.parquet")
    out = str(tmp_path / "out")
    dedup_files(spark, [str(tmp_path / "in.parquet")], out, Columns("record_id", "text"), DedupConfig())
    assert sorted(spark.read.parquet(f"{out}/documents").select("record_id").collect()) == [(10,), (20,)]


def test_bad_columns_and_ids_are_named(spark: SparkSession, rows: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    with pytest.raises(ValueError, match=r"no column \['text'\]"):
        dedup_files(spark, [rows], out, Columns("id", "text"), DedupConfig())
    spark.read.parquet(rows).union(spark.read.parquet(rows)).write.parquet(str(tmp_path / "twice"))
    with pytest.raises(ValueError, match="2 rows have the id"):
        dedup_files(spark, [str(tmp_path / "twice")], out, Columns("id", "body"), DedupConfig())
    spark.createDataFrame([(1, "a"), (None, "b")], "id int, text string").write.parquet(str(tmp_path / "null"))
    with pytest.raises(ValueError, match="1 rows have the id None"):
        dedup_files(spark, [str(tmp_path / "null")], out, Columns("id", "text"), DedupConfig())
    assert not (Path(out) / "manifest.json").exists()


def test_the_job_takes_an_index(
    spark: SparkSession, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "start", lambda *_: spark)
    monkeypatch.setattr(type(spark), "stop", lambda self: None)
    index = str(tmp_path / "index")
    common = ["--id-column", "id", "--text-column", "body", "--against", index]
    job.submit_dedup_files(None, [*common, "--update-index", "--output", str(tmp_path / "one"), rows])
    renamed = spark.read.parquet(rows).selectExpr("id + 10 as id", "body")
    renamed.write.parquet(str(tmp_path / "more"))
    job.submit_dedup_files(None, [*common, "--output", str(tmp_path / "two"), str(tmp_path / "more")])
    manifest = json.loads((tmp_path / "two" / "manifest.json").read_text())
    assert manifest["dropped"] == {"in_corpus": 4} and manifest["failed"] == {"no_text": 1} and manifest["kept"] == 0


def test_the_curve_is_printed() -> None:
    result = CliRunner().invoke(app, ["dedup-curve"])
    assert result.exit_code == 0
    assert "0.80   0.9983" in result.output and "<- threshold" in result.output


def test_diff_prints_the_passages(spark: SparkSession, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    pages = [
        {"text": BODY + " one ending here"},
        {"text": BODY + " another [finish] here"},
        {"text": "quite another text"},
    ]
    documents.write(spark, run, pages, "distribution_filter")
    from rich.console import Console

    pipeline.dedup(spark, run, Config(), Console(quiet=True))
    (dropped,) = [v for v in ledger.verdicts(run, "dedup") if v.verdict == "dropped"]
    result = CliRunner().invoke(app, ["diff", dropped.url, "--run", run], terminal_width=300)
    assert result.exit_code == 0, result.output
    assert "[-one-]{+another+}" in result.output and "[-ending-]{+[finish]+}" in result.output
    assert CliRunner().invoke(app, ["diff", "http://example.org/2", "--run", run]).exit_code == 1
