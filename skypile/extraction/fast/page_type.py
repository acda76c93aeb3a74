"""What kind of page this is: numbers of the whole page for a small model, which says article, forum, product, ….

A post is content on a forum and chrome under an article; a card is content on a list page and a teaser
elsewhere. The block model cannot see that from a block, so the page's type (as seven probabilities) is among
its features.
"""

import re

import numpy as np
from numba import njit

from skypile.extraction.fast.block_text import ENDS, HAN, WORDS
from skypile.extraction.fast.elements import group_ids, sibling_keys
from skypile.extraction.fast.structure import H1, H6, IMG
from skypile.extraction.fast.tags import TAG_ID, TAGS, fnv1a
from skypile.extraction.fast.window import Page
from skypile.extraction.fast.wording import ATTRIBUTE_BITS, TAG_SALT, slot_of

PAGE_TYPES = ("article", "forum", "product", "collection", "listing", "documentation", "service")
_COUNTED_TAGS = "p li article pre table tr section figure form input button time dt code blockquote aside h2 h3 img a"
COUNTED_TAGS = np.array([TAG_ID[x] for x in _COUNTED_TAGS.split()], np.int16)
N_TAGS = len(TAGS)
N_PAGE = 18 + len(COUNTED_TAGS) + len(PAGE_TYPES) + 4

OG_TYPE, GENERATOR, OG_TITLE = fnv1a(b"og:type"), fnv1a(b"generator"), fnv1a(b"og:title")
DESCRIPTION, OG_DESCRIPTION = fnv1a(b"description"), fnv1a(b"og:description")
_URL_WORD = re.compile(rb"[a-z]{2,20}")
_SCHEMA_TYPE = re.compile(rb'"@type"\s*:\s*"(?:https?://schema\.org/)?(\w{2,40})"')
_DATE = re.compile(r"/(19|20)\d\d[/-]?\d\d")
MAX_SCRIPT_BYTES = 200_000


def page_words(html: bytes, page: Page, url: str | None) -> np.ndarray:
    """Hashes of what names the page's kind: words of the URL's path and first host label, og:type, generator, and
    the schema.org types in JSON-LD; each kind of word has its own prefix. uint32 [N]."""
    words = []
    for key, start, stop in page.metas.tolist():
        if key in (OG_TYPE, GENERATOR):
            prefix = b"og:" if key == OG_TYPE else b"generator:"
            words += [prefix + w for w in _URL_WORD.findall(html[start : min(stop, start + 100)].lower())[:4]]
    for start, stop in page.scripts.tolist():
        types = set(_SCHEMA_TYPE.findall(html, start, min(stop, start + MAX_SCRIPT_BYTES)))
        words += [b"schema:" + w.lower() for w in sorted(types)[:20]]
    if url:
        host, _, path = url.split("://", 1)[-1].partition("/")
        words += [b"path:" + w for w in _URL_WORD.findall(path.lower().encode("ascii", "ignore"))[:16]]
        words.append(b"host:" + host.split(".")[0].lower().encode("ascii", "ignore"))
        words.append(b"path:#depth%d" % min(path.rstrip("/").count("/"), 5))
        if not path.strip("/"):
            words.append(b"path:#root")
        if _DATE.search(url):
            words.append(b"path:#date")
    return np.array([fnv1a(w) for w in dict.fromkeys(words)], np.uint32)


@njit(cache=True)
def page_slots(words, tags, names, extra):
    """Distinct table slots of attribute words, element names and `extra` words: int64 [N]."""
    seen = np.zeros(1 << ATTRIBUTE_BITS, np.uint8)
    out = np.empty(len(words) + len(names.name_hash) + len(extra), np.int64)
    n = 0
    for k in range(len(words)):
        slot = slot_of(words[k], ATTRIBUTE_BITS)
        if not seen[slot]:
            seen[slot] = 1
            out[n] = slot
            n += 1
    for e in range(len(tags)):
        slot = slot_of(names.name_hash[tags[e]] ^ TAG_SALT, ATTRIBUTE_BITS)
        if not seen[slot]:
            seen[slot] = 1
            out[n] = slot
            n += 1
    for k in range(len(extra)):
        slot = slot_of(extra[k], ATTRIBUTE_BITS)
        if not seen[slot]:
            seen[slot] = 1
            out[n] = slot
            n += 1
    return out[:n]


@njit(cache=True)
def page_features(page, stats, X, slots, extra_slots, odds):
    """float32 [N_PAGE]. `X`, `stats`: structure features and text statistics of the page's blocks; `slots`: of all
    its words, `extra_slots`: of URL, og and schema words alone; `odds`: float32 [2**15, types], log-odds of
    each type."""
    row = np.zeros(N_PAGE, np.float32)
    nb, ne = len(page.start), len(page.parent)
    if nb == 0:
        return row
    total, linked, long_words, long_blocks, ends, han, headings, heading_words, longest, questions = (
        0.0, 0.0, 0.0, 0, 0.0, 0.0, 0, 0.0, 0.0, 0,
    )  # fmt: skip
    for b in range(nb):
        words = stats[b, WORDS]
        total += words
        linked += words * X[b, 2]
        ends += stats[b, ENDS]
        han += stats[b, HAN]
        longest = max(longest, words)
        if words > 20 and X[b, 2] < 0.3:
            long_blocks += 1
            long_words += words
        if H1 <= page.tag[page.outer[b]] <= H6:
            headings += 1
            heading_words += words
        questions += page.text[page.stop[b] - 1] == 63
    total = max(total, 1.0)
    # the largest families of like siblings: posts, cards, rows
    group, n_groups = group_ids(sibling_keys(page))
    members, text, pictures = np.zeros(n_groups), np.zeros(n_groups), np.zeros(n_groups)
    sums, images = np.zeros(ne), np.zeros(ne)
    for b in range(nb):
        sums[page.outer[b]] += stats[b, WORDS]
    for e in range(ne - 1, 0, -1):
        images[e] += page.tag[e] == IMG
        sums[page.parent[e]] += sums[e]
        images[page.parent[e]] += images[e]
    for e in range(ne):
        members[group[e]] += 1
        text[group[e]] += sums[e]
        pictures[group[e]] += images[e] > 0
    best = -1
    for g in range(n_groups):
        if members[g] >= 4 and text[g] / members[g] >= 8 and (best < 0 or text[g] > text[best]):
            best = g
    row[0], row[1], row[2] = np.log1p(total), np.log1p(nb), linked / total
    row[3], row[4] = np.log1p(long_blocks), long_words / total
    row[5], row[6], row[7] = ends / total, han / total, np.log1p(headings)
    row[8], row[9], row[10] = heading_words / total, np.log1p(longest), longest / total
    row[11], row[12], row[13] = np.log1p(questions), np.log1p(ne), total / nb
    if best >= 0:
        row[14], row[15] = np.log1p(members[best]), np.log1p(text[best] / members[best])
        row[16], row[17] = text[best] / total, pictures[best] / members[best]
    c = 18
    of_tag = np.zeros(N_TAGS, np.float32)
    for e in range(ne):
        of_tag[page.tag[e]] += 1
    for k in range(len(COUNTED_TAGS)):
        row[c + k] = np.log1p(of_tag[COUNTED_TAGS[k]])
    c += len(COUNTED_TAGS)
    for t in range(odds.shape[1]):
        value = np.float32(0)
        for slot in slots:
            value += odds[slot, t]
        row[c + t] = value / np.sqrt(max(len(slots), 1))
    c += odds.shape[1]
    for t in range(4):  # article, forum, product, collection by the named words alone
        for slot in extra_slots:
            row[c + t] += odds[slot, t]
    return row
