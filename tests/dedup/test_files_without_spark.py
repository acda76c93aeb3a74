"""The way without Spark: the same rows and verdicts as Spark's, to the byte of the evidence, and no Spark loaded."""

import datetime
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from skypile import config as settings
from skypile.config import Config, DedupConfig
from skypile.dedup import file_sketches, files_without_spark, parquet_input
from skypile.dedup.columns import Columns
from skypile.dedup.files import dedup_files, deduplicate
from skypile.run_folder import parquet_part
from skypile.runtime import files, session
from tests.conftest import REPOSITORY
from tests.dedup.test_stage import corpus

UTC = datetime.UTC
COLUMNS = Columns("id", "text", "url")


def planted(first: int, corpora: int = 4) -> pa.Table:
    """Documents with every kind of duplicate, and what else may stand in a row."""
    rng = random.Random(first)
    rows = []
    for record, url, text in (document for seed in range(first, first + corpora) for document in corpus(seed)):
        day = datetime.datetime(2020, 1, 1, tzinfo=UTC) + datetime.timedelta(seconds=rng.randrange(10**8))
        score = rng.choice([None, float("nan"), rng.random()])
        rows.append(
            (
                f'{record}"\\\x0b\x7f猫\u2028',
                url and url + "#\t\x1f新闻",
                text,
                score,
                rng.choice([None, day]),
                {"a": [1]},
            )
        )
    rows.append(("no text", None, None, 0.5, None, None))
    rows.append(("empty", "", "", None, None, None))
    rng.shuffle(rows)
    kinds = [
        ("id", pa.string()), ("url", pa.string()), ("text", pa.string()), ("citation_score", pa.float64()),
        ("date", pa.timestamp("us", "UTC")), ("more", pa.struct([("a", pa.list_(pa.int64()))])),
    ]  # fmt: skip
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(column, kind) for column, (_, kind) in zip(columns, kinds, strict=True)], pa.schema(kinds)
    )


def write(table: pa.Table, folder: Path, parts: int = 2) -> str:
    """The table cut into files."""
    step = -(-len(table) // parts)
    for number in range(parts):
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(number * step, step), folder / f"{number}.parquet", row_group_size=17)
    return str(folder)


def small(paths: list[str], output: Path | str, columns: Columns = COLUMNS, config: DedupConfig | None = None) -> dict:
    """`deduplicate` without a session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "start", lambda *_: pytest.fail("a session was started"))
        return deduplicate_with(paths, output, columns, config)


def deduplicate_with(paths: list[str], output: Path | str, columns: Columns, config: DedupConfig | None) -> dict:
    file = Path(os.environ["PYTEST_FOLDER"], "settings.toml")
    file.write_text(settings.dumps(Config(dedup=config or DedupConfig())))
    return deduplicate(paths, str(output), columns, file, None, False)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_FOLDER", str(tmp_path))


def written(spark: SparkSession, output: Path) -> dict[str, tuple]:
    """Schema and rows of documents and verdicts."""
    frames = {name: spark.read.parquet(str(output / name)) for name in ("documents", "verdicts")}
    return {name: (frame.schema, sorted(map(repr, frame.collect()))) for name, frame in frames.items()}


def rows(folder: Path) -> list[dict]:
    return pq.read_table(folder).to_pylist()


def compare(
    spark: SparkSession, paths: list[str], folder: Path, columns: Columns = COLUMNS, config: DedupConfig | None = None
) -> dict:
    """Both ways give the same; returns the counts."""
    here = small(paths, folder / "here", columns, config)
    there = dedup_files(spark, paths, str(folder / "spark"), columns, config or DedupConfig())
    assert here | {"seconds": 0, "parts": {}} == there | {"seconds": 0, "parts": {}}
    assert written(spark, folder / "here") == written(spark, folder / "spark")
    names = sorted(path.name for path in (folder / "here").iterdir())
    assert names == ["_skypile.json", "documents", "manifest.json", "verdicts"]
    return here


@pytest.mark.slow
@pytest.mark.parametrize("name, dropped", [("bbc", 150), ("zh_reviews", 7000)])
def test_real_texts(spark: SparkSession, shared_data: Path, tmp_path: Path, name: str, dropped: int) -> None:
    done = compare(spark, [str(shared_data / "dedup" / f"{name}.parquet")], tmp_path, Columns("id", "text"))
    assert sum(done["dropped"].values()) > dropped


@pytest.mark.parametrize("rule", ["longest", "best_quality", "earliest", "smallest_id"])
def test_planted_duplicates_by_every_survivor_rule(spark: SparkSession, tmp_path: Path, rule: str) -> None:
    table = planted(400)
    config = DedupConfig(bands=64, rows=2, survivor=rule)
    done = compare(spark, [write(table, tmp_path / "in")], tmp_path, config=config)
    assert set(done["dropped"]) == {"duplicate_url", "duplicate_text", "near_duplicate", "contained"}
    assert done["read"] == len(table)


def test_the_order_of_survivors_is_the_rules(spark: SparkSession, tmp_path: Path) -> None:
    """So that the test above cannot pass because both ways rank nothing."""
    text = " ".join(f"w{i}" for i in range(40))
    days = [datetime.datetime(2020, 1, day, tzinfo=UTC) for day in (3, 2, 1, 4)]
    table = pa.table({"id": [4, 3, 2, 1], "text": [text + " 猫", text + " xy", text, text], "date": days,
                      "citation_score": [3, 1, 2, 1]})  # fmt: skip
    path = write(table, tmp_path / "in")
    stays = {}
    for rule in ("longest", "best_quality", "earliest", "smallest_id"):
        config = DedupConfig(survivor=rule)
        assert compare(spark, [path], tmp_path / rule, Columns("id", "text"), config)["kept"] == 1
        stays[rule] = pq.read_table(tmp_path / rule / "here" / "documents")["id"].to_pylist()
    assert stays == {"longest": [3], "best_quality": [4], "earliest": [2], "smallest_id": [1]}


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.large_string()])
def test_other_types_of_columns(spark: SparkSession, tmp_path: Path, kind: pa.DataType) -> None:
    table = planted(410, 2).slice(0, 90)
    table = table.set_column(0, "id", pa.array(range(len(table))).cast(kind))
    for name in ("text", "url"):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.large_string()))
    compare(spark, [write(table, tmp_path / "in")], tmp_path)


def test_folders_globs_files_and_hidden_ones(spark: SparkSession, tmp_path: Path) -> None:
    table = planted(420)
    folder = Path(write(table, tmp_path / "in", 3))
    for hidden in ("_SUCCESS", ".hidden", "_delta/x.parquet"):
        (folder / hidden).parent.mkdir(exist_ok=True)
        (folder / hidden).write_text("no Parquet")
    assert compare(spark, [str(folder)], tmp_path / "a")["read"] == len(table)
    paths = [str(folder / "0.par*"), str(folder / "1.parquet"), str(tmp_path / "i?" / "2*")]
    assert compare(spark, paths, tmp_path / "b")["read"] == len(table)


def test_an_id_column_named_as_ours(spark: SparkSession, tmp_path: Path) -> None:
    table = planted(415, 2)
    named = table.rename_columns(["record_id", *table.column_names[1:]])
    compare(spark, [write(named, tmp_path / "in")], tmp_path, Columns("record_id", "text", "url"))


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing(spark: SparkSession, tmp_path: Path, count: int) -> None:
    done = compare(spark, [write(planted(430).slice(0, count), tmp_path / "in")], tmp_path)
    assert (done["read"], done["kept"], done["dropped"], done["failed"]) == (count, count, {}, {})


def test_small_batches_row_groups_and_files(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(planted(440), tmp_path / "in", 5)
    small([path], tmp_path / "whole")
    monkeypatch.setattr(parquet_input, "BATCH_ROWS", 3)
    monkeypatch.setattr(parquet_input, "BATCH_BYTES", 500)
    monkeypatch.setattr(parquet_part, "ROW_GROUP_BYTES", 500)
    monkeypatch.setattr(parquet_input, "PIECE_BYTES", 1)
    small([path], tmp_path / "cut")
    assert written(spark, tmp_path / "cut") == written(spark, tmp_path / "whole")
    parts = sorted((tmp_path / "cut" / "documents").iterdir())
    groups = sum(pq.read_metadata(path).num_row_groups for path in (tmp_path / "in").iterdir())
    assert len(parts) == groups > 5 and pq.read_metadata(parts[0]).num_row_groups > 3
    assert pq.read_metadata(parts[0]).row_group(0).column(0).compression == "ZSTD"


def test_errors_are_the_same(spark: SparkSession, tmp_path: Path) -> None:
    table = planted(450)
    nothing = table.set_column(0, "id", pa.nulls(len(table), pa.string()))
    one = table.set_column(0, "id", pa.array([*table["id"].to_pylist()[1:], None]))
    cases = [
        (table, Columns("id", "body"), DedupConfig(), r"no column \['body'\]"),
        (table.drop_columns(["date"]), COLUMNS, DedupConfig(survivor="earliest"), r"no column \['date'\]"),
        (table.append_column("record_id", table["id"]), COLUMNS, DedupConfig(), "record_id beside"),
        (pa.concat_tables([table, table.slice(5, 1)]), COLUMNS, DedupConfig(), "2 rows have the id"),
        (nothing, COLUMNS, DedupConfig(), f"{len(table)} rows have the id None"),
        (one, COLUMNS, DedupConfig(), "1 rows have the id None"),
    ]
    for number, (faulty, columns, config, message) in enumerate(cases):
        path = write(faulty, tmp_path / f"in{number}")
        for run in (small, lambda *given: dedup_files(spark, *given)):
            with pytest.raises(ValueError, match=message):
                run([path], str(tmp_path / "out"), columns, config)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_run_that_died_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(planted(460), tmp_path / "in", 4)
    monkeypatch.setattr(parquet_input, "PIECE_BYTES", 1)
    expected = small([path], tmp_path / "undisturbed")
    read, out = parquet_input.batches, tmp_path / "out"

    def dies(given: parquet_input.Input, piece: parquet_input.Piece):
        if given.files[piece[0][0]].uri.endswith("3.parquet"):
            raise OSError("disk full")
        return read(given, piece)

    with monkeypatch.context() as broken:
        broken.setattr(file_sketches, "batches", dies)
        with pytest.raises(OSError, match="disk full"):
            small([path], out)
    assert (out / "documents").exists() and not (out / "manifest.json").exists()
    (out / "documents" / "part-99999.parquet").write_text("left over")
    assert small([path], out) | {"seconds": 0, "parts": {}} == expected | {"seconds": 0, "parts": {}}
    for name in ("documents", "verdicts"):
        assert repr(rows(out / name)) == repr(rows(tmp_path / "undisturbed" / name))
    before = (out / "manifest.json").read_text()
    assert small([path], out) == json.loads(before)
    with pytest.raises(ValueError, match="made from something else"):
        small([path], out, Columns("id", "text"))


def test_other_file_systems(tmp_path: Path) -> None:
    path = write(planted(470), tmp_path / "in", 1)
    fs, _ = files.filesystem("memory://")
    fs.put(path, "/in", recursive=True)
    expected = small([path], tmp_path / "out")
    done = small(["memory://in"], "memory://out")
    fs.get("/out", str(tmp_path / "got"), recursive=True)
    assert {key: done[key] for key in ("read", "kept", "dropped")} == {
        key: expected[key] for key in ("read", "kept", "dropped")
    }
    for name in ("documents", "verdicts"):
        assert repr(rows(tmp_path / "got" / name)) == repr(rows(tmp_path / "out" / name))


def test_the_output_is_no_input(tmp_path: Path) -> None:
    path = write(planted(480, 1), tmp_path / "out" / "documents")
    with pytest.raises(ValueError, match="in the output folder"):
        small([path], tmp_path / "out")
    assert len(pq.read_table(path)) > 20


def test_sketches_that_take_too_much_memory_are_left_to_spark(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, started = write(planted(500, 1), tmp_path / "in"), []
    monkeypatch.setattr(files_without_spark, "MOST_SKETCHES", 1000)
    monkeypatch.setattr(session, "start", lambda *_: started.append(1) or spark)
    monkeypatch.setattr(type(spark), "stop", lambda self: None)
    deduplicate_with([path], tmp_path / "out", COLUMNS, None)
    assert started == [1]


def test_the_command_loads_no_spark(tmp_path: Path) -> None:
    """In processes of their own; the job's would find no Java."""
    path = write(planted(510, 1), tmp_path / "in")
    code = """
import sys
from skypile.cli import app
app(sys.argv[1:], standalone_mode=False)
print([name for name in sys.modules if name.startswith(("pyspark", "py4j"))])
"""
    command = [sys.executable, "-c", code, "dedup", "--url-column", "url", "--output", str(tmp_path / "out"), path]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("read ") and done.stdout.splitlines()[-1] == "[]"
    job = [sys.executable, "jobs/dedup.py", "--id-column", "id", "--text-column", "text"]
    job = [*job, "--output", str(tmp_path / "job"), path]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "JAVA_HOME": str(tmp_path / "no java")}
    done = subprocess.run(job, cwd=REPOSITORY, capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout)["read"] > 20
