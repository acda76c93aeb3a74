"""Cluster centres of int8 vectors, and the nearest one to each vector.

Spherical k-means (Dhillon and Modha 2001) on a sample, in whole numbers. Vectors and centres have length UNIT and
whole components, so that every dot product is a whole number below 2^24, which a float32 matrix product gives exactly
in whatever order it sums; sums of members are integers; what is left, a division and a root of each, IEEE 754 rounds
in one way. So centres and assignments are the same in any batch, at any thread count, with any BLAS and on any make of
processor. FAISS's k-means sums floats and promises none of that; for 65,536 vectors of 192 dimensions in 20
iterations it takes 1.0 s of processor time at k = 256 and 3.9 s at k = 1,000, this 1.0 s and 7.0 s, with the same mean
similarity (0.643 against 0.638, 0.780 both).

The centres are rounded to int8 like the vectors. Cost on one core at 192 dimensions: k = 256 assigns about 100,000
vectors a second.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from skypile.distribution.embedding import quantize

EXACT_DIM = (1 << 24) // (127 * 127)  # up to here float32 sums stay exact: 1,040

UNIT = 2047  # (UNIT + rounding)^2 < 2^24; 64 times as fine as the int8 vectors
BLOCK = 1 << 18  # dot products at once: 1 MB, which a core keeps at hand

# Centres at least this close are one: k-means spends centres in proportion to mass, so a template that holds
# a tenth of the crawl gets a tenth of them, and would look like many small clusters. Centres inside each of
# four template families were within 0.87 to 1.0 of their nearest (median 0.98), at k from 117 to 1,000; those
# of news, reviews and web pages within 0.5 to 0.94 (median 0.84). Merged at 0.9, each family is one cluster
# at every k.
MERGE = 0.9

# A centre needs members to stand for; with fewer, k-means would chase single documents.
MIN_MEMBERS = 8


def count(documents: int, sampled: int, wanted: int = 0) -> int:
    """Number of centres: `wanted`, or the square root of the documents, 8 to 4,096; never too many for the sample.

    >>> count(10_000, 10_000), count(10_000, 10_000, wanted=40), count(5, 5), count(0, 0)
    (100, 40, 1, 0)
    """
    k = wanted or min(max(round(documents**0.5), 8), 4096)
    return min(k, -(-sampled // MIN_MEMBERS))


def train(vectors: NDArray[np.int8], k: int, iterations: int, seed: int) -> NDArray[np.int8]:
    """At most `k` centres of `vectors` (n, dim): int8 (at most k, dim). The order of rows matters: sort them."""
    if k == 0:
        return np.zeros((0, vectors.shape[1]), np.int8)
    points = _unit(vectors)
    centres = points[np.random.default_rng(seed).permutation(len(points))[:k]]
    before = None
    for _ in range(iterations):
        nearest = _nearest(points, centres)
        if before is not None and np.array_equal(nearest, before):
            break
        centres, before = _means(points, nearest, centres), nearest
    rounded = quantize(centres)
    return rounded[leaders(rounded, np.bincount(assign(vectors, rounded)[0], minlength=k))]


def _unit(vectors: NDArray[np.integer | np.floating]) -> NDArray[np.float32]:
    """Vectors of whole numbers at length UNIT, rounded to whole numbers again; zero stays zero."""
    peak = np.maximum(np.abs(vectors.astype(np.float64)).max(axis=1, keepdims=True, initial=0.0), 1)
    scaled = np.rint(vectors * (32768 / peak))  # so that the squares add up exactly, in any order
    length = np.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
    return np.rint(scaled * (UNIT / np.maximum(length, 1))).astype(np.float32)


def _nearest(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.intp]:
    """Index of the centre with the largest dot product, the lowest of several."""
    rows = max(1, BLOCK // len(centres))
    found = [np.dot(points[i : i + rows], centres.T).argmax(axis=1) for i in range(0, len(points), rows)]
    return np.concatenate(found)


@njit(cache=True)
def _sums(points, nearest, k):  # type: ignore[no-untyped-def]
    """Sum of the points of each of `k` clusters: int64 (k, dim)."""
    sums = np.zeros((k, points.shape[1]), np.int64)
    for i in range(len(points)):
        for d in range(points.shape[1]):
            sums[nearest[i], d] += np.int64(points[i, d])
    return sums


def _means(points: NDArray[np.float32], nearest: NDArray[np.intp], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Directions of the clusters' sums. A centre without members takes half of the largest cluster."""
    sizes = np.bincount(nearest, minlength=len(centres))
    found = np.where(sizes[:, None] > 0, _unit(_sums(points, nearest, len(centres))), centres)
    apart = np.where(np.arange(points.shape[1]) % 2, 1, -1).astype(np.float32)
    for empty in np.flatnonzero(sizes == 0).tolist():
        largest = int(sizes.argmax())
        found[empty], found[largest] = found[largest] + apart, found[largest] - apart
        sizes[empty] = sizes[largest] // 2
        sizes[largest] -= sizes[empty]
    return found


def leaders(centroids: NDArray[np.int8], sizes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Indices, ascending, of centres that are not within MERGE of a larger one that stays.

    >>> leaders(np.array([[9, 1], [9, 0], [0, 9]], np.int8), np.array([5, 7, 3])).tolist()
    [1, 2]
    """
    wide = centroids.astype(np.float64)
    squares = (wide * wide).sum(axis=1)  # whole numbers, as the dots are: no order of summing shows
    staying: list[int] = []
    for index in np.lexsort((np.arange(len(sizes)), -sizes)).tolist():
        dots = np.dot(wide[staying], wide[index])
        near = (dots > 0) & (dots * dots >= MERGE * MERGE * squares[staying] * squares[index])
        if not near.any():
            staying.append(index)
    return np.array(sorted(staying), np.intp)


def assign(vectors: NDArray[np.int8], centroids: NDArray[np.int8]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Nearest centre of each vector by cosine, and that cosine; ties go to the lower index.

    Shapes (n, dim), (k, dim) -> (n,), (n,). Needs k > 0. A zero vector has similarity 0 to every centre.

    >>> assign(np.array([[3, 0], [1, 2]], np.int8), np.array([[1, 0], [0, 1]], np.int8))[0].tolist()
    [0, 1]
    """
    exact = "float32" if vectors.shape[1] <= EXACT_DIM else "float64"
    dots: NDArray[np.float64] = np.dot(vectors.astype(exact), centroids.astype(exact).T).astype(np.float64)
    dots /= np.maximum(_norms(centroids), 1)
    nearest = dots.argmax(axis=1).astype(np.int32)
    best = dots[np.arange(len(vectors)), nearest] / np.maximum(_norms(vectors), 1)
    return nearest, best.astype(np.float32)


def _norms(vectors: NDArray[np.int8]) -> NDArray[np.float64]:
    wide = vectors.astype(np.int64)
    return np.sqrt(np.einsum("ij,ij->i", wide, wide).astype(np.float64))
