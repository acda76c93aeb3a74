"""Semantic near-duplicates: what is dropped without a kept document that is close, by two rules, on the same vectors.

    make bench-semantic                    (or: python -m benchmarks.semantic [FILE.parquet ...])

Each file's column `text`, by default BBC news and Chinese reviews, at cosines that are three quantiles of random pairs.
`skypile`: skypile.distribution.semantic, by cells. `SemDeDup`: its rule (arXiv 2303.09540, and NeMo Curator's), all in
one cluster and so at its best: the documents are ranked by how far they lie from their centroid, and one goes if any
of a higher rank is close, dropped or not. `left`: kept documents to which a kept one is close all the same, for
skypile because they met in no cell. Everything is checked by brute force.

    python -m benchmarks.semantic growth   seconds and peak memory on 125,000 to 1,000,000 generated vectors, in Spark,
                                           30 % of them in one cluster
"""

import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.dedup import SHARED
from skypile.config import DistributionFilterConfig, SparkConfig
from skypile.distribution import centroids, embedding, semantic
from skypile.distribution.quantized import quantize

QUANTILES = (0.9999, 0.99999, 0.999999)
DEFAULTS = DistributionFilterConfig()
ROWS = 1024


def embedded(path: str) -> NDArray[np.int8]:
    """Vectors of a file's texts, in an order drawn at random; without those that the embedder knows nothing of."""
    texts = [(text or "")[: DEFAULTS.characters] for text in pq.read_table(path, columns=["text"])["text"].to_pylist()]
    vectors = embedding.load().encode(texts)
    vectors = vectors[vectors.any(axis=1)]
    return vectors[np.random.default_rng(0).permutation(len(vectors))]


def unit(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def semdedup(vectors: NDArray[np.int8], threshold: float) -> NDArray[np.bool_]:
    """Which stay by SemDeDup's rule: the farthest from the centroid first, as it ranks by default."""
    points = unit(vectors)
    k = centroids.count(len(vectors), len(vectors))
    centres = centroids.train(vectors, k, centroids.count_topics(k), DEFAULTS.iterations, 0)
    order = np.argsort(centroids.assign(vectors, centres)[1], kind="stable")
    points, stays = points[order], np.ones(len(points), bool)
    for row in range(0, len(points), ROWS):
        close = points[row : row + ROWS] @ points.T >= threshold
        stays[row : row + ROWS] = ~np.tril(close, row - 1).any(axis=1)
    result = np.empty(len(points), bool)
    result[order] = stays
    return result


def by_cells(vectors: NDArray[np.int8], threshold: float) -> NDArray[np.bool_]:
    """Which stay by skypile's."""
    cells = semantic.cells(vectors, len(vectors), DEFAULTS.iterations, 0)
    exemplar, _ = semantic.greedy(vectors, semantic.visits(vectors, cells), threshold)
    return exemplar == np.arange(len(vectors))


def orphans(vectors: NDArray[np.int8], stays: NDArray[np.bool_], threshold: float) -> tuple[int, int]:
    """How many of the dropped have no kept document within the threshold, and how many of the kept have one."""
    points = unit(vectors)
    kept = points[stays]
    alone = sum(
        int((part @ kept.T < threshold - 1e-6).all(axis=1).sum())
        for part in np.array_split(points[~stays], max(1, -(-int((~stays).sum()) // ROWS)))
    )
    left = 0
    for row in range(0, len(kept), ROWS):
        left += int(np.tril(kept[row : row + ROWS] @ kept.T >= threshold + 1e-6, row - 1).any(axis=1).sum())
    return alone, left


def compare(console: Console, name: str, vectors: NDArray[np.int8]) -> None:
    """One table: both rules at each of the QUANTILES."""
    table = Table(f"{name}: {len(vectors):,}", "cosine", "rule", "dropped", "orphans", "share", "left")
    cells = semantic.cells(vectors, len(vectors), DEFAULTS.iterations, 0)
    homes = semantic.visits(vectors[: semantic.PAIRED], cells)[:, 0]
    for quantile in QUANTILES:
        threshold = semantic.similarity_at(vectors, homes, quantile)
        if threshold is None:
            continue
        for rule, stays in (("skypile", by_cells(vectors, threshold)), ("SemDeDup", semdedup(vectors, threshold))):
            alone, left = orphans(vectors, stays, threshold)
            dropped = int((~stays).sum())
            share = f"{alone / max(dropped, 1):.1%}"
            table.add_row(f"{quantile}", f"{threshold:.4f}", rule, f"{dropped:,}", f"{alone:,}", share, f"{left:,}")
    console.print(table)


def generated(rows: int, folder: Path) -> None:
    """`rows` vectors round rows / 5 centres, 30 % of which lie round one point, as the stage has them in Parquet."""
    random = np.random.default_rng(rows)
    dim, groups = embedding.load().dim, max(1, rows // 5)
    folder.mkdir(parents=True)
    middle = random.normal(size=dim)
    for number, start in enumerate(range(0, rows, 50_000)):
        size = min(50_000, rows - start)
        own = np.random.default_rng(number).normal(size=(groups // (rows // size) + 1, dim))
        crowded = np.arange(len(own)) < 0.3 * len(own)
        own[crowded] = 0.6 * own[crowded] + middle
        points = own[random.integers(0, len(own), size)] + 0.4 * random.normal(size=(size, dim))
        vectors = [vector.tobytes() for vector in quantize(points)]
        ids = [f"{start + i:012d}" for i in range(size)]
        order = random.random(size)
        pq.write_table(
            pa.table({"record_id": ids, "order": order, "vector": pa.array(vectors, pa.binary())}),
            folder / f"{number:04d}.parquet",
        )


def growth(console: Console) -> None:
    """Eight times the vectors: how many times the seconds, and the driver's memory."""
    from skypile.distribution.semantic_in_spark import exemplars
    from skypile.runtime import session

    spark = session.start(SparkConfig(driver_memory="2g"), "benchmark")
    table = Table("vectors", "seconds", "near", "threshold", "driver's Python, peak MB")
    for rows in map(int, sys.argv[2:] or (125_000, 250_000, 500_000, 1_000_000)):
        folder = Path(tempfile.mkdtemp(prefix="skypile-semantic-"))
        generated(rows, folder / "items")
        items = spark.read.parquet(str(folder / "items"))
        began = time.perf_counter()
        found = exemplars(items, rows, 0.99999, DEFAULTS, str(folder / "scratch"))
        near = found.near.count() if found else 0
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        table.add_row(f"{rows:,}", f"{seconds:.1f}", f"{near:,}", f"{found.threshold if found else 0}", f"{peak:,.0f}")
        console.print(table)
        shutil.rmtree(folder)
    spark.stop()


def main() -> None:
    console = Console(width=120)
    if sys.argv[1:2] == ["growth"]:
        growth(console)
        return
    for path in sys.argv[1:] or [str(SHARED / "bbc.parquet"), str(SHARED / "zh_reviews.parquet")]:
        compare(console, Path(path).stem, embedded(path))


if __name__ == "__main__":
    main()
