"""All features of a page's blocks, in the order the trees were trained on. Compiled."""

import numpy as np
from numba import njit

from skypile.extraction.fast.context import neighbour_features
from skypile.extraction.fast.structure import N_STRUCTURE, TEXT_COLUMNS
from skypile.extraction.fast.wording import wording_features

# Of the blocks before and after: size, link share, sentence ends, final punctuation, element, class odds, text
# odds.
NEIGHBOUR_COLUMNS = np.array(
    [
        0,
        2,
        3,
        9,
        TEXT_COLUMNS + 1,
        N_STRUCTURE,
        N_STRUCTURE + 9,
        N_STRUCTURE + 10,
        N_STRUCTURE + 14,
        N_STRUCTURE + 17,
    ]
)


@njit(cache=True)
def block_features(page, structure, odds, names, page_type):
    """float32 [B, F]: structure, wording, the neighbours' main columns, the page type's probabilities."""
    own = np.hstack((structure, wording_features(page, odds, names)))
    beside = neighbour_features(own, NEIGHBOUR_COLUMNS)
    nb, a, b = len(own), own.shape[1], beside.shape[1]
    X = np.empty((nb, a + b + len(page_type)), np.float32)
    X[:, :a] = own
    X[:, a : a + b] = beside
    for t in range(len(page_type)):
        X[:, a + b + t] = page_type[t]
    return X
