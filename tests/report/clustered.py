"""A run of three clusters, two of them named by what their pages say, and pages without a cluster."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from skypile.distribution import embedding
from tests.report.run_folder import record, write_run

FARM = "Farmers harvest wheat and barley in autumn. 农民 收获 小麦 大麦."
MUSIC = "The orchestra plays a symphony with violin and piano. 小提琴 钢琴 交响乐."
BOTH = "Farmers harvest wheat while an orchestra plays a symphony with violin and piano."
HOSTILE = "</title></text></svg><script>document.title='owned'</script>\u202e\x1b[31m"


def rows() -> list[dict[str, Any]]:
    """Cluster 0: 12 farm pages, two lost. Cluster 1: 8 of music, one between. Cluster 2: one page. None: two."""
    found = []
    for n in range(12):
        lost = {4: ("distribution_filter", "dense_cluster"), 5: ("quality_filter", "symbols")}.get(n)
        columns = {"reason": lost[1], "evidence": json.dumps({"cluster": 0})} if lost else {}
        found.append(
            record(
                n, lost[0] if lost else None, cluster=0, centroid_similarity=0.9 - n / 100, text=f"{FARM} {n}",
                title=f"Farm {n}", host="farm.example" if n < 8 else f"other{n}.example", language="en", **columns,
            )
        )  # fmt: skip
    for n in range(12, 20):
        text = BOTH if n == 15 else f"{MUSIC} {n}"
        more = {"title": HOSTILE, "url": f"http://a.example/{HOSTILE}"} if n == 12 else {}
        found.append(record(n, cluster=1, centroid_similarity=0.99 - n / 100, text=text, language="zh") | more)
    found.append(record(20, cluster=2, text="一二三", language="zh"))
    found += [record(n, cluster=None, centroid_similarity=None, language="ru") for n in (21, 22)]
    return found


def write(root: Path, order: list[dict[str, Any]] | None = None) -> Path:
    run = write_run(root, rows() if order is None else order)
    centres = embedding.load().encode([FARM, MUSIC, "Chemistry of metals and acids"])
    np.save(run / "02_distribution_filter/clusters/centroids.npy", centres)
    return run
