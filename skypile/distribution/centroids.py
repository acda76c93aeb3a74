"""Topics of a corpus, clusters within them, and the nearest one to each vector: two levels of k-means.

Topics are found first, balanced (skypile.distribution.kmeans); clusters then within each topic, as many as its share of
the vectors. That costs a vector topics + clusters / topics products a pass where one level costs `clusters`. All of it
is exact in whole numbers: no batch, thread, BLAS or make of processor shows in centres and assignments.

A vector belongs to the nearest cluster in the PROBED nearest topics, and to that cluster's topic: an inverted file as
in FAISS's IndexIVFFlat, nearly the flat search (of 3,826 pages among 40 topics 99.9 % get the same cluster). Cost on
one core at 192 dimensions: see `benchmarks/distribution.py`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypile.distribution.embedding import quantize
from skypile.distribution.kmeans import kmeans, unit

EXACT_DIM = (1 << 24) // (127 * 127)  # up to here float32 sums of int8 products stay exact: 1,040

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
SMALL = 0.2  # of the mean topic; a smaller one is no topic
PROBED = 8  # topics searched for a vector's cluster
ROWS = 1 << 13  # vectors assigned at once
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
    tops = quantize(kmeans(unit(drawn[:TOPICS_BY]), topics, iterations, random, balanced=True))
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
    return _without_small_topics(whole, np.bincount(assign(drawn, whole)[0], minlength=len(stay)))


def _without_small_topics(centroids: Centroids, sizes: NDArray[np.integer]) -> Centroids:
    """Clusters of topics under SMALL of the mean topic go to the nearest other topic. `sizes`: of the clusters."""
    topics, clusters, parents = centroids
    by_topic = np.bincount(parents, sizes, minlength=len(topics))
    stays = by_topic * len(topics) >= SMALL * by_topic.sum()
    homeless = ~stays[parents]
    numbers = np.cumsum(stays) - 1
    moved = numbers[parents]
    if homeless.any():
        moved[homeless] = assign_flat(clusters[homeless], topics[stays])[0]
    order = np.argsort(moved, kind="stable")
    return Centroids(topics[stays], clusters[order], moved[order].astype(np.int32))


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
        at = (
            int(np.where(able, lack, np.iinfo(np.int64).min).argmax())
            if left > 0
            else int(np.where(able, lack, np.iinfo(np.int64).max).argmin())
        )
        given[at] += 1 if left > 0 else -1
    return given


def leaders(centroids: NDArray[np.int8], sizes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Indices, ascending, of centres that are not within MERGE of a larger one that stays.

    >>> leaders(np.array([[9, 1], [9, 0], [0, 9]], np.int8), np.array([5, 7, 3])).tolist()
    [1, 2]
    """
    order = np.lexsort((np.arange(len(sizes)), -sizes))
    ranked = _exact(centroids[order])
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


def assign(vectors: NDArray[np.int8], centroids: Centroids) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Nearest cluster of each vector by cosine, and that cosine; ties go to the lower index.

    Shapes (n, dim) -> (n,), (n,). Needs a cluster. A zero vector has similarity 0 to every centre.
    """
    cluster, similarity = np.zeros(len(vectors), np.int32), np.zeros(len(vectors), np.float32)
    tops, clusters = _scaled(centroids.topics), _scaled(centroids.clusters)
    starts = np.searchsorted(centroids.parents, np.arange(len(centroids.topics) + 1))
    for row in range(0, len(vectors), ROWS):
        at = slice(row, row + ROWS)
        cluster[at], similarity[at] = _assign(_exact(vectors[at]), tops, clusters, starts)
    return cluster, similarity


Scaled = tuple[NDArray[np.floating], NDArray[np.float64]]  # centres in exact numbers, and their lengths


def _assign(
    points: NDArray[np.floating], tops: Scaled, clusters: Scaled, starts: NDArray[np.intp]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    best = np.full(len(points), -np.inf)
    found = np.zeros(len(points), np.int32)
    probed = np.ones((len(points), len(starts) - 1), bool)
    if len(starts) - 1 > PROBED:
        near = np.argsort(-_cosines(points, tops), axis=1, kind="stable")[:, :PROBED]
        probed[:] = False
        np.put_along_axis(probed, near, True, axis=1)
    for topic in range(len(starts) - 1):  # ascending, and only what is better wins: ties go to the lower index
        first, end = int(starts[topic]), int(starts[topic + 1])
        rows = np.flatnonzero(probed[:, topic])
        if not len(rows):
            continue
        dots = _cosines(points[rows], (clusters[0][first:end], clusters[1][first:end]))
        at = dots.argmax(axis=1)
        value = dots[np.arange(len(rows)), at]
        better = value > best[rows]
        best[rows[better]], found[rows[better]] = value[better], first + at[better]
    return found, (best / np.maximum(_norms(points), 1)).astype(np.float32)


def assign_flat(vectors: NDArray[np.int8], centres: NDArray[np.int8]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The same among all `centres` (k, dim), k > 0.

    >>> assign_flat(np.array([[3, 0], [1, 2]], np.int8), np.array([[1, 0], [0, 1]], np.int8))[0].tolist()
    [0, 1]
    """
    return assign(vectors, Centroids(centres[:1], centres, np.zeros(len(centres), np.int32)))


def _exact(vectors: NDArray[np.int8]) -> NDArray[np.floating]:
    """As floats whose products add up to exact whole numbers."""
    return vectors.astype(np.float32 if vectors.shape[1] <= EXACT_DIM else np.float64)


def _scaled(centres: NDArray[np.int8]) -> Scaled:
    return _exact(centres), np.maximum(_norms(centres), 1)


def _cosines(points: NDArray[np.floating], centres: Scaled) -> NDArray[np.float64]:
    """Dot products over the centres' lengths: cosines but for the points' own."""
    dots: NDArray[np.float64] = np.dot(points, centres[0].T).astype(np.float64)
    dots /= centres[1]
    return dots


def _norms(vectors: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    wide = vectors.astype(np.int64)
    return np.sqrt(np.einsum("ij,ij->i", wide, wide).astype(np.float64))
