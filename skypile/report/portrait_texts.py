"""Samples of the clusters' texts: for their names, for the map, and to be read.

A sample is what a hash of the record's id draws, so that it is the same in any order of rows: of each cluster as many
documents for its name as make NAMED_BY in all, of all documents MAPPED for the map, and of each cluster that is shown
BORDERS_FROM among which those at its borders are sought. Vectors are not kept by a run: those of the map and of borders
are made again from the texts as they are now, cut and masked. A model that was given by its path is not loaded for
that: the map then shows the centres of the MAPPED largest, and borders stay unknown.

Cost: 4 s of processor time for the names of 65,536 documents, 32 bytes a pair of cluster and word in them.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from skypile.distribution import embedding
from skypile.distribution.quantized import cosines
from skypile.distribution.words import WordCounts
from skypile.report.documents import judged_from
from skypile.report.portrait import STAGE, Mapped, Page, Portrait
from skypile.runtime import files
from skypile.schema import KEPT

NAMED_BY = 65_536  # documents whose words make the names
LEAST_NAMED, MOST_NAMED = 4, 200  # of one cluster
MAPPED = 600  # points of the map: about what stays apart on a screen
BORDERS_FROM = 64
BORDERS = 3
EXCERPT = 600  # characters of a page
ROWS = 4096  # read at once, with their texts
COLUMNS = ("record_id", "cluster", "centroid_similarity", "url", "title", "verdict", "text")


@dataclass
class _Sought:
    """What is looked for in the texts, and what was found."""

    sizes: NDArray[np.float64]  # documents of each cluster, (k,)
    named: int  # documents of a cluster for its name
    shown: NDArray[np.bool_]  # clusters whose borders are sought, (k,)
    pages: dict[str, list[Page]]  # pages whose titles and texts are wanted, by id
    centres: NDArray[np.int8]  # (k, dim)
    embeds: bool  # whether vectors can be made
    characters: int
    counts: WordCounts = field(default_factory=WordCounts)
    points: list["_Point"] = field(default_factory=list)
    borders: dict[int, list[Page]] = field(default_factory=dict)


class _Point(NamedTuple):
    draw: float
    record_id: str
    vector: NDArray[np.int8]
    cluster: int
    kept: bool
    says: str


def sampled(
    later: dict[str, str], settings: dict[str, Any], clusters: list[Portrait], shown: list[Portrait]
) -> tuple[WordCounts, Mapped]:
    """Words for the names, points for the map; fills in texts and borders of those `shown`.

    `later`: folders of the distribution filter and the stages after it; `settings`: of the distribution filter.
    """
    sought = _sought(later, settings, clusters, shown)
    for _, batch in judged_from(later, list(COLUMNS), rows=ROWS):
        _look(sought, batch.filter(pc.is_valid(batch["cluster"])))
    for one in shown:
        one.borders = sought.borders.get(_number(one), [])
    if not sought.embeds:
        most = sorted(map(_number, clusters[:MAPPED])) if len(sought.centres) else []  # the layout is quadratic
        return sought.counts, Mapped(sought.centres[most], most, [True] * len(most), [""] * len(most), False)
    points = sorted(sought.points, key=lambda point: point[:2])
    vectors = np.array([point.vector for point in points], np.int8).reshape(len(points), -1)
    says = [point.says for point in points]
    return sought.counts, Mapped(vectors, [p.cluster for p in points], [p.kept for p in points], says, True)


def _sought(
    later: dict[str, str], settings: dict[str, Any], clusters: list[Portrait], shown: list[Portrait]
) -> _Sought:
    k = max(_number(one) for one in clusters) + 1
    sizes, borders = np.zeros(k, np.float64), np.zeros(k, np.bool_)
    for one in clusters:
        sizes[_number(one)] = one.size
    pages: dict[str, list[Page]] = {}
    for one in shown:
        borders[_number(one)] = True
        for page in (*one.nearest, *one.farthest):
            pages.setdefault(page.record_id, []).append(page)
    return _Sought(
        sizes=sizes,
        named=min(max(NAMED_BY // len(clusters), LEAST_NAMED), MOST_NAMED),
        shown=borders,
        pages=pages,
        centres=_centres(later[STAGE], k),
        embeds=settings.get("model") is None,
        characters=int(settings.get("characters", 2000)),
    )


def _number(one: Portrait) -> int:
    assert one.cluster is not None
    return one.cluster


def _centres(folder: str, k: int) -> NDArray[np.int8]:
    """Centroids of the stage, of `k` clusters at least: int8 (k, dim); none if they are not there."""
    path = files.join(folder, "clusters", "centroids.npy")
    if not files.exists(path):
        return np.zeros((0, 1), np.int8)
    with files.open_uri(path) as file:
        found = np.asarray(np.load(file, allow_pickle=False), np.int8)
    return found if len(found) >= k else found[:0]


def _look(sought: _Sought, batch: pa.RecordBatch) -> None:
    """Take from a batch of documents with clusters what is sought."""
    ids, clusters = batch["record_id"].to_pylist(), batch["cluster"].to_numpy().astype(np.int32)
    draws = np.array([xxhash.xxh64_intdigest(one.encode()) for one in ids], np.float64) / 2.0**64
    named = draws * sought.sizes[clusters] < sought.named
    mapped = sought.embeds & (draws * sought.sizes.sum() < MAPPED)
    edged = sought.embeds & sought.shown[clusters] & (draws * sought.sizes[clusters] < BORDERS_FROM)
    told = np.array([one in sought.pages for one in ids], np.bool_)
    wanted = np.flatnonzero(named | mapped | edged | told)
    rows = batch.select(list(COLUMNS[:-1])).take(pa.array(wanted))
    texts = dict(zip(wanted.tolist(), _beginnings(batch["text"], wanted, sought.characters), strict=True))
    by_place = dict(zip(wanted.tolist(), rows.to_pylist(), strict=True))
    sought.counts.add([texts[at] for at in np.flatnonzero(named).tolist()], clusters[named])
    for at in np.flatnonzero(told).tolist():
        for page in sought.pages[ids[at]]:
            page.title, page.text = by_place[at]["title"] or "", texts[at][:EXCERPT]
    seen = np.flatnonzero(mapped | edged)
    if not len(seen):
        return
    vectors = embedding.load().encode([texts[at] for at in seen.tolist()])
    for at, vector in zip(seen.tolist(), vectors, strict=True):
        if mapped[at]:
            row = by_place[at]
            says = row["title"] or row["url"] or ""
            sought.points.append(_Point(draws[at], ids[at], vector, row["cluster"], row["verdict"] == KEPT, says))
    if edged.any() and len(sought.centres) > 1:
        at_edge = np.flatnonzero(edged).tolist()
        pages = [by_place[at] | {"text": texts[at]} for at in at_edge]
        _add_borders(sought, pages, vectors[edged[seen]])


def _beginnings(column: pa.Array, rows: NDArray[np.intp], characters: int) -> list[str]:
    """The first characters of some texts, without a copy of the rest."""
    cut = pc.utf8_slice_codeunits(column.take(pa.array(rows)), 0, characters)
    return [text or "" for text in cut.to_pylist()]


def _add_borders(sought: _Sought, rows: list[dict[str, Any]], vectors: NDArray[np.int8]) -> None:
    """Keep of each cluster the BORDERS pages that are nearest to another centre than their own."""
    for row, cosine in zip(rows, cosines(vectors, sought.centres), strict=True):
        own = row["cluster"]
        mine, cosine[own] = cosine[own], -2.0
        other = int(cosine.argmax())
        page = Page(row["record_id"], row["url"] or "", row["centroid_similarity"], row["title"] or "")
        page.text, page.other, page.margin = row["text"][:EXCERPT], other, float(mine - cosine[other])
        found = [*sought.borders.get(own, []), page]
        sought.borders[own] = sorted(found, key=lambda one: (one.margin, one.record_id))[:BORDERS]
