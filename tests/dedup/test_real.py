"""Real texts against brute force, and the same decisions however the work is cut."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.stage import dedup_decisions
from tests.conftest import REPOSITORY
from tests.dedup import oracle
from tests.dedup.test_stage import outcome

NAMES = {"bbc": 150, "zh_reviews": 8000}  # and least number of close pairs


def texts(spark: SparkSession, folder: Path, *names: str) -> DataFrame:
    table = spark.read.parquet(*(str(folder / "dedup" / f"{name}.parquet") for name in names))
    return table.select(F.col("id").alias("record_id"), F.lit(None).cast("string").alias("url"), "text")


@pytest.fixture(scope="module", params=NAMES)
def measured(request: pytest.FixtureRequest, spark: SparkSession, shared_data: Path) -> Iterator[tuple]:
    """Documents, their shingle sets, and all pairs with Jaccard similarity 0.8 and more."""
    documents = texts(spark, shared_data, request.param)
    sets = {row["record_id"]: oracle.shingles(row["text"]) for row in documents.collect()}
    pairs = oracle.close_pairs(sets, 0.8)
    assert len(pairs) > NAMES[request.param]
    yield documents, sets, pairs


@pytest.mark.parametrize(
    "local", [pytest.param(0, id="distributed", marks=pytest.mark.slow), pytest.param(10**6, id="one task")]
)
def test_against_brute_force(measured: tuple, local: int) -> None:
    documents, sets, pairs = measured
    found = outcome(dedup_decisions(documents, DedupConfig(containment_threshold=None, local_documents=local)))
    both_kept = [pair for pair in pairs if pair[0] not in found and pair[1] not in found]
    assert len(both_kept) <= 0.01 * len(pairs)
    assert [(a, b) for a, (_, b) in found.items() if oracle.jaccard(sets[a], sets[b]) < 0.8] == []
    assert not {survivor for _, survivor in found.values()} & set(found)


@pytest.mark.slow
def test_partitions_order_and_workers_change_nothing(spark: SparkSession, shared_data: Path, tmp_path: Path) -> None:
    documents = texts(spark, shared_data, *NAMES)
    config = DedupConfig(local_documents=0)
    reference = sorted(dedup_decisions(documents.repartition(1), config).collect())
    assert len(reference) > 7000
    for partitions in (7, 64):
        shuffled = documents.orderBy(F.xxhash64("record_id", F.lit(partitions))).coalesce(1).repartition(partitions)
        assert sorted(dedup_decisions(shuffled, config).collect()) == reference
    dropped = {row["record_id"]: row["evidence"] for row in reference if row["verdict"] == "dropped"}
    for workers in (1, 2):
        settings = tmp_path / f"{workers}.toml"
        settings.write_text(f'[spark]\nmaster = "local[{workers}]"\n[dedup]\nlocal_documents = 0\n')
        command = [sys.executable, "-m", "skypile.cli", "dedup", "--config", str(settings), "--output"]
        paths = [str(shared_data / "dedup" / f"{name}.parquet") for name in NAMES]
        subprocess.run([*command, str(tmp_path / f"out{workers}"), *paths], cwd=REPOSITORY, check=True)
        verdicts = spark.read.parquet(str(tmp_path / f"out{workers}" / "verdicts")).where("verdict = 'dropped'")
        assert {row["record_id"]: row["evidence"] for row in verdicts.collect()} == dropped
