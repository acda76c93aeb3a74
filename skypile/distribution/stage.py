"""Stage 2: thin what recurs too often.

A crawl holds thousands of pages made from one template and few of everything else. Each document becomes a
vector (skypile.distribution.embedding), vectors are clustered, and a cluster's *dense core*, the documents at least
`core_similarity` to its centre, may keep a budget: the larger of `budget_min` and `budget_share` of all
documents. What lies outside a core is never touched, however large its cluster.

Thinning draws: a core member stays iff a hash of its id, as a fraction of one, is below budget / core size. So
the expected number kept is the budget, each decision needs only its own row and one row about its cluster, and no
cluster is ever gathered in one place. Ranking inside clusters would keep exactly the budget, but sort the
largest cluster in a single task. The member nearest the centre (the medoid) always stays, as the example that
evidence points to.

How `core_similarity` = 0.85 was tuned: 11,682 real documents (news, reviews, web pages and software manuals in
both languages) and 2,000 made from five templates, 117 clusters. In a core at 0.75, 0.80, 0.85 and 0.90 were
9 to 46 %, 2 to 26 %, 0 to 10 % and 0 to 2 % of the real ones, by source; of the loosest of four families of
whole-page templates 100 %, 96 %, 61 % and 10 %, of the other three 99 to 100 % throughout. At 0.80 and a budget
of 50, chapters of one installation manual were thinned among 3,974 crawled pages; at 0.85 nothing was.
The fifth family, site navigation round different articles, stays out of every core, as it should: that is a
matter of paragraphs, which deduplication cuts.

Cost: one narrow pass over the leading text, two over the vectors (192 bytes each), one aggregation to k rows, and
the join of skypile.run_folder.attach, which shuffles ids. The driver holds the sample (65,536 vectors) and
k rows. All decisions are functions of ids, integer vectors and k centres, which are made of integers: no partition,
order or make of processor shows in them.
"""

import io
import math
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from skypile.config import DistributionFilterConfig
from skypile.distribution import centroids, embedding
from skypile.distribution.centroids import Centroids
from skypile.distribution.semantic_in_spark import drop_near_duplicates
from skypile.run_folder.attach import attach
from skypile.run_folder.storage import spark_schema, stored
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow
from skypile.schema import DISTRIBUTION_COLUMNS, DROPPED, KEPT, STAGE_COLUMNS, VERDICT_COLUMNS, names

SAMPLE_MARGIN = 6  # standard deviations by which the filter before the sort lets more than the sample through


def distribution_filter(
    config: DistributionFilterConfig, rows: int, scratch: str, clusters: str
) -> Callable[[DataFrame], DataFrame]:
    """Stage function: adds `cluster`, `centroid_similarity` and the verdict to documents read from Parquet.

    `rows`: number of documents. `scratch`: a folder that outlives the returned frame. `clusters`: a folder that
    stays, for centroids.npy (int8, (k, dim)) and clusters.parquet, one row a cluster: size, core, budget, medoid.
    A text without a word the embedder knows gets no cluster and is kept.
    """

    def thin(documents: DataFrame) -> DataFrame:
        if not config.enabled:
            return _kept_unscored(documents)
        vectors = stored(_embed(documents, config), files.join(scratch, "vectors"))
        centres = _train(vectors, rows, config)
        assigned = stored(_assign(vectors, centres), files.join(scratch, "assigned"))
        table = _clusters(assigned, rows, config)
        _write_clusters(clusters, centres, table)
        decided = _decide(assigned, documents.sparkSession.createDataFrame(table), config)
        if config.semantic_quantile is not None:
            order = F.when(F.col("record_id").isin(_examples(table)), -1.0).otherwise(_draw("semantic", config.seed))
            folder = files.join(scratch, "semantic")
            decided = drop_near_duplicates(decided, vectors, order, rows, config, folder)
        return attach(documents, decided, files.join(scratch, "decided"), rows).select(
            *names(STAGE_COLUMNS["distribution_filter"])
        )

    return thin


def _embed(documents: DataFrame, config: DistributionFilterConfig) -> DataFrame:
    """record_id, url, vector (int8 components as bytes, null where the embedder knows too little), coverage."""

    def embed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            vectors, coverage = embedding.load(config.model).embed(batch["text"].to_pylist())
            unknown = ~vectors.any(axis=1) | (coverage < config.min_coverage)
            stored = pa.array([v.tobytes() for v in vectors], pa.binary(), mask=unknown)
            columns = [batch["record_id"], batch["url"], stored, pa.array(coverage)]
            yield pa.RecordBatch.from_arrays(columns, schema=arrow)

    arrow = pa.schema(
        [
            ("record_id", pa.string()),
            ("url", pa.string()),
            ("vector", pa.binary()),
            ("embedding_coverage", pa.float32()),
        ]
    )
    leading = F.coalesce(F.substring("text", 1, config.characters), F.lit("")).alias("text")
    return map_arrow(documents.select("record_id", "url", leading), embed, from_arrow_schema(arrow))


def _train(vectors: DataFrame, rows: int, config: DistributionFilterConfig) -> Centroids:
    """Centres of the `sample` documents with the smallest hash, in its order."""
    margin = SAMPLE_MARGIN * config.sample**0.5
    nearly = vectors.where("vector is not null").withColumn("draw", _draw("sample", config.seed))
    nearly = nearly.where(F.col("draw") < (config.sample + margin) / max(rows, 1))
    sample = nearly.orderBy("draw", "record_id").limit(config.sample).select("vector").toArrow()["vector"]
    dim = embedding.load(config.model).dim
    array = np.frombuffer(b"".join(sample.to_pylist()), np.int8).reshape(len(sample), dim)
    k = centroids.count(rows, len(sample), config.clusters)
    return centroids.train(array, k, centroids.count_topics(k, config.topics), config.iterations, config.seed)


def _assign(vectors: DataFrame, centres: Centroids) -> DataFrame:
    """record_id, url, topic, cluster, similarity (null where there is no vector), coverage."""
    shared = vectors.sparkSession.sparkContext.broadcast(centres)

    def assign(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            held = batch["vector"].drop_null().to_pylist()
            cluster, similarity = np.empty(0, np.int32), np.empty(0, np.float32)
            if held:
                array = np.frombuffer(b"".join(held), np.int8).reshape(len(held), -1)
                cluster, similarity = centroids.assign(array, shared.value)
            present = batch["vector"].is_valid().to_numpy(zero_copy_only=False)
            at = pa.array(np.cumsum(present) - 1, mask=~present)
            found = (shared.value.parents[cluster], cluster, similarity)
            columns = [batch["record_id"], batch["url"], *(pa.array(values).take(at) for values in found)]
            yield pa.RecordBatch.from_arrays([*columns, batch["embedding_coverage"]], schema=arrow)

    arrow = pa.schema(
        [
            ("record_id", pa.string()),
            ("url", pa.string()),
            ("topic", pa.int32()),
            ("cluster", pa.int32()),
            ("centroid_similarity", pa.float32()),
            ("embedding_coverage", pa.float32()),
        ]
    )
    return map_arrow(vectors, assign, from_arrow_schema(arrow))


def _clusters(assigned: DataFrame, rows: int, config: DistributionFilterConfig) -> pa.Table:
    """One row a cluster: topic, cluster, size, core, budget, medoid, medoid_url."""
    budget = max(config.budget_min, math.ceil(config.budget_share * rows))
    similarity = F.col("centroid_similarity")
    medoid = F.min(F.struct((-similarity).alias("distance"), "record_id", "url"))
    found = (
        assigned.where("cluster is not null")
        .groupBy("topic", "cluster")
        .agg(
            F.count("*").alias("size"),
            F.count_if(similarity >= config.core_similarity).alias("core"),
            medoid.alias("medoid"),
        )
        .select(
            "topic",
            "cluster",
            "size",
            "core",
            F.lit(budget).cast("long").alias("budget"),
            F.col("medoid.record_id").alias("medoid"),
            F.col("medoid.url").alias("medoid_url"),
        )
    )
    return found.toArrow().sort_by("cluster")


def _decide(assigned: DataFrame, clusters: DataFrame, config: DistributionFilterConfig) -> DataFrame:
    """record_id, DISTRIBUTION_COLUMNS and VERDICT_COLUMNS.

    Score: the member's draw, from 0 to 1; threshold: the share of the core that may stay, and so the bound the
    draw must be under. Null outside of cores that are over budget.
    """
    joined = assigned.join(F.broadcast(clusters.drop("topic")), "cluster", "left")
    over = (F.col("centroid_similarity") >= config.core_similarity) & (F.col("core") > F.col("budget"))
    over = F.coalesce(over, F.lit(False))
    share = F.col("budget") / F.col("core")
    joined = joined.withColumns(
        {
            "score": F.when(over, _draw("thin", config.seed)),
            "threshold": F.when(over, share),
        }
    )
    drop = over & (F.col("score") >= F.col("threshold")) & (F.col("record_id") != F.col("medoid"))
    evidence = F.to_json(
        F.struct(
            "cluster",
            "size",
            "core",
            "budget",
            F.round(F.col("centroid_similarity").cast("double"), 4).alias("similarity"),
            F.col("medoid").alias("example"),
            F.col("medoid_url").alias("example_url"),
        )
    )
    return joined.select(
        "record_id",
        "topic",
        "cluster",
        "centroid_similarity",
        "embedding_coverage",
        F.when(drop, DROPPED).otherwise(KEPT).alias("verdict"),
        F.when(drop, "dense_cluster").alias("reason"),
        "score",
        "threshold",
        F.when(over, evidence).alias("evidence"),
    )


def _examples(clusters: pa.Table) -> list[str]:
    """The medoids that evidence points to: those of cores over budget."""
    return clusters.filter(pc.greater(clusters["core"], clusters["budget"]))["medoid"].to_pylist()


def _draw(purpose: str, seed: int) -> Column:
    """A number in [0, 1) from the record's id: the same on every run, independent between purposes and seeds."""
    bits = F.shiftrightunsigned(F.xxhash64("record_id", F.lit(purpose), F.lit(seed)), 11)
    return bits / F.lit(float(1 << 53))


def _kept_unscored(documents: DataFrame) -> DataFrame:
    columns = spark_schema((*DISTRIBUTION_COLUMNS, *VERDICT_COLUMNS))
    nulls = {field.name: F.lit(None).cast(field.dataType) for field in columns}
    added = nulls | {"verdict": F.lit(KEPT)}
    return documents.withColumns(added).select(*names(STAGE_COLUMNS["distribution_filter"]))


def _write_clusters(folder: str, centres: Centroids, table: pa.Table) -> None:
    fs, path = files.filesystem(folder)
    fs.makedirs(path, exist_ok=True)
    array = io.BytesIO()
    np.save(array, centres.clusters, allow_pickle=False)
    with fs.open(files.join(path, "centroids.npy"), "wb") as file:
        file.write(array.getvalue())
    with fs.open(files.join(path, "clusters.parquet"), "wb") as file:
        pq.write_table(table, file)
