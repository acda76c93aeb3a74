"""Large buckets: a linear number of pairs, and still every group in them is found."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.distributed.candidates import bucket_pairs
from skypile.dedup.stage import dedup_decisions

TEMPLATE = " ".join(f"template{i}" for i in range(150))


@pytest.mark.parametrize("members", [2, 16, 17, 1000])
def test_pairs_of_a_bucket(spark: SparkSession, members: int) -> None:
    frame = spark.range(members).select(
        F.format_string("%04d", "id").alias("record_id"), F.lit(0.0).alias("rank"), F.lit(7).alias("bucket")
    )
    pairs = [(int(row["better"]), int(row["worse"])) for row in bucket_pairs(frame, DedupConfig(), "bucket").collect()]
    small = min(members, 16)
    expected = [(a, b) for b in range(small) for a in range(b)]
    expected += [(a, b) for b in range(small, members) for a in (0, b - 1)]
    assert sorted(pairs) == sorted(expected)


@pytest.mark.parametrize(
    "local", [pytest.param(0, id="distributed", marks=pytest.mark.slow), pytest.param(10**6, id="one task")]
)
def test_groups_within_a_shared_template_are_told_apart(spark: SparkSession, local: int) -> None:
    """300 groups of 5: pages of a group are near-duplicates, groups share the template (J about 0.55)."""
    group = F.col("id") % 300
    own = [F.concat(F.lit("g"), group.cast("string"), F.lit(f"x{i}")) for i in range(60)]
    text = F.concat_ws(" ", F.lit(TEMPLATE), *own, F.concat(F.lit("page"), F.col("id").cast("string")))
    documents = spark.range(1500).select(
        F.format_string("%06d", "id").alias("record_id"), F.lit(None).cast("string").alias("url"), text.alias("text")
    )
    decisions = dedup_decisions(documents, DedupConfig(local_documents=local, survivor="smallest_id"))
    kept = decisions.where("verdict = 'kept'").select("record_id", "duplicates").collect()
    assert sorted(row["record_id"] for row in kept) == [f"{n:06d}" for n in range(300)]
    assert {row["duplicates"] for row in kept} == {4}


@pytest.mark.slow
@pytest.mark.parametrize("local", [0, 10**6], ids=["distributed", "one task"])
@pytest.mark.parametrize("rounds", [0, 1])
def test_large_buckets_are_cut_finer(spark: SparkSession, local: int, rounds: int) -> None:
    """900 groups of 3, each of one of 30 first halves and one of 30 second halves: every bucket holds 90 pages.

    Only a second band tells the groups apart: 1,608 pages stay without an extra round, 1,342 after one that
    looks at the buckets as they are, 908 after one that cuts them finer too.
    """
    halves = [F.concat(F.lit("a"), F.col("id") % 30, F.lit(f"x{i}")) for i in range(80)]
    halves += [F.concat(F.lit("b"), F.floor(F.col("id") / 30) % 30, F.lit(f"x{i}")) for i in range(80)]
    text = F.concat_ws(" ", *halves, F.concat(F.lit("page"), F.col("id").cast("string")))
    documents = spark.range(2700).select(
        F.format_string("%06d", "id").alias("record_id"), F.lit(None).cast("string").alias("url"), text.alias("text")
    )
    settings = DedupConfig(local_documents=local, survivor="smallest_id", bands=6, rows=1, mega_rounds=rounds)
    kept = 2700 - dedup_decisions(documents, settings).where("verdict = 'dropped'").count()
    assert 900 <= kept < 920 if rounds else kept > 1500
