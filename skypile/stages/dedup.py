"""Deduplication: one decision a document, each with the match that was found and how close it was measured to be.

1. Sketch every document once, narrowly (``dedup_sketch``); nothing after this touches text.
2. Equal URLs, then equal folded texts (``dedup_exact``).
3. LSH buckets propose pairs (``dedup_candidates``), exact similarity of shingle sets confirms them (``dedup_verify``).
4. Components of confirmed pairs (``dedup_components``); within them the best documents stay, and only what is itself
   close to one that stays goes (``dedup_survivors``).

Decisions depend on the documents and the config alone: not on partitions, batches or order. Cost is linear: each
document has ``bands`` bucket rows, each bucket row at most ``bucket_limit`` pairs.
"""

from collections.abc import Callable
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.stages.dedup_candidates import bucket_members, bucket_pairs, large_bucket_members, refined_candidates
from skypile.stages.dedup_components import connected_components
from skypile.stages.dedup_config import DedupConfig
from skypile.stages.dedup_exact import equal_records
from skypile.stages.dedup_sketch import sketch_documents
from skypile.stages.dedup_survivors import best_match, dropped_documents
from skypile.stages.dedup_verify import confirmed_edges

Hold = Callable[[DataFrame, str], DataFrame]

DECISION_COLUMNS = ("record_id", "verdict", "reason", "score", "threshold", "evidence", "duplicates")


def dedup_decisions(documents: DataFrame, config: DedupConfig, scratch: str | None = None) -> DataFrame:
    """Decisions on documents with record_id, url, text (and the column the survivor rule reads).

    Returns a row for each dropped document, and for each that stays and has duplicates: record_id, verdict ("dropped" or
    "kept"), reason, score, threshold (double), evidence (JSON), duplicates (int: records dropped in favour of this
    one). Documents without a row stay and have no duplicates.

    The work is done here, not lazily. Intermediate tables (and the result) go to Parquet under ``scratch``, which may
    be removed once the decisions are used; without it they are held by Spark on the executors' disks, which suits one
    machine: a lost executor then fails the run.
    """
    hold = holder(scratch)
    return decide(hold(sketch_documents(documents, config), "sketches"), config, hold)


def holder(scratch: str | None) -> Hold:
    """A function that computes a frame once and gives it back without its history.

    Caching would keep the history: Spark compares every plan with every cached one, and at the tenth nested join
    planning alone takes a minute.
    """

    def hold(frame: DataFrame, name: str) -> DataFrame:
        if scratch is None:
            return frame.localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
        path = f"{scratch.rstrip('/')}/{name}"
        frame.write.mode("overwrite").parquet(path)
        return frame.sparkSession.read.schema(frame.schema).parquet(path)

    return hold


def decide(sketches: DataFrame, config: DedupConfig, hold: Hold) -> DataFrame:
    """Decisions from sketches (``dedup_sketch.SKETCH``)."""
    rest, exact = sketches, []
    for key, reason in (("url_key", "duplicate_url"), ("text_key", "duplicate_text")):
        if key == "url_key" and not config.collapse_urls:
            continue
        equal = hold(equal_records(rest, key), reason)
        rest = rest.join(equal, "record_id", "left_anti")
        exact.append(equal.withColumn("reason", F.lit(reason)))
    distinct = rest.where(F.size("buckets") > 0)
    edges = near_edges(distinct, config, hold)
    components = hold(connected_components(edges.select("better", "worse"), config.local_edges), "components")
    dropped = hold(dropped_documents(edges, components, config.local_edges), "dropped")
    near = hold(near_duplicates(edges, components, dropped, config), "near")
    return hold(verdict_rows(sketches.select("record_id", "url"), exact, near, config), "decisions")


def near_edges(sketches: DataFrame, config: DedupConfig, hold: Hold) -> DataFrame:
    """Confirmed edges (better, worse, jaccard, containment, bands) among sketches with different texts."""
    seen = hold(bucket_pairs(bucket_members(sketches), config, "bucket").distinct(), "candidates")
    edges = hold(confirmed_edges(seen, sketches, config), "edges")
    if not config.mega_rounds:
        return edges
    large = hold(large_bucket_members(sketches, config), "large")
    if large.isEmpty():
        return edges
    for number in range(1, config.mega_rounds + 1):
        components = connected_components(edges.select("better", "worse"), config.local_edges)
        gone = dropped_documents(edges, components, config.local_edges)
        fresh = refined_candidates(large.join(gone, "record_id", "left_anti"), number, config)
        fresh = hold(fresh.join(seen, ["better", "worse"], "left_anti"), f"candidates_{number}")
        if fresh.isEmpty():
            continue
        more = confirmed_edges(fresh, sketches, config)
        seen, edges = seen.union(fresh), edges.union(hold(more, f"edges_{number}"))
    return edges


def near_duplicates(edges: DataFrame, components: DataFrame, dropped: DataFrame, config: DedupConfig) -> DataFrame:
    """Dropped documents with their closest survivor and the size of their component."""
    sizes = components.groupBy("component").agg(F.count("*").cast("int").alias("size"))
    sized = components.join(sizes, "component").select(F.col("node").alias("record_id"), F.col("size").alias("component"))
    return best_match(edges, dropped, config.jaccard_threshold).join(sized, "record_id")


def verdict_rows(names: DataFrame, exact: list[DataFrame], near: DataFrame, config: DedupConfig) -> DataFrame:
    """Decision rows from the records found equal (in the order of the passes) and the near-duplicates.

    A record may be found equal to one that is itself dropped later on; its survivor is then that one's survivor (its
    text is the same, or it is an older capture of the same page), and ``via`` names the record it was equal to.
    """
    near_rows = near.withColumn(
        "reason",
        F.when(F.col("jaccard") >= config.jaccard_threshold, "near_duplicate").otherwise("contained"),
    )
    later = near.select("record_id", "survivor")
    rows = [near_rows]
    for equal in reversed(exact):
        follow = later.select(F.col("record_id").alias("via"), "survivor")
        resolved = equal.join(follow, "via", "left").withColumn("survivor", F.coalesce("survivor", "via"))
        rows.append(resolved.withColumn("via", F.when(F.col("via") != F.col("survivor"), F.col("via"))))
        later = later.union(resolved.select("record_id", "survivor"))
    found = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), rows)
    return _dropped_rows(found, names, config, bool(exact)).unionByName(_kept_rows(found))


def _dropped_rows(found: DataFrame, names: DataFrame, config: DedupConfig, with_exact: bool) -> DataFrame:
    survivors = names.select(F.col("record_id").alias("survivor"), F.col("url").alias("survivor_url"))
    measures = [F.round(name, 6).alias(name) for name in ("jaccard", "containment")]
    exact_evidence = ["via", "copies"] if with_exact else []
    evidence = F.struct("survivor", "survivor_url", *measures, "bands", "component", *exact_evidence)
    contained = F.col("reason") == "contained"
    score = F.when(contained, F.col("containment")).otherwise(F.col("jaccard"))
    limit = F.when(contained, F.lit(config.containment_threshold)).otherwise(F.lit(config.jaccard_threshold))
    return found.join(survivors, "survivor").select(
        "record_id",
        F.lit("dropped").alias("verdict"),
        "reason",
        score.cast("double").alias("score"),
        F.when(F.col("jaccard").isNotNull(), limit).cast("double").alias("threshold"),
        F.to_json(evidence).alias("evidence"),  # leaves out what is null
        F.lit(0).alias("duplicates"),
    )


def _kept_rows(found: DataFrame) -> DataFrame:
    kept = found.groupBy(F.col("survivor").alias("record_id")).agg(
        F.count("*").cast("int").alias("duplicates"), F.max("component").alias("component")
    )
    return kept.select(
        "record_id",
        F.lit("kept").alias("verdict"),
        F.lit(None).cast("string").alias("reason"),
        F.lit(None).cast("double").alias("score"),
        F.lit(None).cast("double").alias("threshold"),
        F.to_json(F.struct("component", "duplicates")).alias("evidence"),
        "duplicates",
    )
