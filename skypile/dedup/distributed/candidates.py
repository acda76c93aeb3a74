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
from skypile.dedup.distributed.index import is_new


def shared_buckets(sketches: DataFrame) -> DataFrame:
    """Members of buckets with two or more: record_id, rank, band (position in ``buckets``), bucket, size of the bucket.

    Most buckets have one member. They go here, by a sort of their keys alone: to sort all of them by rank and id for
    ``bucket_pairs`` takes twice as long (4 million rows, two cores: 10.8 s against 6.6 s).
    """
    members = sketches.select("record_id", "rank", F.posexplode("buckets").alias("band", "bucket"))
    return members.withColumn("size", F.count("*").over(Window.partitionBy("bucket"))).where("size > 1")


def bucket_pairs(members: DataFrame, config: DedupConfig, *keys: str) -> DataFrame:
    """Distinct pairs (better, worse) of record ids within groups of equal ``keys``, the worse one an arriving document.

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
    # By a null array and not by ``where``: Spark would carry that condition into one of the two joins that
    # ``confirmed_edges`` makes with the same sets, and then shuffle the sets twice.
    return placed.select(F.explode(F.when(is_new("worse"), better)).alias("better"), "worse").distinct()


def refined_candidates(left: DataFrame, members: DataFrame, round_number: int, config: DedupConfig) -> DataFrame:
    """Candidate pairs among the members of large buckets that are still there.

    Two cuts of each bucket: as it is (its first members have changed), and by the ``round_number``-th band
    after its own, so that documents that agree in both bands meet; near-duplicates agree in many bands,
    look-alikes in few. ``members``: all ``shared_buckets``; where a document's second bucket is none of them,
    nobody agrees with it in both.
    """
    second = members.select("record_id", F.col("band").alias("second_band"), F.col("bucket").alias("second"))
    finer = left.withColumn("second_band", (F.col("band") + round_number) % config.bands)
    finer = finer.join(second, ["record_id", "second_band"])
    return bucket_pairs(left, config, "bucket").union(bucket_pairs(finer, config, "bucket", "second")).distinct()
