"""What is decided as one thing: tables of data, lists, blocks alike. Compiled.

A table or a list of which some is kept and some is not says something else than its author did, so all its blocks get
one score, the mean over its words. A list is the outermost <ul>, <ol> or <dl> with two items or more; where its items
hold more than BLOCKS_AN_ITEM blocks in the mean it lays out cards, posts or the page. Blocks that stand in like
elements, three levels up, get closer to their mean: of ten cards or paragraphs alike it is seldom the third alone that
is none of the text. Out of fold this is worth 0.0015 of word F1 on WCXB dev, and 0.004 on the Chinese pages.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.elements import block_parent, group_ids
from skypile.extraction.fast.tables import TABLE, data_tables
from skypile.extraction.fast.tags import TAG_ID

UL, OL, DL, LI, DT, DD = (TAG_ID[x] for x in ["ul", "ol", "dl", "li", "dt", "dd"])
BLOCKS_AN_ITEM = 4  # tried 1.3 to 6: best at 4, where lists of lists and of linked titles with a line of text are whole
ALIKE = np.float32(0.3)  # tried 0.2 to 1: more wins pages of lists and loses forums and snippets
LEVELS_ALIKE = 3


@njit(cache=True)
def list_of_blocks(page):
    """The list that each block stands in as one thing, an element, or -1: int32 [B]."""
    n = len(page.parent)
    outermost, item = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    for e in range(n):
        p, tag = page.parent[e], page.tag[e]
        if p >= 0:
            outermost[e], item[e] = outermost[p], item[p]
        if tag == TABLE:
            outermost[e], item[e] = -1, -1
        elif (tag in (UL, OL, DL)) and outermost[e] < 0:
            outermost[e] = e
        elif (tag in (LI, DT, DD)) and item[e] < 0:
            item[e] = e
    blocks, items, seen = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.bool_)
    for b in range(len(page.outer)):
        e = page.outer[b]
        if outermost[e] >= 0:
            blocks[outermost[e]] += 1
            if item[e] >= 0 and not seen[item[e]]:
                seen[item[e]] = True
                items[outermost[e]] += 1
    out = np.full(len(page.outer), -1, np.int32)
    for b in range(len(out)):
        e = outermost[page.outer[b]]
        if e >= 0 and items[e] >= 2 and blocks[e] <= BLOCKS_AN_ITEM * items[e]:
            out[b] = e
    return out


@njit(cache=True)
def whole_of_blocks(page):
    """The table of data or the list that each block is a part of, an element, or -1: int32 [B]."""
    table, data = data_tables(page)
    out = list_of_blocks(page)
    for b in range(len(out)):
        t = table[page.outer[b]]
        if t >= 0 and data[t]:
            out[b] = t
    return out


@njit(cache=True)
def like_blocks(page, names):
    """A number for each block, the same where the elements around it are alike: uint64 [B]."""
    signature = page.signature
    keys = np.empty(len(page.outer), np.uint64)
    for b in range(len(keys)):
        key, e = signature[page.inner[b]] * np.uint64(31), page.outer[b]
        for _ in range(LEVELS_ALIKE):
            key = (key ^ signature[e]) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
            e = block_parent(page.parent, page.tag, names.flags, e)
        keys[b] = key
    return keys


@njit(cache=True)
def _means(score, words, groups, n):
    """Mean score of each group, by words."""
    total, mass = np.zeros(n), np.zeros(n)
    for b in range(len(score)):
        total[groups[b]] += words[b] * score[b]
        mass[groups[b]] += words[b]
    return (total / mass).astype(np.float32)


@njit(cache=True)
def settled(page, names, score, words, whole):
    """Scores that agree within tables and lists and lean to those of blocks alike: float32 [B]. `whole`: of
    `whole_of_blocks`."""
    groups, n = group_ids(like_blocks(page, names))
    means = _means(score, words, groups, n)
    out = np.empty(len(score), np.float32)
    for b in range(len(score)):
        out[b] = score[b] + ALIKE * (means[groups[b]] - score[b])
    keys = np.empty(len(score), np.uint64)
    for b in range(len(score)):
        keys[b] = whole[b] if whole[b] >= 0 else len(page.parent) + b
    groups, n = group_ids(keys)
    means = _means(out, words, groups, n)
    for b in range(len(score)):
        out[b] = means[groups[b]]
    return out
