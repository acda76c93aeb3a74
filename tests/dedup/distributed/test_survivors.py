import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from skypile.dedup.distributed import survivors
from skypile.dedup.distributed.components import connected_components
from skypile.dedup.distributed.hold import holder
from skypile.dedup.distributed.survivors import best_match, dropped_documents, solve_sorted
from skypile.dedup.one_task import dropped_nodes

HOLD = holder(None)


def greedy(edges: set[tuple[int, int]], nodes: int) -> list[bool]:
    """In order, a node goes if a smaller neighbour stays."""
    dropped = [False] * nodes
    for node in range(nodes):
        dropped[node] = any(not dropped[a] for a, b in edges if b == node)
    return dropped


EDGES = st.sets(
    st.tuples(st.integers(0, 14), st.integers(0, 14)).map(lambda e: (min(e), max(e))).filter(lambda e: e[0] < e[1])
)


@given(EDGES, st.randoms())
@settings(deadline=None)
def test_the_kernel_is_greedy_in_order(edges: set[tuple[int, int]], rng: random.Random) -> None:
    rows = sorted(edges)
    rng.shuffle(rows)
    better, worse = (np.array([edge[side] for edge in rows], np.int64) for side in (0, 1))
    assert dropped_nodes(better, worse, 15).tolist() == greedy(edges, 15)


def test_components_that_cross_batches_are_solved_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survivors, "SOLVE_ROWS", 3)
    rows = [(f"c{c}", f"c{c}n{i}", f"c{c}n{i + 1}") for c in range(5) for i in range(7)]  # chains of 8
    batches = [
        pa.RecordBatch.from_pylist(
            [dict(zip(("component", "better", "worse"), row, strict=True)) for row in rows[i : i + 2]]
        )
        for i in range(0, len(rows), 2)
    ]
    dropped = [node for batch in solve_sorted(iter(batches)) for node in batch["record_id"].to_pylist()]
    assert sorted(dropped) == sorted(f"c{c}n{i}" for c in range(5) for i in (1, 3, 5, 7))


@pytest.mark.parametrize("local_edges", [10**6, 0], ids=["by component", "by rounds"])
def test_both_ways_drop_the_same(spark: SparkSession, local_edges: int) -> None:
    rng = random.Random(8)
    edges = {(0, node) for node in range(1, 40)}  # a hub, then clusters and a short chain
    edges |= {tuple(sorted(rng.sample(range(60 + 10 * c, 70 + 10 * c), 2))) for c in range(20) for _ in range(15)}
    edges |= {(n, n + 1) for n in range(300, 308)}
    rows = [(f"{a:03d}", f"{b:03d}") for a, b in edges]
    frame = spark.createDataFrame(rows, "better string, worse string").repartition(3)
    labels = connected_components(frame, 10**6, HOLD)
    found = [row["record_id"] for row in dropped_documents(frame, labels, local_edges, HOLD).collect()]
    assert sorted(found) == [f"{n:03d}" for n, gone in enumerate(greedy(edges, 309)) if gone]


def test_the_closest_survivor_is_named(spark: SparkSession) -> None:
    rows = [("a", "d", 0.85, 0.9, 3), ("b", "d", 0.95, 0.97, 9), ("c", "d", 0.99, 0.99, 20), ("x", "c", 0.9, 0.9, 8),
            ("big", "e", 0.3, 1.0, 1), ("a", "e", 0.8, 0.85, 2)]  # fmt: skip
    edges = spark.createDataFrame(rows, "better string, worse string, jaccard double, containment double, bands int")
    dropped = spark.createDataFrame([("c",), ("d",), ("e",)], "record_id string")
    found = {row["record_id"]: row["survivor"] for row in best_match(edges, dropped).collect()}
    assert found == {"c": "x", "d": "b", "e": "a"}  # c is closer to d, but goes itself
