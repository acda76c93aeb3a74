"""skypile.distribution.recurring_blocks in Spark: which paragraphs of which pages are cut.

Shuffled: a hash and 200 bytes for each paragraph that has a meaning, once to bring equal wordings together and as
semantic_in_spark has it; else numbers. The driver holds `sample` vectors, and MEMBERS of MOST_BLOCKS exemplars.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from skypile.config import DistributionFilterConfig
from skypile.distribution.quantized import vectors_of
from skypile.distribution.recurring_blocks import (
    MEMBERS,
    MOST_BLOCKS,
    PARAGRAPHS,
    SHARE,
    Balls,
    blocks_of,
    cut_batch,
    embed_batches,
    in_balls,
    shifted,
)
from skypile.distribution.semantic_in_spark import drawn, exemplars
from skypile.run_folder.storage import stored
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow
from skypile.schema import DROPPED

ROWS = 2048  # vectors held against all blocks at once

LOCATED = "record_id string, order double, place int, length int, block int, similarity double"
CUTS = "record_id string, cuts string, share double, example boolean"


def recurring_cuts(documents: DataFrame, config: DistributionFilterConfig, scratch: str) -> DataFrame | None:
    """CUTS: what is to be cut from each page that has any of it (JSON, see `cut_batch`); None where nothing recurs.

    documents: record_id, url, host, text, characters. share: of the page's characters; example: the page keeps the
    example of a block, and so is not dropped for it.
    """
    found = _paragraphs(documents, config, files.join(scratch, "paragraphs"))
    first = F.min(F.struct("order", "record_id", "place", "host")).alias("first")
    wordings = found.groupBy("wording").agg(first, F.min("vector").alias("vector"))
    kept = (F.col("wording").alias("record_id"), drawn("wording", "wording", config.seed).alias("order"))
    wordings = stored(wordings.select(*kept, "vector", "first.host"), files.join(scratch, "wordings"))
    balls = _balls(wordings, config, scratch)
    if balls is None:
        return None
    within = map_arrow(
        wordings.select("record_id", "host", "vector"),
        lambda batches: _within(batches, balls),
        "wording string, host bigint, block int, narrow boolean",
    )
    counts = within.groupBy("block").agg(
        F.count_if("narrow").alias("narrow"),
        F.count("*").alias("wider"),
        F.count_distinct(F.when(F.col("narrow"), F.col("host"))).alias("hosts"),
    )
    dense = (F.col("hosts") >= config.recurring_hosts) & (F.col("narrow") >= SHARE * F.col("wider"))
    counts = counts.where(dense).toArrow().sort_by("block")
    if not counts.num_rows:
        return None
    blocks = balls._replace(means=balls.means[counts["block"].to_numpy()])
    return _cuts(documents, found, blocks, counts, scratch)


def _paragraphs(documents: DataFrame, config: DistributionFilterConfig, folder: str) -> DataFrame:
    """PARAGRAPHS of all pages that have a host."""
    narrow = documents.where("host != ''").select("record_id", "host", "text")
    narrow = narrow.withColumn("order", drawn("record_id", "block", config.seed))
    model, least = config.model, config.min_coverage
    made = map_arrow(narrow, lambda batches: embed_batches(batches, model, least), from_arrow_schema(PARAGRAPHS))
    return stored(made, folder)


def _balls(wordings: DataFrame, config: DistributionFilterConfig, scratch: str) -> Balls | None:
    """Means of what may be a block; None if nothing may."""
    rows, quantile = wordings.count(), config.recurring_quantile
    found = exemplars(wordings.drop("host"), rows, quantile, config, files.join(scratch, "exemplars"))
    if found is None or found.threshold <= 0:
        return None
    members = found.near.join(wordings, "record_id").select("record_id", "order", "exemplar", "host", "vector")
    members = stored(members, files.join(scratch, "members"))
    sizes = members.groupBy("exemplar").agg(F.count("*").alias("size"), F.count_distinct("host").alias("hosts"))
    sizes = sizes.where(F.col("hosts") >= max(2, config.recurring_hosts // 4) - 1)  # its own is one more
    starts = sizes.orderBy(F.desc("hosts"), "exemplar").limit(MOST_BLOCKS)
    some = members.join(F.broadcast(starts), "exemplar").where(F.col("order") * F.col("size") < MEMBERS)
    held = some.select("record_id", "vector").toArrow().sort_by("record_id")
    own = starts.select(F.col("exemplar").alias("record_id")).join(wordings, "record_id")
    own = own.select("record_id", "vector").toArrow().sort_by("record_id")
    if not own.num_rows:
        return None
    starts_at = vectors_of(own["vector"])
    near = vectors_of(held["vector"]) if held.num_rows else starts_at[:0]
    means = shifted(starts_at, np.concatenate([starts_at, near]), found.threshold)
    return Balls(means, found.threshold, found.wider)


def _within(batches: Iterator[pa.RecordBatch], balls: Balls) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            part = batch.slice(start, ROWS)
            rows, blocks, narrow = in_balls(vectors_of(part["vector"]), balls)
            columns = [part["record_id"].take(pa.array(rows)), part["host"].take(pa.array(rows))]
            columns += [pa.array(blocks, pa.int32()), pa.array(narrow)]
            yield pa.RecordBatch.from_arrays(columns, ["wording", "host", "block", "narrow"])


def _cuts(documents: DataFrame, found: DataFrame, blocks: Balls, counts: pa.Table, scratch: str) -> DataFrame:
    """CUTS of the pages with a paragraph in one of the `blocks`; counts: a row each, with `narrow` and `hosts`."""
    spark = documents.sparkSession
    length = F.col("end") - F.col("start")
    narrow = found.select("record_id", "order", "place", length.alias("length"), "vector")
    there = map_arrow(narrow, lambda batches: _located(batches, blocks), LOCATED)
    there = stored(there, files.join(scratch, "located"))
    first = there.groupBy("block").agg(F.min(F.struct("order", "record_id", "place")).alias("first"))
    first = first.select("block", F.col("first.record_id").alias("example"), F.col("first.place").alias("kept"))
    urls = documents.select(F.col("record_id").alias("example"), F.col("url").alias("example_url"))
    numbers = pa.array(range(counts.num_rows), pa.int32())
    sizes = pa.table([numbers, counts["narrow"], counts["hosts"]], ["block", "pages", "hosts"])
    known = spark.createDataFrame(sizes).join(first, "block").join(urls, "example")
    located = there.join(F.broadcast(known), "block")
    is_example = (F.col("record_id") == F.col("example")) & (F.col("place") == F.col("kept"))
    told = F.struct("place", "pages", "hosts", F.round("similarity", 4).alias("similarity"), "example", "example_url")
    cut = F.when(~is_example, told)
    grouped = located.groupBy("record_id").agg(
        F.to_json(F.array_sort(F.collect_list(cut))).alias("cuts"),
        F.sum(F.when(~is_example, F.col("length"))).alias("length"),
        F.max(is_example).alias("example"),
    )
    grouped = grouped.where("length is not null").join(documents.select("record_id", "characters"), "record_id")
    share = (F.col("length") / F.col("characters")).alias("share")
    return stored(grouped.select("record_id", "cuts", share, "example"), files.join(scratch, "cuts"))


def _located(batches: Iterator[pa.RecordBatch], blocks: Balls) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            part = batch.slice(start, ROWS)
            block, similarity = blocks_of(vectors_of(part["vector"]), blocks)
            columns = [*part.columns[:4], pa.array(block, pa.int32()), pa.array(similarity)]
            named = pa.RecordBatch.from_arrays(columns, [*part.schema.names[:4], "block", "similarity"])
            yield named.filter(pa.array(block >= 0))


def gone(config: DistributionFilterConfig) -> Column:
    """Whether too much of a page in CUTS is cut."""
    return (F.col("share") > config.recurring_share) & ~F.col("example")


def with_cuts(decided: DataFrame, assigned: DataFrame, cuts: DataFrame, config: DistributionFilterConfig) -> DataFrame:
    """`decided` (DECIDED, of what is not `gone`) and the decision on what is, with a column `cuts` for `cut_texts`."""
    dropped = assigned.join(cuts.where(gone(config)).select("record_id", "share"), "record_id")
    verdict = {
        "verdict": F.lit(DROPPED),
        "reason": F.lit("recurring_blocks"),
        "score": F.round("share", 6),
        "threshold": F.lit(config.recurring_share),
        "evidence": F.lit(None).cast("string"),
    }
    whole = decided.unionByName(dropped.withColumns(verdict).select(*decided.columns))
    return whole.join(cuts.select("record_id", "cuts"), "record_id", "left")


def cut_texts(documents: DataFrame) -> DataFrame:
    """`cut_batch` of documents with their verdict and the column `cuts`."""

    def cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield cut_batch(batch)

    return map_arrow(documents, cut, documents.drop("cuts").schema)
