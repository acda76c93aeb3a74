"""skypile.distribution.semantic in Spark: the exemplar of every item (a document, a paragraph) that is close to one.

1. The first `sample` items of the order come to the driver: cells, threshold and the exemplars among them.
2. Every other item is held against these where it lies.
3. What has none is sent to its cells, where it is held against what is at home there and stands before it.
4. Pairs of ids are settled in rounds: what has no better left stays, what is close to one that stays goes, until no
   pair is left. Each round settles at least the first of the order that is open.

Shuffled: step 3's vectors, VISITED times; ids. A crawl of up to `sample` items ends with step 1.
"""

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from skypile.config import DistributionFilterConfig
from skypile.distribution import semantic
from skypile.distribution.centroids import Centroids
from skypile.distribution.quantized import vectors_of
from skypile.run_folder.storage import stored
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow
from skypile.schema import DROPPED, KEPT

WIDER = 10
FOUND = "record_id string, exemplar string, cosine double"


class Found(NamedTuple):
    """Items that are close to an exemplar, with it and the cosine (FOUND); and how close that had to be.

    wider: the cosine that WIDER times as many random pairs reach.
    """

    near: DataFrame
    threshold: float
    wider: float


class _First(NamedTuple):
    """What step 1 found: cells, exemplars by cell and their ids in that order."""

    cells: Centroids
    exemplars: semantic.Exemplars
    ids: NDArray[np.object_]
    threshold: float


def drop_near_duplicates(
    decided: DataFrame, vectors: DataFrame, order: Column, rows: int, config: DistributionFilterConfig, scratch: str
) -> DataFrame:
    """`decided` with near-duplicates of what it keeps dropped; same columns.

    decided: record_id, cluster, VERDICT_COLUMNS. vectors: VECTORS (thinning). order: a number of each record,
    from 0 to 1, or below 0 for those that stay in any case.
    """
    assert config.semantic_quantile is not None
    kept = decided.where(F.col("verdict") == KEPT).select("record_id")
    items = known(vectors, config).join(kept, "record_id")
    items = items.select("record_id", order.alias("order"), "vector")
    found = exemplars(items, rows, config.semantic_quantile, config, scratch)
    if found is None:
        return decided
    urls = vectors.select(F.col("record_id").alias("exemplar"), F.col("url").alias("exemplar_url"))
    joined = decided.join(found.near.join(urls, "exemplar"), "record_id", "left")
    evidence = F.struct(F.lit(config.semantic_quantile).alias("quantile"), "cluster", "exemplar", "exemplar_url")
    changed = {
        "verdict": F.lit(DROPPED),
        "reason": F.lit("semantic_near_duplicate"),
        "score": F.col("cosine"),
        "threshold": F.lit(found.threshold),
        "evidence": F.to_json(evidence),
    }
    gone = F.col("exemplar").isNotNull()
    columns = {name: F.when(gone, value).otherwise(F.col(name)) for name, value in changed.items()}
    return joined.withColumns(columns).select(*decided.columns)


def exemplars(
    items: DataFrame, rows: int, quantile: float, config: DistributionFilterConfig, scratch: str
) -> Found | None:
    """The exemplar of each item that is close to one; None if all items are of one kind, so that close means nothing.

    items: record_id, order (double), vector (bytes, of one length), at most `rows`. The decisions are functions of
    these alone.
    """
    spark, bound = items.sparkSession, config.sample / max(rows, 1)
    if bound < 1:
        items = stored(items, files.join(scratch, "items"))
    table = items.where(F.col("order") < bound).orderBy("order", "record_id").toArrow()
    if not table.num_rows:
        return None
    vectors = vectors_of(table["vector"])
    cells = semantic.cells(vectors, rows, config.iterations, config.seed)
    visited = semantic.visits(vectors, cells)
    threshold = semantic.similarity_at(vectors, visited[:, 0], quantile)
    wider = semantic.similarity_at(vectors, visited[:, 0], max(0.0, 1 - WIDER * (1 - quantile)))
    if threshold is None or wider is None:
        return None
    staying = int((table["order"].to_numpy() < 0).sum())
    exemplar, cosine = semantic.greedy(vectors, visited, threshold, staying)
    stays = exemplar == np.arange(len(exemplar))
    ids = np.array(table["record_id"].to_pylist(), object)
    near = _frame(spark, ids[~stays], ids[exemplar[~stays]], cosine[~stays])
    if bound >= 1:
        return Found(near, threshold, wider)
    by_cell, order = semantic.by_cell(vectors[stays], visited[stays, 0], len(cells.clusters))
    first = _First(cells, by_cell, ids[stays][order], threshold)
    rest = stored(_against(items.where(F.col("order") >= bound), first), files.join(scratch, "against"))
    pairs = stored(_pairs(rest.where("exemplar is null"), threshold), files.join(scratch, "pairs"))
    of_first = rest.where("exemplar is not null").select("record_id", "exemplar", "cosine")
    return Found(reduce(DataFrame.union, [near, of_first, *settled(pairs, scratch)]), threshold, wider)


def known(embedded: DataFrame, config: DistributionFilterConfig) -> DataFrame:
    """Rows of VECTORS (thinning) of whose text the embedder knows enough; others look alike for what is not known."""
    enough = F.col("embedding_coverage").cast("double") >= config.min_coverage
    return embedded.where("vector is not null").where(enough)


def drawn(column: str, purpose: str, seed: int) -> Column:
    """`thinning.draw` of the text in a column."""
    bits = F.shiftrightunsigned(F.xxhash64(column, F.lit(purpose), F.lit(seed)), 11)
    return bits / F.lit(float(1 << 53))


def _frame(spark: SparkSession, ids: NDArray, exemplars: NDArray, cosines: NDArray[np.float64]) -> DataFrame:
    columns = [pa.array(ids, pa.string()), pa.array(exemplars, pa.string()), pa.array(cosines, pa.float64())]
    return spark.createDataFrame(pa.table(columns, ["record_id", "exemplar", "cosine"]), FOUND)


def _against(items: DataFrame, first: _First) -> DataFrame:
    """record_id, order, vector, the cells visited, and the closest exemplar among the first items and its cosine."""
    shared = items.sparkSession.sparkContext.broadcast(first)
    arrow = pa.schema(
        [
            ("record_id", pa.string()),
            ("order", pa.float64()),
            ("vector", pa.binary()),
            ("visited", pa.list_(pa.int32())),
            ("exemplar", pa.string()),
            ("cosine", pa.float64()),
        ]
    )

    def hold(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if not batch.num_rows:
                continue
            vectors = vectors_of(batch["vector"])
            visited = semantic.visits(vectors, shared.value.cells)
            at, cosine = semantic.nearest(vectors, visited, shared.value.exemplars, shared.value.threshold)
            exemplar = pa.array([shared.value.ids[i] if i >= 0 else None for i in at.tolist()], pa.string())
            cells = pa.array([[c for c in row if c >= 0] for row in visited.tolist()], pa.list_(pa.int32()))
            columns = [batch["record_id"], batch["order"], batch["vector"], cells, exemplar, pa.array(cosine)]
            yield pa.RecordBatch.from_arrays(columns, schema=arrow)

    return map_arrow(items, hold, from_arrow_schema(arrow))


def _pairs(items: DataFrame, threshold: float) -> DataFrame:
    """Close pairs (semantic.CLOSE) among items with the cells that they visit."""
    visiting = items.select("record_id", "order", "vector", F.posexplode("visited").alias("place", "cell"))
    sent = visiting.repartition("cell").sortWithinPartitions("cell", "order", "record_id")
    sent = sent.select("cell", (F.col("place") == 0).alias("home"), "record_id", "vector")

    def compare(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from semantic.close_pairs((batch for batch in batches if batch.num_rows), threshold)

    return map_arrow(sent, compare, from_arrow_schema(semantic.CLOSE))


def settled(pairs: DataFrame, scratch: str) -> Iterator[DataFrame]:
    """What goes (FOUND), round by round. pairs: semantic.CLOSE, without circles, as the better stands before."""
    number = 0
    while not pairs.isEmpty():
        open_yet = pairs.select(F.col("worse").alias("better")).distinct()
        certain = pairs.join(open_yet, "better", "left_anti")
        closest = F.min(F.struct((-F.col("cosine")).alias("distance"), "better")).alias("closest")
        gone = certain.groupBy(F.col("worse").alias("record_id")).agg(closest)
        gone = gone.select("record_id", F.col("closest.better").alias("exemplar"), -F.col("closest.distance"))
        gone = stored(gone.toDF("record_id", "exemplar", "cosine"), files.join(scratch, f"gone-{number}"))
        yield gone
        for role in ("worse", "better"):
            pairs = pairs.join(gone.select(F.col("record_id").alias(role)), role, "left_anti")
        number += 1
        pairs = stored(pairs, files.join(scratch, f"pairs-{number}"))
