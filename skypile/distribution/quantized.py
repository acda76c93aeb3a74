"""Vectors as embedders give them: int8, the largest component 127."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


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
