"""What the words say: class, id and role of the elements around a block, and the block's own first words.
Compiled.

Each word has a log-odds of standing in or around content, learned from labelled pages and stored in tables
indexed by hash (collisions are rare at these sizes and the trees survive them). Class names are read at three
distances, since
"comment" on the block itself and "comment" on the page's wrapper mean different things. Two more tables hold the
log-odds on forum pages and on list pages only, where comments and cards *are* the content.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.elements import block_parent, group_ids
from skypile.extraction.fast.structure import H1, H6, LEGEND, SUMMARY

ATTRIBUTE_BITS, TEXT_BITS = 15, 17
N_WORDING = 9 + 1 + 4 + 4 + 2
TAG_SALT = np.uint32(0x5BD1E995)


# Columns of the log-odds of attribute words.
NEAR, MIDDLE, FAR, FORUM, LISTING = range(5)
ATTRIBUTE_ODDS = ("near", "middle", "far", "forum", "listing")


class Odds(NamedTuple):
    """Log-odds tables. attribute: float32 [2**15, 5], a column each for ATTRIBUTE_ODDS, side by side since a word is
    looked up in all of them; text: float32 [2**17]."""

    attribute: np.ndarray
    text: np.ndarray


@borrows
def slot_of(value, bits):
    """Fold a 32-bit hash to a table index."""
    return np.int64(np.uint32(np.uint32(value) * np.uint32(0x9E3779B1)) >> np.uint32(32 - bits))


@borrows
def pair_hash(left, right):
    return np.uint32((np.uint32(left) * np.uint32(0x85EBCA6B)) ^ np.uint32(right))


@borrows
def _of_kinds(page, names, first, odds, out):
    """Over the attribute words and the name of a kind's first element: sum, minimum and maximum of each log-odds, into
    out [K, 5, 3]."""
    for kind in range(len(out)):
        e, of_kind = first[kind], out[kind]
        of_kind[:] = 0
        _add_word(odds[slot_of(names.name_hash[page.tag[e]] ^ TAG_SALT, ATTRIBUTE_BITS)], of_kind)
        for k in range(page.word_from[e], page.word_from[e + 1]):
            _add_word(odds[slot_of(page.words[k], ATTRIBUTE_BITS)], of_kind)


@borrows
def _add_word(values, of_kind):
    for t in range(len(ATTRIBUTE_ODDS)):
        of_kind[t, 0] += values[t]
        of_kind[t, 1] = min(of_kind[t, 1], values[t])
        of_kind[t, 2] = max(of_kind[t, 2], values[t])


@borrows
def _flow_down(page, kind, of_kind, t, out):
    """Each element's own and its ancestors' log-odds t into out [E, 3]: sums add, minima and maxima spread."""
    for e in range(len(page.parent)):
        p, own = page.parent[e], of_kind[kind[e], t]
        if p < 0:
            out[e, 0], out[e, 1], out[e, 2] = own[0], own[1], own[2]
        else:
            out[e, 0] = own[0] + out[p, 0]
            out[e, 1] = min(own[1], out[p, 1])
            out[e, 2] = max(own[2], out[p, 2])


@borrows
def text_score(found, n, table):
    """Log-odds of the first n words `found` of a block and of their pairs: sum, minimum, maximum, mean."""
    total, low, high = np.float32(0), np.float32(0), np.float32(0)
    for k in range(n):
        value = table[slot_of(found[k], TEXT_BITS)]
        if k:
            pair = table[slot_of(pair_hash(found[k - 1], found[k]), TEXT_BITS)]
            total += pair
            low = min(low, pair)
            high = max(high, pair)
        total += value
        low = min(low, value)
        high = max(high, value)
    return total, low, high, total / max(n, 1)


@njit(cache=True)
def wording_features(page, tokens, odds, names):
    """float32 [B, N_WORDING]. `tokens`: of `first_tokens`."""
    nb, ne = len(page.start), len(page.parent)
    parent, tags, flags, table = page.parent, page.tag, names.flags, odds.text
    X = np.zeros((nb, N_WORDING), np.float32)
    # Most elements of a page are like others: what their words say is looked up once.
    kind, n_kinds = group_ids(page.signature)
    first, n_seen = np.empty(n_kinds, np.int32), 0
    for e in range(ne):
        if kind[e] == n_seen:
            first[n_seen] = e
            n_seen += 1
    of_kind = np.empty((n_kinds, len(ATTRIBUTE_ODDS), 3), np.float32)
    far, forum, listing = np.empty((ne, 3), np.float32), np.empty((ne, 3), np.float32), np.empty((ne, 3), np.float32)
    _of_kinds(page, names, first, odds.attribute, of_kind)
    _flow_down(page, kind, of_kind, FAR, far)
    _flow_down(page, kind, of_kind, FORUM, forum)
    _flow_down(page, kind, of_kind, LISTING, listing)
    found, counts = tokens
    heading_score, heading_mean = np.float32(0), np.float32(0)
    for b in range(nb):
        row = X[b]
        inner, outer = page.inner[b], page.outer[b]
        e = inner
        while True:
            row[0] += of_kind[kind[e], NEAR, 0]
            row[1] = min(row[1], of_kind[kind[e], NEAR, 1])
            row[2] = max(row[2], of_kind[kind[e], NEAR, 2])
            if e == outer or e <= 0:
                break
            e = page.parent[e]
        e = outer
        for _ in range(2):
            e = block_parent(parent, tags, flags, e)
            row[3] += of_kind[kind[e], MIDDLE, 0]
            row[4] = min(row[4], of_kind[kind[e], MIDDLE, 1])
            row[5] = max(row[5], of_kind[kind[e], MIDDLE, 2])
        e = block_parent(parent, tags, flags, e)
        row[6], row[7], row[8] = far[e, 0], far[e, 1], far[e, 2]
        row[9] = row[0] + row[3] + row[6]
        row[10], row[11] = forum[inner, 0], forum[inner, 1]
        row[12], row[13] = listing[inner, 0], listing[inner, 1]
        row[14], row[15], row[16], row[17] = text_score(found[b], counts[b], table)
        row[18], row[19] = heading_score, heading_mean
        tag = page.tag[outer]
        if H1 <= tag <= H6 or tag in (SUMMARY, LEGEND):
            heading_score, heading_mean = row[14], row[17]
    return X
