"""Who stays: of every set of confirmed duplicates, the best document and whatever is not close to one that stays.

Documents are taken in survivor order, best first. A document is dropped exactly when a document that stays
is close to it (a confirmed edge), and stays otherwise. So nothing is dropped through a chain of
acquaintances, no two documents that stay are a confirmed pair, and the outcome depends on nothing but the
edges and the order: it is the lexicographically first maximal independent set of the graph.

    chain A ~ B ~ C ~ D in survivor order: A stays, B goes (close to A), C stays (only B and D are close), D
    goes

The order is acyclic, so a document may be decided as soon as all its better neighbours are. That is done a
component at a time, in compiled code, in one pass over the edges; a task holds one component (some 40 bytes
an edge). Above ``local_edges`` edges, distributed rounds decide first all documents that have no undecided
better neighbour and the ones these drop, which dissolves hubs and leaves little.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.dedup.distributed.hold import Hold
from skypile.dedup.one_task import dropped_nodes
from skypile.dedup.sketch import MARK
from skypile.runtime.map_arrow import map_arrow

SOLVE_ROWS = 200_000  # edges solved at a time; one call costs about 1 ms beside its rows
PEEL_ROUNDS = 20


def solve_edges(edges: pa.Table) -> pa.Array:
    """Ids dropped by a set of edges (columns better, worse) that holds whole components."""
    both = pa.chunked_array([*edges["better"].chunks, *edges["worse"].chunks], pa.string())
    encoded = both.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    dropped = dropped_nodes(codes[: len(edges)], codes[len(edges) :], len(encoded.dictionary))
    return encoded.dictionary.filter(pa.array(dropped))


def solve_sorted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Ids dropped (one string column) by edges that come sorted by component."""
    held: list[pa.RecordBatch] = []
    rows, attempt_at = 0, SOLVE_ROWS
    for batch in batches:
        held.append(batch)
        rows += len(batch)
        if rows < attempt_at:
            continue
        table = pa.Table.from_batches(held).combine_chunks()
        labels = table["component"].combine_chunks().dictionary_encode().indices.to_numpy()
        whole = int(np.searchsorted(labels, labels[-1]))  # sorted, so codes rise; the last component may go on
        if whole:
            yield _dropped_batch(table.slice(0, whole))
        held = table.slice(whole).to_batches()
        rows -= whole
        attempt_at = max(SOLVE_ROWS, 2 * rows)  # a giant component is looked at log(size) times, not at every batch
    if rows:
        yield _dropped_batch(pa.Table.from_batches(held))


def _dropped_batch(edges: pa.Table) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([solve_edges(edges)], ["record_id"])


def peel(edges: DataFrame) -> tuple[DataFrame, DataFrame]:
    """One distributed round: the ids it drops (record_id) and the edges that are left to decide."""
    worse = edges.select(F.col("worse").alias("better")).distinct()
    first = edges.select("better").distinct().join(worse, "better", "left_anti")
    gone = edges.join(first, "better").select("worse").distinct()
    left = edges.join(gone, "worse", "left_anti")
    left = left.join(gone.select(F.col("worse").alias("better")), "better", "left_anti")
    return gone.select(F.col("worse").alias("record_id")), left


def dropped_documents(edges: DataFrame, components: DataFrame, local_edges: int, hold: Hold) -> DataFrame:
    """Ids (record_id) of the documents to drop.

    ``edges``: better, worse, …; ``components``: node, component of every node in the edges.
    """
    links, peeled = edges.select("better", "worse"), []
    for _ in range(PEEL_ROUNDS):
        if links.count() <= local_edges:
            break
        gone, left = peel(links)
        peeled.append(hold(gone, "peeled"))
        links = hold(left, "links")
    labelled = links.join(components, F.col("worse") == F.col("node")).select("component", "better", "worse")
    arranged = labelled.repartition("component").sortWithinPartitions("component", "better", "worse")
    result = map_arrow(arranged, solve_sorted, "record_id string")
    for gone in peeled:
        result = result.union(gone)
    return result


def best_match(edges: DataFrame, dropped: DataFrame) -> DataFrame:
    """For each dropped document the closest document that stays: record_id, survivor, jaccard, containment, bands.

    The highest similarity decides, so that a near-duplicate goes before a containing document; then the containment,
    then the smaller id.
    """
    gone = dropped.select(F.col("record_id").alias("better"))
    stays = edges.join(gone, "better", "left_anti")
    name = F.substring_index("better", MARK, -1)  # without the arrival, whose name is a digest
    order = F.struct(-F.col("jaccard"), -F.col("containment"), name, "better")
    best = F.min_by(F.struct("better", "jaccard", "containment", "bands"), order).alias("best")
    chosen = stays.groupBy("worse").agg(best)
    return chosen.select(
        F.col("worse").alias("record_id"),
        F.col("best.better").alias("survivor"),
        "best.jaccard",
        "best.containment",
        "best.bands",
    )
