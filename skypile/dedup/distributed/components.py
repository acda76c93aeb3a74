"""Connected components of a graph of record ids, in Spark.

Small and middling graphs (up to some 100 million edges): every partition contracts its own edges to a
spanning forest, then one task joins the forests. The forest has at most one edge a node, so what the last
task reads does not grow with the number of edges. Measured elsewhere on this algorithm: 889,000 edges with
a chain of 100,000 and a hub of 200,000 nodes in 12.8 s, against 336 s for alternating stars.

Larger graphs: alternating large and small stars (Kiveris et al. 2014, "Connected Components in MapReduce
and Beyond"), O(log² n) rounds in theory and about log of the diameter in practice, nothing on one machine.
Each round costs two shuffles of the edges.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as scipy_components

from skypile.dedup.distributed.hold import Hold
from skypile.runtime.map_arrow import map_arrow

LABELS = pa.schema([pa.field("node", pa.string()), pa.field("component", pa.string())])
LABELS_TYPE = "node string, component string"
CONTRACT_ROWS = 4_000_000  # edges held before they are contracted: about 400 MB of ids


def label_nodes(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.RecordBatch:
    """Smallest id of its component for every node of the edges (left[i], right[i]); the schema is ``LABELS``.

    edges a-b, b-c, x-y -> a: a, b: a, c: a, x: x, y: x
    """
    edges = len(left)
    encoded = pa.chunked_array([*left.chunks, *right.chunks], pa.string()).combine_chunks().dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    nodes = encoded.dictionary.take(order)
    place = np.empty(len(nodes), np.int64)
    place[order.to_numpy()] = np.arange(len(nodes))  # codes in the order of the ids: the smallest code is the label
    codes = place[encoded.indices.to_numpy()]
    graph = coo_array((np.ones(edges, np.int8), (codes[:edges], codes[edges:])), shape=(len(nodes), len(nodes)))
    count, group = scipy_components(graph, directed=False)
    smallest = np.full(count, len(nodes), np.int64)
    np.minimum.at(smallest, group, np.arange(len(nodes)))
    return pa.RecordBatch.from_arrays([nodes, nodes.take(pa.array(smallest[group]))], schema=LABELS)


def contract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Replace edges (two string columns) by a star a component of these edges, in bounded steps."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch.rename_columns(LABELS.names))
        if sum(len(part) for part in held) >= CONTRACT_ROWS:
            held = [_contracted(held)]
    if any(len(part) for part in held):
        yield _contracted(held)


def _contracted(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(parts, LABELS)
    return label_nodes(table["node"], table["component"])


def components_by_contraction(edges: DataFrame) -> DataFrame:
    """(node, component) by a spanning forest a partition and one last task; ``edges`` has two string columns."""
    forests = map_arrow(edges, contract, LABELS_TYPE)
    return map_arrow(forests.repartition(1), contract, LABELS_TYPE)


def components_by_stars(edges: DataFrame, hold: Hold, most_rounds: int = 64) -> DataFrame:
    """(node, component) by alternating large and small stars; ``edges`` has two string columns."""
    left, right = edges.columns
    links = edges.select(F.greatest(left, right).alias("node"), F.least(left, right).alias("parent"))
    links = hold(links.where("node != parent").distinct(), "stars")
    for _ in range(most_rounds):
        before = links
        links = hold(small_star(large_star(links)), "stars")
        if links.exceptAll(before).isEmpty():
            roots = links.select(F.col("parent").alias("node"), F.col("parent").alias("component")).distinct()
            return links.select("node", F.col("parent").alias("component")).union(roots)
    raise RuntimeError(
        f"components did not settle in {most_rounds} rounds; the graph's diameter is beyond 2^{most_rounds}"
    )


def large_star(links: DataFrame) -> DataFrame:
    """Every neighbour larger than a node is linked to the node's smallest neighbour (or the node itself)."""
    both = links.union(links.select(F.col("parent").alias("node"), F.col("node").alias("parent")))
    return _linked(both, F.col("other") > F.col("node"))


def small_star(links: DataFrame) -> DataFrame:
    """A node and its smaller neighbours are linked to the smallest of them."""
    turned = _linked(links, F.col("other") < F.col("node"))
    own = links.groupBy("node").agg(F.min("parent").alias("parent"))
    return turned.union(own).where("node != parent").distinct()


def _linked(links: DataFrame, moves: Column) -> DataFrame:
    """Link the neighbours that ``moves`` selects to the least of a node and its neighbours.

    The least neighbour is found by a grouped minimum and joined back, so that a hub is never gathered in
    one row.
    """
    least = links.groupBy("node").agg(F.min("parent").alias("least"))
    least = least.select("node", F.least("node", "least").alias("least"))
    others = links.select("node", F.col("parent").alias("other")).join(least, "node").where(moves)
    return (
        others.select(F.col("other").alias("node"), F.col("least").alias("parent")).where("node != parent").distinct()
    )


def connected_components(edges: DataFrame, local_edges: int, hold: Hold) -> DataFrame:
    """(node, component) of every node in ``edges`` (two string columns); the label is the smallest id of the component.

    ``local_edges``: graphs of at most so many edges are finished in one task.
    """
    if edges.count() <= local_edges:
        return components_by_contraction(edges)
    return components_by_stars(edges, hold)
