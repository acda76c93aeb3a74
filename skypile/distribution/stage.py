"""Stage 2: thin what recurs too often.

A crawl holds thousands of pages made from one template and few of everything else. Each document becomes a
vector (skypile.distribution.embedding), vectors are clustered, and a cluster's *dense core*, the documents at least
`core_similarity` to its centre, may keep a budget: the larger of `budget_min` and `budget_share` of all
documents. What lies outside a core is never touched, however large its cluster.

Thinning draws: a core member stays iff a hash of its id, as a fraction of one, is below a bound, about budget / core
size. Draws near that are counted in 256 bins first, and the bound is the edge of a bin under which the budget lies:
what a core keeps is its budget, to 0.05 roots of it (one document of 400). So each decision needs only its own row and
one row about its cluster, and no cluster is ever gathered in one place. The member nearest the centre (the medoid)
always stays, as the example that evidence points to.

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
order or make of processor shows in them. A small crawl is done without Spark (skypile.distribution.without_spark).
"""

from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from skypile.config import DistributionFilterConfig
from skypile.distribution import centroid_files, centroids, vectors
from skypile.distribution.centroids import Centroids
from skypile.distribution.recurring_blocks_in_spark import cut_texts, gone, recurring_cuts, with_cuts
from skypile.distribution.semantic_in_spark import drawn, drop_near_duplicates, known
from skypile.distribution.thinning import (
    ASSIGNED,
    CLUSTERS,
    COUNTED,
    DECIDED,
    VECTORS,
    bounded,
    budget,
    counted,
    crowded,
    decide,
)
from skypile.run_folder.attach import attach
from skypile.run_folder.storage import read_parquet, spark_schema, stored
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow
from skypile.schema import DISTRIBUTION_COLUMNS, KEPT, STAGE_COLUMNS, VERDICT_COLUMNS, names

SAMPLE_MARGIN = 6  # standard deviations by which the filter before the sort lets more than the sample through
MODEL_BATCH = 1 << 11  # texts at once for a model: many of about one length among them
BATCH = 1 << 13  # rows without text that are looked at together


def distribution_filter(
    config: DistributionFilterConfig, rows: int, scratch: str, clusters: str, embeddings: str | None = None
) -> Callable[[DataFrame], DataFrame]:
    """Stage function: adds DISTRIBUTION_COLUMNS and the verdict to documents read from Parquet.

    `rows`: number of documents. `scratch`: a folder that outlives the returned frame. `clusters`: a folder that
    stays, for the centroids and the table of clusters (skypile.distribution.centroid_files).
    `embeddings`: a folder that stays, too: what a model of the user's has embedded in it is not embedded again.
    A text of which the embedder knows too little gets no cluster and is kept.
    """

    def thin(documents: DataFrame) -> DataFrame:
        if not config.enabled:
            return _kept_unscored(documents)
        if config.model and embeddings:
            embedded = _embed_once(documents, config, scratch, embeddings, rows)
        else:
            embedded = stored(_embed(documents, config), files.join(scratch, "vectors"))
        reused = centroid_files.read(config.centroids, config.model) if config.centroids else None
        centres = reused[0] if reused else _train(embedded, rows, config)
        assigned = stored(_assign(embedded, centres, config), files.join(scratch, "assigned"))
        cuts = recurring_cuts(documents, config, files.join(scratch, "blocks")) if config.recurring_hosts else None
        considered = assigned
        if cuts is not None:
            considered = assigned.join(cuts.where(gone(config)).select("record_id"), "record_id", "left_anti")
        table = _clusters(considered, rows, config)
        made = reused[1] if reused else vectors.manifest(config, centres, rows, table)
        centroid_files.write(clusters, centres, made, table)
        decided = _decide(considered, table, config)
        if config.semantic_quantile is not None:
            order = F.when(F.col("record_id").isin(_examples(table)), -1.0).otherwise(_draw("semantic", config.seed))
            folder = files.join(scratch, "semantic")
            decided = drop_near_duplicates(decided, embedded, order, rows, config, folder)
        decided = decided if cuts is None else with_cuts(decided, assigned, cuts, config)
        judged = attach(documents, decided, files.join(scratch, "decided"), rows)
        columns = names(STAGE_COLUMNS["distribution_filter"])
        return judged.select(*columns) if cuts is None else cut_texts(judged.select(*columns, "cuts"))

    return thin


def _embed(documents: DataFrame, config: DistributionFilterConfig) -> DataFrame:
    """VECTORS of the documents."""

    def embed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield vectors.embedded(batch, config)

    texts = documents.select("record_id", "url", _leading(config).alias("text"))
    return map_arrow(texts, embed, from_arrow_schema(VECTORS))


def _leading(config: DistributionFilterConfig) -> Column:
    return F.coalesce(F.substring("text", 1, config.characters), F.lit(""))


def _embed_once(
    documents: DataFrame, config: DistributionFilterConfig, scratch: str, embeddings: str, rows: int
) -> DataFrame:
    """The same by a model that takes its time: each distinct text once, and none that `embeddings` holds by its MD5."""
    spark = documents.sparkSession
    digest = F.md5(_leading(config).cast("binary"))
    hashed = stored(documents.select("record_id", "url", digest.alias("text")), files.join(scratch, "texts"))
    held_type = from_arrow_schema(VECTORS).add("text", "string")
    first = hashed.groupBy("text").agg(F.min("record_id").alias("record_id"))
    if files.exists(embeddings):
        first = first.join(read_parquet(spark, held_type, embeddings), "text", "left_anti")
    first = stored(first.withColumnRenamed("text", "distinct"), files.join(scratch, "first"))

    def embed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in vectors.together(batches, MODEL_BATCH):
            yield vectors.embedded(batch.drop_columns(["distinct"]), config).append_column("text", batch["distinct"])

    new = attach(documents, first, files.join(scratch, "new"), rows).where("distinct is not null")
    texts = new.select("record_id", "url", "distinct", _leading(config).alias("text"))
    map_arrow(texts, embed, held_type).write.mode("append").parquet(embeddings)
    known = read_parquet(spark, held_type, embeddings).dropDuplicates(["text"]).drop("record_id", "url")
    return stored(hashed.join(known, "text").select(*VECTORS.names), files.join(scratch, "vectors"))


def _train(embedded: DataFrame, rows: int, config: DistributionFilterConfig) -> Centroids:
    """Centroids of the `sample` documents with the smallest hash, in its order."""
    margin = SAMPLE_MARGIN * config.sample**0.5
    able = known(embedded, config)
    nearly = able.withColumn("draw", _draw("sample", config.seed))
    nearly = nearly.where(F.col("draw") < (config.sample + margin) / max(able.count(), 1))
    sample = nearly.orderBy("draw", "record_id").limit(config.sample).select("vector").toArrow()["vector"]
    return vectors.trained(sample, rows, config)


def _assign(embedded: DataFrame, centres: Centroids, config: DistributionFilterConfig) -> DataFrame:
    """ASSIGNED of the documents."""
    shared = embedded.sparkSession.sparkContext.broadcast(centres)

    def assign(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        index = centroids.index(shared.value)
        for batch in vectors.together(batches, BATCH):
            yield vectors.assigned(batch, shared.value, config, index)

    return map_arrow(embedded, assign, from_arrow_schema(ASSIGNED))


def _clusters(assigned: DataFrame, rows: int, config: DistributionFilterConfig) -> pa.Table:
    """CLUSTERS, as `thinning.cluster_table` makes them of a table."""
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
            F.lit(budget(rows, config)).cast("long").alias("budget"),
            F.lit(1.0).alias("bound"),
            F.col("medoid.record_id").alias("medoid"),
            F.col("medoid.url").alias("medoid_url"),
        )
    )
    table = found.toArrow().sort_by("cluster").cast(CLUSTERS)
    return bounded(table, _counted(assigned, table, config)) if crowded(table) else table


def _counted(assigned: DataFrame, clusters: pa.Table, config: DistributionFilterConfig) -> pa.Table:
    """COUNTED of all documents: at most 258 rows a core over budget, of which there are at most 1 / budget_share."""
    shared = assigned.sparkSession.sparkContext.broadcast(clusters)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in vectors.together(batches, BATCH):
            yield counted(batch, shared.value, config)

    found = map_arrow(assigned, count, from_arrow_schema(COUNTED))
    return found.groupBy("cluster", "bin").agg(F.sum("documents").alias("documents")).toArrow()


def _decide(assigned: DataFrame, clusters: pa.Table, config: DistributionFilterConfig) -> DataFrame:
    """DECIDED of the documents."""
    shared = assigned.sparkSession.sparkContext.broadcast(clusters)

    def decided(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in vectors.together(batches, BATCH):
            yield decide(batch, shared.value, config)

    return map_arrow(assigned, decided, from_arrow_schema(DECIDED))


def _examples(clusters: pa.Table) -> list[str]:
    """The medoids that evidence points to: those of cores over budget."""
    return clusters.filter(pc.greater(clusters["core"], clusters["budget"]))["medoid"].to_pylist()


def _draw(purpose: str, seed: int) -> Column:
    """`thinning.draw` of the record's id."""
    return drawn("record_id", purpose, seed)


def _kept_unscored(documents: DataFrame) -> DataFrame:
    columns = spark_schema((*DISTRIBUTION_COLUMNS, *VERDICT_COLUMNS))
    nulls = {field.name: F.lit(None).cast(field.dataType) for field in columns}
    added = nulls | {"verdict": F.lit(KEPT)}
    return documents.withColumns(added).select(*names(STAGE_COLUMNS["distribution_filter"]))
