"""Large buckets: a linear number of pairs, and still every group in them is found."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.stages.dedup import dedup_decisions
from skypile.stages.dedup_candidates import bucket_pairs

TEMPLATE = " ".join(f"template{i}" for i in range(150))


@pytest.mark.parametrize("members", [2, 16, 17, 1000])
def test_pairs_of_a_bucket(spark: SparkSession, members: int) -> None:
    frame = spark.range(members).select(
        F.format_string("%04d", "id").alias("record_id"), F.lit(0.0).alias("rank"), F.lit(7).alias("bucket")
    )
    pairs = bucket_pairs(frame, DedupConfig(), "bucket").collect()
    small = min(members, 16)
    assert len({tuple(pair) for pair in pairs}) == len(pairs) == small * (small - 1) // 2 + 2 * (members - small)
    assert all(pair["better"] < pair["worse"] for pair in pairs)
    assert {pair["worse"] for pair in pairs} == {f"{n:04d}" for n in range(1, members)}


@pytest.mark.parametrize("local", [0, 10**6], ids=["distributed", "one task"])
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


@pytest.mark.parametrize("local", [0, 10**6], ids=["distributed", "one task"])
@pytest.mark.parametrize("rounds, most", [(0, 200), (3, 100)])
def test_large_buckets_are_cut_finer(spark: SparkSession, local: int, rounds: int, most: int) -> None:
    """100 groups of 6, each of one of 10 first halves and one of 10 second halves: every bucket holds 60 pages.

    Only a second band tells the groups apart; without the extra rounds 79 of 500 duplicates stay.
    """
    halves = [F.concat(F.lit("a"), F.col("id") % 10, F.lit(f"x{i}")) for i in range(80)]
    halves += [F.concat(F.lit("b"), F.floor(F.col("id") / 10) % 10, F.lit(f"x{i}")) for i in range(80)]
    text = F.concat_ws(" ", *halves, F.concat(F.lit("page"), F.col("id").cast("string")))
    documents = spark.range(600).select(
        F.format_string("%06d", "id").alias("record_id"), F.lit(None).cast("string").alias("url"), text.alias("text")
    )
    settings = DedupConfig(local_documents=local, survivor="smallest_id", bands=6, rows=1, mega_rounds=rounds)
    kept = 600 - dedup_decisions(documents, settings).where("verdict = 'dropped'").count()
    assert kept == 100 if rounds else 100 < kept <= most
