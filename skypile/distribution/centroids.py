"""Topics of a corpus, clusters within them, and the nearest one to each vector: two levels of k-means.

Topics are found first; clusters then within each topic, as many as its share of the vectors; then topics that are too
large are split, and those that are too small dissolved, cluster by cluster (ISODATA's rule: Ball and Hall 1965). That
costs a vector topics + clusters / topics products a pass where one level costs `clusters`. All of it is exact in whole
numbers: no batch, thread, BLAS or make of processor shows in centres and assignments.

A vector belongs to the nearest cluster in the PROBED nearest topics, and to that cluster's topic: an inverted file as
in FAISS's IndexIVFFlat, nearly the flat search (of 3,826 pages among 40 topics 99.9 % get the same cluster). Cost
at 65,536 clusters and 256 topics, one core of a busy machine: 12,000 vectors a second, among all 560.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from skypile.distribution.kmeans import kmeans, unit
from skypile.distribution.quantized import exact, lengths, quantize

# Centres at least this close are one: k-means spends centres in proportion to mass, so a template that holds
# a tenth of the crawl gets a tenth of them, and would look like many small clusters. Centres inside each of
# four template families were within 0.87 to 1.0 of their nearest (median 0.98), at k from 117 to 1,000; those
# of news, reviews and web pages within 0.5 to 0.94 (median 0.84). Merged at 0.9, each family is one cluster
# at every k.
MERGE = 0.9

# A centre needs members to stand for; with fewer, k-means would chase single documents.
MIN_MEMBERS = 8

MOST_TOPICS = 40  # what a person can look through
TOPICS_BY = 65_536  # vectors that topics are found from: more move no centre that 1,600 vectors have set
# Times the mean topic: what is smaller is no topic, what is larger is split. Over six orders of 3,826 crawled pages the
# largest of 40 topics had 4.2 to 4.5 % of all, 4 to 7 times the smallest; by k-means alone 4.4 to 5.6 % and 6 to 14.
SMALL, LARGE = 0.2, 1.9
SPLITTING = 10  # iterations
PROBED = 8  # topics searched for a vector's cluster
ROWS = 1 << 13  # vectors assigned at once
COLUMNS = 1 << 10  # centres they are compared with at once: 32 MB of products
PAIRS = 1 << 24  # products of centres at once when centres are merged: 64 MB


class Centroids(NamedTuple):
    """int8 `topics` (t, dim) and `clusters` (k, dim), which are sorted by topic; int32 `parents` (k,): its topic."""

    topics: NDArray[np.int8]
    clusters: NDArray[np.int8]
    parents: NDArray[np.int32]


def count(documents: int, sampled: int, wanted: int = 0) -> int:
    """Number of centres: `wanted`, or the square root of the documents, 8 to 4,096; never too many for the sample.

    >>> count(10_000, 10_000), count(10_000, 10_000, wanted=40), count(5, 5), count(0, 0)
    (100, 40, 1, 0)
    """
    k = wanted or min(max(round(documents**0.5), 8), 4096)
    return min(k, -(-sampled // MIN_MEMBERS))


def count_topics(clusters: int, wanted: int = 0) -> int:
    """Number of topics: `wanted`, or twice the root of the clusters, up to MOST_TOPICS; at most the clusters.

    >>> count_topics(71), count_topics(4096), count_topics(4096, wanted=100), count_topics(3), count_topics(0)
    (17, 40, 100, 3, 0)
    """
    return min(wanted or min(round(2 * clusters**0.5), MOST_TOPICS), clusters)


def train(vectors: NDArray[np.int8], k: int, topics: int, iterations: int, seed: int) -> Centroids:
    """At most `topics` topics and `k` clusters of `vectors` (n, dim). The order of rows matters: sort them.

    Holds the vectors, 4 bytes a component of TOPICS_BY of them, and of one topic's.
    """
    dim = vectors.shape[1]
    if k == 0:
        return Centroids(np.zeros((0, dim), np.int8), np.zeros((0, dim), np.int8), np.zeros(0, np.int32))
    random = np.random.default_rng(seed)
    drawn = vectors[random.permutation(len(vectors))]
    tops = quantize(kmeans(unit(drawn[:TOPICS_BY]), topics, iterations, random))
    topic = assign_flat(drawn, tops)[0]
    shares = _shares(np.bincount(topic, minlength=topics), k)
    found, parents = [], []
    for number, share in enumerate(shares.tolist()):
        if share:
            found.append(quantize(kmeans(unit(drawn[topic == number]), share, iterations, random)))
            parents.append(np.full(share, number, np.int32))
    used, parent = np.unique(np.concatenate(parents), return_inverse=True)
    whole = Centroids(tops[used], np.concatenate(found), parent.astype(np.int32))
    sizes = np.bincount(assign(drawn, whole)[0], minlength=len(whole.clusters))
    stay = leaders(whole.clusters, sizes)
    used, parent = np.unique(whole.parents[stay], return_inverse=True)
    whole = Centroids(whole.topics[used], whole.clusters[stay], parent.astype(np.int32))
    return _evened(whole, np.bincount(assign(drawn, whole)[0], minlength=len(stay)), topics, random)


def _evened(centroids: Centroids, sizes: NDArray[np.integer], wanted: int, random: np.random.Generator) -> Centroids:
    """The same clusters, of so many `sizes`, in topics that are neither too small nor, if they can be split, too large.

    A topic's clusters are split by k-means of their centres, in the middle of their sizes. Those of the smallest go to
    the nearest other topics where it is too small, or where a topic is too large and there are `wanted` already.
    """
    tops, clusters, parents = centroids.topics, centroids.clusters, centroids.parents.copy()
    sizes = np.minimum(sizes, -(-int(sizes.sum()) // wanted))  # a template makes no other topic small
    total = int(sizes.sum())
    whole = np.zeros(len(clusters), bool)  # clusters of topics that do not split
    for _ in range(2 * wanted):
        by_topic = np.bincount(parents, sizes, minlength=len(tops))
        splits = np.bincount(parents, ~whole, minlength=len(tops)) > 1
        small, large = int(by_topic.argmin()), int(np.where(splits, by_topic, -1).argmax())
        too_small = len(tops) > 1 and by_topic[small] * len(tops) < SMALL * total
        too_large = bool(splits[large]) and by_topic[large] * wanted > LARGE * total
        if too_small or (too_large and len(tops) == wanted > 1):
            tops, homeless = np.delete(tops, small, axis=0), parents == small
            parents[parents > small] -= 1
            parents[homeless] = assign_flat(clusters[homeless], tops)[0]
        elif too_large and len(tops) < wanted:
            members = np.flatnonzero(parents == large)
            kept, moved = _halves(members, clusters, sizes, random)
            least = min(sizes[kept].sum(), sizes[moved].sum())
            if least * (len(tops) + 1) < SMALL * total:
                whole[members] = True
            else:
                parents[moved] = len(tops)
                one, other = (_middle(clusters[half], sizes[half]) for half in (kept, moved))
                tops = np.concatenate([tops[:large], one, tops[large + 1 :], other])
        else:
            break
    used, parent = np.unique(parents, return_inverse=True)
    order = np.argsort(parent, kind="stable")
    return Centroids(tops[used], clusters[order], parent[order].astype(np.int32))


def _halves(
    members: NDArray[np.intp], clusters: NDArray[np.int8], sizes: NDArray[np.integer], random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Two or more clusters in halves of about one size: along the line between their two means, cut in the middle."""
    points = unit(clusters[members])
    one, other = kmeans(points, 2, SPLITTING, random)
    order = members[np.argsort(np.dot(points, other) - np.dot(points, one), kind="stable")]
    rising = np.cumsum(sizes[order])[:-1]
    cut = int(np.abs(2 * rising - sizes[members].sum()).argmin()) + 1
    return order[:cut], order[cut:]


def _middle(clusters: NDArray[np.int8], sizes: NDArray[np.integer]) -> NDArray[np.int8]:
    """Direction of the sum of all members of some clusters, (1, dim)."""
    summed = (unit(clusters).astype(np.int64) * sizes[:, None]).sum(axis=0, keepdims=True)
    return quantize(summed.astype(np.float64))


def _shares(sizes: NDArray[np.integer], k: int) -> NDArray[np.int64]:
    """`k` split in proportion to `sizes`, at least 1 where there is any, by largest remainders; at most the size.

    >>> _shares(np.array([60, 0, 30, 10]), 10).tolist(), _shares(np.array([98, 1, 1]), 3).tolist()
    ([6, 0, 3, 1], [1, 1, 1])
    """
    wide = sizes.astype(np.int64)
    given = np.minimum(np.maximum(wide * k // max(int(wide.sum()), 1), 1), wide)
    while (left := k - int(given.sum())) != 0:
        # By how much each would have too few, in whole numbers: the next goes where it is most, or comes from least.
        lack = wide * k - given * int(wide.sum())
        able = given < wide if left > 0 else given > 1
        if not able.any():
            break
        way = 1 if left > 0 else -1
        given[np.where(able, way * lack, np.iinfo(np.int64).min).argmax()] += way
    return given


def leaders(centroids: NDArray[np.int8], sizes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Indices, ascending, of centres that are not within MERGE of a larger one that stays.

    >>> leaders(np.array([[9, 1], [9, 0], [0, 9]], np.int8), np.array([5, 7, 3])).tolist()
    [1, 2]
    """
    order = np.lexsort((np.arange(len(sizes)), -sizes))
    ranked = exact(centroids[order])
    squares = (ranked.astype(np.float64) ** 2).sum(axis=1)  # whole numbers, as the dots are: no order of summing shows
    stays = np.ones(len(order), bool)
    rows = max(1, PAIRS // max(len(order), 1))
    for start in range(0, len(order), rows):
        part = ranked[start : start + rows]
        dots = np.dot(part, ranked.T).astype(np.float64)
        bound = MERGE * MERGE * squares[start : start + rows, None] * squares[None, :]
        near = (dots > 0) & (dots * dots >= bound)
        for row in range(len(part)):  # the larger first: one that goes takes none with it
            if stays[start + row]:
                stays[start + row + 1 :] &= ~near[row, start + row + 1 :]
    return np.sort(order[stays])


class Index(NamedTuple):
    """Centroids ready to be searched: topics and clusters in exact numbers, (t, dim) and (k, dim), their lengths, and
    where each topic's clusters start, (t + 1,)."""

    tops: NDArray[np.floating]
    top_lengths: NDArray[np.float64]
    clusters: NDArray[np.floating]
    lengths: NDArray[np.float64]
    starts: NDArray[np.intp]


def index(centroids: Centroids) -> Index:
    """Made once, and searched many times: 0.2 s at 65,536 clusters."""
    tops, clusters = exact(centroids.topics), exact(centroids.clusters)
    starts = np.searchsorted(centroids.parents, np.arange(len(tops) + 1))
    return Index(tops, np.maximum(lengths(tops), 1), clusters, np.maximum(lengths(clusters), 1), starts)


def assign(vectors: NDArray[np.int8], centroids: Centroids | Index) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Nearest cluster of each vector by cosine, and that cosine; ties go to the lower index.

    Shapes (n, dim) -> (n,), (n,). Needs a cluster. A zero vector has similarity 0 to every centre.
    """
    searched = centroids if isinstance(centroids, Index) else index(centroids)
    cluster, similarity = np.zeros(len(vectors), np.int32), np.zeros(len(vectors), np.float32)
    for row in range(0, len(vectors), ROWS):
        at = slice(row, row + ROWS)
        cluster[at], similarity[at] = _assign(exact(vectors[at]), searched)
    return cluster, similarity


def _assign(points: NDArray[np.floating], searched: Index) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    best, found = np.full(len(points), -np.inf), np.zeros(len(points), np.int32)
    topics = len(searched.tops)
    probed = np.ones((len(points), topics), bool)
    if topics > PROBED:
        cosines = np.dot(points, searched.tops.T).astype(np.float64) / searched.top_lengths
        probed[:] = False
        np.put_along_axis(probed, np.argsort(-cosines, axis=1, kind="stable")[:, :PROBED], True, axis=1)
    for topic in range(topics):  # ascending, and only what is better wins: ties go to the lower index
        rows = np.flatnonzero(probed[:, topic])
        members = points[rows] if len(rows) < len(points) else points
        for first in range(int(searched.starts[topic]), int(searched.starts[topic + 1]), COLUMNS):
            end = min(first + COLUMNS, int(searched.starts[topic + 1]))
            dots = np.dot(members, searched.clusters[first:end].T)
            _improve(dots, searched.lengths[first:end], rows, first, best, found)
    return found, (best / np.maximum(lengths(points), 1)).astype(np.float32)


@njit(cache=True, nogil=True)
def _improve(dots, lengths, rows, first, best, found):  # type: ignore[no-untyped-def]
    """Where one of some centres, from number `first` on, is nearer than `best`, enter it in `best` and `found`."""
    for i in range(len(rows)):
        row = rows[i]
        for j in range(len(lengths)):
            value = np.float64(dots[i, j]) / lengths[j]
            if value > best[row]:
                best[row] = value
                found[row] = first + j


def assign_flat(vectors: NDArray[np.int8], centres: NDArray[np.int8]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The same among all `centres` (k, dim), k > 0.

    >>> assign_flat(np.array([[3, 0], [1, 2]], np.int8), np.array([[1, 0], [0, 1]], np.int8))[0].tolist()
    [0, 1]
    """
    return assign(vectors, Centroids(centres[:1], centres, np.zeros(len(centres), np.int32)))
