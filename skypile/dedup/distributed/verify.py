"""Exact comparison of candidate pairs.

Each pair meets the shingle sets of its two documents (two joins on record ids, sets of 4 bytes a shingle,
no text) and is measured by merging them. A pair is confirmed when its Jaccard similarity reaches the
threshold, or when enough of the worse document lies in the better one.
"""

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.config import DedupConfig
from skypile.dedup.similarity import compare_pairs, shared_bands
from skypile.dedup.sketch import unpacked_sets
from skypile.runtime.map_arrow import map_batches

EDGES_TYPE = "better string, worse string, jaccard double, containment double, bands int"
EDGES = pa.schema(
    [
        pa.field("better", pa.string()),
        pa.field("worse", pa.string()),
        pa.field("jaccard", pa.float64()),  # of the two shingle sets
        pa.field("containment", pa.float64()),  # share of worse's shingles that better has
        pa.field("bands", pa.int32()),  # bands in which the signatures agree
    ]
)


def measure_pairs(pairs: pa.RecordBatch) -> pa.RecordBatch:
    """Measure pairs given with the sketches of both sides (columns better_* and worse_*); the schema is ``EDGES``."""
    left, right = unpacked_sets(pairs["better_shingles"]), unpacked_sets(pairs["worse_shingles"])
    limits = [pairs[f"{side}_limit"].to_numpy().astype(np.uint32) for side in ("better", "worse")]
    jaccard, containment = compare_pairs(*left, limits[0], *right, limits[1])
    buckets = [pairs[f"{side}_buckets"].flatten().to_numpy() for side in ("better", "worse")]
    bands = shared_bands(buckets[0], buckets[1], len(pairs))
    return pa.RecordBatch.from_arrays(
        [pairs["better"], pairs["worse"], pa.array(jaccard), pa.array(containment), pa.array(bands)],
        schema=EDGES,
    )


def confirmed_edges(pairs: DataFrame, sketches: DataFrame, config: DedupConfig) -> DataFrame:
    """The pairs (better, worse) that are close enough, with their measures (``EDGES``)."""
    sets = sketches.select("record_id", "shingles", "limit", "buckets")

    def side(name: str) -> DataFrame:
        return sets.select(
            F.col("record_id").alias(name),
            *(F.col(column).alias(f"{name}_{column}") for column in ("shingles", "limit", "buckets")),
        )

    # The worse side first: a document is the better one of any number of pairs (the template page of a
    # large bucket) but the worse one of few, so its set is copied few times; skewed joins on ``better`` are
    # split by Spark (AQE).
    joined = pairs.join(side("worse"), "worse").join(side("better"), "better")
    columns = ["better", "worse"]
    columns += [f"{name}_{column}" for name in ("better", "worse") for column in ("shingles", "limit", "buckets")]

    close = F.col("jaccard") >= config.jaccard_threshold
    if config.containment_threshold is not None:
        close |= F.col("containment") >= config.containment_threshold
    return map_batches(joined.select(*columns), measure_pairs, EDGES_TYPE).where(close)
