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
