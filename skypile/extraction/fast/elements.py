"""Sums over the elements of a page, what they inherit, and which are alike. Compiled.

An element's index is larger than its parent's, so sums flow up in one backward pass over the arrays and what is
inherited flows down in one forward pass: linear in the elements, whatever their nesting.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.block_text import ENDS, WORDS
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.tags import BLOCK, TAG_ID

# Elements whose distance above a block is a feature.
_LANDMARKS = (
    "nav footer header aside article main form table ul ol "
    "section blockquote figure button details dialog dl p li a noscript"
)
LANDMARKS = np.array([TAG_ID[x] for x in _LANDMARKS.split()], np.int16)
IMG, A, INPUT = TAG_ID["img"], TAG_ID["a"], TAG_ID["input"]


@njit(cache=True)
def signatures(tag, word_from, words):
    """For each element a hash of its tag and attribute words, the arrays of `Page`: uint64 [E]."""
    out = np.empty(len(tag), np.uint64)
    for e in range(len(tag)):
        value = np.uint64(tag[e]) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
        for k in range(word_from[e], word_from[e + 1]):
            value = (value ^ np.uint64(words[k])) * np.uint64(0x100000001B3)
        out[e] = value
    return out


@njit(cache=True)
def sibling_keys(page):
    """For each element a hash of its signature and its parent: equal for like elements of one parent. uint64 [E]."""
    out = np.empty(len(page.parent), np.uint64)
    for e in range(len(out)):
        out[e] = page.signature[e] ^ (np.uint64(max(page.parent[e], 0)) * np.uint64(0xD6E8FEB86659FD93))
    return out


@njit(cache=True)
def group_ids(keys):
    """Number the distinct keys: [7, 9, 7] -> ([0, 1, 0], 2). Open addressing at half load."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    table = np.full(size, -1, np.int32)
    first = np.empty(len(keys) + 1, np.uint64)
    ids = np.empty(len(keys), np.int32)
    n = 0
    for e in range(len(keys)):
        mixed = keys[e] * np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64(mixed >> np.uint64(32)) & (size - 1)
        while table[slot] >= 0 and first[table[slot]] != keys[e]:
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = n
            first[n] = keys[e]
            n += 1
        ids[e] = table[slot]
    return ids, n


@njit(cache=True)
def element_sums(page, stats):
    """Per element, over the blocks below it: text, link text, blocks, long blocks, sentence ends, images and
    links, and a score in the manner of Readability. float32 [E, 8]."""
    n = len(page.parent)
    sums = np.zeros((n, 8), np.float32)
    for b in range(len(page.start)):
        size = page.stop[b] - page.start[b]
        e = page.outer[b]
        linked = min(1.0, page.link[b] / size)
        words = stats[b, WORDS]
        sums[e, 0] += words
        sums[e, 1] += words * linked
        sums[e, 2] += 1
        good = 0.0
        if linked < 0.3 and (words > 12 or (words > 5 and stats[b, ENDS] > 0)):
            good = words * (1 - linked)
            sums[e, 3] += 1
        sums[e, 4] += stats[b, ENDS]
        points = good**0.75
        up = e
        for d in range(6):
            if up < 0 or good == 0:
                break
            sums[up, 7] += points / (1 + 0.5 * d)
            up = page.parent[up]
    for e in range(n - 1, 0, -1):
        if page.tag[e] == IMG:
            sums[e, 5] += 1
        elif page.tag[e] == A or page.tag[e] == INPUT:
            sums[e, 6] += 1
        for k in range(7):
            sums[page.parent[e], k] += sums[e, k]
    return sums


@njit(cache=True)
def inherited(page, flags):
    """Depth in block-level elements, hidden above, depth of the nearest landmarks above: int32 [E, 2 + L]."""
    n = len(page.parent)
    out = np.zeros((n, 2 + len(LANDMARKS)), np.int32)
    for e in range(n):
        p = page.parent[e]
        if p >= 0:
            for k in range(out.shape[1]):
                out[e, k] = out[p, k]
        out[e, 0] += (flags[page.tag[e]] & BLOCK) > 0
        out[e, 1] |= page.hidden[e]
        for k in range(len(LANDMARKS)):
            if page.tag[e] == LANDMARKS[k]:
                out[e, 2 + k] = out[e, 0] + 1
    return out


@borrows
def block_parent(parent, tags, flags, e):
    """The nearest block-level element above e; <body> is its own parent."""
    e = parent[e]
    while e > 0 and not flags[tags[e]] & BLOCK:
        e = parent[e]
    return max(e, 0)


@njit(cache=True)
def depths(page):
    """Depth of each element below <body>: int32 [E]."""
    out = np.zeros(len(page.parent), np.int32)
    for e in range(1, len(page.parent)):
        out[e] = out[page.parent[e]] + 1
    return out


@njit(cache=True)
def nearest_common(page, target):
    """For each element, the deepest element that holds both it and `target`: int32 [E]."""
    out = np.full(len(page.parent), -1, np.int32)
    e = target
    while e >= 0:
        out[e] = e
        e = page.parent[e]
    for e in range(len(page.parent)):
        if out[e] < 0:
            out[e] = out[page.parent[e]]
    return out
