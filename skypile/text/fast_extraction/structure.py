"""What the markup says about each block: its own text, its containers, its siblings, its place. Compiled.

Every column is computed from sums over elements: an element's sums flow to its parent in one backward pass (a parent's
index is smaller than its children's), and what is inherited flows down in one forward pass. So the cost is linear in
elements plus blocks, about 0.5 ms for a page of 850 elements and 260 blocks.
"""

import numpy as np
from numba import njit

from skypile.text.fast_extraction.tags import BLOCK, TAG_ID

# Elements whose distance above a block is a feature.
LANDMARKS = np.array(
    [TAG_ID[x] for x in "nav footer header aside article main form table ul ol section blockquote figure button "
     "details dialog dl p li a noscript".split()],
    np.int16,
)  # fmt: skip
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
HEAD_TOKENS = 40  # of the title and of the description
BLOCK_TOKENS = 24

# Columns of the text statistics.
CHARS, WORDS, ENDS, COMMAS, UPPER, DIGITS, HAN, FINAL, COLON, FIRST_UPPER, BARS, COPYRIGHT = range(12)


@njit(cache=True)
def tokens(text, i, end, out):
    """Hashes of words (ASCII lowered; runs of letters, digits and non-ASCII) and of single Han/kana characters, as many
    as `out` holds: "Read more 阅读" -> read, more, 阅, 读. Returns their number."""
    n = 0
    value, length = np.uint32(0x811C9DC5), 0
    while i <= end:
        c = np.uint32(text[i]) if i < end else np.uint32(32)
        lower = c | np.uint32(32)
        wide = c >= 0xE3 and c <= 0xE9 and i + 2 < end
        if not wide and (97 <= lower <= 122 or 48 <= c <= 57 or c >= 0x80):
            value = np.uint32((value ^ (lower if c < 128 else c)) * np.uint32(0x01000193))
            length += 1
            i += 1
            continue
        if length:
            if n == len(out):
                return n
            out[n] = value
            n += 1
            value, length = np.uint32(0x811C9DC5), 0
        if wide:
            if n == len(out):
                return n
            if not (c == 0xE3 and text[i + 1] == 0x80):  # CJK punctuation is no token
                value = np.uint32((value ^ c) * np.uint32(0x01000193))
                value = np.uint32((value ^ np.uint32(text[i + 1])) * np.uint32(0x01000193))
                value = np.uint32((value ^ np.uint32(text[i + 2])) * np.uint32(0x01000193))
                out[n] = value
                n += 1
                value = np.uint32(0x811C9DC5)
            i += 3
        else:
            i += 1
    return n


@njit(cache=True)
def text_statistics(text, i, end, out):
    """Counts of one block into out[:12] (see the column names above)."""
    out[:] = 0
    first, last, in_word = True, np.int64(0), False
    while i < end:
        c = np.int64(text[i])
        if c < 128:
            step = 1
        elif c < 0xE0:
            step = 2
        elif c < 0xF0:
            step = 3
        else:
            step = 4
        point = c
        if step == 3 and i + 2 < end:
            point = ((c & 15) << 12) | ((np.int64(text[i + 1]) & 63) << 6) | (np.int64(text[i + 2]) & 63)
        elif step == 2 and i + 1 < end:
            point = ((c & 31) << 6) | (np.int64(text[i + 1]) & 63)
        after = text[i + step] if i + step < end else 32
        out[CHARS] += 1
        if point <= 32:
            in_word = False
        elif 0x2E80 < point < 0xFF00 and not 0x3000 <= point < 0x3040:
            out[HAN] += 1
            in_word = False
        elif not in_word:
            out[WORDS] += 1
            in_word = True
        if 65 <= point <= 90:
            out[UPPER] += 1
            out[FIRST_UPPER] += first
        elif 48 <= point <= 57:
            out[DIGITS] += 1
        elif (point == 46 or point == 33 or point == 63) and after <= 34:
            out[ENDS] += 1
        elif point == 0x3002 or point == 0xFF01 or point == 0xFF1F or point == 0xFF1B:
            out[ENDS] += 1
        elif point == 44 or point == 0xFF0C or point == 0x3001:
            out[COMMAS] += 1
        elif point == 124 or point == 0x203A or point == 0xBB or point == 0x00B7 or point == 0x2022:
            out[BARS] += 1
        elif point == 0xA9:
            out[COPYRIGHT] += 1
        first = False
        last = point
        i += step
    out[WORDS] += 0.6 * out[HAN]  # a Chinese word has about 1.6 characters
    out[FINAL] = (
        last == 46 or last == 33 or last == 63 or last == 0x3002 or last == 0xFF01 or last == 0xFF1F
        or last == 34 or last == 0x201D or last == 0x2026
    )  # fmt: skip
    out[COLON] = last == 58 or last == 0xFF1A


@njit(cache=True)
def signatures(page):
    """For each element a hash of its tag and attribute words: equal for the items of one list."""
    n = len(page.parent)
    out = np.empty(n, np.uint64)
    for e in range(n):
        value = np.uint64(page.tag[e]) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
        for k in range(page.word_from[e], page.word_from[e + 1]):
            value = (value ^ np.uint64(page.words[k])) * np.uint64(0x100000001B3)
        out[e] = value
    return out


@njit(cache=True)
def group_ids(keys):
    """Number the distinct keys: [7, 9, 7] -> ([0, 1, 0], 2). Open addressing at half load."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    table = np.full(size, -1, np.int32)
    first = np.empty(len(keys) + 1, np.uint64)
    ids = np.empty(len(keys), np.int32)
    n = 0
    for e in range(len(keys)):
        mixed = keys[e] * np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64(mixed >> np.uint64(32)) & (size - 1)
        while table[slot] >= 0 and first[table[slot]] != keys[e]:
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = n
            first[n] = keys[e]
            n += 1
        ids[e] = table[slot]
    return ids, n


@njit(cache=True)
def hash_text(text, i, end):
    value = np.uint64(0xCBF29CE484222325)
    for j in range(i, end):
        value = (value ^ np.uint64(text[j])) * np.uint64(0x100000001B3)
    return value


@njit(cache=True)
def element_sums(page, stats):
    """Per element, over the blocks below it: text, link text, blocks, long blocks, sentence ends, images and links,
    and a score in the manner of Readability. float32 [E, 8]."""
    n = len(page.parent)
    sums = np.zeros((n, 8), np.float32)
    for b in range(len(page.start)):
        size = page.stop[b] - page.start[b]
        e = page.outer[b]
        linked = min(1.0, page.link[b] / size)
        words = stats[b, WORDS]
        sums[e, 0] += words
        sums[e, 1] += words * linked
        sums[e, 2] += 1
        good = 0.0
        if linked < 0.3 and (words > 12 or (words > 5 and stats[b, ENDS] > 0)):
            good = words * (1 - linked)
            sums[e, 3] += 1
        sums[e, 4] += stats[b, ENDS]
        points = good**0.75
        up = e
        for d in range(6):
            if up < 0 or good == 0:
                break
            sums[up, 7] += points / (1 + 0.5 * d)
            up = page.parent[up]
    for e in range(n - 1, 0, -1):
        if page.tag[e] == IMG:
            sums[e, 5] += 1
        elif page.tag[e] == A or page.tag[e] == INPUT:
            sums[e, 6] += 1
        for k in range(7):
            sums[page.parent[e], k] += sums[e, k]
    return sums


@njit(cache=True)
def inherited(page, flags):
    """Depth in block-level elements, hidden above, and the depth of the nearest landmark above: int32 [E, 2 + L]."""
    n = len(page.parent)
    out = np.zeros((n, 2 + len(LANDMARKS)), np.int32)
    for e in range(n):
        p = page.parent[e]
        if p >= 0:
            out[e] = out[p]
        out[e, 0] += (flags[page.tag[e]] & BLOCK) > 0
        out[e, 1] |= page.hidden[e]
        for k in range(len(LANDMARKS)):
            if page.tag[e] == LANDMARKS[k]:
                out[e, 2 + k] = out[e, 0] + 1
    return out


@njit(cache=True)
def block_parent(parent, tags, flags, e):
    """The nearest block-level element above e; <body> is its own parent."""
    e = parent[e]
    while e > 0 and not flags[tags[e]] & BLOCK:
        e = parent[e]
    return max(e, 0)


@njit(cache=True)
def depths(page):
    """Depth of each element below <body>: int32 [E]."""
    out = np.zeros(len(page.parent), np.int32)
    for e in range(1, len(page.parent)):
        out[e] = out[page.parent[e]] + 1
    return out


@njit(cache=True)
def nearest_common(page, target):
    """For each element, the deepest element that holds both it and `target`: int32 [E]."""
    out = np.full(len(page.parent), -1, np.int32)
    e = target
    while e >= 0:
        out[e] = e
        e = page.parent[e]
    for e in range(len(page.parent)):
        if out[e] < 0:
            out[e] = out[page.parent[e]]
    return out


@njit(cache=True)
def overlap(page, words, out):
    """How much each block says of `words` (the title, the description): share of the block's first tokens that stand
    there, and share of `words` that the block holds. float32 [B, 2]."""
    wanted, found = np.empty(HEAD_TOKENS, np.uint32), np.empty(BLOCK_TOKENS, np.uint32)
    n_wanted = tokens(words, 0, len(words), wanted)
    for b in range(len(page.start) if n_wanted else 0):
        n = tokens(page.text, page.start[b], page.stop[b], found)
        hits = 0
        for i in range(n):
            for j in range(n_wanted):
                if found[i] == wanted[j]:
                    hits += 1
                    break
        out[b, 0] = hits / max(n, 1)
        out[b, 1] = min(1.0, hits / min(n_wanted, BLOCK_TOKENS))


@njit(cache=True)
def find_anchor(page, of_title):
    """The block that repeats the page's title, best of all as <h1>; else the first <h1>: (block or -1, how sure)."""
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
def structure_features(page, title, description, flags):
    """float32 [B, N_STRUCTURE], and the text statistics [B, 12]. `title`, `description`: the page's, as UTF-8."""
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
    of_title, of_description = np.zeros((nb, 2), np.float32), np.zeros((nb, 2), np.float32)
    overlap(page, title, of_title)
    overlap(page, description, of_description)
    anchor, anchor_kind = find_anchor(page, of_title)
    anchor_element = page.inner[anchor] if anchor >= 0 else 0
    with_anchor = nearest_common(page, anchor_element)
    described, most = -1, np.float32(0.3)
    for b in range(nb):
        if of_description[b, 1] > most:
            described, most = b, of_description[b, 1]
    sig = signatures(page)
    n = len(sig)
    sibling_key, kind_key = np.empty(n, np.uint64), np.empty(n, np.uint64)
    for e in range(n):
        p = max(page.parent[e], 0)
        sibling_key[e] = sig[e] ^ (np.uint64(p) * np.uint64(0xD6E8FEB86659FD93))
        kind_key[e] = sig[e] ^ (sig[p] * np.uint64(0xD6E8FEB86659FD93))
    sibling, n_sibling = group_ids(sibling_key)
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
    before = np.float32(0)
    heading, heading_level, heading_before = -1, 0, np.float32(0)
    for b in range(nb):
        row, st = X[b], stats[b]
        words = max(st[WORDS], np.float32(1))
        chars = st[CHARS]
        inner, outer = page.inner[b], page.outer[b]
        tag = page.tag[outer]
        row[0] = np.log1p(chars)
        row[1] = np.log1p(words)
        row[2] = min(1.0, page.link[b] / (page.stop[b] - page.start[b]))
        row[3] = st[ENDS]
        row[4] = st[ENDS] / words
        row[5] = st[COMMAS] / words
        row[6] = st[UPPER] / chars
        row[7] = st[DIGITS] / chars
        row[8] = st[HAN] / chars
        row[9] = st[FINAL]
        row[10] = st[COLON]
        row[11] = st[FIRST_UPPER]
        row[12] = min(st[BARS], np.float32(5))
        row[13] = st[COPYRIGHT] > 0
        c = TEXT_COLUMNS
        row[c] = down[inner, 0]
        row[c + 1] = tag
        row[c + 2] = page.tag[inner]
        row[c + 3] = page.split[b]
        row[c + 4] = page.pre[b]
        row[c + 5] = b / nb
        row[c + 6] = before / max(total, np.float32(1))
        row[c + 7] = min(b, 500)
        row[c + 8] = min(nb - b, 500)
        row[c + 9] = np.log1p(total)
        row[c + 10] = np.log1p(np.float32(nb))
        row[c + 11] = down[inner, 1]
        row[c + 12] = copies_before[same_text[b]]
        row[c + 13] = copies[same_text[b]]
        copies_before[same_text[b]] += 1
        row[c + 14] = of_title[b, 0]
        row[c + 15] = of_title[b, 1]
        row[c + 16] = min(b - heading, 100) if heading >= 0 else -1
        row[c + 17] = heading_level
        row[c + 18] = np.log1p(before - heading_before) if heading >= 0 else -1
        row[c + 19] = min(max(b - h1, -50), 200) if h1 >= 0 else -100
        if H1 <= tag <= H6:
            heading, heading_level, heading_before = b, tag - H1 + 1, before
        before += st[WORDS]
        c += PLACE_COLUMNS
        for k in range(len(LANDMARKS)):
            at = down[inner, 2 + k]
            row[c + k] = down[inner, 0] - at + 2 if at else 0
        c += len(LANDMARKS)
        e, level, slot = outer, 0, 0
        while slot < len(CONTAINER_LEVELS):
            if level == CONTAINER_LEVELS[slot]:
                su = sums[e]
                row[c] = np.log1p(su[0])
                row[c + 1] = su[1] / max(su[0], np.float32(1))
                row[c + 2] = su[0] / max(total, np.float32(1))
                row[c + 3] = np.log1p(su[3])
                row[c + 4] = su[3] / max(su[2], np.float32(1))
                row[c + 5] = su[5] / max(su[2], np.float32(1))
                row[c + 6] = su[6] / max(su[0], np.float32(1))
                c += CONTAINER_COLUMNS
                slot += 1
            if level < SIBLING_LEVELS:
                q = c_sibling(level)
                os, ok = of_sibling[sibling[e]], of_kind[kind[e]]
                row[q] = np.log1p(os[0])
                row[q + 1] = np.log1p(os[1] / os[0])
                row[q + 2] = np.log1p(ok[0])
                row[q + 3] = np.log1p(ok[1] / ok[0])
                row[q + 4] = ok[2] / max(ok[1], np.float32(1))
            e = block_parent(parent, tags, flags, e)
            level += 1
        c = c_sibling(SIBLING_LEVELS)
        shared = depth[with_best[inner]]
        row[c] = with_best[inner] == best
        row[c + 1] = depth[best] - shared
        row[c + 2] = depth[inner] - shared
        row[c + 3] = sums[best, 0] / max(total, np.float32(1))
        row[c + 4] = sums[best, 1] / max(sums[best, 0], np.float32(1))
        row[c + 5] = np.log1p(sums[best, 7])
        c += 6
        holder = with_anchor[inner]
        row[c] = anchor_kind
        row[c + 1] = depth[anchor_element] - depth[holder]
        row[c + 2] = depth[inner] - depth[holder]
        row[c + 3] = sums[holder, 0] / max(total, np.float32(1))
        row[c + 4] = sums[holder, 1] / max(sums[holder, 0], np.float32(1))
        row[c + 5] = min(max(b - anchor, -60), 200) if anchor >= 0 else -100
        row[c + 6] = of_description[b, 0]
        row[c + 7] = of_description[b, 1]
        row[c + 8] = min(max(b - described, -60), 100) if described >= 0 else -100
    return X, stats


@njit(cache=True, inline="always")
def c_sibling(level):
    """First column of the sibling features of a container level."""
    return (
        TEXT_COLUMNS + PLACE_COLUMNS + len(LANDMARKS) + CONTAINER_COLUMNS * len(CONTAINER_LEVELS)
        + SIBLING_COLUMNS * level
    )  # fmt: skip
