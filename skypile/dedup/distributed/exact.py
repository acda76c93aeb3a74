"""Records that are equal outright: the same canonical URL, the same folded text.

A URL alone is no proof: parameters that are taken for tracking may choose the page, and a site may answer every address
with one frame. So what has the URL of a better record goes only if the texts agree: if ``url_overlap`` of the shorter
one's shingles lie in the other. A page that was captured twice and has changed since mostly says again what it said.

URLs come first. A page's other captures go in favour of one capture, and only then are texts compared: in
the other order a text could be dropped for the sake of a copy that is then dropped as an older capture of
its URL.
"""

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.similarity import overlap_pairs
from skypile.dedup.sketch import unpacked_sets
from skypile.runtime.map_arrow import map_batches

AGREEING_TYPE = "record_id string, via string, jaccard double, containment double"
AGREEING = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("via", pa.string()),
        pa.field("jaccard", pa.float64()),
        pa.field("containment", pa.float64()),  # share of the smaller set in the other
    ]
)


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


def agreeing_records(equal: DataFrame, sketches: DataFrame, config: DedupConfig) -> DataFrame:
    """Those of ``equal_records`` whose texts agree: record_id, via, copies (of those), jaccard, containment."""
    if not config.url_overlap:
        return equal

    def side(name: str) -> DataFrame:
        return sketches.select(
            F.col("record_id").alias(name),
            *(F.col(column).alias(f"{name}_{column}") for column in ("shingles", "limit")),
        )

    columns = [
        "record_id",
        "via",
        *(f"{name}_{column}" for name in ("record_id", "via") for column in ("shingles", "limit")),
    ]
    joined = equal.select("record_id", "via").join(side("record_id"), "record_id").join(side("via"), "via")
    measured = map_batches(joined.select(*columns), measure_overlap, AGREEING_TYPE)
    agree = measured.where(F.col("containment") >= config.url_overlap)
    copies = agree.groupBy("via").agg((F.count("*") + 1).cast("int").alias("copies"))
    return agree.join(copies, "via")


def measure_overlap(pairs: pa.RecordBatch) -> pa.RecordBatch:
    """Measure pairs given with the sets of both sides (columns record_id_* and via_*); the schema is ``AGREEING``."""
    left, right = unpacked_sets(pairs["via_shingles"]), unpacked_sets(pairs["record_id_shingles"])
    limits = [pairs[f"{side}_limit"].to_numpy().astype(np.uint32) for side in ("via", "record_id")]
    jaccard, overlap = overlap_pairs(*left, limits[0], *right, limits[1])
    columns = [pairs["record_id"], pairs["via"], pa.array(jaccard), pa.array(overlap)]
    return pa.RecordBatch.from_arrays(columns, schema=AGREEING)
