"""From what was found about each dropped document to decision rows with evidence."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.stages.dedup_index import MARK, is_new

DECISION_COLUMNS = ("record_id", "verdict", "reason", "score", "threshold", "evidence", "duplicates")


def dropped_fates(
    exact: list[DataFrame], near: DataFrame, corpus_survivors: DataFrame, config: DedupConfig
) -> DataFrame:
    """One row a dropped document: record_id, survivor, via, reason and the measures, from the passes in their order.

    A record may be found equal to one that is itself dropped, in a later pass or in an earlier arrival. Its
    survivor is then that one's survivor (its text is the same, or it is an older capture of the same page),
    and ``via`` names the record it was equal to. ``corpus_survivors``: record_id, survivor of corpus
    documents that were dropped.
    """
    similar = F.col("jaccard") >= config.jaccard_threshold
    near = near.withColumn("reason", F.when(similar, "near_duplicate").otherwise("contained"))
    rows, later = [near], near.select("record_id", "survivor").union(corpus_survivors)
    for equal in reversed(exact):
        follow = later.select(F.col("record_id").alias("via"), "survivor")
        resolved = equal.join(follow, "via", "left").withColumn("survivor", F.coalesce("survivor", "via"))
        rows.append(resolved.withColumn("via", F.when(F.col("via") != F.col("survivor"), F.col("via"))))
        later = later.union(resolved.select("record_id", "survivor"))
    return reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), rows)


def verdict_rows(fates: DataFrame, names: DataFrame, config: DedupConfig) -> DataFrame:
    """Decisions (``DECISION_COLUMNS``) from ``dropped_fates``; ``names``: record_id and url of all that may survive."""
    return dropped_rows(fates, names, config).unionByName(kept_rows(fates.where(is_new("survivor"))))


def dropped_rows(fates: DataFrame, names: DataFrame, config: DedupConfig) -> DataFrame:
    survivors = names.select(F.col("record_id").alias("survivor"), F.col("url").alias("survivor_url"))
    in_corpus = ~is_new("survivor")
    evidence = F.struct(
        _plain("survivor").alias("survivor"),
        "survivor_url",
        *(F.round(name, 6).alias(name) for name in ("jaccard", "containment")),
        *("bands", "component", "copies"),
        _plain("via").alias("via"),
        F.when(in_corpus, F.col("reason")).alias("match"),
        F.when(in_corpus, F.get(F.split("survivor", MARK), 1)).alias("arrival"),
    )
    contained = F.col("reason") == "contained"
    score = F.when(contained, F.col("containment")).otherwise(F.col("jaccard"))
    limit = F.when(contained, F.lit(config.containment_threshold)).otherwise(F.lit(config.jaccard_threshold))
    return fates.join(survivors, "survivor").select(
        "record_id",
        F.lit("dropped").alias("verdict"),
        F.when(in_corpus, "in_corpus").otherwise(F.col("reason")).alias("reason"),
        score.cast("double").alias("score"),
        F.when(F.col("jaccard").isNotNull(), limit).cast("double").alias("threshold"),
        F.to_json(evidence).alias("evidence"),  # leaves out what is null
        F.lit(0).alias("duplicates"),
    )


def _plain(record: str) -> Column:
    """Record id without the mark of the corpus."""
    return F.element_at(F.split(record, MARK), -1)


def kept_rows(fates: DataFrame) -> DataFrame:
    kept = fates.groupBy(F.col("survivor").alias("record_id")).agg(
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
