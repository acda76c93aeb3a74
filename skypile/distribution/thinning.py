"""Which members of dense cores are dropped: on Arrow tables, so that it is the same with Spark and without."""

import json
import math
import struct
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

from skypile.config import DistributionFilterConfig
from skypile.runtime import files
from skypile.schema import DISTRIBUTION_COLUMNS, DROPPED, KEPT, VERDICT_COLUMNS

# Documents before and after they are assigned, the decisions on them, and a row a cluster.
VECTORS: Final = pa.schema(
    [("record_id", pa.string()), ("url", pa.string()), ("vector", pa.binary()), ("embedding_coverage", pa.float32())]
)
ASSIGNED: Final = pa.schema([*list(VECTORS)[:2], *((c.name, c.type) for c in DISTRIBUTION_COLUMNS)])
DECIDED: Final = pa.schema(
    [("record_id", pa.string()), *((c.name, c.type) for c in (*DISTRIBUTION_COLUMNS, *VERDICT_COLUMNS))]
)
CLUSTERS: Final = pa.schema(
    [
        ("topic", pa.int32()),
        ("cluster", pa.int32()),
        ("size", pa.int64()),
        ("core", pa.int64()),
        ("budget", pa.int64()),
        ("bound", pa.float64()),  # of the draws under which members of the core stay; 1 where all do
        ("medoid", pa.string()),
        ("medoid_url", pa.string()),
    ]
)
COUNTED: Final = pa.schema([("cluster", pa.int32()), ("bin", pa.int32()), ("documents", pa.int64())])
_SPARK_SEED: Final = 42
# The draw under which exactly the budget lies is budget / core, within so many standard deviations; there draws are
# counted in so many bins. What is kept is then within 0.05 roots of the budget from it.
_DEVIATIONS: Final = 6.0
_BINS: Final = 256


def draw(record_id: str, purpose: str, seed: int) -> float:
    """A number in [0, 1) from the record's id: the same on every run, independent between purposes and seeds.

    The upper 53 bits of Spark's `xxhash64(record_id, purpose, seed)`, `seed` an integer of four bytes.
    """
    found = xxhash.xxh64_intdigest(record_id.encode(), _SPARK_SEED)
    found = xxhash.xxh64_intdigest(purpose.encode(), found)
    return (xxhash.xxh64_intdigest(struct.pack("<i", seed), found) >> 11) / (1 << 53)


def budget(rows: int, config: DistributionFilterConfig) -> int:
    """How many documents a dense core may keep, of so many documents in all."""
    return max(config.budget_min, math.ceil(config.budget_share * rows))


def cluster_table(assigned: pa.Table, rows: int, config: DistributionFilterConfig) -> pa.Table:
    """CLUSTERS of the documents in `assigned` (ASSIGNED), a row for each cluster that has any, in order.

    The medoid is the member nearest to the centre, the first by record_id of several.
    """
    order = [("cluster", "ascending"), ("centroid_similarity", "descending"), ("record_id", "ascending")]
    members = assigned.filter(pc.is_valid(assigned["cluster"])).sort_by(order)
    cluster = members["cluster"].to_numpy()
    starts = np.flatnonzero(np.diff(cluster, prepend=-1))
    in_core = members["centroid_similarity"].to_numpy().astype(np.float64) >= config.core_similarity
    core = np.add.reduceat(in_core, starts, dtype=np.int64) if len(starts) else np.zeros(0, np.int64)
    first = members.take(pa.array(starts))
    columns = [
        first["topic"],
        first["cluster"],
        pa.array(np.diff(starts, append=len(cluster))),
        pa.array(core),
        pa.array(np.full(len(starts), budget(rows, config))),
        pa.array(np.ones(len(starts))),
        first["record_id"],
        first["url"],
    ]
    table = pa.Table.from_arrays(columns, schema=CLUSTERS)
    if not crowded(table):
        return table
    found = [counted(batch, table, config) for batch in assigned.to_batches(max_chunksize=1 << 16)]
    return bounded(table, pa.Table.from_batches(found))


def read_clusters(folder: str) -> pa.Table | None:
    """CLUSTERS that the stage in `folder` has written; None if it was off.

    Of an older version some columns are missing, and `topic` is null.
    """
    fs, path = files.filesystem(files.join(folder, "clusters", "clusters.parquet"))
    if not fs.exists(path):
        return None
    table = pq.read_table(path, filesystem=fs)
    return table if "topic" in table.column_names else table.append_column("topic", pa.nulls(len(table), pa.int32()))


def crowded(clusters: pa.Table) -> bool:
    """Whether any core is over its budget."""
    return bool(pc.any(pc.greater(clusters["core"], clusters["budget"])).as_py())


def counted(assigned: pa.RecordBatch, clusters: pa.Table, config: DistributionFilterConfig) -> pa.RecordBatch:
    """COUNTED: members of cores over budget, but for medoids, by how their draw lies to the bound that is expected."""
    at, over = _over(assigned, clusters, config)
    rows = np.flatnonzero(over)
    ids, medoids = assigned["record_id"], clusters["medoid"].combine_chunks()
    rows = np.array([r for r in rows.tolist() if ids[r].as_py() != medoids[int(at[r])].as_py()], np.int64)
    draws = np.array([draw(ids[row].as_py(), "thin", config.seed) for row in rows.tolist()], np.float64)
    low, width = _window(clusters)
    bins = np.clip(np.floor((draws - low[at[rows]]) / width[at[rows]]), -1, _BINS).astype(np.int64)
    keys, numbers = np.unique(at[rows] * (_BINS + 2) + bins + 1, return_counts=True)
    numbers_of = clusters["cluster"].to_numpy()[keys // (_BINS + 2)]
    columns = [pa.array(numbers_of, pa.int32()), pa.array(keys % (_BINS + 2) - 1, pa.int32()), pa.array(numbers)]
    return pa.RecordBatch.from_arrays(columns, schema=COUNTED)


def bounded(clusters: pa.Table, found: pa.Table) -> pa.Table:
    """CLUSTERS with bounds, from sums of `counted` over all documents in any order: the edge of a bin under which, with
    the medoid, there are as many members as the budget, or the nearest number to it."""
    low, width = _window(clusters)
    at = np.searchsorted(clusters["cluster"].to_numpy(), found["cluster"].to_numpy())
    below = np.zeros((len(clusters), _BINS + 2), np.int64)
    np.add.at(below, (at, found["bin"].to_numpy() + 1), found["documents"].to_numpy())
    kept = np.cumsum(below, axis=1)[:, :-1] + 1  # with the medoid, under each edge
    budgets = clusters["budget"].to_numpy()
    edge = np.abs(kept - budgets[:, None]).argmin(axis=1)
    over = clusters["core"].to_numpy() > budgets
    bound = np.where(over, low + edge * width, 1.0)
    place = CLUSTERS.get_field_index("bound")
    return clusters.set_column(place, CLUSTERS.field("bound"), pa.array(bound))


def _window(clusters: pa.Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each cluster, where the bins of draws begin, and how wide one is."""
    core = np.maximum(clusters["core"].to_numpy(), 1).astype(np.float64)
    share = np.minimum(clusters["budget"].to_numpy() / core, 1.0)
    spread = _DEVIATIONS * np.sqrt(share * (1 - share) / core) + 1 / core
    return share - spread, 2 * spread / _BINS


def decide(assigned: pa.RecordBatch, clusters: pa.Table, config: DistributionFilterConfig) -> pa.RecordBatch:
    """DECIDED of the documents in `assigned` (ASSIGNED), by their `clusters` (CLUSTERS, sorted).

    Score: the member's draw, from 0 to 1; threshold: the bound the draw must be under, about the share of the core
    that may stay. Null outside of cores that are over budget.
    """
    at, over = _over(assigned, clusters, config)
    verdict = np.full(len(assigned), KEPT, object)
    reason, score, threshold, evidence = (np.full(len(assigned), None, object) for _ in range(4))
    ids = assigned["record_id"]
    found: dict[int, dict[str, Any]] = {}
    for row in np.flatnonzero(over).tolist():
        place = int(at[row])
        if place not in found:
            found[place] = clusters.slice(place, 1).to_pylist()[0]
        cluster, record_id = found[place], ids[row].as_py()
        score[row], threshold[row] = draw(record_id, "thin", config.seed), cluster["bound"]
        evidence[row] = _evidence(cluster, assigned["centroid_similarity"][row].as_py())
        if score[row] >= threshold[row] and record_id != cluster["medoid"]:
            verdict[row], reason[row] = DROPPED, "dense_cluster"
    measured = [assigned[column.name] for column in DISTRIBUTION_COLUMNS]
    judged = [
        pa.array(values, column.type)
        for values, column in zip((verdict, reason, score, threshold, evidence), VERDICT_COLUMNS, strict=True)
    ]
    return pa.RecordBatch.from_arrays([ids, *measured, *judged], schema=DECIDED)


def _over(
    assigned: pa.RecordBatch, clusters: pa.Table, config: DistributionFilterConfig
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Each document's row in `clusters` (0 without one), and whether it lies in a core that is over budget."""
    known = assigned["cluster"].is_valid().to_numpy(zero_copy_only=False)
    if not clusters.num_rows:
        return np.zeros(len(assigned), np.int64), np.zeros(len(assigned), bool)
    numbers = assigned["cluster"].fill_null(0).to_numpy()
    at = np.where(known, np.searchsorted(clusters["cluster"].to_numpy(), numbers), 0)
    crowded = (clusters["core"].to_numpy() > clusters["budget"].to_numpy())[at]
    similarity = assigned["centroid_similarity"].fill_null(-2.0).to_numpy().astype(np.float64)
    return at, known & crowded & (similarity >= config.core_similarity)


def _evidence(cluster: dict[str, Any], similarity: float) -> str:
    said = {name: cluster[name] for name in ("cluster", "size", "core", "budget")}
    said |= {"similarity": round(similarity, 4), "example": cluster["medoid"]}
    if cluster["medoid_url"] is not None:
        said["example_url"] = cluster["medoid_url"]
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def kept_unscored(record_ids: pa.Array) -> pa.RecordBatch:
    """DECIDED of documents that nobody looked at."""
    nulls = {field.name: pa.nulls(len(record_ids), field.type) for field in DECIDED}
    columns = nulls | {"record_id": record_ids, "verdict": pa.repeat(pa.scalar(KEPT), len(record_ids))}
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=DECIDED)
