"""Pages with no site around their text, or hardly one: the model knows sites, and may find nothing likely. Compiled.

A *bare* page is nothing but text: all of it is main text, if it has no link at all or no block is likely. A *thin* one
has a menu or a header beside a few paragraphs. Of the 23 labelled pages none of whose blocks is likely (consent walls,
error pages, pages whose text a script draws) it finds text on none.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.block_text import ENDS, text_statistics
from skypile.extraction.fast.tags import TAG_ID

# A share of 0.05 for all loses ten of 5,000 snippets of the 990 pages; where no block is likely no labelled page with
# text loses up to 0.25.
BARE_LINKS, UNLIKELY_BARE_LINKS = 0.0, 0.25
BARE_BYTES = 100  # less is a notice: "404 Not Found"
OTHER_PARTS = ("nav", "header", "footer", "aside", "form", "button", "input", "textarea")
IS_OTHER = np.isin(np.arange(max(TAG_ID.values()) + 1), [TAG_ID[name] for name in OTHER_PARTS])


@njit(cache=True)
def is_bare(page, likely):
    """Whether a page is nothing but its text: no part of it is named as another, and hardly any of it stands in links.
    It has no other text to be told from. `likely`: whether the model holds a block of it for content."""
    size = np.int64(0)
    for b in range(len(page.start)):
        size += page.stop[b] - page.start[b]
    if size < BARE_BYTES or page.link.sum() > (BARE_LINKS if likely else UNLIKELY_BARE_LINKS) * size:
        return False
    return not IS_OTHER[page.tag].any()


@njit(cache=True)
def thin_text(page):
    """The blocks that stand in no part of the page named as another, if most of what they say is prose (blocks of
    BARE_BYTES or more in which a sentence ends) and little of it links; else none: bool [B]."""
    inside = np.zeros(len(page.parent), np.bool_)
    for e in range(len(inside)):
        p = page.parent[e]
        inside[e] = (p >= 0 and inside[p]) or IS_OTHER[page.tag[e]]
    keep = np.zeros(len(page.start), np.bool_)
    statistics = np.zeros(12, np.float32)
    size, prose, link = np.int64(0), np.int64(0), np.float64(0)
    for b in range(len(keep)):
        keep[b] = not inside[page.outer[b]]
        if not keep[b]:
            continue
        n = page.stop[b] - page.start[b]
        size += n
        link += page.link[b]
        if n >= BARE_BYTES:
            text_statistics(page.text, page.start[b], page.stop[b], statistics)
            prose += n * (statistics[ENDS] > 0)
    if 2 * prose < size or link > UNLIKELY_BARE_LINKS * size or size < BARE_BYTES:
        keep[:] = False
    return keep
