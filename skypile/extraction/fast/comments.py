"""Readers' comments under an article. Compiled.

A post is content on a forum, and beside an article it is not, but both read alike. What tells them apart is the name
of the element around them, and that the article is the larger part. On WCXB dev the rule changes 27 pages of articles,
five of them by 0.02 to 0.19 of word F1, all upwards; on the 990 snippet pages it is worth 0.001. On pages of other
kinds, or where comments may be the larger part, it takes away forum threads.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.page_type import PAGE_TYPES
from skypile.extraction.fast.tags import fnv1a

ARTICLE = PAGE_TYPES.index("article")
_NAMES = "comment comments commentlist disqus respond kommentare komentarze commentaires comentarios pinglun"
COMMENT_WORDS = np.array([fnv1a(name.encode()) for name in _NAMES.split()], np.uint32)
LARGEST_SHARE = 0.5  # of the kept words


@njit(cache=True)
def drop_comments(page, keep, words):
    """Take out of `keep` what stands in elements named for comments that hold less than half of it."""
    n = len(page.parent)
    named = np.zeros(n, np.bool_)
    some = False
    for e in range(1, n):
        for k in range(page.word_from[e], page.word_from[e + 1]):
            for word in COMMENT_WORDS:
                if page.words[k] == word:
                    named[e] = some = True
    if not some:
        return
    under = np.zeros(n, np.float64)
    for b in range(len(keep)):
        if keep[b]:
            under[page.inner[b]] += words[b]
    for e in range(n - 1, 0, -1):
        under[page.parent[e]] += under[e]
    for e in range(1, n):
        named[e] = named[page.parent[e]] or (named[e] and under[e] < LARGEST_SHARE * under[0])
    for b in range(len(keep)):
        if named[page.inner[b]]:
            keep[b] = False
