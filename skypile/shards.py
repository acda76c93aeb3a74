"""Stage 5: balanced Parquet shards per language, in a stable order.

The one stage that moves text: a document's shard is a hash of its id, so shards of a language hold about
equally many bytes, mix all sources, and come out byte for byte the same on every run.

Pages that were taken down (`skypile.run_folder.takedowns`) are dropped here, emptied of text, title and metadata. They
count for the number of shards, so that no other page changes place.
"""

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.config import ShardsConfig
from skypile.run_folder.takedowns import EMPTIED, REASON, Takedown
from skypile.schema import DROPPED, KEPT, STAGE_COLUMNS, names


def shards(config: ShardsConfig, taken_down: Sequence[Takedown] = ()) -> Callable[[DataFrame], DataFrame]:
    """Stage function: adds `shard`, and arranges rows so that each partition is one shard of one language.

    The documents have `keep_weight` already (skypile.recurrence.in_spark). `taken_down`: pages to leave out.
    """

    def arrange(frame: DataFrame) -> DataFrame:
        sizes = frame.groupBy("language").agg(F.sum(F.octet_length("text")).alias("bytes")).collect()
        counts = {row["language"]: max(1, round(row["bytes"] / (config.shard_mb << 20))) for row in sizes}
        first, total = {}, 0
        for language in sorted(counts):
            first[language], total = total, total + counts[language]
        if not total:
            return _verdict(frame.withColumn("shard", F.lit(0)), taken_down)
        of_language = F.create_map(*[F.lit(x) for item in counts.items() for x in item])
        offset = F.create_map(*[F.lit(x) for item in first.items() for x in item])
        shard = F.pmod(F.xxhash64("record_id"), of_language[F.col("language")]).cast("int")
        placed = frame.withColumn("shard", shard).repartitionById(total, shard + offset[F.col("language")])
        return _verdict(placed.sortWithinPartitions("language", F.xxhash64("record_id"), "record_id"), taken_down)

    return arrange


def _verdict(frame: DataFrame, taken_down: Sequence[Takedown]) -> DataFrame:
    if taken_down:
        pages = [(page.key, page.evidence) for page in taken_down]
        listed = F.broadcast(frame.sparkSession.createDataFrame(pages, "key string, evidence string"))
        by_id = listed.select(F.col("key").alias("record_id"), F.col("evidence").alias("of_id"))
        by_url = listed.select(F.col("key").alias("url"), F.col("evidence").alias("of_url"))
        frame = frame.join(by_id, "record_id", "left").join(by_url, "url", "left")
        evidence = F.coalesce("of_id", "of_url")
    else:
        evidence = F.lit(None).cast("string")
    gone = evidence.isNotNull()
    verdict = {
        "verdict": F.when(gone, DROPPED).otherwise(KEPT),
        "reason": F.when(gone, REASON),
        "score": F.lit(None).cast("double"),
        "threshold": F.lit(None).cast("double"),
        "evidence": evidence,
    }
    emptied = {name: F.when(~gone, F.col(name)) for name in EMPTIED} if taken_down else {}
    return frame.withColumns(verdict | emptied).select(*names(STAGE_COLUMNS["shards"]))
