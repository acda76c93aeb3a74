"""What the distribution filter saw: how close documents lie to their centre, and cores against their budget."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.distribution.thinning import read_clusters
from skypile.report.charts import Bound, Chart
from skypile.report.documents import batches, flags, floats
from skypile.report.histogram import histogram, linear, logarithmic
from skypile.schema import DROPPED

LARGEST = 10  # cores listed


@dataclass
class Clusters:
    charts: list[Chart] = field(default_factory=list)
    clusters: int = 0
    over: int = 0  # clusters whose core is over its budget
    largest: list[dict[str, Any]] = field(default_factory=list)  # size, core, budget, dropped, medoid_url


def clusters(folder: str, settings: dict[str, Any]) -> Clusters:
    """Distributions of the stage in `folder`; nothing if it was off."""
    core = settings.get("core_similarity")
    bounds = () if core is None else (core,)
    close = histogram(linear(1.0, bounds), "kept", "dropped")
    gone: Counter[int] = Counter()
    columns = ["cluster", "centroid_similarity", "verdict"]
    for _, batch in batches("distribution_filter", folder, columns):
        dropped = flags(pc.equal(batch["verdict"], DROPPED))
        close.add(floats(batch["centroid_similarity"]), dropped.astype(np.int64))
        for row in pc.value_counts(batch["cluster"].filter(pa.array(dropped))).to_pylist():
            gone[row["values"]] += row["counts"]
    table = read_clusters(folder)
    if table is None or not table.num_rows:
        return Clusters()
    budget = int(pc.max(table["budget"]).as_py() or 0)
    cores = floats(table["core"].combine_chunks())
    sizes = histogram(logarithmic(budget), "within the budget", "thinned")
    sizes.add(np.where(cores > 0, cores, np.nan), (cores > budget).astype(np.int64))
    empty = int((cores == 0).sum())
    return Clusters(
        [
            Chart(
                "Similarity to the cluster's centre",
                close,
                ("kept", "dropped"),
                [Bound(core, f"core from {core:g}")] if core is not None else [],
                "Cosine. What is right of the line belongs to the cluster's dense core; other documents are never "
                "dropped here.",
                "documents",
            ),
            Chart(
                "Dense cores",
                sizes,
                ("kept", "dropped"),
                [Bound(budget, f"budget {budget:,}")],
                "Documents in the core of each cluster. What is right of the line is thinned to the budget by a draw "
                f"on the records' ids. {empty:,} of {table.num_rows:,} clusters have no core.",
                "clusters",
            ),
        ],
        table.num_rows,
        int((cores > budget).sum()),
        [
            row | {"dropped": gone[row["cluster"]]}
            for row in table.sort_by([("core", "descending"), ("cluster", "ascending")]).slice(0, LARGEST).to_pylist()
            if row["core"]
        ],
    )
