"""Near-duplicates by meaning: every dropped document has a kept one within the threshold, by brute force."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from skypile.config import DistributionFilterConfig
from skypile.distribution import embedding, semantic
from skypile.distribution.quantized import quantize
from skypile.distribution.semantic_in_spark import Found, exemplars
from skypile.schema import record_id
from tests.distribution.test_stage import run

CONFIG = DistributionFilterConfig(iterations=5)
QUANTILE = 0.999


def families(count: int, members: int, noise: float, dim: int = 48) -> NDArray[np.int8]:
    """Vectors in `count` families, loose ones and tight ones, in an order drawn at random."""
    random = np.random.default_rng(count + members)
    centres = random.normal(size=(count, dim))
    spread = noise * random.uniform(0.2, 1.6, size=(count, 1, 1))
    found = (centres[:, None, :] + spread * random.normal(size=(count, members, dim))).reshape(-1, dim)
    return quantize(random.permutation(found))


def cosines(vectors: NDArray[np.int8]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    return wide @ wide.T


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.int8]:
    return families(60, 20, 0.45)


def test_the_cells_visited_are_the_nearest_ones(vectors: NDArray[np.int8]) -> None:
    cells = semantic.cells(vectors, 40 * semantic.CELL, 5, 0)
    assert len(cells.clusters) > 30 and len(cells.topics) > semantic.VISITED
    wide, centres = vectors.astype(float), cells.clusters.astype(float)
    similarity = wide @ centres.T / np.linalg.norm(centres, axis=1)
    near = np.argsort(-similarity, axis=1, kind="stable")[:, : semantic.VISITED]
    found = semantic.visits(vectors, cells)
    assert (found[:, 0] == near[:, 0]).mean() > 0.97 and (
        found == near
    ).mean() > 0.9  # a cell of a top-level cluster that is not searched may be missed
    few = semantic.visits(vectors, semantic.Centroids(cells.topics[:1], cells.clusters[:2], cells.parents[:2] * 0))
    assert set(few[:, 0].tolist()) == {0, 1} and (few[:, 2:] == -1).all()


def test_who_goes_is_close_to_one_that_stays_and_who_stays_is_not(vectors: NDArray[np.int8]) -> None:
    everywhere = np.zeros((len(vectors), 1), np.int32)
    similarity = cosines(vectors)
    for threshold in (0.8, 0.9, 0.95):
        exemplar, cosine = semantic.greedy(vectors, everywhere, threshold)
        stays = exemplar == np.arange(len(vectors))
        assert 100 < (~stays).sum() < len(vectors)
        assert stays[exemplar].all() and (exemplar <= np.arange(len(vectors))).all()
        np.testing.assert_allclose(cosine[~stays], similarity[np.arange(len(vectors)), exemplar][~stays], rtol=1e-9)
        assert (cosine[~stays] >= threshold).all()
        among = similarity[np.ix_(stays, stays)]
        assert among[np.triu_indices(len(among), 1)].max() < threshold
        # All but nothing of that is lost when only near cells are searched.
        visited = semantic.visits(vectors, semantic.cells(vectors, 20 * semantic.CELL, 5, 0))
        found, _ = semantic.greedy(vectors, visited, threshold)
        kept = found == np.arange(len(vectors))
        assert kept[found].all() and 0 <= kept.sum() - stays.sum() <= 0.02 * (~stays).sum()


def test_those_that_stay_in_any_case_stay(vectors: NDArray[np.int8]) -> None:
    same = np.repeat(vectors[:1], 5, axis=0)
    assert semantic.greedy(same, np.zeros((5, 1), np.int32), 0.9, staying=3)[0].tolist() == [0, 1, 2, 0, 0]


def test_the_threshold_is_a_quantile_of_pairs_from_different_clusters(vectors: NDArray[np.int8]) -> None:
    clusters = np.argmax(vectors[:, :8], axis=1)
    similarity = cosines(vectors)
    apart = similarity[np.triu(clusters[:, None] != clusters[None, :], 1)]
    for quantile in (0.9, 0.999):
        found = semantic.similarity_at(vectors, clusters, quantile)
        assert found is not None and 0 <= found - np.quantile(apart, quantile) < 2e-3
    # A template that holds a third of all does not move it; among all pairs it would.
    copies = np.concatenate([vectors, np.repeat(vectors[:1], 600, axis=0)])
    labels = np.concatenate([clusters, np.full(600, clusters[0])])
    moved = semantic.similarity_at(copies, labels, 0.999)
    assert moved == pytest.approx(found, abs=0.05)
    assert np.quantile(cosines(copies)[np.triu_indices(len(copies), 1)], 0.999) > 0.99
    assert semantic.similarity_at(vectors, np.zeros(len(vectors)), 0.9) is None


@pytest.mark.parametrize("most", [semantic.MOST_HOMES, 7])
def test_pairs_of_a_cell_by_brute_force(vectors: NDArray[np.int8], monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """In batches that cut through cells; a cell over the bound compares all with its first ones."""
    monkeypatch.setattr(semantic, "MOST_HOMES", most)
    monkeypatch.setattr(semantic, "BLOCK", 32)
    cells = np.sort(np.random.default_rng(0).integers(0, 3, 600))
    home = np.random.default_rng(1).random(600) < 0.5
    columns = {
        "cell": pa.array(cells, pa.int32()),
        "home": pa.array(home),
        "record_id": pa.array([f"{i:04d}" for i in range(600)]),
        "vector": pa.array([v.tobytes() for v in vectors[:600]], pa.binary()),
    }
    (batch,) = pa.table(columns).to_batches()
    batches = (batch.slice(start, 90) for start in range(0, 600, 90))
    found = pa.Table.from_batches(semantic.close_pairs(batches, 0.7), semantic.CLOSE).to_pylist()
    similarity = cosines(vectors[:600])
    wanted = {}
    for cell in range(3):
        homes = np.flatnonzero((cells == cell) & home)[:most]
        for worse in np.flatnonzero(cells == cell):
            better = [int(b) for b in homes if b < worse and similarity[worse, b] >= 0.7][: semantic.MOST_CLOSE]
            wanted |= {(f"{worse:04d}", f"{b:04d}"): similarity[worse, b] for b in better}
    assert len(wanted) > 50
    assert {(row["worse"], row["better"]): row["cosine"] for row in found} == pytest.approx(wanted)


def items(spark: SparkSession, vectors: NDArray[np.int8], partitions: int) -> DataFrame:
    ids = [f"{i:05d}" for i in range(len(vectors))]
    held = pa.array([v.tobytes() for v in vectors], pa.binary())
    table = pa.table({"record_id": ids, "order": (np.arange(len(vectors)) + 0.5) / len(vectors), "vector": held})
    shuffled = table.take(np.random.default_rng(partitions).permutation(len(vectors)))
    return spark.createDataFrame(shuffled).repartition(partitions)


def found_in_spark(frame: DataFrame, rows: int, sample: int, folder: Path) -> tuple[Found, list[dict[str, Any]]]:
    found = exemplars(frame, rows, QUANTILE, CONFIG.model_copy(update={"sample": sample}), str(folder))
    assert found is not None
    return found, sorted(found.near.toArrow().to_pylist(), key=lambda row: row["record_id"])


def test_in_rounds_no_orphans_and_nothing_of_partitions(
    spark: SparkSession, vectors: NDArray[np.int8], tmp_path: Path
) -> None:
    """With the first sixth on the driver and the rest in rounds; half of the vectors are one template's."""
    template = np.clip(vectors[0] + np.random.default_rng(2).integers(-9, 10, (1200, 48)), -127, 127).astype(np.int8)
    mixed = np.random.default_rng(3).permutation(np.concatenate([vectors, template]))
    similarity = cosines(mixed)
    found, rows = found_in_spark(items(spark, mixed, 1), len(mixed), 400, tmp_path / "1")
    gone = np.array([int(row["record_id"]) for row in rows])
    exemplar = np.array([int(row["exemplar"]) for row in rows])
    assert len(gone) == len(set(gone)) > 1500
    assert not set(exemplar) & set(gone) and (exemplar < gone).all()
    given = [row["cosine"] for row in rows]
    np.testing.assert_allclose(given, similarity[gone, exemplar], rtol=1e-9)
    assert min(given) >= found.threshold
    kept = np.setdiff1d(np.arange(len(mixed)), gone)
    left = (np.triu(similarity[np.ix_(kept, kept)], 1) >= found.threshold).any(axis=0).sum()
    assert left <= 0.02 * len(gone)  # close pairs that met in no cell
    assert ((gone >= 400) & (exemplar >= 400)).sum() > 20  # found cell by cell
    again = found_in_spark(items(spark, mixed, 5), len(mixed), 400, tmp_path / "5")
    assert again[1] == rows and again[0].threshold == found.threshold


def test_the_stage_names_exemplars_that_are_kept(spark: SparkSession, tmp_path: Path) -> None:
    """Pages said again in other words, beside a template over its budget, whose example stays."""
    words = [w for w in embedding.load().words[2_000:20_000] if len(w) > 4]  # type: ignore[attr-defined]
    rng = random.Random(1)
    texts = []
    for _ in range(150):
        page = rng.sample(words, 60)
        texts.append(("own", " ".join(page)))
        if rng.random() < 0.3:  # a fifteenth of the words others, in another order
            texts.append(("again", " ".join(rng.sample([*page[4:], *rng.sample(words, 4)], 60))))
    texts += [
        ("template", f"Weather forecast for {rng.choice(words)}, today: sunny with a high wind") for _ in range(60)
    ]
    rows = [
        {"record_id": record_id("s", i), "url": f"http://{kind}.example/{i}", "text": text}
        for i, (kind, text) in enumerate(texts)
    ]
    config = DistributionFilterConfig(budget_min=20, semantic_quantile=0.9999)
    found = run(spark, tmp_path, rows, config)
    by_id = {row["record_id"]: row for row in found}
    vectors = dict(zip(by_id, embedding.load().encode([row["text"] for row in found]), strict=True))
    near = [row for row in found if row["reason"] == "semantic_near_duplicate"]
    for row in near:
        evidence = json.loads(row["evidence"])
        exemplar = by_id[evidence["exemplar"]]
        assert (exemplar["verdict"], exemplar["url"]) == ("kept", evidence["exemplar_url"])
        pair = np.array([vectors[row["record_id"]], vectors[evidence["exemplar"]]])
        assert row["score"] == pytest.approx(cosines(pair)[0, 1]) and row["score"] >= row["threshold"] > 0
        assert evidence["quantile"] == 0.9999
    again = [row for row in found if "again" in row["url"]]
    pages = {row["url"] for row in near if "own" in row["url"] or "again" in row["url"]}
    assert len(again) > 30 and len(pages) >= 0.9 * len(again)
    dense = [row for row in found if row["reason"] == "dense_cluster"]
    assert dense and all(by_id[json.loads(row["evidence"])["example"]]["verdict"] == "kept" for row in dense)
