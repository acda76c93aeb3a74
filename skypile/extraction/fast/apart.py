"""What stands apart behind an article: last comments in a sidebar, a city guide, the publisher's notice. Compiled.

The article is the narrowest element that holds nearly all of what the model is surest of. A block behind it that the
model is less sure of goes where GONE blocks or more that are no content stand between the two, unless it stands in a
section of the article's kind: of the same element with a class in common, as the pages and chapters of one article are.

The figures were chosen out of fold and on 223 pages that no model here learned from: of the labelled pages ten go up
and three down (WCXB dev + 0.0003, Chinese + 0.0015, mixed + 0.0006) and four snippets go that must not be there, of the
others seven go up and none down (+ 0.002). Tried, with harm: the same before the article, where its summary stands;
where fewer than three blocks make the article; where more than LARGEST_SHARE of the page would go; where what stands
between is only doubted, as half a table may be.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.compiling import borrows

SURE = 0.85  # of the surest block's score
ARTICLE_SHARE = 0.8  # of what is sure, by words
LEAST_BLOCKS = 3  # that the article has
GONE, UNLIKELY = 2, 0.3  # blocks that are no content between the article and what goes
UNSURE = 0.75
LARGEST_SHARE = 0.65  # of the kept words


@njit(cache=True)
def drop_apart(page, keep, score, words):
    """Take out of `keep` what stands apart from the article that the page is. `score`, `words`: float32 [B]."""
    article = _article(page, keep, score, words)
    inside = np.zeros(len(page.parent), np.bool_)
    inside[article] = True
    for e in range(article + 1, len(inside)):
        inside[e] = inside[page.parent[e]]
    blocks, last = 0, -1
    for b in range(len(keep)):
        if keep[b] and inside[page.inner[b]]:
            blocks, last = blocks + 1, b
    if blocks < LEAST_BLOCKS:
        return
    above = np.full(len(page.parent), -1, np.int32)  # of what holds the article: what it holds it in
    e = article
    while e > 0:
        above[page.parent[e]] = e
        e = page.parent[e]
    left = keep.copy()
    gone, apart = 0, 0.0
    for b in range(last + 1, len(keep)):
        gone += not keep[b] and score[b] < UNLIKELY
        if keep[b] and gone >= GONE and score[b] < UNSURE and not _is_of_article(page, above, page.inner[b]):
            left[b] = False
            apart += words[b]
    if apart and apart <= LARGEST_SHARE * (words * keep).sum():
        keep[:] = left


@njit(cache=True)
def _article(page, keep, score, words):
    """The narrowest element that holds ARTICLE_SHARE of what is sure; <body> where nothing is kept."""
    top = np.float32(0)
    for b in range(len(keep)):
        if keep[b]:
            top = max(top, score[b])
    sure = np.zeros(len(page.parent), np.float64)
    for b in range(len(keep)):
        if keep[b] and score[b] >= SURE * top:
            sure[page.inner[b]] += words[b] * score[b]
    for e in range(len(sure) - 1, 0, -1):
        sure[page.parent[e]] += sure[e]
    for e in range(len(sure) - 1, 0, -1):  # those with more than half lie in one another
        if sure[e] >= ARTICLE_SHARE * sure[0] and sure[0] > 0:
            return e
    return 0


@borrows
def _is_of_article(page, above, e):
    """Whether e stands in a section of the kind that the article stands in, or in none of its own."""
    section = -1
    while e > 0 and above[e] < 0:
        section, e = e, page.parent[e]
    other = above[e]
    if section < 0 or other < 0 or page.tag[section] != page.tag[other]:
        return section < 0
    if page.signature[section] == page.signature[other]:
        return True
    for i in range(page.word_from[section], page.word_from[section + 1]):
        for k in range(page.word_from[other], page.word_from[other + 1]):
            if page.words[i] == page.words[k]:
                return True
    return False
