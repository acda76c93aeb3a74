"""Stage 5: balanced Parquet shards per language, in a stable order.

The one stage that moves text: a document's shard is a hash of its id, so shards of a language hold about
equally many bytes, mix all sources, and come out byte for byte the same on every run.
"""

from collections.abc import Callable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.config import ShardsConfig
from skypile.schema import KEPT, STAGE_COLUMNS, names


def shards(config: ShardsConfig) -> Callable[[DataFrame], DataFrame]:
    """Stage function: adds `shard`, and arranges rows so that each partition is one shard of one language.

    The documents have `keep_weight` already (skypile.recurrence.in_spark).
    """

    def arrange(frame: DataFrame) -> DataFrame:
        sizes = frame.groupBy("language").agg(F.sum(F.octet_length("text")).alias("bytes")).collect()
        counts = {row["language"]: max(1, round(row["bytes"] / (config.shard_mb << 20))) for row in sizes}
        first, total = {}, 0
        for language in sorted(counts):
            first[language], total = total, total + counts[language]
        if not total:
            return _verdict(frame.withColumn("shard", F.lit(0)))
        of_language = F.create_map(*[F.lit(x) for item in counts.items() for x in item])
        offset = F.create_map(*[F.lit(x) for item in first.items() for x in item])
        shard = F.pmod(F.xxhash64("record_id"), of_language[F.col("language")]).cast("int")
        placed = frame.withColumn("shard", shard).repartitionById(total, shard + offset[F.col("language")])
        return _verdict(placed.sortWithinPartitions("language", F.xxhash64("record_id"), "record_id"))

    return arrange


def _verdict(frame: DataFrame) -> DataFrame:
    kept = {
        "verdict": F.lit(KEPT),
        "reason": F.lit(None).cast("string"),
        "score": F.lit(None).cast("double"),
        "threshold": F.lit(None).cast("double"),
        "evidence": F.lit(None).cast("string"),
    }
    return frame.withColumns(kept).select(*names(STAGE_COLUMNS["shards"]))
