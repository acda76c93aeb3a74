"""Which members of dense cores are drawn to be dropped, without Spark: for other thresholds than a run's own.

The decision of `skypile.distribution.stage`, from what it stored: cluster, similarity and the record's id.
"""

import math
from collections.abc import Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray


def draw(record_id: str, purpose: str, seed: int) -> float:
    """A number in [0, 1) from a record's id: Spark's `xxhash64(record_id, purpose, seed)`, its upper 53 bits.

    Spark hashes columns one after the other, each seeded by the hash before it, the first by 42; an int as its four
    bytes, little-endian.

    >>> round(draw("4094076b5005a1e3f855d596735b6ad0", "thin", 0), 6)
    0.502748
    """
    found = xxhash.xxh64_intdigest(record_id.encode(), 42)
    found = xxhash.xxh64_intdigest(purpose.encode(), found)
    found = xxhash.xxh64_intdigest(seed.to_bytes(4, "little", signed=True), found)
    return (found >> 11) / float(1 << 53)


def budget(documents: int, share: float, least: int) -> int:
    """Documents that one dense core may keep.

    >>> budget(10_000, 0.01, 50), budget(100, 0.01, 50)
    (100, 50)
    """
    return max(least, math.ceil(share * documents))


def thinned(
    ids: Sequence[str],
    clusters: NDArray[np.int64],
    similarity: NDArray[np.float32],
    core_similarity: float,
    budget: int,
    seed: int,
) -> NDArray[np.bool_]:
    """Which documents are dropped; arrays and result of one shape, (documents,); cluster -1: none.

    >>> thinned(["a", "b", "c"], np.zeros(3, int), np.array([0.9, 0.91, 0.5], "f4"), 0.85, 5, 0).tolist()
    [False, False, False]
    """
    inside = (clusters >= 0) & (similarity >= core_similarity)
    cores = np.bincount(clusters[inside], minlength=int(clusters.max(initial=-1)) + 1)
    dropped = np.zeros(len(ids), np.bool_)
    members = np.flatnonzero(inside)
    for at in members[cores[clusters[members]] > budget].tolist():
        dropped[at] = draw(ids[at], "thin", seed) >= budget / cores[clusters[at]]
    nearest: dict[int, tuple[float, str, int]] = {}  # the medoid stays
    for at in np.flatnonzero(clusters >= 0).tolist():
        entry = (-float(similarity[at]), ids[at], at)
        one = int(clusters[at])
        nearest[one] = min(nearest.get(one, entry), entry)
    dropped[[at for _, _, at in nearest.values()]] = False
    return dropped
