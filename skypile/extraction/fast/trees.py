"""Gradient-boosted trees as flat arrays, evaluated by compiled code: about 0.25 us a block for 100 trees of 31
leaves.

LightGBM trains them (classifiers/extraction); nothing of it is needed to run them. The thresholds are rounded
down to float32, which for float32 features decides exactly as LightGBM's doubles do.

A tree is not walked down: a block's way depends on its numbers, and following one is spent waiting for the last step.
All its comparisons are made, and each one that is true takes out the leaves on its left; the first leaf that is left
is the one (QuickScorer: Lucchese et al. 2015, doi:10.1145/2766462.2767733). So sixteen blocks go at once.
"""

# mypy takes an intrinsic's typing context for a parameter of its calls.
# mypy: disable-error-code="call-arg"

from typing import NamedTuple

import numpy as np
from numba import njit

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.vectors import LANES, leaves_left, lowest_bit, turn

MAX_LEAVES = 32  # of a tree, a bit each
HIGHEST = 2**31 - 1  # no number's order reaches it, only a NaN's could: the threshold of leaves


class Trees(NamedTuple):
    """T trees, as they are kept and as they are evaluated.

    Kept are their N nodes one after another, a tree's root first and the two children of a node side by side.
    nodes: uint64 [N]. Bits 0 to 31: the threshold as `ordered` gives it; 32 to 47: the feature; 48 to 63: where in
    the tree the left child stands, to which a block goes whose feature is at most the threshold; the right one is
    next to it. A leaf leads to itself, its threshold being above all others. value: float32 [N], of the leaves.
    root: uint64 [T]; depth: int32 [T].

    Evaluated are the nodes that are no leaves, M in the largest tree; smaller ones are filled up with nodes that take
    nothing out. feature, threshold: int32 [T, M]; spared: uint32 [T, M], a bit for each leaf from the left, 0 for those
    below the node's left child; leaf: float32 [T, MAX_LEAVES], their values.
    """

    nodes: np.ndarray
    value: np.ndarray
    root: np.ndarray
    depth: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    spared: np.ndarray
    leaf: np.ndarray


def trees_of(nodes: np.ndarray, value: np.ndarray, root: np.ndarray, depth: np.ndarray) -> Trees:
    """The trees that these four arrays hold. ValueError for one of more than MAX_LEAVES leaves."""
    threshold = (nodes & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)
    begin = root.astype(np.int64)
    tree = np.repeat(np.arange(len(root)), np.diff(begin, append=len(nodes)))
    left = begin[tree] + (nodes >> np.uint64(48)).astype(np.int64)
    levels = [begin]
    while len(inner := levels[-1][threshold[levels[-1]] != HIGHEST]):
        levels.append(np.concatenate((left[inner], left[inner] + 1)))
    leaves, first = np.ones(len(nodes), np.int64), np.zeros(len(nodes), np.int64)  # below a node; the leftmost of them
    is_inner = threshold != HIGHEST
    for level in reversed(levels):
        inner = level[is_inner[level]]
        leaves[inner] = leaves[left[inner]] + leaves[left[inner] + 1]
    for level in levels:
        inner = level[is_inner[level]]
        first[left[inner]], first[left[inner] + 1] = first[inner], first[inner] + leaves[left[inner]]
    if leaves.max(initial=0) > MAX_LEAVES:
        raise ValueError(f"a tree has {leaves.max()} leaves: at most {MAX_LEAVES} are told apart")
    inner, rank = np.flatnonzero(is_inner), np.cumsum(is_inner) - is_inner
    row, place = tree[inner], (rank - rank[begin][tree])[inner]
    shape = len(root), place.max(initial=-1) + 1
    features, thresholds, spared = (
        np.zeros(shape, np.int32),
        np.full(shape, HIGHEST, np.int32),
        np.zeros(shape, np.uint32),
    )
    features[row, place] = nodes[inner] >> np.uint64(32) & np.uint64(0xFFFF)
    thresholds[row, place] = threshold[inner]
    spared[row, place] = (1 << leaves[left[inner]]) - 1 << first[inner]
    leaf = np.zeros((len(root), MAX_LEAVES), np.float32)
    leaf[tree[~is_inner], first[~is_inner]] = value[~is_inner]
    return Trees(nodes, value, root, depth, features, thresholds, ~spared, leaf)


@borrows
def _order(bits):
    """The bits of a float32, as an int32, to an int32 that is ordered as the number is; -0.0 is 0.0."""
    if bits >= 0:
        return bits
    return bits ^ np.int32(HIGHEST) if bits != np.int32(-HIGHEST - 1) else np.int32(0)


def ordered(number: float) -> int:
    """A float32 as an int32 in the same order: -1, 0, 2 -> -1065353217, 0, 1073741824."""
    return int(_order(np.float32(number).view(np.int32)))


@borrows
def _fill_tile(bits, rows, first, tile, line):
    """The features of LANES blocks, rows[first:], as lines of `tile` from `line` on."""
    features = bits.shape[1]
    whole = features - features % LANES
    for f in range(0, whole, LANES):
        turn(bits, rows, first, f, tile, line + f)
    for f in range(whole, features):
        for lane in range(LANES):
            tile[line + f, lane] = _order(bits[rows[first + lane], f])


@borrows
def _sum_leaves(trees, bits, beside, rows, tile, alive, sums, out):
    """The leaf values of all trees for each of the blocks `rows`, into `out`. `bits`: the features' bits as int32
    [blocks, F]; `beside`: those of further features; `rows`: as `_in_tiles` makes them. The others are working space:
    int32 [features, LANES], uint32 [LANES], float64 [classes, LANES]."""
    classes, leaf = len(sums), trees.leaf
    for begin in range(0, len(out), LANES):
        _fill_tile(bits, rows, begin, tile, 0)
        _fill_tile(beside, rows, begin, tile, bits.shape[1])
        sums[:] = 0
        for t in range(len(leaf)):
            leaves_left(tile, trees.feature, trees.threshold, trees.spared, t, alive)
            for lane in range(LANES):
                sums[t % classes, lane] += leaf[t, lowest_bit(alive[lane])]
        for lane in range(min(LANES, len(out) - begin)):
            for k in range(classes):
                out[begin + lane, k] = sums[k, lane]


@njit(cache=True)
def _in_tiles(rows):
    """`rows` filled up to whole tiles with the last of them: int64."""
    n = len(rows)
    out = np.empty(n + -n % LANES, np.int64)
    for k in range(len(out)):
        out[k] = rows[min(k, n - 1)]
    return out


@njit(cache=True)
def raw_scores(trees, X, beside, rows, classes):
    """Sum of leaf values of the blocks `rows`, each with its features in X and further ones in `beside`: float64
    [rows, classes]; tree t adds to class t % classes. X, beside: float32 [B, F] without NaN; rows: int64.

    Sixteen blocks at a time, feature by feature, so that they stay in the first-level cache while all trees pass; and
    as integers, which are compared faster. About 2 ns a block and tree.
    """
    tile = np.zeros((X.shape[1] + beside.shape[1], LANES), np.int32)
    out, sums = np.empty((len(rows), classes), np.float64), np.empty((classes, LANES), np.float64)
    alive = np.empty(LANES, np.uint32)
    _sum_leaves(trees, X.view(np.int32), beside.view(np.int32), _in_tiles(rows), tile, alive, sums, out)
    return out


@njit(cache=True)
def probability(trees, X):
    """Logistic of the raw score: float32 [B]. X: float32 [B, F] without NaN."""
    return probability_of(trees, X, np.empty((len(X), 0), np.float32), np.arange(len(X)))


@njit(cache=True)
def probability_of(trees, X, beside, rows):
    """Logistic of the raw score of the blocks `rows`, as in `raw_scores`: float32 [rows]."""
    return (1 / (1 + np.exp(-raw_scores(trees, X, beside, rows, 1)[:, 0]))).astype(np.float32)


@njit(cache=True)
def class_probabilities(trees, row, classes):
    """Softmax of the raw scores of one row: float32 [classes]."""
    nothing = np.empty((1, 0), np.float32)
    raw = raw_scores(trees, row.reshape(1, -1), nothing, np.zeros(1, np.int64), classes)[0]
    raw = np.exp(raw - raw.max())
    return (raw / raw.sum()).astype(np.float32)
