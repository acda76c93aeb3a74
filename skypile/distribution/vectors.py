"""From texts to vectors, and from vectors to clusters: on Arrow batches, the same with Spark and without."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from skypile.config import DistributionFilterConfig
from skypile.distribution import centroid_files, centroids, embedding
from skypile.distribution.centroids import Centroids, Index
from skypile.distribution.quantized import vectors_of
from skypile.distribution.thinning import ASSIGNED, VECTORS


def embedded(batch: pa.RecordBatch, config: DistributionFilterConfig) -> pa.RecordBatch:
    """VECTORS of documents (record_id, url, text: its leading characters): int8 components as bytes, null if all 0."""
    vectors, coverage = embedding.load(config.model).embed(batch["text"].to_pylist())
    held = pa.array([vector.tobytes() for vector in vectors], pa.binary(), mask=~vectors.any(axis=1))
    columns = [batch["record_id"], batch["url"], held, pa.array(coverage, pa.float32())]
    return pa.RecordBatch.from_arrays(columns, schema=VECTORS)


def trained(sample: pa.Array | pa.ChunkedArray, rows: int, config: DistributionFilterConfig) -> Centroids:
    """Centroids of a sample (vectors as bytes, in the order of their draws) of so many documents."""
    array = vectors_of(sample)
    k = centroids.count(rows, len(array), config.clusters)
    return centroids.train(array, k, centroids.count_topics(k, config.topics), config.iterations, config.seed)


def assigned(
    batch: pa.RecordBatch, centres: Centroids, config: DistributionFilterConfig, index: Index | None = None
) -> pa.RecordBatch:
    """ASSIGNED of VECTORS, by the centroids and, if it is made already, their index.

    Topic, cluster and similarity are null where the embedder knows too little of the text.
    """
    coverage = batch["embedding_coverage"].to_numpy().astype(np.float64)
    known = batch["vector"].is_valid().to_numpy(zero_copy_only=False) & (coverage >= config.min_coverage)
    known &= len(centres.clusters) > 0
    cluster, similarity = np.empty(0, np.int32), np.empty(0, np.float32)
    if known.any():
        held = vectors_of(batch["vector"].filter(pa.array(known)))
        cluster, similarity = centroids.assign(held, index or centres)
    at = pa.array(np.cumsum(known) - 1, mask=~known)
    found = (pa.array(values).take(at) for values in (centres.parents[cluster], cluster, similarity))
    columns = [batch["record_id"], batch["url"], *found, batch["embedding_coverage"]]
    return pa.RecordBatch.from_arrays(columns, schema=ASSIGNED)


def together(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at least `rows`, the last aside."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= rows:
            yield pa.concat_batches(held)
            held = []
    if held:
        yield pa.concat_batches(held)


def manifest(config: DistributionFilterConfig, centres: Centroids, rows: int, table: pa.Table) -> dict[str, Any]:
    """Of centroids that were trained on the documents that `table` counts."""
    clustered = int(np.sum(table["size"].to_numpy()))
    return centroid_files.described(config, centres, rows, clustered, min(clustered, config.sample))
