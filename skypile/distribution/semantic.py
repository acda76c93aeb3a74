"""Near-duplicates by meaning: what says nearly the same as a document that stays.

Documents stand in an order drawn from their ids, and are looked at in it: one goes if an *exemplar*, a document that
stays and stands before it, is at least `threshold` similar; if not it is an exemplar itself. So nothing is dropped
through a chain of acquaintances: whatever pairs are missed, each dropped document has a kept one within the
threshold. (The rule of SemDeDup, arXiv 2303.09540, looks for *any* document that is close, dropped or not, and leaves
some of the dropped without one: `benchmarks/semantic.py`.)

Which pairs are looked at: the space is cut into cells, two-level k-means on the documents that come first, about
CELL documents a cell; a document is held against the exemplars of the VISITED cells nearest to it, its own and its
neighbours', so borders between cells do not show. A mass of look-alikes is no burden: it has few exemplars. Those
among the first documents (65,536, `sample`) are found by one process and take most of such a mass away before
anything is shuffled (after the first n of N documents of a random order no one left has more than about N / n * ln N
close ones left: Blelloch, Fineman and Shun 2012); what is left is compared cell by cell in bounded memory.

The threshold is given as a quantile of the similarity of random pairs from different clusters, so that it means the
same for another model: 0.9999 says that one such pair in 10,000 is as similar. Pairs from one cluster are left out
because a template that holds a third of the crawl would otherwise be a ninth of the pairs. With the built-in embedder
0.9999, 0.99999 and 0.999999 are cosines of 0.78, 0.86, 0.94 on BBC news and 0.77, 0.81, 0.86 on Chinese reviews.

Cost on one core at 192 dimensions: 6e9 products a second one by one, 5e10 in blocks.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from skypile.distribution import centroids
from skypile.distribution.centroids import Centroids
from skypile.distribution.quantized import cosines, exact, lengths, vectors_of

CELL = 512  # documents of a cell, on average
VISITED = 4  # cells; of all close pairs at 0.80 to 0.90 on BBC, reviews and crawl 99.4 to 100 % meet in them
PROBED = 8  # top-level cells searched for them
PAIRED = 4096  # documents whose pairs give the quantile: 8 million, of which 0.999999 leaves 8
MOST_HOMES = 16 * CELL  # documents of a cell that others are held against, where one is far larger than the mean
MOST_CLOSE = 16  # closest-ranked neighbours that are remembered of a document
BLOCK = 256  # documents of a cell compared at once
ROWS = 4096
SLACK = 1e-4  # by which float32 cosines may be off: they only choose what is then computed exactly


def similarity_at(vectors: NDArray[np.int8], clusters: NDArray[np.integer], quantile: float) -> float | None:
    """Cosine that a share `quantile` of the pairs from different clusters stays below, rounded up to 4 digits.

    `vectors` (n, dim) are documents at random, `clusters` (n,) theirs; PAIRED of them are looked at. None if all lie
    in one cluster.
    """
    some, labels = vectors[:PAIRED], np.asarray(clusters[:PAIRED])
    found = []
    for row in range(0, len(some), BLOCK):
        part = slice(row, row + BLOCK)
        near = cosines(some[part], some)
        later = np.arange(len(some))[None, :] > np.arange(row, row + len(near))[:, None]
        found.append(near[later & (labels[part, None] != labels[None, :])].astype(np.float32))
    pairs = np.concatenate(found) if found else np.zeros(0, np.float32)
    if not len(pairs):
        return None
    rank = min(int(np.ceil(quantile * len(pairs))), len(pairs) - 1)
    return float(np.ceil(np.partition(pairs, rank)[rank].astype(np.float64) * 10_000) / 10_000)


def cells(first: NDArray[np.int8], documents: int, iterations: int, seed: int) -> Centroids:
    """Centres of about documents / CELL cells, 8 at least, from the `first` of them (n, dim); at most n / 16."""
    wanted = min(max(-(-documents // CELL), 8), -(-len(first) // 16))
    return centroids.train(first, wanted, centroids.count_topics(wanted), iterations, seed)


def visits(vectors: NDArray[np.int8], found: Centroids) -> NDArray[np.int32]:
    """The cells nearest to each vector, its own first: int32 (n, VISITED), -1 where there are no more."""
    result = np.full((len(vectors), VISITED), -1, np.int32)
    starts = np.searchsorted(found.parents, np.arange(len(found.topics) + 1))
    tops, centres = _scaled(found.topics), _scaled(found.clusters)
    for row in range(0, len(vectors), ROWS):
        points = exact(vectors[row : row + ROWS])
        best = np.full((len(points), VISITED), -np.inf)
        near = np.full((len(points), PROBED), -1, np.int32)
        _insert(_cosines(points, tops), np.full(near.shape, -np.inf), near, np.arange(len(points)), 0)
        for top in range(len(found.topics)):
            rows = np.flatnonzero((near == top).any(axis=1))
            if len(rows):
                part = slice(starts[top], starts[top + 1])
                dots = _cosines(points[rows], (centres[0][part], centres[1][part]))
                _insert(dots, best, result[row : row + ROWS], rows, starts[top])
    return result


def _scaled(centres: NDArray[np.int8]) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    return exact(centres), np.maximum(lengths(centres), 1)


def _cosines(
    points: NDArray[np.floating], centres: tuple[NDArray[np.floating], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Dot products over the centres' lengths: cosines but for the points' own."""
    dots: NDArray[np.float64] = np.dot(points, centres[0].T).astype(np.float64)
    dots /= centres[1]
    return dots


@njit(cache=True, nogil=True)
def _insert(values, best, numbers, rows, first):  # type: ignore[no-untyped-def]
    """Put what is better of `values` (m, k) into rows `rows` of the descending `best`, and `first` + column beside."""
    width = best.shape[1]
    for i in range(len(rows)):
        row = rows[i]
        for column in range(values.shape[1]):
            value = values[i, column]
            if value <= best[row, width - 1]:
                continue
            at = width - 1
            while at > 0 and best[row, at - 1] < value:
                best[row, at] = best[row, at - 1]
                numbers[row, at] = numbers[row, at - 1]
                at -= 1
            best[row, at] = value
            numbers[row, at] = first + column


@njit(cache=True, nogil=True)
def _dot(left, right):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    for start in range(0, len(left), 4096):  # 32-bit sums are faster, and so many products cannot overflow them
        part = np.int32(0)
        for d in range(start, min(start + 4096, len(left))):
            part += np.int32(left[d]) * np.int32(right[d])
        total += part
    return total


@njit(cache=True, nogil=True)
def _closest(vector, square, visited, starts, ends, places, vectors, squares):  # type: ignore[no-untyped-def]
    """The closest of the exemplars in the cells visited, and its cosine; the first of several. -1 if there is none.

    Cell c holds vectors[places[starts[c]:ends[c]]].
    """
    found, best = np.int64(-1), -2.0
    for cell in visited:
        if cell < 0:
            break
        for slot in range(starts[cell], ends[cell]):
            place = places[slot]
            product = np.float64(square) * np.float64(squares[place])
            cosine = np.float64(_dot(vector, vectors[place])) / np.sqrt(product) if product > 0 else 0.0
            if cosine > best or (cosine == best and place < found):
                found, best = place, cosine
    return found, best


@njit(cache=True, nogil=True)
def _squares(vectors):  # type: ignore[no-untyped-def]
    result = np.empty(len(vectors), np.int64)
    for i in range(len(vectors)):
        result[i] = _dot(vectors[i], vectors[i])
    return result


@njit(cache=True, nogil=True)
def _greedy(vectors, visited, staying, threshold, starts):  # type: ignore[no-untyped-def]
    n = len(vectors)
    squares = _squares(vectors)
    ends = starts[:-1].copy()
    places = np.empty(n, np.int64)
    exemplar, cosine = np.empty(n, np.int64), np.ones(n, np.float64)
    for i in range(n):
        exemplar[i] = i
        if i >= staying:
            found, best = _closest(vectors[i], squares[i], visited[i], starts, ends, places, vectors, squares)
            if found >= 0 and best >= threshold:
                exemplar[i], cosine[i] = found, best
                continue
        if visited[i, 0] >= 0:
            places[ends[visited[i, 0]]] = i
            ends[visited[i, 0]] += 1
    return exemplar, cosine


def greedy(
    vectors: NDArray[np.int8], visited: NDArray[np.int32], threshold: float, staying: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each vector's exemplar (its own number: it stays) and the cosine to it, looked at one after the other.

    Vectors (n, dim), visited (n, VISITED); the first `staying` stay whatever is close to them. -> int64 (n,),
    float64 (n,).

    >>> line = np.array([[9, 0], [9, 3], [9, 7]], np.int8)
    >>> greedy(line, np.zeros((3, 1), np.int32), 0.9)[0].tolist()  # the last is close to the second, which goes
    [0, 0, 2]
    """
    homes = visited[:, 0]
    starts = np.concatenate([[0], np.cumsum(np.bincount(homes[homes >= 0], minlength=int(visited.max(initial=0)) + 1))])
    return _greedy(vectors, visited, staying, threshold, starts)


class Exemplars(NamedTuple):
    """Vectors int8 (n, dim) sorted by their own cell, and where each cell's begin: int64 (cells + 1,)."""

    vectors: NDArray[np.int8]
    starts: NDArray[np.int64]


def by_cell(vectors: NDArray[np.int8], homes: NDArray[np.int32], count: int) -> tuple[Exemplars, NDArray[np.intp]]:
    """Vectors sorted by their cell (of `count`), and the order they were brought into."""
    order = np.argsort(homes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(homes, minlength=count))]).astype(np.int64)
    return Exemplars(np.ascontiguousarray(vectors[order]), starts), order


@njit(cache=True, nogil=True)
def _nearest(vectors, visited, kept, starts, threshold):  # type: ignore[no-untyped-def]
    squares, theirs = _squares(vectors), _squares(kept)
    places = np.arange(len(kept))
    found, cosine = np.full(len(vectors), -1, np.int64), np.zeros(len(vectors), np.float64)
    for i in range(len(vectors)):
        at, best = _closest(vectors[i], squares[i], visited[i], starts[:-1], starts[1:], places, kept, theirs)
        if at >= 0 and best >= threshold:
            found[i], cosine[i] = at, best
    return found, cosine


def nearest(
    vectors: NDArray[np.int8], visited: NDArray[np.int32], exemplars: Exemplars, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The closest exemplar of each vector among the cells it visits, and the cosine; -1 and 0 if none is close."""
    return _nearest(vectors, visited, exemplars.vectors, exemplars.starts, threshold)


CLOSE = pa.schema([("worse", pa.string()), ("better", pa.string()), ("cosine", pa.float64())])


def close_pairs(batches: Iterator[pa.RecordBatch], threshold: float) -> Iterator[pa.RecordBatch]:
    """Close pairs (CLOSE) among what visits a cell and what is at home there, of which the home one stands before.

    `batches`: cell, home (bool: is this its own cell), record_id, vector (bytes); sorted by cell, and within it in the
    order of documents. Held at a time: a batch, and up to MOST_HOMES vectors of one cell.
    """
    cell, ids = -1, np.zeros(0, object)
    homes, scaled = np.zeros((0, 0), np.int8), np.zeros((0, 0), np.float32)
    for batch in batches:
        numbers = batch["cell"].to_numpy()
        vectors = vectors_of(batch["vector"])
        at_home = batch["home"].to_numpy(zero_copy_only=False)
        names = np.array(batch["record_id"].to_pylist(), object)
        edges = np.append(np.flatnonzero(np.diff(numbers, prepend=-1)), len(numbers))
        blocks = [(a, min(a + BLOCK, e)) for s, e in pairwise(edges) for a in range(s, e, BLOCK)]
        for start, end in blocks:
            if numbers[start] != cell:
                cell, ids = int(numbers[start]), ids[:0]
                homes, scaled = vectors[:0], np.zeros((0, vectors.shape[1]), np.float32)
            part, own = vectors[start:end], at_home[start:end]
            unit = _unit(part)
            before = np.minimum(len(homes) + np.cumsum(own) - own, MOST_HOMES)
            room = max(0, MOST_HOMES - len(homes))
            homes = np.concatenate([homes, part[own][:room]])
            scaled = np.concatenate([scaled, unit[own][:room]])
            ids = np.concatenate([ids, names[start:end][own][:room]])
            worse, better = np.nonzero(np.dot(unit, scaled.T) >= np.float32(threshold - SLACK))
            ranked = better < before[worse]
            worse, better = worse[ranked], better[ranked]
            cosine = _pair_cosines(part, homes, worse, better)
            close = cosine >= threshold
            worse, better, cosine = worse[close], better[close], cosine[close]
            first = np.arange(len(worse)) - np.searchsorted(worse, worse) < MOST_CLOSE
            columns = (names[start:end][worse[first]], ids[better[first]], cosine[first])
            yield pa.RecordBatch.from_arrays(
                [pa.array(values, kind) for values, kind in zip(columns, CLOSE.types, strict=True)], schema=CLOSE
            )


def _unit(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    return wide / np.maximum(np.sqrt((wide * wide).sum(axis=1, keepdims=True)), 1)


@njit(cache=True, nogil=True)
def _pair_cosines(left, right, rows, columns):  # type: ignore[no-untyped-def]
    result = np.empty(len(rows), np.float64)
    for i in range(len(rows)):
        a, b = left[rows[i]], right[columns[i]]
        product = np.float64(_dot(a, a)) * np.float64(_dot(b, b))
        result[i] = np.float64(_dot(a, b)) / np.sqrt(product) if product > 0 else 0.0
    return result
