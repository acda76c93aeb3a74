"""All features of a page's blocks, in the order the trees were trained on. Compiled."""

import numpy as np
from numba import njit

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.context import NEIGHBOURS, neighbour_features
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
def block_features(page, tokens, structure, odds, names, page_type):
    """float32 [B, F]: structure, wording, the neighbours' main columns, the page type's probabilities. `tokens`: of
    `first_tokens`."""
    wording = wording_features(page, tokens, odds, names)
    n_own = structure.shape[1] + wording.shape[1]
    n_beside = len(NEIGHBOURS) * len(NEIGHBOUR_COLUMNS)
    X = np.empty((len(structure), n_own + n_beside + len(page_type)), np.float32)
    every = np.arange(len(X))
    put_rows(structure, every, X, 0)
    put_rows(wording, every, X, structure.shape[1])
    neighbour_features(X, NEIGHBOUR_COLUMNS, n_own)
    for b in range(len(X)):
        for t in range(len(page_type)):
            X[b, n_own + n_beside + t] = page_type[t]
    return X


@borrows
def put_rows(columns, rows, out, c):
    """Of `columns` the given rows, as columns of `out` from c on. (An unsigned index is not asked whether it is
    negative, and the loop becomes one of vectors.)"""
    for i in range(len(rows)):
        for k in range(columns.shape[1]):
            out[i, np.uint64(c) + np.uint64(k)] = columns[rows[i], k]
