"""From scores to text: which blocks stay, and what stands between them. Compiled.

Which stay: of all thresholds the one that maximises the expected F1 of the page's words under the scores, which
is half that maximum (Lipton et al. 2014, "Optimal thresholding of classifiers to maximize F1 measure"). On a
page where the model is sure this is 0.5; on one where it is not, more is kept rather than nothing at all.

What stands between: a blank line between paragraphs, a line break between list items and table rows, a tab
between the short cells of one row. What the page says twice is said once: of equal blocks of COPY_BYTES or more
the first stays (quoted posts, captions, a slider's copies, "share with friends" under each item). That alone
raises out-of-fold F1 on WCXB forums from 0.80 to 0.83. Short cells of tables always stay, since a row that lacks
one is wrong; out of fold this moves no F1.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.block_text import hash_text
from skypile.extraction.fast.elements import group_ids
from skypile.extraction.fast.tags import TAG_ID

LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.2, 0.5
COPY_BYTES = 20  # shorter copies may be meant ("Yes." under two posts); tried 15 to 200, flat from 15 to 100
LIKELY = 0.4  # a page none of whose blocks gets this score has no main text: error pages, consent walls
SHORT_CELL = 200  # bytes: longer cells are those of layout tables, and become paragraphs
TR, TABLE, LI, DT, DD = (TAG_ID[x] for x in ["tr", "table", "li", "dt", "dd"])
UL, OL, DL, TD, TH = (TAG_ID[x] for x in ["ul", "ol", "dl", "td", "th"])


@njit(cache=True)
def threshold(score, words):
    """The score from which blocks are kept. `score`, `words`: float32 [B]."""
    order = np.argsort(-score)
    expected_gold = np.float64(0)
    for b in range(len(score)):
        expected_gold += score[b] * words[b]
    kept, right, best = 0.0, 0.0, 0.0
    for b in order:
        kept += words[b]
        right += score[b] * words[b]
        best = max(best, 2 * right / (kept + expected_gold))
    return min(max(best / 2, LOWEST_THRESHOLD), HIGHEST_THRESHOLD)


@njit(cache=True)
def choose(page, score, words):
    """Which blocks make the text: bool [B]."""
    keep = score >= threshold(score, words)
    if len(score) and score.max() < LIKELY:
        keep[:] = False
    keys = np.zeros(len(keep), np.uint64)
    for b in range(len(keep)):
        if keep[b]:
            keys[b] = hash_text(page.text, page.start[b], page.stop[b])
    text, n_texts = group_ids(keys)
    said = np.zeros(n_texts, np.uint8)
    for b in range(len(keep)):
        size, tag = page.stop[b] - page.start[b], page.tag[page.outer[b]]
        if keep[b] and size >= COPY_BYTES and not ((tag in (TD, TH)) and size < SHORT_CELL):
            keep[b] = not said[text[b]]
            said[text[b]] = 1
    return keep


@njit(cache=True)
def _surroundings(page):
    """Per element, itself or the nearest above: row, cell, and the outermost list or table: int32 [E, 3]."""
    out = np.full((len(page.parent), 3), -1, np.int32)
    for e in range(len(page.parent)):
        p, tag = page.parent[e], page.tag[e]
        if p >= 0:
            out[e] = out[p]
        if tag == TR:
            out[e, 0] = e
        elif tag in (TD, TH):
            out[e, 1] = e
        elif tag == TABLE:
            out[e, 0], out[e, 1], out[e, 2] = -1, -1, e
        elif (tag in (UL, OL, DL)) and (out[e, 2] < 0 or page.tag[out[e, 2]] == TABLE):
            out[e, 2] = e
    return out


@njit(cache=True)
def join(page, keep):
    """The kept blocks as one text in UTF-8 (uint8)."""
    size = 0
    for b in range(len(keep)):
        if keep[b]:
            size += page.stop[b] - page.start[b] + 2
    out = np.empty(size, np.uint8)
    around = _surroundings(page)
    o, last = 0, -1
    for b in range(len(keep)):
        if not keep[b]:
            continue
        start, stop = page.start[b], page.stop[b]
        if last >= 0:
            e, f = page.outer[last], page.outer[b]
            short = stop - start <= SHORT_CELL and page.stop[last] - page.start[last] <= SHORT_CELL
            lines = page.pre[b] or page.pre[last] or page.split[b]
            items = _is_item(page.tag[e]) and _is_item(page.tag[f])
            together = around[e, 2] >= 0 and around[e, 2] == around[f, 2] and not lines
            if (
                together
                and short
                and around[e, 0] >= 0
                and around[e, 0] == around[f, 0]
                and around[e, 1] != around[f, 1]
            ):
                out[o] = 9
                o += 1
            elif together and (short or items):
                out[o] = 10
                o += 1
            else:
                out[o] = 10
                out[o + 1] = 10
                o += 2
        out[o : o + stop - start] = page.text[start:stop]
        o += stop - start
        last = b
    return out[:o]


@njit(cache=True)
def _is_item(tag):
    return tag in (LI, DT, DD, TR, TD, TH)
