"""From scores to text: which blocks stay, and what stands between them. Compiled.

Which stay: of all thresholds the one that maximises the expected F1 of the page's words under the scores, which
is half that maximum (Lipton et al. 2014, "Optimal thresholding of classifiers to maximize F1 measure"). On a
page where the model is sure this is 0.5; on one where it is not, more is kept rather than nothing at all.

Tables of data and lists stay whole or go (`wholes.py`); what the page says twice is said once (`copies.py`); readers'
comments on an article, related pages and notices go (`asides.py`), and what stands apart behind one (`apart.py`).

What stands between: a blank line between paragraphs, a line break between list items and table rows. Tables of data
are written with all their cells (`tables.py`); in the others, which lay out the page, a tab stands between the short
cells of one row.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.apart import drop_apart
from skypile.extraction.fast.asides import ARTICLE, drop_asides
from skypile.extraction.fast.bare import is_bare, thin_text
from skypile.extraction.fast.copies import drop_copies
from skypile.extraction.fast.tables import data_tables, subtree_ends, write_table
from skypile.extraction.fast.tags import TAG_ID
from skypile.extraction.fast.wholes import settled, whole_of_blocks

LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.2, 0.5
LIKELY = 0.4  # a page none of whose blocks gets this score has no main text, if it is neither bare nor thin
MOSTLY = 0.5  # of the page types' probabilities
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
def choose(page, names, score, words, types):
    """Which blocks make the text: bool [B]. `types`: probabilities of PAGE_TYPES."""
    if not len(score):
        return np.zeros(0, np.bool_)
    likely = score.max() >= LIKELY
    bare = is_bare(page, likely)
    whole = whole_of_blocks(page)
    if bare:
        keep = np.ones(len(score), np.bool_)
    elif likely:
        agreed = settled(page, names, score, words, whole)
        keep = agreed >= threshold(agreed, words)
        drop_asides(page, keep, agreed, words, types)
        if types[ARTICLE] >= MOSTLY:
            drop_apart(page, keep, agreed, words)
    else:
        keep = thin_text(page)
    drop_copies(page, keep, score, whole, bare)
    return keep


@njit(cache=True)
def _surroundings(page):
    """Per element, itself or the nearest above: row, cell, and the outermost list or table: int32 [E, 3]."""
    out = np.full((len(page.parent), 3), -1, np.int32)
    for e in range(len(page.parent)):
        p, tag = page.parent[e], page.tag[e]
        if p >= 0:
            out[e, 0], out[e, 1], out[e, 2] = out[p, 0], out[p, 1], out[p, 2]
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
    table, data = data_tables(page)
    spare = size if data.any() else 0
    out = np.empty(size + spare + len(page.parent), np.uint8)
    around = _surroundings(page)
    end = subtree_ends(page)
    o, last, after = 0, -1, 0
    for b in range(len(keep)):
        if not keep[b] or b < after:
            continue
        t = table[page.outer[b]]
        if t >= 0 and data[t]:
            if last >= 0:
                out[o] = 10
                out[o + 1] = 10
                o += 2
            o, after, spare = write_table(page, table, end, b, out, o, spare)
            last = after - 1
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
