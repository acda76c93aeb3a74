"""Cluster centres of int8 vectors, and the nearest one to each vector.

Spherical k-means by FAISS (Johnson, Douze and Jégou, "Billion-scale similarity search with GPUs", 2017) on a
sample, one thread, fixed seed. The centres are rounded to int8 like the vectors, so that assigning is exact:
dot products of int8 vectors are integers, and a float32 matrix product of integers below 2^24 is exact in
whatever order it sums. The nearest centre therefore depends on nothing but vector and centres: not on batch,
machine or thread count. Cost on one core at 192 dimensions: k = 256 assigns about 100,000 vectors a second.
"""

import faiss
import numpy as np
from numpy.typing import NDArray

from skypile.distribution.embedding import quantize

EXACT_DIM = (1 << 24) // (127 * 127)  # up to here float32 sums stay exact: 1,040

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
    floats = vectors.astype(np.float32)
    floats /= np.maximum(np.linalg.norm(floats, axis=1, keepdims=True), 1)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        kmeans = faiss.Kmeans(
            floats.shape[1],
            k,
            niter=iterations,
            seed=seed,
            spherical=True,
            min_points_per_centroid=1,
            max_points_per_centroid=len(floats),  # all of them: the sample is bounded already
        )
        kmeans.train(floats)
    finally:
        faiss.omp_set_num_threads(threads)
    centres = quantize(np.reshape(np.asarray(kmeans.centroids, np.float32), (k, -1)))
    return centres[leaders(centres, np.bincount(assign(vectors, centres)[0], minlength=k))]


def leaders(centroids: NDArray[np.int8], sizes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Indices, ascending, of centres that are not within MERGE of a larger one that stays.

    >>> leaders(np.array([[9, 1], [9, 0], [0, 9]], np.int8), np.array([5, 7, 3])).tolist()
    [1, 2]
    """
    unit = centroids / np.maximum(_norms(centroids), 1)[:, None]
    staying: list[int] = []
    for index in np.lexsort((np.arange(len(sizes)), -sizes)).tolist():
        cosines = np.dot(unit[staying], unit[index])
        if cosines.max(initial=-1.0) < MERGE:
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
