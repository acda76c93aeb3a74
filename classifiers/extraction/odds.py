"""Log-odds tables of class names, element names and words, counted on labelled pages.

A word's evidence is counted once a page (the share of its text that is content there), so that a page with a
thousand comments weighs no more than one with three. Words seen on fewer than MIN_PAGES pages stay at 0: below
that they name a site, not a function.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit

from skypile.classifiers.extraction.dataset import LabelledPage
from skypile.extraction.fast.block_text import BLOCK_TOKENS, tokens
from skypile.extraction.fast.blocks import NAMES
from skypile.extraction.fast.elements import block_parent
from skypile.extraction.fast.page_type import PAGE_TYPES
from skypile.extraction.fast.wording import (
    ATTRIBUTE_BITS,
    TAG_SALT,
    TEXT_BITS,
    Odds,
    pair_hash,
    slot_of,
)

MIN_PAGES, MIN_TEXT_PAGES = 3.0, 4.0
BLOCK_CAP = 60.0  # words of a block that count: one long paragraph is not ten short ones


@njit(cache=True)
def _add(page, names, e, weight, column, out):
    out[slot_of(names.name_hash[page.tag[e]] ^ TAG_SALT, ATTRIBUTE_BITS), column] += weight
    for k in range(page.word_from[e], page.word_from[e + 1]):
        out[slot_of(page.words[k], ATTRIBUTE_BITS), column] += weight


@njit(cache=True)
def _count(page, names, labels, words, near, middle, far, chain, text):
    """Content (column 0) and other (column 1) weight of each slot on one page, added to the zeroed arrays."""
    found = np.empty(BLOCK_TOKENS, np.uint32)
    for b in range(len(labels)):
        if labels[b] < 0:
            continue
        column = 0 if labels[b] > 0.5 else 1
        weight = min(words[b], BLOCK_CAP)
        inner, outer = page.inner[b], page.outer[b]
        e = inner
        while True:
            _add(page, names, e, weight, column, near)
            if e == outer or e <= 0:
                break
            e = page.parent[e]
        e = outer
        for _ in range(2):
            e = block_parent(page.parent, page.tag, names.flags, e)
            _add(page, names, e, weight, column, middle)
        e = block_parent(page.parent, page.tag, names.flags, e)
        while e >= 0:
            _add(page, names, e, weight, column, far)
            e = page.parent[e]
        e = inner
        while e >= 0:
            _add(page, names, e, weight, column, chain)
            e = page.parent[e]
        n = tokens(page.text, page.start[b], page.stop[b], found)
        for k in range(n):
            text[slot_of(found[k], TEXT_BITS), column] += weight
            if k:
                text[slot_of(pair_hash(found[k - 1], found[k]), TEXT_BITS), column] += weight


@njit(cache=True)
def _merge(page_counts, total):
    """Add the page's shares to the totals and zero the page's counts."""
    for slot in range(len(total)):
        both = page_counts[slot, 0] + page_counts[slot, 1]
        if both > 0:
            total[slot, 0] += page_counts[slot, 0] / both
            total[slot, 1] += page_counts[slot, 1] / both
            page_counts[slot, 0] = 0
            page_counts[slot, 1] = 0


def _log_odds(total: np.ndarray, min_pages: float) -> np.ndarray:
    odds = np.log((total[:, 0] + 1) / (total[:, 1] + 1))
    return np.where(total.sum(1) >= min_pages, odds, 0).astype(np.float32)


def count_odds(pages: Sequence[LabelledPage]) -> Odds:
    attribute, text = (1 << ATTRIBUTE_BITS, 2), (1 << TEXT_BITS, 2)
    near, middle, far, forum, listing = (np.zeros(attribute, np.float32) for _ in range(5))
    words = np.zeros(text, np.float32)
    on_page = [np.zeros(attribute, np.float32) for _ in range(4)] + [np.zeros(text, np.float32)]
    for page in pages:
        _count(page.page, NAMES, page.labels, page.words.astype(np.float32), *on_page)
        for counts, total in zip(on_page[:3], (near, middle, far), strict=True):
            _merge(counts, total)
        if page.page_type == "forum":
            _merge(on_page[3], forum)
        elif page.page_type in ("listing", "collection"):
            _merge(on_page[3], listing)
        on_page[3][:] = 0
        _merge(on_page[4], words)
    tables = [_log_odds(total, MIN_PAGES) for total in (near, middle, far, forum, listing)]
    return Odds(np.stack(tables, axis=1), _log_odds(words, MIN_TEXT_PAGES))


def count_page_odds(pages: Sequence[LabelledPage]) -> np.ndarray:
    """How much more often a word stands on pages of a type than on others: log-odds float32 [2**15, types]."""
    on = np.zeros((1 << ATTRIBUTE_BITS, len(PAGE_TYPES)), np.float32)
    of_type = np.zeros(len(PAGE_TYPES), np.float32)
    for page in pages:
        if page.page_type is not None:
            t = PAGE_TYPES.index(page.page_type)
            on[page.slots, t] += 1
            of_type[t] += 1
    total = on.sum(1, keepdims=True)
    with_type = (on + 0.5) / (of_type + 10)
    elsewhere = (total - on + 0.5) / (of_type.sum() - of_type + 10)
    return np.where(total >= MIN_PAGES, np.log(with_type / elsewhere), 0).astype(np.float32)
