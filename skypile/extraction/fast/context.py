"""The second look at a page: each block beside its neighbours, with the first model's scores of all of them.
Compiled."""

import numpy as np
from numba import njit

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.elements import block_parent, group_ids
from skypile.extraction.fast.structure import H1, H6

NEIGHBOURS = (-2, -1, 1, 2)
SCORE_NEIGHBOURS = np.array([-3, -2, -1, 1, 2, 3])
WINDOWS = np.array([2, 5, 15])  # blocks on either side
LEVELS = 5
N_SCORES = 1 + len(SCORE_NEIGHBOURS) + len(WINDOWS) + LEVELS + 2 + 8


@borrows
def neighbour_features(X, columns, c):
    """The given columns of the blocks before and after, -9 off the page, as 4 * len(columns) columns from c on."""
    nb = len(X)
    for b in range(nb):
        to = c
        for d in NEIGHBOURS:
            for k in range(len(columns)):
                X[b, to] = X[b + d, columns[k]] if 0 <= b + d < nb else np.float32(-9)
                to += 1


@njit(cache=True)
def score_features(page, names, score, words):
    """Scores around each block: neighbours, windows, containers, like elements, heading, page. float32 [B,
    N_SCORES].

    `score`: the first model's probability per block; `words`: size of each block.
    """
    nb, ne = len(score), len(page.parent)
    parent, tags, flags = page.parent, page.tag, names.flags
    out = np.zeros((nb, N_SCORES), np.float32)
    if nb == 0:
        return out
    mass, weighted = np.zeros(nb + 1), np.zeros(nb + 1)
    for b in range(nb):
        mass[b + 1] = mass[b] + words[b]
        weighted[b + 1] = weighted[b] + words[b] * score[b]
    under, under_score = np.zeros(ne), np.zeros(ne)
    for b in range(nb):
        under[page.outer[b]] += words[b]
        under_score[page.outer[b]] += words[b] * score[b]
    for e in range(ne - 1, 0, -1):
        under[page.parent[e]] += under[e]
        under_score[page.parent[e]] += under_score[e]
    sig = page.signature
    keys = np.empty(nb, np.uint64)
    wide_keys = np.empty(nb, np.uint64)
    for b in range(nb):
        e = page.outer[b]
        p = block_parent(parent, tags, flags, e)
        q = block_parent(parent, tags, flags, p)
        keys[b] = sig[page.inner[b]] ^ (sig[e] * np.uint64(31)) ^ (sig[p] * np.uint64(0xD6E8FEB86659FD93))
        wide_keys[b] = keys[b] ^ (sig[q] * np.uint64(0xA24BAED4963EE407))
    kind, n_kinds = group_ids(keys)
    wide, n_wide = group_ids(wide_keys)
    of_kind, of_wide = np.zeros((n_kinds, 2)), np.zeros((n_wide, 2))
    for b in range(nb):
        of_kind[kind[b], 0] += words[b]
        of_kind[kind[b], 1] += words[b] * score[b]
        of_wide[wide[b], 0] += words[b]
        of_wide[wide[b], 1] += words[b] * score[b]
    first, last, first_strong = -1, -1, -1
    for b in range(nb):
        if score[b] > 0.5 and words[b] > 8:
            if first < 0:
                first = b
            last = b
        if first_strong < 0 and score[b] > 0.8 and words[b] > 15:
            first_strong = b
    highest = np.float32(0)
    for b in range(nb):
        highest = max(highest, score[b])
    heading_score = np.float32(-1)
    for b in range(nb):
        row = out[b]
        row[0] = score[b]
        c = 1
        for d in SCORE_NEIGHBOURS:
            row[c] = score[b + d] if 0 <= b + d < nb else -1
            c += 1
        for w in WINDOWS:
            a, z = max(0, b - w), min(nb, b + w + 1)
            row[c] = (weighted[z] - weighted[a]) / (mass[z] - mass[a] + 1)
            c += 1
        e = page.outer[b]
        for _ in range(LEVELS):
            row[c] = under_score[e] / max(under[e], 1.0)
            e = block_parent(parent, tags, flags, e)
            c += 1
        row[c] = of_kind[kind[b], 1] / of_kind[kind[b], 0]
        row[c + 1] = of_wide[wide[b], 1] / of_wide[wide[b], 0]
        c += 2
        row[c] = weighted[nb] / mass[nb]
        row[c + 1] = np.log1p(weighted[nb])
        row[c + 2] = highest
        row[c + 3] = heading_score
        row[c + 4] = weighted[b] / max(weighted[nb], 1e-6)
        row[c + 5] = min(max(b - first, -50), 200) if first >= 0 else -99
        row[c + 6] = min(max(last - b, -50), 200) if first >= 0 else -99
        z = min(nb, b + 7)
        row[c + 7] = (weighted[z] - weighted[min(b + 1, nb)]) / (mass[z] - mass[min(b + 1, nb)] + 1)
        tag = page.tag[page.outer[b]]
        if H1 <= tag <= H6:
            heading_score = score[b]
    return out
