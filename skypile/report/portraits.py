"""What each cluster of the distribution filter is: its name, size, languages, hosts and pages, and what became of them.

Every record is counted where its way ended, among the rows a stage did not keep or among all rows of the last stage:
all of them carry the cluster, so that a pruned run can be looked at too. Two passes: one over narrow columns counts
all records and finds the pages nearest to and farthest from each centre; one over texts takes samples of them
(`skypile.report.portrait_texts`).

Cost: 1.3 s of processor time per 100,000 records of 3,000 characters, and 4.7 s for what does not grow with them: 900
clusters' names. Memory, 0.77 GB with the embedder's table and all, was the same for 100,000 and for 200,000.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.distribution.names import names
from skypile.distribution.thinning import read_clusters
from skypile.report.bounded import forget
from skypile.report.documents import groups, judged_from
from skypile.report.portrait import STAGE, Page, Portrait, Portraits
from skypile.report.portrait_texts import sampled
from skypile.schema import KEPT

FEW = 3  # pages nearest to the centre, and farthest from it
HOSTS = 3
SHOWN = 12  # clusters whose pages the report quotes

_NARROW = pa.schema(
    [("cluster", pa.int32()), ("centroid_similarity", pa.float32()), ("record_id", pa.string()), ("url", pa.string())]
)


def portraits(
    folders: dict[str, str], settings: dict[str, Any], shown: int = SHOWN, only: int | None = None
) -> Portraits | None:
    """Clusters of the run whose stages lie in `folders`; `settings` are those of the distribution filter.

    Texts and borders are read for the `shown` largest clusters, or for `only` the cluster with this number. None if
    nothing was clustered.
    """
    if not settings.get("enabled", True):
        return None
    later = {stage: folders[stage] for stage in list(folders)[list(folders).index(STAGE) :]}
    found, near, far, forgotten = _counted(later)
    ranked = sorted(found.values(), key=lambda one: (-one.size, -1 if one.cluster is None else one.cluster))
    clusters = [one for one in ranked if one.cluster is not None]
    if not clusters:
        return None
    _add_cores(found, later[STAGE])
    _add_pages(found, near, far)
    chosen = clusters[:shown] if only is None else [one for one in clusters if one.cluster == only]
    counts, mapped = sampled(later, settings, clusters, chosen)
    for cluster, name in names(counts).items():
        found[cluster].name = name
    topics = {one.cluster: one.topic for one in clusters if one.cluster is not None and one.topic is not None}
    return Portraits(ranked, names(counts, topics) if topics else {}, list(later)[-1], mapped, forgotten)


def _counted(later: dict[str, str]) -> tuple[dict[int | None, Portrait], pa.Table, pa.Table, bool]:
    """Portraits with counts alone, pages nearest and farthest of each, and whether rare hosts were forgotten."""
    found: dict[int | None, Portrait] = {}
    hosts: dict[tuple[int | None, str], list[int]] = {}
    near = far = _NARROW.empty_table()
    forgotten = False
    for stage, batch in judged_from(later, [*_NARROW.names, "topic", "host", "language", "verdict", "reason"]):
        table = pa.table(batch)
        for row in groups(table, ["cluster", "topic", "language", "verdict", "reason"]):
            one = found.setdefault(row["cluster"], Portrait(row["cluster"]))
            one.topic = row["topic"]
            one.size += row["count_all"]
            one.languages[row["language"] or "und"] += row["count_all"]
            if row["verdict"] == KEPT:
                one.kept += row["count_all"]
            else:
                one.lost[stage, row["reason"] or ""] += row["count_all"]
        for row in groups(table, ["cluster", "host"]):
            if row["host"]:
                hosts.setdefault((row["cluster"], row["host"]), [0])[0] += row["count_all"]
        forgotten |= forget(hosts)
        narrow = table.select(_NARROW.names).filter(pc.is_valid(table["cluster"]))
        near = _few(pa.concat_tables([near, narrow]), "descending")
        far = _few(pa.concat_tables([far, narrow]), "ascending")
    for (cluster, host), (n,) in sorted(hosts.items(), key=lambda item: (-item[1][0], item[0][1])):
        if len(found[cluster].hosts) < HOSTS:
            found[cluster].hosts.append((host, n))
    return found, near, far, forgotten


def _few(table: pa.Table, order: str) -> pa.Table:
    """The FEW rows of each cluster whose similarity is first in `order`."""
    by = [("cluster", "ascending"), ("centroid_similarity", order), ("record_id", "ascending")]
    table = table.take(pc.sort_indices(table, by))
    clusters = table["cluster"].to_numpy()
    starts = np.flatnonzero(np.diff(clusters, prepend=-1))
    place = np.arange(len(clusters)) - np.repeat(starts, np.diff(starts, append=len(clusters)))
    return table.filter(pa.array(place < FEW))


def _add_cores(found: dict[int | None, Portrait], folder: str) -> None:
    """Size of the dense core and its budget, from the stage's own table."""
    table = read_clusters(folder)
    for row in table.to_pylist() if table is not None else ():
        if row["cluster"] in found:
            found[row["cluster"]].core, found[row["cluster"]].budget = row.get("core"), row.get("budget")


def _add_pages(found: dict[int | None, Portrait], near: pa.Table, far: pa.Table) -> None:
    """Pages nearest and farthest, the first of each first; none is both."""
    for row in near.to_pylist():
        found[row["cluster"]].nearest.append(Page(row["record_id"], row["url"] or "", row["centroid_similarity"]))
    for row in far.to_pylist():
        one = found[row["cluster"]]
        if row["record_id"] not in {page.record_id for page in one.nearest}:
            one.farthest.append(Page(row["record_id"], row["url"] or "", row["centroid_similarity"]))
