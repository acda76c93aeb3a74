"""What the markup says about each block: its own text, its containers, its siblings, its place. Compiled.

Every column is computed from sums over elements: an element's sums flow to its parent in one backward pass (a
parent's index is smaller than its children's), and what is inherited flows down in one forward pass. So the
cost is linear in elements plus blocks, about 0.2 ms for a page of 1,000 elements and 270 blocks.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.block_text import (
    BARS,
    CHARS,
    COLON,
    COMMAS,
    COPYRIGHT,
    DIGITS,
    ENDS,
    FINAL,
    FIRST_UPPER,
    HAN,
    UPPER,
    WORDS,
    hash_text,
    overlap,
    text_statistics,
)
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.elements import (
    LANDMARKS,
    block_parent,
    depths,
    element_sums,
    group_ids,
    inherited,
    nearest_common,
    sibling_keys,
)
from skypile.extraction.fast.tags import TAG_ID

CONTAINER_LEVELS = np.array([0, 1, 2, 3, 5, 7])  # 0 is the block-level element itself
SIBLING_LEVELS = 4
TEXT_COLUMNS = 14
PLACE_COLUMNS = 20
CONTAINER_COLUMNS = 7
SIBLING_COLUMNS = 5
N_STRUCTURE = (
    TEXT_COLUMNS + PLACE_COLUMNS + len(LANDMARKS) + CONTAINER_COLUMNS * len(CONTAINER_LEVELS)
    + SIBLING_COLUMNS * SIBLING_LEVELS + 6 + 9
)  # fmt: skip
H1, H6, IMG, A = TAG_ID["h1"], TAG_ID["h6"], TAG_ID["img"], TAG_ID["a"]
INPUT, P, SUMMARY, LEGEND = TAG_ID["input"], TAG_ID["p"], TAG_ID["summary"], TAG_ID["legend"]


@njit(cache=True)
def find_anchor(page, of_title):
    """The block that repeats the title, best of all as <h1>; else the first <h1>: (block or -1, how sure)."""
    best, best_score, kind = -1, 0.5, 0
    for b in range(len(page.start)):
        s, c = of_title[b, 0], of_title[b, 1]
        tag = page.tag[page.outer[b]]
        score = 2 * s * c / (s + c) if s + c > 0 else 0.0
        if score >= 0.5:
            score += 0.5 if tag == H1 else (0.2 if H1 < tag <= H6 else 0.0)
        if score > best_score:
            best, best_score = b, score
            kind = 3 if tag == H1 else 2
    if best < 0:
        for b in range(len(page.start)):
            if page.tag[page.outer[b]] == H1:
                return b, 1
    return best, kind


@njit(cache=True)
def structure_features(page, tokens, title, description, flags):
    """float32 [B, N_STRUCTURE], and the text statistics [B, 12]. `tokens`: of `first_tokens`; `title`, `description`:
    the page's, as UTF-8."""
    nb = len(page.start)
    X = np.zeros((nb, N_STRUCTURE), np.float32)
    stats = np.zeros((nb, 12), np.float32)
    if nb == 0:
        return X, stats
    parent, tags = page.parent, page.tag
    keys = np.empty(nb, np.uint64)
    total = np.float32(0)
    for b in range(nb):
        text_statistics(page.text, page.start[b], page.stop[b], stats[b])
        keys[b] = hash_text(page.text, page.start[b], page.stop[b])
        total += stats[b, WORDS]
    same_text, n_texts = group_ids(keys)
    copies = np.zeros(n_texts, np.int32)
    for b in range(nb):
        copies[same_text[b]] += 1
    copies_before = np.zeros(n_texts, np.int32)
    sums = element_sums(page, stats)
    down = inherited(page, flags)
    depth = depths(page)
    best = 0
    for e in range(len(page.parent)):
        if sums[e, 7] > sums[best, 7]:
            best = e
    with_best = nearest_common(page, best)
    of_title, of_description = overlap(title, description, tokens[0], tokens[1])
    anchor, anchor_kind = find_anchor(page, of_title)
    anchor_element = page.inner[anchor] if anchor >= 0 else 0
    with_anchor = nearest_common(page, anchor_element)
    described, most = -1, np.float32(0.3)
    for b in range(nb):
        if of_description[b, 1] > most:
            described, most = b, of_description[b, 1]
    sig = page.signature
    n = len(sig)
    kind_key = np.empty(n, np.uint64)
    for e in range(n):
        kind_key[e] = sig[e] ^ (sig[max(page.parent[e], 0)] * np.uint64(0xD6E8FEB86659FD93))
    sibling, n_sibling = group_ids(sibling_keys(page))
    kind, n_kind = group_ids(kind_key)
    of_sibling, of_kind = np.zeros((n_sibling, 3), np.float32), np.zeros((n_kind, 3), np.float32)
    for e in range(n):
        of_sibling[sibling[e], 0] += 1
        of_kind[kind[e], 0] += 1
        for k in range(2):
            of_sibling[sibling[e], 1 + k] += sums[e, k]
            of_kind[kind[e], 1 + k] += sums[e, k]
    h1 = -1
    for b in range(nb):
        if page.tag[page.outer[b]] == H1:
            h1 = b
            break
    logs = np.full((n, 6), np.float32(-1))  # of an element's sums, taken when a block first asks for them
    log_total, log_blocks = np.log1p(total), np.log1p(np.float32(nb))
    log_best = np.log1p(sums[best, 7])
    before = np.float32(0)
    heading, heading_level, heading_before = -1, 0, np.float32(0)
    for b in range(nb):
        words = max(stats[b, WORDS], np.float32(1))
        chars = stats[b, CHARS]
        inner, outer = page.inner[b], page.outer[b]
        tag = page.tag[outer]
        X[b, 0] = np.log1p(chars)
        X[b, 1] = np.log1p(words)
        X[b, 2] = min(1.0, page.link[b] / (page.stop[b] - page.start[b]))
        X[b, 3] = stats[b, ENDS]
        X[b, 4] = stats[b, ENDS] / words
        X[b, 5] = stats[b, COMMAS] / words
        X[b, 6] = stats[b, UPPER] / chars
        X[b, 7] = stats[b, DIGITS] / chars
        X[b, 8] = stats[b, HAN] / chars
        X[b, 9] = stats[b, FINAL]
        X[b, 10] = stats[b, COLON]
        X[b, 11] = stats[b, FIRST_UPPER]
        X[b, 12] = min(stats[b, BARS], np.float32(5))
        X[b, 13] = stats[b, COPYRIGHT] > 0
        c = TEXT_COLUMNS
        X[b, c] = down[inner, 0]
        X[b, c + 1] = tag
        X[b, c + 2] = page.tag[inner]
        X[b, c + 3] = page.split[b]
        X[b, c + 4] = page.pre[b]
        X[b, c + 5] = b / nb
        X[b, c + 6] = before / max(total, np.float32(1))
        X[b, c + 7] = min(b, 500)
        X[b, c + 8] = min(nb - b, 500)
        X[b, c + 9] = log_total
        X[b, c + 10] = log_blocks
        X[b, c + 11] = down[inner, 1]
        X[b, c + 12] = copies_before[same_text[b]]
        X[b, c + 13] = copies[same_text[b]]
        copies_before[same_text[b]] += 1
        X[b, c + 14] = of_title[b, 0]
        X[b, c + 15] = of_title[b, 1]
        X[b, c + 16] = min(b - heading, 100) if heading >= 0 else -1
        X[b, c + 17] = heading_level
        X[b, c + 18] = np.log1p(before - heading_before) if heading >= 0 else -1
        X[b, c + 19] = min(max(b - h1, -50), 200) if h1 >= 0 else -100
        if H1 <= tag <= H6:
            heading, heading_level, heading_before = b, tag - H1 + 1, before
        before += stats[b, WORDS]
        c += PLACE_COLUMNS
        for k in range(len(LANDMARKS)):
            at = down[inner, 2 + k]
            X[b, c + k] = down[inner, 0] - at + 2 if at else 0
        c += len(LANDMARKS)
        e, level, slot = outer, 0, 0
        while slot < len(CONTAINER_LEVELS):
            if logs[e, 0] < 0:
                _take_logs(sums, of_sibling, of_kind, e, sibling[e], kind[e], logs)
            if level == CONTAINER_LEVELS[slot]:
                X[b, c] = logs[e, 0]
                X[b, c + 1] = sums[e, 1] / max(sums[e, 0], np.float32(1))
                X[b, c + 2] = sums[e, 0] / max(total, np.float32(1))
                X[b, c + 3] = logs[e, 1]
                X[b, c + 4] = sums[e, 3] / max(sums[e, 2], np.float32(1))
                X[b, c + 5] = sums[e, 5] / max(sums[e, 2], np.float32(1))
                X[b, c + 6] = sums[e, 6] / max(sums[e, 0], np.float32(1))
                c += CONTAINER_COLUMNS
                slot += 1
            if level < SIBLING_LEVELS:
                q = c_sibling(level)
                for k in range(4):
                    X[b, q + k] = logs[e, 2 + k]
                X[b, q + 4] = of_kind[kind[e], 2] / max(of_kind[kind[e], 1], np.float32(1))
            e = block_parent(parent, tags, flags, e)
            level += 1
        c = c_sibling(SIBLING_LEVELS)
        shared = depth[with_best[inner]]
        X[b, c] = with_best[inner] == best
        X[b, c + 1] = depth[best] - shared
        X[b, c + 2] = depth[inner] - shared
        X[b, c + 3] = sums[best, 0] / max(total, np.float32(1))
        X[b, c + 4] = sums[best, 1] / max(sums[best, 0], np.float32(1))
        X[b, c + 5] = log_best
        c += 6
        holder = with_anchor[inner]
        X[b, c] = anchor_kind
        X[b, c + 1] = depth[anchor_element] - depth[holder]
        X[b, c + 2] = depth[inner] - depth[holder]
        X[b, c + 3] = sums[holder, 0] / max(total, np.float32(1))
        X[b, c + 4] = sums[holder, 1] / max(sums[holder, 0], np.float32(1))
        X[b, c + 5] = min(max(b - anchor, -60), 200) if anchor >= 0 else -100
        X[b, c + 6] = of_description[b, 0]
        X[b, c + 7] = of_description[b, 1]
        X[b, c + 8] = min(max(b - described, -60), 100) if described >= 0 else -100
    return X, stats


@borrows
def _take_logs(sums, of_sibling, of_kind, e, sibling, kind, logs):
    """Logarithms of the words and long blocks of element e, and of how many and how long its likes are."""
    logs[e, 0] = np.log1p(sums[e, 0])
    logs[e, 1] = np.log1p(sums[e, 3])
    logs[e, 2] = np.log1p(of_sibling[sibling, 0])
    logs[e, 3] = np.log1p(of_sibling[sibling, 1] / of_sibling[sibling, 0])
    logs[e, 4] = np.log1p(of_kind[kind, 0])
    logs[e, 5] = np.log1p(of_kind[kind, 1] / of_kind[kind, 0])


@njit(cache=True, inline="always")
def c_sibling(level):
    """First column of the sibling features of a container level."""
    return (
        TEXT_COLUMNS + PLACE_COLUMNS + len(LANDMARKS) + CONTAINER_COLUMNS * len(CONTAINER_LEVELS)
        + SIBLING_COLUMNS * level
    )  # fmt: skip
