"""The distribution filter: what is thinned, what never is, and that partitions do not show."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from skypile.config import DistributionFilterConfig
from skypile.distribution import embedding
from skypile.distribution.stage import distribution_filter
from skypile.run_folder.storage import spark_schema
from skypile.schema import STAGE_COLUMNS, VERDICT_COLUMNS, arrow_schema, record_id

INPUT = tuple(c for c in STAGE_COLUMNS["extraction"] if c not in VERDICT_COLUMNS)
CONFIG = DistributionFilterConfig(core_similarity=0.85, budget_min=20, budget_share=0.01)


def template_page(rng: random.Random, words: list[str]) -> str:
    """A page of the planted family: one template, four slots."""
    a, b, c, d = rng.sample(words, 4)
    return (
        f"Weather forecast for {a}, {b}. Today: sunny with a high of {rng.randint(10, 30)} degrees, chance of "
        f"rain {rng.randint(1, 99)} percent, wind from the {c} at {rng.randint(3, 40)} km per hour. See the ten "
        f"day forecast, radar maps and hourly weather for {a}. Tonight: cloudy, {d}."
    )


def ordinary_page(rng: random.Random, words: list[str]) -> str:
    """A page of its own: rare words drawn at random."""
    return " ".join(rng.sample(words, 60))


@pytest.fixture(scope="module")
def crawl() -> list[dict[str, Any]]:
    """200 pages of one template among 400 of their own, two without any known word."""
    words = [w for w in embedding.load().words[2_000:20_000] if len(w) > 4]  # type: ignore[attr-defined]
    rng = random.Random(0)
    texts = [("template", template_page(rng, words)) for _ in range(200)]
    texts += [("own", ordinary_page(rng, words)) for _ in range(400)]
    texts += [("mute", "1234 -- 5678"), ("mute", "")]
    return [
        {"record_id": record_id("made.jsonl", i), "url": f"http://{kind}.example/{i}", "text": text}
        for i, (kind, text) in enumerate(texts)
    ]


def stored(spark: SparkSession, folder: Path, rows: list[dict[str, Any]], files: int) -> DataFrame:
    """`rows` as a Parquet folder of so many files."""
    folder.mkdir(parents=True)
    for number in range(files):
        table = pa.Table.from_pylist(rows[number::files], schema=arrow_schema(INPUT))
        pq.write_table(table, folder / f"{number:03d}.parquet")
    return spark.read.schema(spark_schema(INPUT)).parquet(str(folder))


def run(
    spark: SparkSession, folder: Path, rows: list[dict[str, Any]], config: DistributionFilterConfig, files: int = 2
) -> list[dict[str, Any]]:
    """The stage's rows, by record_id."""
    documents = stored(spark, folder / "documents", rows, files)
    stage = distribution_filter(config, len(rows), str(folder / "scratch"), str(folder / "clusters"))
    result = stage(documents)
    assert [(f.name, f.dataType) for f in result.schema] == [
        (f.name, f.dataType) for f in spark_schema(STAGE_COLUMNS["distribution_filter"])
    ]
    return sorted(result.toArrow().to_pylist(), key=lambda row: row["record_id"])


@pytest.fixture(scope="module")
def filtered(
    spark: SparkSession, crawl: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[dict[str, Any]], Path]:
    folder = tmp_path_factory.mktemp("filtered")
    return run(spark, folder, crawl, CONFIG), folder / "clusters"


def kind(row: dict[str, Any]) -> str:
    return row["url"].split("/")[2].split(".")[0]


def test_the_template_is_thinned_to_its_budget_and_nothing_else_is(filtered: Any) -> None:
    rows, _ = filtered
    assert len(rows) == 602
    dropped = [row for row in rows if row["verdict"] == "dropped"]
    assert {kind(row) for row in dropped} == {"template"}
    assert {row["reason"] for row in dropped} == {"dense_cluster"}
    kept = sum(kind(row) == "template" and row["verdict"] == "kept" for row in rows)
    assert kept == CONFIG.budget_min


def test_evidence_lets_a_person_check(filtered: Any) -> None:
    rows, clusters = filtered
    by_id = {row["record_id"]: row for row in rows}
    table = {row["cluster"]: row for row in pq.read_table(clusters / "clusters.parquet").to_pylist()}
    dropped = [row for row in rows if row["verdict"] == "dropped"]
    assert dropped
    for row in dropped:
        evidence = json.loads(row["evidence"])
        near = pytest.approx(
            evidence["budget"] / evidence["core"], abs=6 * evidence["budget"] ** 0.5 / evidence["core"]
        )
        assert row["score"] >= row["threshold"] == near
        assert evidence["similarity"] == pytest.approx(row["centroid_similarity"], abs=1e-4)
        example = by_id[evidence["example"]]
        assert (example["verdict"], example["url"]) == ("kept", evidence["example_url"])
        assert example["cluster"] == row["cluster"] == evidence["cluster"]
        counted = table[row["cluster"]]
        assert {k: counted[k] for k in ("size", "core", "budget")} == {
            k: evidence[k] for k in ("size", "core", "budget")
        }
    evidence = json.loads(dropped[0]["evidence"])
    members = [row for row in rows if row["cluster"] == evidence["cluster"]]
    assert len(members) == evidence["size"]
    nearest = min(members, key=lambda row: (-row["centroid_similarity"], row["record_id"]))
    assert nearest["record_id"] == evidence["example"]
    assert sum(row["centroid_similarity"] >= CONFIG.core_similarity for row in members) == evidence["core"]


def test_clusters_are_the_nearest_saved_centroids(filtered: Any) -> None:
    rows, clusters = filtered
    centres = np.load(clusters / "centroids.npy", allow_pickle=False).astype(float)
    clustered = [row for row in rows if row["cluster"] is not None]
    vectors = embedding.load().encode([row["text"] for row in clustered]).astype(float)
    cosine = vectors @ centres.T / np.linalg.norm(centres, axis=1) / np.linalg.norm(vectors, axis=1)[:, None]
    cluster = np.array([row["cluster"] for row in clustered])
    similarity = np.array([row["centroid_similarity"] for row in clustered])
    np.testing.assert_allclose(cosine[np.arange(len(cluster)), cluster], similarity, rtol=1e-6)
    assert (cosine.argmax(axis=1) == cluster).mean() > 0.98  # the nearest topics are searched


def test_topics_hold_whole_clusters(filtered: Any) -> None:
    rows, clusters = filtered
    table = pq.read_table(clusters / "clusters.parquet")
    parents = dict(zip(table["cluster"].to_pylist(), table["topic"].to_pylist(), strict=True))
    assert {row["topic"] for row in rows if row["cluster"] is None} == {None}
    assert all(row["topic"] == parents[row["cluster"]] for row in rows if row["cluster"] is not None)
    made = json.loads((clusters / "centroids.json").read_text())
    assert made["topics"] == len(made["clusters_of_topics"]) == len(np.load(clusters / "topics.npy"))
    assert made["clusters"] == sum(made["clusters_of_topics"]) == len(np.load(clusters / "centroids.npy"))
    assert made["documents"] == 602 and made["clustered"] == sum(table["size"].to_pylist()) == 600


def test_text_without_a_known_word_has_no_cluster_and_is_kept(filtered: Any) -> None:
    rows, _ = filtered
    mute = [row for row in rows if kind(row) == "mute"]
    assert [(row["cluster"], row["centroid_similarity"], row["verdict"]) for row in mute] == [(None, None, "kept")] * 2
    assert {row["embedding_coverage"] for row in mute} == {0.0}


@pytest.mark.parametrize("files", [1, 8, 64])
def test_partitions_and_row_order_do_not_show(
    spark: SparkSession, crawl: list[dict[str, Any]], filtered: Any, tmp_path: Path, files: int
) -> None:
    shuffled = random.Random(files).sample(crawl, len(crawl))
    assert run(spark, tmp_path, shuffled, CONFIG, files) == filtered[0]


def test_another_seed_draws_another_sample_of_the_template(
    spark: SparkSession, crawl: list[dict[str, Any]], filtered: Any, tmp_path: Path
) -> None:
    other = run(spark, tmp_path, crawl, CONFIG.model_copy(update={"seed": 1}))
    gone = {row["record_id"] for row in filtered[0] if row["verdict"] == "dropped"}
    gone_too = {row["record_id"] for row in other if row["verdict"] == "dropped"}
    assert gone_too and gone_too != gone


def test_a_sample_smaller_than_the_crawl_finds_the_template_too(
    spark: SparkSession, crawl: list[dict[str, Any]], tmp_path: Path
) -> None:
    rows = run(spark, tmp_path, crawl, CONFIG.model_copy(update={"sample": 150}))
    dropped = [row for row in rows if row["verdict"] == "dropped"]
    assert len(dropped) > 130 and {kind(row) for row in dropped} == {"template"}


@pytest.mark.parametrize("documents", [0, 1, 5])
def test_few_documents_are_all_kept(
    spark: SparkSession, crawl: list[dict[str, Any]], tmp_path: Path, documents: int
) -> None:
    rows = run(spark, tmp_path, crawl[:documents], CONFIG)
    assert [row["verdict"] for row in rows] == ["kept"] * documents
    assert all(row["score"] is row["threshold"] is row["evidence"] is None for row in rows)


def test_identical_documents_are_one_cluster_thinned_to_its_budget(spark: SparkSession, tmp_path: Path) -> None:
    rows = [
        {"record_id": record_id("same", i), "url": f"http://same.example/{i}", "text": "The same page. 同一页。"}
        for i in range(300)
    ]
    result = run(spark, tmp_path, rows, CONFIG)
    assert {row["cluster"] for row in result} == {result[0]["cluster"]}
    kept = sum(row["verdict"] == "kept" for row in result)
    assert abs(kept - CONFIG.budget_min) <= 2 * CONFIG.budget_min**0.5


def test_a_model_embeds_each_distinct_text_once_and_never_again(
    spark: SparkSession, crawl: list[dict[str, Any]], tmp_path: Path
) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra [models]")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = sorted({word for row in crawl for word in row["text"].split()})
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0} | {w: i + 1 for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    weights = np.random.default_rng(0).normal(size=(len(words) + 1, 16)).astype(np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)]).save(str(tmp_path / "model"))
    config = CONFIG.model_copy(update={"model": str(tmp_path / "model")})
    kept = tmp_path / "embeddings"

    def rows(name: str, given: list[dict[str, Any]], embeddings: str | None) -> list[dict[str, Any]]:
        folder = tmp_path / name
        made = distribution_filter(config, len(given), str(folder / "s"), str(folder / "clusters"), embeddings)
        found = made(stored(spark, folder / "documents", given, 3)).toArrow().to_pylist()
        return sorted(found, key=lambda row: row["record_id"])

    copies = [row | {"record_id": record_id("copy", i)} for i, row in enumerate(crawl[:50])]
    first = rows("first", crawl[:300] + copies, str(kept))
    assert pq.read_table(kept).num_rows == 300
    assert first == rows("plain", crawl[:300] + copies, None)
    again = rows("again", crawl[:310] + copies, str(kept))
    assert pq.read_table(kept).num_rows == 310
    assert again == rows("more", crawl[:310] + copies, None)


def test_switched_off_it_keeps_all_unscored(spark: SparkSession, crawl: list[dict[str, Any]], tmp_path: Path) -> None:
    rows = run(spark, tmp_path, crawl, CONFIG.model_copy(update={"enabled": False}))
    assert {row["verdict"] for row in rows} == {"kept"}
    assert {row["cluster"] for row in rows} == {None}
