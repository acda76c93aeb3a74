"""From a user's files to the shards: their own columns, the language in the files, folders of any name."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from skypile import pipeline
from skypile.classifiers.model import save
from skypile.classifiers.train import train
from skypile.config import Config, parse
from skypile.run_folder import storage
from skypile.run_folder.outcome import NothingKept
from tests.classifiers.test_training import SMALL, examples

QUIET = Console(quiet=True)
WORDS = (
    "the of and to in a is that for it was on are as with his they at be this from have or by one had not but what "
    "all were when we there can an your which their said if do will each about how up out them then she many some"
)


def prose(seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(" ".join(rng.choices(WORDS.split(), k=14)).capitalize() + "." for _ in range(12))


@pytest.fixture(scope="module")
def run(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over JSON lines and Parquet whose columns differ, in folders whose names Spark and globs would read."""
    place = tmp_path_factory.mktemp("own") / "crawl [1] {a,b} 中文 100%41"
    (place / "in").mkdir(parents=True)
    lines = [{"text": prose(i), "id": i, "meta": {"a": [i]}, "title": "T"} for i in range(6)]
    (place / "in" / "lines [2].jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    table = pa.table({"text": [prose(i) for i in range(6, 12)], "stars": pa.array(range(6), pa.int8())})
    pq.write_table(table, place / "in" / "rows*.parquet")
    config = parse({"spark": {"local_mb": 0}, "quality_filter": {"min_language_score": 0.0}})
    pipeline.run(spark, [str(place / "in")], str(place / "run?"), config, QUIET)
    return place / "run?"


def test_own_columns_reach_the_shards(run: Path) -> None:
    rows = [row for path in (run / "05_shards/documents/kept=true").rglob("*.parquet")
            for row in pq.read_table(path, partitioning=None).to_pylist()]  # fmt: skip
    lines = [json.dumps({"id": i, "meta": {"a": [i]}, "title": "T"}) for i in range(6)]
    found = {row["metadata"] for row in rows}
    assert found <= {*lines, *(json.dumps({"stars": i}) for i in range(6))}
    assert len(found) == len(rows) >= 10 and found & set(lines) and found - set(lines)


def test_language_is_a_column_of_each_shard_and_of_the_folder(run: Path) -> None:
    shards = run / "05_shards/documents/kept=true"
    (path,) = shards.rglob("*.parquet")
    assert path.parent.name == "lang=en"
    assert set(pq.ParquetFile(path).read(["language"])["language"].to_pylist()) == {"en"}
    assert set(ds.dataset(shards, partitioning="hive").to_table()["language"].to_pylist()) == {"en"}
    assert set(pq.read_table(shards)["language"].to_pylist()) == {"en"}  # refused where a folder is called so too


def test_a_column_of_the_users_own_changes_the_digest_and_no_decision(
    spark: SparkSession, run: Path, tmp_path: Path
) -> None:
    place = run.parent / "in"
    folder = tmp_path / "in"
    folder.mkdir()
    whole = (place / "lines [2].jsonl").read_text().splitlines()
    bare = [json.dumps({"text": json.loads(line)["text"]}).ljust(len(line)) for line in whole]  # offsets are ids
    (folder / "lines [2].jsonl").write_text("\n".join(bare) + "\n")
    pq.write_table(pq.read_table(place / "rows*.parquet").select(["text"]), folder / "rows*.parquet")

    def extracted(output: str, inputs: Path) -> tuple[str, list[dict]]:
        done = pipeline.extraction(spark, [str(inputs)], output, parse({"spark": {"local_mb": 0}}), QUIET)
        verdicts = storage.read_verdicts(spark, f"{output}/01_extraction").toArrow().sort_by("record_id").to_pylist()
        return done["digest"], verdicts

    bare_digest, bare_verdicts = extracted(str(tmp_path / "bare"), folder)
    digest, verdicts = extracted(str(run), place)
    assert bare_verdicts == verdicts
    assert bare_digest != digest, "what is passed on is not the same, so what follows is made again"


def test_a_run_of_the_wrong_column_ends_at_extraction(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"body": prose(i)}) + "\n" for i in range(5)))
    with pytest.raises(NothingKept, match=r"all 5 records.*columns of one are body.*extraction\.text_field"):
        pipeline.run(spark, [str(tmp_path / "a.jsonl")], str(tmp_path / "run"), Config(), QUIET)
    assert not (tmp_path / "run" / "02_distribution_filter").exists()


def test_a_classifier_trained_elsewhere_is_named_with_what_it_dropped(
    spark: SparkSession, run: Path, tmp_path: Path
) -> None:
    folder = str(tmp_path / "trained")
    save(folder, {"en": train(examples(), SMALL).model}, {"en": {"calibration": {"slope": 1.0, "offset": -30.0}}})
    config = parse({"spark": {"local_mb": 0}, "quality_filter": {"classifier": folder, "min_bin": 1}})
    pipeline.quality_filter(spark, str(run), config, QUIET)
    manifest = json.loads((run / "04_quality_filter" / "manifest.json").read_text())
    dropped = f"dropped {manifest['dropped']['low_citation_score']} of 12"
    assert any(folder in note and dropped in note and "for en" in note for note in manifest["notes"])
    assert any(note.startswith("nothing is kept: quality_filter dropped") for note in manifest["notes"])
