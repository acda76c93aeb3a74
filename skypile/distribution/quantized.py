"""Vectors as embedders give them: int8, the largest component 127; and what is worked out with them, exactly.

Dot products of whole numbers are exact in any order of summing, so no batch, BLAS or make of processor shows in them.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

EXACT_DIM = (1 << 24) // (127 * 127)  # up to here float32 sums of int8 products stay exact: 1,040


class Embedded(NamedTuple):
    """int8 `vectors` (n, dim), and float32 `coverage` (n,): the share of each text that the model knows, 0 to 1."""

    vectors: NDArray[np.int8]
    coverage: NDArray[np.float32]


def quantize(floats: NDArray[np.floating]) -> NDArray[np.int8]:
    """Rows scaled so that the largest absolute component is 127, rounded; zero and non-finite rows give zeros.

    >>> quantize(np.array([[0.5, -0.25], [0.0, 0.0]])).tolist()
    [[127, -64], [0, 0]]
    """
    floats = np.where(np.isfinite(floats).all(axis=1, keepdims=True), floats, 0.0)
    peak = np.abs(floats).max(axis=1, keepdims=True, initial=0.0)
    return np.rint(floats * (127.0 / np.where(peak > 0, peak, 1.0))).astype(np.int8)


def vectors_of(stored: pa.Array | pa.ChunkedArray) -> NDArray[np.int8]:
    """int8 (n, dim) of n equally long byte strings; (0, 0) of none."""
    held = stored.to_pylist()
    return np.frombuffer(b"".join(held), np.int8).reshape(len(held), len(held[0]) if held else 0)


def exact(vectors: NDArray[np.int8]) -> NDArray[np.floating]:
    """As floats whose products add up to exact whole numbers."""
    return vectors.astype(np.float32 if vectors.shape[1] <= EXACT_DIM else np.float64)


def lengths(vectors: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """Lengths of vectors of whole numbers, whose squares add up exactly."""
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))


def cosines(vectors: NDArray[np.int8], others: NDArray[np.int8]) -> NDArray[np.float64]:
    """Of (n, dim) and (m, dim): (n, m); 0 where one is zero.

    >>> cosines(np.array([[3, 0], [1, 1], [0, 0]], np.int8), np.array([[2, 0]], np.int8)).round(3).tolist()
    [[1.0], [0.707], [0.0]]
    """
    dots: NDArray[np.float64] = np.dot(exact(vectors), exact(others).T).astype(np.float64)
    return dots / np.maximum(lengths(vectors)[:, None] * lengths(others)[None, :], 1)
