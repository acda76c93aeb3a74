"""From texts to vectors, and from vectors to clusters: on Arrow batches, the same with Spark and without."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from skypile.config import DistributionFilterConfig
from skypile.distribution import centroid_files, centroids, embedding
from skypile.distribution.centroids import Centroids
from skypile.distribution.thinning import ASSIGNED, VECTORS


def embedded(batch: pa.RecordBatch, config: DistributionFilterConfig) -> pa.RecordBatch:
    """VECTORS of documents (record_id, url, text: its leading characters).

    The vector's int8 components as bytes; null where the embedder knows less of the text than `min_coverage`.
    """
    vectors, coverage = embedding.load(config.model).embed(batch["text"].to_pylist())
    unknown = ~vectors.any(axis=1) | (coverage < np.float32(config.min_coverage))
    held = pa.array([vector.tobytes() for vector in vectors], pa.binary(), mask=unknown)
    columns = [batch["record_id"], batch["url"], held, pa.array(coverage, pa.float32())]
    return pa.RecordBatch.from_arrays(columns, schema=VECTORS)


def trained(sample: pa.Array | pa.ChunkedArray, rows: int, config: DistributionFilterConfig) -> Centroids:
    """Centroids of a sample (vectors as bytes, in the order of their draws) of so many documents."""
    dim = embedding.load(config.model).dim
    array = np.frombuffer(b"".join(sample.to_pylist()), np.int8).reshape(len(sample), dim)
    k = centroids.count(rows, len(sample), config.clusters)
    return centroids.train(array, k, centroids.count_topics(k, config.topics), config.iterations, config.seed)


def assigned(batch: pa.RecordBatch, centres: Centroids) -> pa.RecordBatch:
    """ASSIGNED of VECTORS; topic, cluster and similarity are null where there is no vector."""
    held = batch["vector"].drop_null()
    cluster, similarity = np.empty(0, np.int32), np.empty(0, np.float32)
    if len(held) and len(centres.clusters):
        array = np.frombuffer(b"".join(held.to_pylist()), np.int8).reshape(len(held), -1)
        cluster, similarity = centroids.assign(array, centres)
    present = batch["vector"].is_valid().to_numpy(zero_copy_only=False) & bool(len(cluster))
    at = pa.array(np.cumsum(present) - 1, mask=~present)
    found = (pa.array(values).take(at) for values in (centres.parents[cluster], cluster, similarity))
    return pa.RecordBatch.from_arrays(
        [batch["record_id"], batch["url"], *found, batch["embedding_coverage"]], schema=ASSIGNED
    )


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
