import random
from itertools import pairwise

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from skypile.dedup.distributed import components
from skypile.dedup.distributed.components import connected_components, contract, label_nodes
from skypile.dedup.distributed.hold import holder

HOLD = holder(None)


def expected(edges: list[tuple[str, str]]) -> dict[str, str]:
    """Labels by repeated relabelling: slow and obvious."""
    labels = {node: node for edge in edges for node in edge}
    changed = True
    while changed:
        changed = False
        for a, b in edges:
            low = min(labels[a], labels[b])
            changed |= labels[a] != low or labels[b] != low
            labels[a] = labels[b] = low
    return labels


def graph() -> list[tuple[str, str]]:
    rng = random.Random(4)
    chain = [f"chain{n:04d}" for n in range(300)]
    rng.shuffle(chain)
    edges = list(pairwise(chain))
    edges += [("hub", f"leaf{n}") for n in range(500)]
    for cluster in range(40):
        nodes = [f"c{cluster}n{n}" for n in range(rng.randint(2, 9))]
        edges += [(rng.choice(nodes), rng.choice(nodes)) for _ in range(12)]
    edges += [("hub", "leaf1"), ("leaf1", "hub"), ("self", "self")]
    rng.shuffle(edges)
    return edges


@pytest.mark.parametrize("local_edges", [10**6, 0], ids=["contraction", "stars"])
def test_components_of_chains_hubs_and_clusters(spark: SparkSession, local_edges: int) -> None:
    edges = graph()
    frame = spark.createDataFrame(edges, "a string, b string").repartition(4)
    rows = connected_components(frame, local_edges, HOLD).collect()
    found = {row["node"]: row["component"] for row in rows}
    wanted = expected(edges)
    if local_edges == 0:
        wanted.pop("self")  # a document is never linked to itself; the stars leave such an edge out
    assert len(rows) == len(found)
    assert found == wanted


def test_contraction_in_steps_joins_what_the_steps_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "CONTRACT_ROWS", 50)
    edges = graph()
    batches = [
        pa.record_batch([[*side] for side in zip(*edges[i : i + 20], strict=True)], ["a", "b"])
        for i in range(0, len(edges), 20)
    ]
    rows = [row for batch in contract(iter(batches)) for row in batch.to_pylist()]
    assert {row["node"]: row["component"] for row in rows} == expected(edges)


def test_no_edges(spark: SparkSession) -> None:
    empty = spark.createDataFrame([], "a string, b string")
    assert connected_components(empty, 10, HOLD).collect() == []


def test_labels_do_not_depend_on_the_order_of_edges() -> None:
    edges = graph()
    columns = [pa.chunked_array([[edge[side] for edge in edges]], pa.string()) for side in (0, 1)]
    forward = label_nodes(*columns)
    backward = label_nodes(*(pa.chunked_array([column.combine_chunks()[::-1]]) for column in reversed(columns)))
    assert forward.to_pydict() == backward.to_pydict()
