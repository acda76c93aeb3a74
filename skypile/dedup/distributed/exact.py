"""Records that are equal outright: the same canonical URL, the same folded text.

URLs come first. A page's other captures go in favour of one capture, and only then are texts compared: in
the other order a text could be dropped for the sake of a copy that is then dropped as an older capture of
its URL.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def equal_groups(sketches: DataFrame, key: str) -> DataFrame:
    """Groups of two or more sketches with an equal key: the key, ``best`` (rank, record_id) and ``copies``.

    A grouped minimum, combined before the shuffle, so that a key that a tenth of the corpus shares is no
    burden.
    """
    groups = sketches.where(F.col(key).isNotNull()).groupBy(key)
    best = F.min(F.struct("rank", "record_id")).alias("best")
    return groups.agg(best, F.count("*").alias("copies")).where("copies > 1")


def equal_records(sketches: DataFrame, key: str) -> DataFrame:
    """Records that have a better one with an equal key: record_id, via (the better one), copies (size of the group)."""
    joined = sketches.select("record_id", key).join(equal_groups(sketches, key), key)
    return joined.where("record_id != best.record_id").select(
        "record_id", F.col("best.record_id").alias("via"), F.col("copies").cast("int").alias("copies")
    )
