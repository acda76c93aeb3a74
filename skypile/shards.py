"""Stage 5: balanced Parquet shards per language, in a stable order.

The one stage that moves text: a document's shard is a hash of its id, so shards of a language hold about
equally many bytes, mix all sources, and come out byte for byte the same on every run. Documents of unlike `keep_weight`
lie in shards of their own, BANDS a doubling: whoever draws each shard as often as its mean weight says draws each
document so, within 9 %. Where all weigh 1 that makes no difference.

Pages that were taken down (`skypile.run_folder.takedowns`) are dropped here, emptied of text, title and metadata. They
count for the number of shards, so that no other page changes place.
"""

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.config import ShardsConfig
from skypile.run_folder.takedowns import EMPTIED, REASON, Takedown
from skypile.schema import DROPPED, KEPT, STAGE_COLUMNS, names

BANDS = 4
NEVER = -99  # the band of weight 0


def shards(config: ShardsConfig, taken_down: Sequence[Takedown] = ()) -> Callable[[DataFrame], DataFrame]:
    """Stage function: adds `shard`, and arranges rows so that each partition is one shard of one language.

    The documents have `keep_weight` already (skypile.recurrence.in_spark). `taken_down`: pages to leave out.
    """

    def arrange(frame: DataFrame) -> DataFrame:
        band = F.coalesce(F.round(BANDS * F.log2(F.col("keep_weight"))), F.lit(NEVER)).cast("int")
        frame = frame.withColumn("band", F.concat_ws(" ", "language", band.cast("string")))
        sizes = frame.groupBy("language", "band", band.alias("weight"))
        rows = sizes.agg(F.sum(F.octet_length("text")).alias("bytes")).orderBy("language", "weight").collect()
        counts = {row["band"]: max(1, round(row["bytes"] / (config.shard_mb << 20))) for row in rows}
        if not counts:
            return _verdict(frame.withColumn("shard", F.lit(0)), taken_down)
        first: dict[str, int] = {}  # shards before those of a band: of all, and of its language
        before: dict[str, int] = {}
        starts: dict[str, int] = {}
        total = 0
        for row in rows:
            first[row["band"]], before[row["band"]] = total, total - starts.setdefault(row["language"], total)
            total += counts[row["band"]]
        of_band, place, number = (
            F.create_map(*[F.lit(x) for item in of.items() for x in item])[F.col("band")]
            for of in (counts, first, before)
        )
        within = F.pmod(F.xxhash64("record_id"), of_band).cast("int")
        placed = frame.withColumn("shard", within + number).repartitionById(total, within + place)
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
