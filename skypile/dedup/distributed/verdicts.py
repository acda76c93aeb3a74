"""From what was found about each dropped document to decision rows, in Spark; ``evidence`` writes them."""

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from skypile.config import DedupConfig
from skypile.dedup.distributed.index import is_new
from skypile.dedup.evidence import DECISIONS, FOUND, dropped_decisions, kept_decisions
from skypile.runtime.map_arrow import map_batches


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
    survivors = names.select(F.col("record_id").alias("survivor"), F.col("url").alias("survivor_url"))
    found = fates.join(survivors, "survivor").select(*FOUND.names)
    decisions = from_arrow_schema(DECISIONS)
    dropped = map_batches(found, lambda batch: dropped_decisions(batch, config), decisions)
    same = F.when((F.col("reason") == "duplicate_text") & F.col("via").isNull(), F.col("copies"))
    sizes = (F.max(same).alias("copies"), F.max("component").alias("component"))
    counts = (F.count("*").cast("int").alias("duplicates"), *sizes)
    stay = fates.where(is_new("survivor")).groupBy(F.col("survivor").alias("record_id")).agg(*counts)
    return dropped.unionByName(map_batches(stay, kept_decisions, decisions))
