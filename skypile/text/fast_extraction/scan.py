"""HTML bytes into blocks of text, in one pass and without a tree of objects. Compiled.

A block is a run of text inside one block-level element (paragraph, list item, cell, heading, …), or the part of one
between double line breaks. The scanner follows the HTML standard where it matters to text (implied end tags, raw-text
elements, bogus comments, misnested end tags) and takes short cuts elsewhere: no adoption agency, no foster parenting.
Compared with walking a Lexbor tree from Python it is two orders of magnitude faster, since nothing is allocated per
node, and hostile pages cannot hurt it: no recursion, memory a fixed multiple of the input, time linear in the input
(the open-element stack is at most MAX_DEPTH deep).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skypile.text.fast_extraction import attributes as at
from skypile.text.fast_extraction.characters import BLANK, NEWLINE, append_text
from skypile.text.fast_extraction.tags import (
    BLOCK,
    CLOSES_P,
    DROP,
    LEAVES_FOREIGN,
    RAW,
    SCOPE,
    SPECIAL,
    TAG_ID,
    VOID,
    Names,
)

MAX_DEPTH = 400  # deeper elements are read as if they were not there; the deepest of 2,748 real pages is 53
# A page's cost after the scan goes by its elements (0.3 KB each) and blocks (2 KB and 20 us each). The largest of 2,748
# real pages has 9,980 and 6,220; what a page has beyond these limits is not looked at.
MAX_ELEMENTS, MAX_BLOCKS = 200_000, 20_000
MAX_METAS, MAX_SCRIPTS = 64, 8

HTML, BODY, HEAD, P, A, LI, DT, DD = (TAG_ID[x] for x in "html body head p a li dt dd".split())
TABLE, TR, TD, TH, BUTTON, PRE, BR = (TAG_ID[x] for x in "table tr td th button pre br".split())
THEAD, TFOOT, H1, H6, UL, OL, DIV, DL = (TAG_ID[x] for x in "thead tfoot h1 h6 ul ol div dl".split())
TITLE, META, SCRIPT, ADDRESS, SVG = (TAG_ID[x] for x in "title meta script address svg".split())
MATH, SELECT, WBR, LINK, BASE = (TAG_ID[x] for x in "math select wbr link base".split())
THEAD_TO_TFOOT = (TAG_ID["thead"], TAG_ID["tbody"], TAG_ID["tfoot"])


class Page(NamedTuple):
    """What one page holds. E elements in document order (0 is <body>), B blocks, W words of attributes.

    parent, tag, hidden, word_from: int32/int16/uint8/int32 [E] (`word_from` has E + 1 entries)
    words: uint32 [W], hashes of the words in class, id, role, …
    text: uint8, clean UTF-8 of all blocks; start, stop: int64 [B] into it
    link: int64 [B], bytes of the block's text inside links
    inner, outer: int32 [B], the element around the block's first character, and the block-level one around that
    split: uint8 [B], 1 where the block began after a double line break; pre: uint8 [B]
    title: (from, to) in the input; metas: int64 [M, 3] (key hash, from, to); scripts: int64 [S, 2] JSON-LD
    """

    parent: np.ndarray
    tag: np.ndarray
    hidden: np.ndarray
    word_from: np.ndarray
    words: np.ndarray
    text: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    link: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    split: np.ndarray
    pre: np.ndarray
    title: np.ndarray
    metas: np.ndarray
    scripts: np.ndarray


# The functions below pass plain arrays, never a tuple of arrays: Numba counts references for each member at each call,
# which made a tag cost 5 us instead of 0.1. `blocks` is int64 [B, 7], `elements` int32 [E, 4], `stack` int32
# [MAX_DEPTH, 4] with level 0 for <body>; `s` is the state they share. Their columns and slots:
START, STOP, LINKED, INNER, OUTER, SPLIT, PREFORMATTED = range(7)
PARENT, TAG, HIDDEN, WORD_FROM = range(4)
ON_TAG, ON_ELEMENT, ON_LINKS, ON_BLOCK = range(4)
LEVEL, OVERFLOW, IN_PRE, DROPPED, DROP_DEPTH, OPEN, WAIT, LENGTH, N_BLOCKS, N_ELEMENTS, BREAKS, N_STATE = range(12)


@njit(cache=True)
def _close_block(blocks, text, s):
    """End the open block, if any; a block without visible text leaves no trace."""
    s[WAIT] = 0
    s[BREAKS] = 0
    if not s[OPEN]:
        return
    s[OPEN] = 0
    b, o = s[N_BLOCKS], s[LENGTH]
    start = blocks[b, START]
    while o > start and text[o - 1] <= 32:
        o -= 1
    if blocks[b, PREFORMATTED]:  # indentation of the first line stays, empty lines before it go
        line = start
        for j in range(start, o):
            if text[j] == 10:
                line = j + 1
            elif text[j] > 32:
                break
        blocks[b, START] = min(line, o)
    blocks[b, STOP] = o
    s[LENGTH] = o
    if o > blocks[b, START]:
        s[N_BLOCKS] = b + 1


@njit(cache=True)
def _open_block(blocks, s, stack, split):
    b, level = s[N_BLOCKS], s[LEVEL]
    blocks[b, START] = s[LENGTH]
    blocks[b, LINKED] = 0
    blocks[b, INNER] = stack[level, ON_ELEMENT]
    blocks[b, OUTER] = stack[level, ON_BLOCK]
    blocks[b, SPLIT] = split
    blocks[b, PREFORMATTED] = s[IN_PRE] > 0
    s[OPEN] = 1


@njit(cache=True)
def _text(blocks, text, s, stack, buf, i, end, entity_keys, entity_points):
    """Text between two tags."""
    if s[DROPPED]:
        return
    if s[BREAKS] >= 2 and not s[IN_PRE]:
        j = i
        while j < end and buf[j] <= 32:
            j += 1
        if j == end:
            return
        _close_block(blocks, text, s)
        s[BREAKS] = 2
    opened = False
    if not s[OPEN]:
        opened = True
        _open_block(blocks, s, stack, s[BREAKS] >= 2)
    before = s[LENGTH]
    start = blocks[s[N_BLOCKS], START]
    s[LENGTH], s[WAIT] = append_text(
        buf, i, end, text, before, start, s[WAIT], s[IN_PRE] > 0, entity_keys, entity_points
    )
    grown = s[LENGTH] - before
    if grown:
        s[BREAKS] = 0
        if stack[s[LEVEL], ON_LINKS] > 0:
            blocks[s[N_BLOCKS], LINKED] += grown
    elif opened:
        s[OPEN] = 0
        s[WAIT] = 0


@njit(cache=True)
def _pop(blocks, text, s, stack, level, flags):
    """Close the elements above stack level `level`."""
    for k in range(s[LEVEL], level, -1):
        tag = stack[k, ON_TAG]
        if tag == PRE:
            if s[IN_PRE] == 1:
                _close_block(blocks, text, s)
            s[IN_PRE] -= 1
        elif flags[tag] & BLOCK:
            _break_block(blocks, text, s)
    s[LEVEL] = min(level, s[LEVEL])


@njit(cache=True)
def _break_block(blocks, text, s):
    """A block-level element begins or ends here. Inside <pre> that is a line break only."""
    if not s[IN_PRE]:
        _close_block(blocks, text, s)
    elif s[LENGTH] > blocks[s[N_BLOCKS], START] and text[s[LENGTH] - 1] != 10:
        text[s[LENGTH]] = 10
        s[LENGTH] += 1


@njit(cache=True)
def _imply_end_tags(blocks, text, s, stack, tag, flags):
    """Close what the start of `tag` closes (HTML standard, 13.2.6.4.7 and the table modes)."""
    level = s[LEVEL]
    if flags[tag] & CLOSES_P:
        for k in range(level, 0, -1):
            t = stack[k, ON_TAG]
            if t == P:
                _pop(blocks, text, s, stack, k - 1, flags)
                break
            if flags[t] & SCOPE:
                break
    if tag == LI or tag == DT or tag == DD:
        for k in range(s[LEVEL], 0, -1):
            t = stack[k, ON_TAG]
            if t == tag or (tag != LI and (t == DT or t == DD)):
                _pop(blocks, text, s, stack, k - 1, flags)
                break
            if flags[t] & SPECIAL and t != ADDRESS and t != DIV and t != P:
                break
    elif tag == TR or tag == TD or tag == TH or THEAD <= tag <= TFOOT:
        for k in range(s[LEVEL], 0, -1):
            t = stack[k, ON_TAG]
            if t == TABLE:
                break
            same = (t == TD or t == TH) if (tag == TD or tag == TH) else (t == TR if tag == TR else THEAD <= t <= TFOOT)
            if same:
                _pop(blocks, text, s, stack, k - 1, flags)
                break
            if t == TR and (tag == TD or tag == TH):
                break
    elif tag == A or tag == BUTTON:
        _end(blocks, text, s, stack, tag, flags)
    elif H1 <= tag <= H6 and H1 <= stack[s[LEVEL], ON_TAG] <= H6:
        _pop(blocks, text, s, stack, s[LEVEL] - 1, flags)


@njit(cache=True)
def _end(blocks, text, s, stack, tag, flags):
    """The end tag </tag>: close the nearest open element it can belong to; otherwise it means nothing."""
    heading = H1 <= tag <= H6
    cell = tag == TD or tag == TH or tag == TR or tag == TABLE or THEAD <= tag <= TFOOT
    block = flags[tag] & BLOCK
    for k in range(s[LEVEL], 0, -1):
        t = stack[k, ON_TAG]
        if t == tag or (heading and H1 <= t <= H6):
            _pop(blocks, text, s, stack, k - 1, flags)
            return
        if cell:
            if t == TABLE:
                return
        elif block:
            if flags[t] & SCOPE or (tag == LI and (t == UL or t == OL)):
                return
        elif flags[t] & SPECIAL:
            if tag == A:  # a link ends although the element around the text stays open
                for j in range(k - 1, 0, -1):
                    if stack[j, ON_TAG] == A and stack[j, ON_LINKS] > 0:
                        for q in range(j, s[LEVEL] + 1):
                            stack[q, ON_LINKS] -= 1
                        return
                    if flags[stack[j, ON_TAG]] & SCOPE:
                        return
            return


@njit(cache=True)
def _push(elements, blocks, s, stack, tag, hidden, flags):
    """A new element; void ones stay off the stack."""
    e, level = s[N_ELEMENTS], s[LEVEL]
    elements[e, PARENT] = stack[level, ON_ELEMENT]
    elements[e, TAG] = tag
    elements[e, HIDDEN] = hidden
    if e + 1 < MAX_ELEMENTS:
        s[N_ELEMENTS] = e + 1
    if flags[tag] & VOID:
        return
    if level + 1 >= MAX_DEPTH or e + 1 >= MAX_ELEMENTS:
        s[OVERFLOW] += 1
        return
    level += 1
    stack[level, ON_TAG] = tag
    stack[level, ON_ELEMENT] = e
    stack[level, ON_LINKS] = stack[level - 1, ON_LINKS] + (tag == A)
    stack[level, ON_BLOCK] = e if flags[tag] & BLOCK else stack[level - 1, ON_BLOCK]
    s[LEVEL] = level
    if tag == PRE:
        s[IN_PRE] += 1
        if s[IN_PRE] == 1:
            _open_block(blocks, s, stack, 0)


@njit(cache=True)
def _line_break(text, s):
    if s[DROPPED]:
        return
    if s[IN_PRE]:
        text[s[LENGTH]] = 10
        s[LENGTH] += 1
        return
    if s[OPEN] or s[BREAKS]:
        s[BREAKS] += 1
        s[WAIT] = NEWLINE


@njit(cache=True)
def _raw_end(buf, i, n, name):
    """Index of the "<" of </name …> at or after i; -1 where there is none."""
    while i + 2 < n:
        if buf[i] == 60 and buf[i + 1] == 47:
            j = i + 2
            while j < n and 97 <= (buf[j] | 32) <= 122:
                j += 1
            if at.lower_hash(buf, i + 2, j) == name:
                return i
            i = j
        else:
            i += 1
    return -1


@njit(cache=True)
def _find_tag(buf, i, end, tag_keys, tag_ids):
    value = at.lower_hash(buf, i, end)
    slot = np.int64(value) & (len(tag_keys) - 1)
    while tag_keys[slot] != 0:
        if tag_keys[slot] == value:
            return np.int64(tag_ids[slot])
        slot = (slot + 1) & (len(tag_keys) - 1)
    return 0


@njit(cache=True)
def _skip_declaration(buf, i, n):
    """Next index after the comment, doctype or processing instruction at buf[i] == "<"."""
    if i + 3 < n and buf[i + 1] == 33 and buf[i + 2] == 45 and buf[i + 3] == 45:
        j = i + 4
        if j < n and buf[j] == 62:
            return j + 1
        while j < n:
            if buf[j] == 62 and buf[j - 1] == 45 and buf[j - 2] == 45:
                return j + 1
            j += 1
        return n
    j = i + 1
    while j < n and buf[j] != 62:
        j += 1
    return min(j + 1, n)


@njit(cache=True)
def scan(buf: np.ndarray, names: Names) -> Page:
    """Blocks and elements of an HTML page given as UTF-8 (uint8, read-only). Never fails."""
    n = len(buf)
    n_tags = 1
    for i in range(n):
        n_tags += buf[i] == 60
    elements = np.empty((min(n_tags, MAX_ELEMENTS) + 2, 4), np.int32)
    words = np.empty(n // 3 + 64, np.uint32)
    text = np.empty(n + n // 4 + 64, np.uint8)
    blocks = np.empty((min(n_tags, MAX_BLOCKS) + 8, 7), np.int64)
    title = np.zeros(2, np.int64)
    metas = np.empty((MAX_METAS, 3), np.int64)
    scripts = np.empty((MAX_SCRIPTS, 2), np.int64)
    tag_keys, tag_ids, name_hash = names.tag_keys, names.tag_ids, names.name_hash
    entity_keys, entity_points = names.entity_keys, names.entity_points
    flags = names.flags
    s = np.zeros(N_STATE, np.int64)
    stack = np.zeros((MAX_DEPTH, 4), np.int32)  # tag, element, links open, block element
    stack[0, 0] = BODY
    elements[0, PARENT], elements[0, TAG], elements[0, HIDDEN], elements[0, WORD_FROM] = -1, BODY, 0, 0
    s[N_ELEMENTS] = 1
    unclosed = np.zeros(len(flags), np.uint8)  # raw-text elements known to have no end tag from here on
    found = np.zeros(at.N_SLOTS, np.int64)
    n_words = n_metas = n_scripts = 0
    i = 0
    while i < n and s[N_BLOCKS] < MAX_BLOCKS:
        j = i
        while j < n and buf[j] != 60:
            j += 1
        if j > i:
            _text(blocks, text, s, stack, buf, i, j, entity_keys, entity_points)
        i = j
        if i + 1 >= n:
            break
        c = buf[i + 1]
        if c == 33 or c == 63:  # "!", "?"
            i = _skip_declaration(buf, i, n)
            continue
        closing = c == 47
        first = i + 2 if closing else i + 1
        if first >= n or not 97 <= (buf[first] | 32) <= 122:
            if closing:
                i = _skip_declaration(buf, i, n)
            else:  # a lone "<" is text
                _text(blocks, text, s, stack, buf, i, i + 1, entity_keys, entity_points)
                i += 1
            continue
        j = first
        while j < n and buf[j] > 32 and buf[j] != 62 and buf[j] != 47:
            j += 1
        tag = _find_tag(buf, first, j, tag_keys, tag_ids)
        words_before = n_words
        n_words = at.read_attributes(buf, j, n, words, n_words, found)
        if found[at.NEXT] >= n and buf[n - 1] != 62:
            break  # the page ends inside a tag
        i = found[at.NEXT]
        flag = flags[tag]
        if s[DROPPED]:
            n_words = words_before
            foreign = s[DROPPED] == SVG or s[DROPPED] == MATH or s[DROPPED] == SELECT
            if tag == s[DROPPED]:
                if closing:
                    s[DROP_DEPTH] -= 1
                elif not found[at.SELF_CLOSING]:
                    s[DROP_DEPTH] += 1
                if s[DROP_DEPTH] <= 0:
                    s[DROPPED] = 0
                continue
            if flag & RAW and not closing:
                pass  # its content must not be read as markup
            elif foreign and flag & LEAVES_FOREIGN and not closing:
                s[DROPPED] = 0
            else:
                continue
        if closing:
            n_words = words_before
            if tag == BR:
                _line_break(text, s)
                continue
            if flag & (RAW | DROP) or tag == HTML or tag == BODY or tag == HEAD:
                continue
            if s[OVERFLOW]:
                s[OVERFLOW] -= 1
                continue
            if flag & BLOCK:
                _break_block(blocks, text, s)
            _end(blocks, text, s, stack, tag, flags)
        elif flag & RAW:
            n_words = words_before
            if unclosed[tag]:
                continue
            end = _raw_end(buf, i, n, name_hash[tag])
            if end < 0:
                unclosed[tag] = 1
                if tag == SCRIPT:
                    break
                continue
            if tag == TITLE and title[1] == 0 and not s[DROPPED]:
                title[0], title[1] = i, end
            if tag == SCRIPT and found[at.IS_LD_JSON] and n_scripts < MAX_SCRIPTS:
                scripts[n_scripts, 0], scripts[n_scripts, 1] = i, end
                n_scripts += 1
            i = end
        elif tag == HTML or tag == BODY:
            if s[N_ELEMENTS] > 1:
                n_words = words_before
        elif tag == BR or tag == WBR or tag == META or tag == LINK or tag == BASE or tag == HEAD:
            n_words = words_before
            if tag == BR:
                _line_break(text, s)
            if tag == META and n_metas < MAX_METAS and found[at.META_KEY]:
                metas[n_metas, 0] = found[at.META_KEY]
                metas[n_metas, 1], metas[n_metas, 2] = found[at.META_FROM], found[at.META_TO]
                n_metas += 1
        elif flag & DROP:
            n_words = words_before
            if not found[at.SELF_CLOSING]:
                s[DROPPED], s[DROP_DEPTH] = tag, 1
        else:
            if flag & BLOCK:
                _break_block(blocks, text, s)
            _imply_end_tags(blocks, text, s, stack, tag, flags)
            elements[s[N_ELEMENTS], WORD_FROM] = words_before
            _push(elements, blocks, s, stack, tag, found[at.IS_HIDDEN], flags)
    s[IN_PRE] = 0
    _close_block(blocks, text, s)
    ne, nb = s[N_ELEMENTS], s[N_BLOCKS]
    elements[ne, WORD_FROM] = n_words
    return Page(
        elements[:ne, PARENT].copy(), elements[:ne, TAG].astype(np.int16), elements[:ne, HIDDEN].astype(np.uint8),
        elements[: ne + 1, WORD_FROM].copy(), words[:n_words], text[: s[LENGTH]],
        blocks[:nb, START].copy(), blocks[:nb, STOP].copy(), blocks[:nb, LINKED].copy(),
        blocks[:nb, INNER].astype(np.int32), blocks[:nb, OUTER].astype(np.int32),
        blocks[:nb, SPLIT].astype(np.uint8), blocks[:nb, PREFORMATTED].astype(np.uint8),
        title, metas[:n_metas], scripts[:n_scripts],
    )  # fmt: skip
