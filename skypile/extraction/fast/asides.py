"""What stands beside an article or a thread, and is named for it. Compiled.

Related pages, notices and readers' comments read like content; what tells them apart is the name of the element around
them. The model knows the names too, but on a page with little content it keeps what would be content elsewhere.

Readers' comments are none of an article's text, and all of a forum's: they go on articles, and on what is a forum by
half (of the labelled forums all but a few are surer than 0.8; an article full of comments is not), where they hold
less than half of what is kept. Out of fold that is worth 0.002 of word F1 on the articles of WCXB dev.

Other asides go on pages that are more likely an article or a thread than anything else: on pages of lists and shops
their names are those of the content. None goes that holds the surest block of the page, since a recipe may be filed
under "cookies". The names were chosen from a hundred and ten, each tried alone on the same labelled pages that the
figures are of, so these flatter. Out of fold they change 18 pages of WCXB dev (13 upwards), three Chinese (all
upwards; two of one host make the gain of 0.006), 14 mixed (12 upwards; one with a consent dialog makes half of the gain
of 0.007), and the snippets' F by 0.001. Their like in other languages, from "similaires" on, were added untested: on
no labelled page do they change a thing. "related" is among them for the snippets, of which it
takes five away that must not be there: on WCXB dev it costs more than it gains. Tried, with harm: suggested, more,
teaser, share, author, quote, sidebar, widget, tag, aside, rank, footer, next.
"""

import numpy as np
from numba import njit

from skypile.extraction.fast.block_text import low_bits, may_be_in
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.headings import drop_headed
from skypile.extraction.fast.page_type import PAGE_TYPES
from skypile.extraction.fast.tags import fnv1a

ARTICLE, FORUM = PAGE_TYPES.index("article"), PAGE_TYPES.index("forum")
_COMMENTS = (
    "comment comments commentlist disqus respond kommentare kommentarer komentarze komentare komentari commentaires"
    " comentarios commenti reacties kommentarii kommentariy komment kommenty hozzaszolas hozzaszolasok sxolia sholia"
    " yorumlar pinglun"
)
COMMENT_WORDS = np.array([fnv1a(name.encode()) for name in _COMMENTS.split()], np.uint32)
LARGEST_SHARE = 0.5  # of the kept words
_ASIDES = (
    "related recommended recommend notice notices announcement announcements cookie cookies onetrust consent"
    " signature breadcrumb breadcrumbs"
    " similaires relacionadas relacionados relacionada correlati correlate verwandte powiazane podobne polecane"
    " polecamy pohozhie poteme sxetika tuijian xiangguan"
)
ASIDE_WORDS = np.array([fnv1a(name.encode()) for name in _ASIDES.split()], np.uint32)
SURE_KIND = 0.5  # of article and forum together
SURE_FORUM = 0.75
SURE_OF_HEADINGS = 0.6  # a front page may be half an article: "Top stories" is what it is for


@njit(cache=True)
def _named(page, names):
    """Which elements have one of the hashed `names` among their attributes' words, and whether any has: bool [E]."""
    named = np.zeros(len(page.parent), np.bool_)
    return named, _mark_named(page.words, page.word_from, names, named)


@borrows
def _mark_named(words, word_from, names, named):
    bits, some, e = low_bits(names, len(names)), False, 0
    for k in range(word_from[1], len(words)):  # of <body> it names the page
        if may_be_in(words[k], bits):
            for name in names:
                if words[k] == name:
                    while word_from[e + 1] <= k:
                        e += 1
                    named[e] = some = True
    return some


@njit(cache=True)
def drop_asides(page, keep, score, words, types):
    """Take out of `keep` what stands in elements named for it. `score`, `words`: float32 [B]; `types`: the page's type
    probabilities."""
    kind = types.argmax()
    commented = kind == ARTICLE or (kind == FORUM and types[FORUM] < SURE_FORUM)
    if commented:
        _drop_comments(page, keep, words, kind == FORUM)
    if types[ARTICLE] + types[FORUM] >= SURE_KIND:
        _drop_others(page, keep, score)
    if types[ARTICLE] + types[FORUM] >= SURE_OF_HEADINGS:
        drop_headed(page, keep, score, words, commented)


@njit(cache=True)
def _drop_comments(page, keep, words, together):
    """`together`: whether all of them may hold no more than LARGEST_SHARE, or each."""
    named, some = _named(page, COMMENT_WORDS)
    if not some:
        return
    n = len(named)
    under = np.zeros(n, np.float64)
    for b in range(len(keep)):
        if keep[b]:
            under[page.inner[b]] += words[b]
    for e in range(n - 1, 0, -1):
        under[page.parent[e]] += under[e]
    for e in range(1, n):
        named[e] = named[page.parent[e]] or (named[e] and under[e] < LARGEST_SHARE * under[0])
    gone = 0.0
    for b in range(len(keep)):
        gone += words[b] * (keep[b] and named[page.inner[b]])
    if together and gone >= LARGEST_SHARE * under[0]:
        return
    for b in range(len(keep)):
        if named[page.inner[b]]:
            keep[b] = False


@njit(cache=True)
def _drop_others(page, keep, score):
    named, some = _named(page, ASIDE_WORDS)
    if not some:
        return
    surest = -1
    for b in range(len(keep)):
        if keep[b] and (surest < 0 or score[b] > score[surest]):
            surest = b
    e = page.inner[surest] if surest >= 0 else 0
    while e > 0:
        named[e] = False
        e = page.parent[e]
    for e in range(1, len(named)):
        named[e] |= named[page.parent[e]]
    for b in range(len(keep)):
        if named[page.inner[b]]:
            keep[b] = False
