"""A small crawl, filtered in this process: what Spark makes of it, to the digest."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from skypile import config, pipeline
from skypile.distribution import embedding, without_spark
from skypile.distribution.thinning import draw
from skypile.run_folder import stage_folder
from skypile.schema import DISTRIBUTION_COLUMNS, LEDGER_COLUMNS, VERDICT_COLUMNS, names
from tests.distribution.test_stage import ordinary_page, template_page

QUIET = Console(quiet=True)
SETTINGS: dict[str, Any] = {
    "extraction": {"languages": []},
    "distribution_filter": {"budget_min": 20, "sample": 250},
    "quality_filter": {},
}


@pytest.fixture(scope="module")
def run(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Stage 1 of 160 pages of a template, 160 of their own, and what has no cluster."""
    words = [w for w in embedding.load().words[2_000:20_000] if len(w) > 4]  # type: ignore[attr-defined]
    rng = random.Random(1)
    texts = [template_page(rng, words) for _ in range(160)] + [ordinary_page(rng, words) for _ in range(160)]
    texts += ["Η Αθήνα είναι η πρωτεύουσα της Ελλάδας και η μεγαλύτερη πόλη της χώρας, με πολλά αξιοθέατα. " * 3]
    folder = tmp_path_factory.mktemp("small")
    rows = [{"text": text, "url": f"http://site.example/页{i}"} for i, text in enumerate(texts)]
    (folder / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    pipeline.extraction(spark, [str(folder / "a.jsonl")], str(folder / "run"), config.parse(SETTINGS), QUIET)
    return str(folder / "run")


def filtered(spark: SparkSession, run: str, local_mb: int, **own: Any) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """The stage's manifest, rows and clusters; it is made anew."""
    section = SETTINGS["distribution_filter"] | own
    chosen = config.parse(SETTINGS | {"spark": {"local_mb": local_mb}, "distribution_filter": section})
    folder = Path(stage_folder.stage_dir(run, "distribution_filter"))
    (folder / "manifest.json").unlink(missing_ok=True)
    for stamp in folder.glob("waves/*"):
        stamp.unlink()
    made = pipeline.distribution_filter(spark, run, chosen, QUIET)
    columns = names((*LEDGER_COLUMNS[:2], *DISTRIBUTION_COLUMNS, *VERDICT_COLUMNS))
    rows = pq.read_table(folder / "documents", columns=columns, partitioning=None).to_pylist()
    clusters = folder / "clusters" / "clusters.parquet"
    table = pq.read_table(clusters).to_pylist() if own.get("enabled", True) else []
    return made, sorted(rows, key=lambda row: row["record_id"]), table


def test_spark_makes_the_same_rows_clusters_and_digest(spark: SparkSession, run: str) -> None:
    here, in_spark = filtered(spark, run, 1024), filtered(spark, run, 0)
    assert here[0]["digest"] == in_spark[0]["digest"]
    assert here[0]["dropped"] == in_spark[0]["dropped"] and here[0]["dropped"]["dense_cluster"] > 100
    assert here[1] == in_spark[1] and here[2] == in_spark[2]
    assert len({row["topic"] for row in here[1]}) > 3
    assert {row["verdict"] for row in here[1] if row["cluster"] is None} == {"kept"}
    clusters = [name for name in here[0]["parts"] if name.startswith("clusters/")]
    assert sorted(clusters) == sorted(name for name in in_spark[0]["parts"] if name.startswith("clusters/"))


def test_centroids_of_another_run_are_reused(spark: SparkSession, run: str, tmp_path: Path) -> None:
    trained = filtered(spark, run, 1024, seed=7)
    clusters = Path(stage_folder.stage_dir(run, "distribution_filter")) / "clusters"
    kept = tmp_path / "kept"
    clusters.rename(kept)
    reused = filtered(spark, run, 1024, seed=7, centroids=str(kept), clusters=3)  # clusters says nothing here
    assert reused[1] == trained[1]
    assert (clusters / "centroids.json").read_bytes() == (kept / "centroids.json").read_bytes()


def test_switched_off_it_keeps_all(spark: SparkSession, run: str) -> None:
    manifest, rows, _ = filtered(spark, run, 1024, enabled=False)
    assert manifest["kept"] == len(rows) == 321
    assert {row["cluster"] for row in rows} == {row["embedding_coverage"] for row in rows} == {None}


def test_a_large_crawl_and_a_model_of_the_user_are_left_to_spark() -> None:
    usual = config.DistributionFilterConfig()
    assert without_spark.is_small(usual, without_spark.MOST_DOCUMENTS)
    assert not without_spark.is_small(usual, without_spark.MOST_DOCUMENTS + 1)
    assert not without_spark.is_small(usual.model_copy(update={"model": "folder"}), 1)


def test_draws_are_those_of_spark(spark: SparkSession) -> None:
    ids = ["", "a", "页", "00f0708a334c81b7aa165fcd8a17c6c9"]
    frame = spark.createDataFrame([(one,) for one in ids], "record_id string")
    for seed in (0, 7, -3):
        bits = F.shiftrightunsigned(F.xxhash64("record_id", F.lit("thin"), F.lit(seed)), 11)
        wanted = [row[0] for row in frame.select(bits / F.lit(float(1 << 53))).collect()]
        assert [draw(one, "thin", seed) for one in ids] == wanted
