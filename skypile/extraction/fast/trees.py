"""Gradient-boosted trees as flat arrays, evaluated by compiled code: about 0.33 us a block for 100 trees of depth
7.

LightGBM trains them (classifiers/extraction); nothing of it is needed to run them. The thresholds are rounded
down to float32, which for float32 features decides exactly as LightGBM's doubles do.
"""

# mypy takes an intrinsic's typing context for a parameter of its calls.
# mypy: disable-error-code="call-arg"

from typing import NamedTuple

import numpy as np
from numba import njit

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.vectors import LANES, STEPS, first_steps


class Trees(NamedTuple):
    """T trees, their N nodes one after another, a tree's root first and the two children of a node side by side.

    nodes: uint64 [N]. Bits 0 to 31: the threshold as `ordered` gives it; 32 to 47: the feature; 48 to 63: where in
    the tree the left child stands, to which a block goes whose feature is at most the threshold; the right one is
    next to it. A leaf leads to itself, its threshold being above all others. value: float32 [N], of the leaves.
    root: uint64 [T]; depth: int32 [T].

    Said once more, for `first_steps`: feature, threshold: int32 [T, 2**STEPS - 1], of the nodes of the first STEPS
    levels, level by level; exit: uint64 [T, 2**STEPS], where in the tree each way through them ends. A leaf among them
    stands for all below it.
    """

    nodes: np.ndarray
    value: np.ndarray
    root: np.ndarray
    depth: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    exit: np.ndarray


HIGHEST = 2**31 - 1  # no number's order reaches it, only a NaN's could: the threshold of leaves


def trees_of(nodes: np.ndarray, value: np.ndarray, root: np.ndarray, depth: np.ndarray) -> Trees:
    """The trees that these four arrays hold."""
    upper = 2**STEPS - 1
    place = np.zeros((len(root), 2 * upper + 1), np.uint64)
    feature, threshold = np.empty((len(root), upper), np.int32), np.empty((len(root), upper), np.int32)
    for k in range(upper):
        node = nodes[root + place[:, k]]
        feature[:, k] = node >> np.uint64(32) & np.uint64(0xFFFF)
        threshold[:, k] = (node & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)
        left = node >> np.uint64(48)
        place[:, 2 * k + 1] = left
        place[:, 2 * k + 2] = left + (threshold[:, k] != HIGHEST)
    return Trees(nodes, value, root, depth, feature, threshold, np.ascontiguousarray(place[:, upper:]))


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
def _turn(bits, columns):
    """Blocks by features to features by blocks, each number as `ordered` gives it."""
    for f in range(columns.shape[0]):
        for b in range(bits.shape[0]):
            columns[f, b] = _order(bits[b, f])


@borrows
def _step(nodes, columns, root, place, b):
    node = nodes[root + place]
    above = columns[(node >> np.uint64(32)) & np.uint64(0xFFFF), b] > np.int32(node & np.uint64(0xFFFFFFFF))
    return (node >> np.uint64(48)) + np.uint64(above)


@borrows
def _add_leaves(trees, columns, ends, out):
    """The leaf values of all trees onto `out`. `ends`: uint32, as wide as `columns`."""
    n, classes = np.uint64(len(out)), out.shape[1]
    eight, one = np.uint64(8), np.uint64(1)
    nodes, value = trees.nodes, trees.value
    for t in range(len(trees.root)):
        root, depth, k = trees.root[t], trees.depth[t] - STEPS, t % classes
        ways = trees.exit[t]
        for tile in range(0, columns.shape[1], LANES):
            first_steps(columns, columns.shape[1], tile, trees.feature, trees.threshold, t, ends)
        b = np.uint64(0)
        while b + eight <= n:
            b1, b2, b3, b4 = b + one, b + np.uint64(2), b + np.uint64(3), b + np.uint64(4)
            b5, b6, b7 = b + np.uint64(5), b + np.uint64(6), b + np.uint64(7)
            n0, n1, n2, n3 = ways[ends[b]], ways[ends[b1]], ways[ends[b2]], ways[ends[b3]]
            n4, n5, n6, n7 = ways[ends[b4]], ways[ends[b5]], ways[ends[b6]], ways[ends[b7]]
            for _ in range(depth):
                n0 = _step(nodes, columns, root, n0, b)
                n1 = _step(nodes, columns, root, n1, b1)
                n2 = _step(nodes, columns, root, n2, b2)
                n3 = _step(nodes, columns, root, n3, b3)
                n4 = _step(nodes, columns, root, n4, b4)
                n5 = _step(nodes, columns, root, n5, b5)
                n6 = _step(nodes, columns, root, n6, b6)
                n7 = _step(nodes, columns, root, n7, b7)
            out[b, k] += value[root + n0]
            out[b1, k] += value[root + n1]
            out[b2, k] += value[root + n2]
            out[b3, k] += value[root + n3]
            out[b4, k] += value[root + n4]
            out[b5, k] += value[root + n5]
            out[b6, k] += value[root + n6]
            out[b7, k] += value[root + n7]
            b += eight
        while b < n:
            place = ways[ends[b]]
            for _ in range(depth):
                place = _step(nodes, columns, root, place, b)
            out[b, k] += value[root + place]
            b += one


@njit(cache=True)
def raw_scores(trees, X, classes):
    """Sum of leaf values: float64 [B, classes]; tree t adds to class t % classes. X: float32 [B, F] without NaN.

    The trees are the outer loop, so that one tree's nodes stay in the first-level cache while all blocks pass.
    Every block takes as many steps as the tree is deep (leaves lead to themselves): the first few with fifteen others
    at once, then eight go side by side, since which way a block goes cannot be predicted, and following one alone is
    spent waiting. A node is one word, so that a step is two loads. Features are turned to columns, so that the few a
    tree asks for stay near, and compared as integers; indices are unsigned, which spares Numba's check for negative
    ones. 0.47 ns a step.
    """
    width = -(-len(X) // LANES) * LANES
    columns = np.empty((X.shape[1], width), np.int32)
    columns[:, len(X) :] = 0
    _turn(X.view(np.int32), columns)
    out = np.zeros((len(X), classes), np.float64)
    _add_leaves(trees, columns, np.empty(width, np.uint32), out)
    return out


@njit(cache=True)
def probability(trees, X):
    """Logistic of the raw score: float32 [B]."""
    return (1 / (1 + np.exp(-raw_scores(trees, X, 1)[:, 0]))).astype(np.float32)


@njit(cache=True)
def class_probabilities(trees, row, classes):
    """Softmax of the raw scores of one row: float32 [classes]."""
    raw = raw_scores(trees, row.reshape(1, -1), classes)[0]
    raw = np.exp(raw - raw.max())
    return (raw / raw.sum()).astype(np.float32)
