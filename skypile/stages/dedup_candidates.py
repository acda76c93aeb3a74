"""Candidate pairs from LSH buckets: a linear number of them, whatever the size of a bucket.

Members of a bucket are sorted by survivor rank. In a bucket of up to ``bucket_limit`` members every pair is
a candidate. In a larger one (a template page that a tenth of the corpus shares) the first ``bucket_limit``
members are compared all with all, and each further member with the first, which is the likely survivor, and
with the one before it. What this misses is caught in ``refined_candidates``: most members of a large bucket
are confirmed duplicates of its first and gone; among the rest, buckets are cut finer by a second band and
looked at again.

Windows stream through a sorted partition with at most ``bucket_limit`` rows in memory, so a bucket may be
of any size.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from skypile.config import DedupConfig


def bucket_members(sketches: DataFrame) -> DataFrame:
    """One row a document and band: record_id, rank, band (position in ``buckets``), bucket."""
    return sketches.select("record_id", "rank", F.posexplode("buckets").alias("band", "bucket"))


def bucket_pairs(members: DataFrame, config: DedupConfig, *keys: str) -> DataFrame:
    """Pairs (better, worse) of record ids within groups of equal ``keys``; the same pair may come several times.

    ``members``: record_id, rank and the keys.
    """
    ordered = Window.partitionBy(*keys).orderBy("rank", "record_id")
    earlier = ordered.rowsBetween(-(config.bucket_limit - 1), -1)
    placed = members.select(
        F.col("record_id").alias("worse"),
        F.row_number().over(ordered).alias("place"),
        F.first("record_id").over(ordered).alias("first"),
        F.collect_list("record_id").over(earlier).alias("earlier"),
    ).where("place > 1")
    few = F.array_distinct(F.array("first", F.element_at("earlier", -1)))
    better = F.when(F.col("place") <= config.bucket_limit, F.col("earlier")).otherwise(few)
    return placed.select(F.explode(better).alias("better"), "worse")


def large_buckets(members: DataFrame, config: DedupConfig) -> DataFrame:
    """Keys of the buckets with more than ``bucket_limit`` members."""
    return members.groupBy("bucket").count().where(F.col("count") > config.bucket_limit).select("bucket")


def large_bucket_members(sketches: DataFrame, config: DedupConfig) -> DataFrame:
    """Members of the large buckets, with ``band`` and the document's whole row of ``buckets``."""
    members = bucket_members(sketches)
    members = members.join(large_buckets(members, config), "bucket", "left_semi")
    return members.join(sketches.select("record_id", "buckets"), "record_id")


def refined_candidates(members: DataFrame, round_number: int, config: DedupConfig) -> DataFrame:
    """Candidate pairs among the members of large buckets that are still there.

    Two cuts of each bucket: as it is (its first members have changed), and by the ``round_number``-th band
    after its own, so that documents that agree in both bands meet; near-duplicates agree in many bands,
    look-alikes in few.
    """
    second = F.get("buckets", (F.col("band") + round_number) % config.bands)
    finer = members.withColumn("second", second)
    return bucket_pairs(members, config, "bucket").union(bucket_pairs(finer, config, "bucket", "second")).distinct()
