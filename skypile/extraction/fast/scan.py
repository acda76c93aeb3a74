"""HTML bytes into blocks of text, in one pass and without a tree of objects. Compiled.

A block is a run of text inside one block-level element (paragraph, list item, cell, heading, …), or the part of
one between double line breaks. The scanner follows the HTML standard where it matters to text (implied end
tags, raw-text elements, bogus comments, misnested end tags) and takes short cuts elsewhere: no adoption agency,
no foster parenting. Nothing is allocated per node: 1.1 GB/s on real pages, 0.3 ms for one of 340 KB. Hostile
pages cannot hurt it: no recursion, memory a fixed multiple of the input, time linear in the input (the stack of
open elements is at most MAX_DEPTH deep).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skypile.extraction.fast import attributes as at
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.open_elements import (
    DROP_DEPTH,
    DROPPED,
    HIDDEN,
    IN_PRE,
    INNER,
    LENGTH,
    LINKED,
    MAX_BLOCKS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    N_BLOCKS,
    N_ELEMENTS,
    N_STATE,
    NESTING,
    ON_TAG,
    OUTER,
    OVERFLOW,
    PARENT,
    PREFORMATTED,
    SPAN,
    SPLIT,
    START,
    STOP,
    TAG,
    WORD_FROM,
    append_run,
    break_block,
    close_block,
    end_tag,
    imply_end_tags,
    line_break,
    push,
)
from skypile.extraction.fast.tags import BLOCK, DROP, LEAVES_FOREIGN, RAW, TAG_ID, Names
from skypile.extraction.fast.vectors import find, occurrences

MAX_METAS, MAX_SCRIPTS = 64, 8

HTML, BODY, HEAD, BR, WBR = (TAG_ID[x] for x in ("html", "body", "head", "br", "wbr"))
TITLE, META, LINK, BASE, SCRIPT = (TAG_ID[x] for x in ("title", "meta", "link", "base", "script"))
SVG, MATH, SELECT = (TAG_ID[x] for x in ("svg", "math", "select"))


class Page(NamedTuple):
    """What one page holds. E elements in document order (0 is <body>), B blocks, W words of attributes.

    parent, tag, hidden, word_from: int32/int16/uint8/int32 [E] (`word_from` has E + 1 entries)
    words: uint32 [W], hashes of the words in class, id, role, …
    span: int32 [E], columns << 16 | rows that a cell covers; 0 rows: all to the end of its row group
    text: uint8, clean UTF-8 of all blocks; start, stop: int64 [B] into it
    link: int64 [B], bytes of the block's text inside links
    inner, outer: int32 [B], the element around the block's first character, and the block-level one around that
    split: uint8 [B], 1 where the block began after a double line break; pre: uint8 [B]
    title: (from, to) in the input; metas: int64 [M, 3] (key hash, from, to); scripts: int64 [S, 2] JSON-LD
    nesting: elements open at once, at most; those below MAX_DEPTH are counted too
    """

    parent: np.ndarray
    tag: np.ndarray
    hidden: np.ndarray
    word_from: np.ndarray
    words: np.ndarray
    span: np.ndarray
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
    nesting: int


@borrows
def _raw_end(buf, i, n, name):
    """Index of the "<" of </name …> at or after i; -1 where there is none."""
    i = find(buf, i, n, 60)
    while i + 2 < n:
        j = i + 1
        if buf[j] == 47:
            j += 1
            while j < n and 97 <= (buf[j] | 32) <= 122:
                j += 1
            if at.lower_hash(buf, i + 2, j) == name:
                return i
        i = find(buf, j, n, 60)
    return -1


@borrows
def _find_tag(buf, i, end, tag_keys, tag_ids):
    value = at.lower_hash(buf, i, end)
    slot = np.int64(value) & (len(tag_keys) - 1)
    while tag_keys[slot] != 0:
        if tag_keys[slot] == value:
            return np.int64(tag_ids[slot])
        slot = (slot + 1) & (len(tag_keys) - 1)
    return 0


@borrows
def _skip_declaration(buf, i, n):
    """Next index after the comment, doctype or processing instruction at buf[i] == "<"."""
    if i + 3 < n and buf[i + 1] == 33 and buf[i + 2] == 45 and buf[i + 3] == 45:
        j = i + 4
        if j < n and buf[j] == 62:
            return j + 1
        while j < n:
            j = find(buf, j, n, 62)
            if j < n and buf[j - 1] == 45 and buf[j - 2] == 45:
                return j + 1
            j += 1
        return n
    return min(find(buf, i + 1, n, 62) + 1, n)


@borrows
def _read(buf, names, elements, words, text, blocks, title, metas, scripts, s, stack, unclosed, found):
    """The scan itself: fills its arguments after `names`, which are as `scan` makes them, and returns how many words,
    metas and scripts there are."""
    tag_keys, tag_ids, name_hash = names.tag_keys, names.tag_ids, names.name_hash
    entity_keys, entity_points = names.entity_keys, names.entity_points
    flags = names.flags
    n = len(buf)
    stack[0, ON_TAG] = BODY
    elements[0, PARENT], elements[0, TAG], elements[0, HIDDEN], elements[0, WORD_FROM] = -1, BODY, 0, 0
    elements[0, SPAN] = 1 << 16 | 1
    s[N_ELEMENTS] = 1
    n_words = n_metas = n_scripts = 0
    i = 0
    while i < n and s[N_BLOCKS] < MAX_BLOCKS:
        j = find(buf, i, n, 60)
        if j > i:
            append_run(blocks, text, s, stack, buf, i, j, entity_keys, entity_points)
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
                append_run(blocks, text, s, stack, buf, i, i + 1, entity_keys, entity_points)
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
                line_break(text, s)
                continue
            if flag & (RAW | DROP) or tag in (HTML, BODY, HEAD):
                continue
            if s[OVERFLOW]:
                s[OVERFLOW] -= 1
                continue
            if flag & BLOCK:
                break_block(blocks, text, s)
            end_tag(blocks, text, s, stack, tag, flags)
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
        elif tag in (HTML, BODY):
            if s[N_ELEMENTS] > 1:
                n_words = words_before
        elif tag in (BR, WBR, META, LINK, BASE, HEAD):
            n_words = words_before
            if tag == BR:
                line_break(text, s)
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
                break_block(blocks, text, s)
            imply_end_tags(blocks, text, s, stack, tag, flags)
            elements[s[N_ELEMENTS], WORD_FROM] = words_before
            elements[s[N_ELEMENTS], SPAN] = found[at.COLUMNS] << 16 | found[at.ROWS]
            push(elements, blocks, s, stack, tag, found[at.IS_HIDDEN], flags)
    s[IN_PRE] = 0
    close_block(blocks, text, s)
    elements[s[N_ELEMENTS], WORD_FROM] = n_words
    return n_words, n_metas, n_scripts


@njit(cache=True)
def scan(buf: np.ndarray, names: Names) -> Page:
    """Blocks and elements of an HTML page given as UTF-8 (uint8, read-only). Never fails."""
    n = len(buf)
    n_tags = 1 + occurrences(buf, n, 60)
    elements = np.empty((min(n_tags, MAX_ELEMENTS) + 2, 5), np.int32)
    words = np.empty(n // 3 + 64, np.uint32)
    text = np.empty(n + n // 4 + 64, np.uint8)
    blocks = np.empty((min(n_tags, MAX_BLOCKS) + 8, 7), np.int64)
    title = np.zeros(2, np.int64)
    metas = np.empty((MAX_METAS, 3), np.int64)
    scripts = np.empty((MAX_SCRIPTS, 2), np.int64)
    s = np.zeros(N_STATE, np.int64)
    stack = np.zeros((MAX_DEPTH, 4), np.int32)  # tag, element, links open, block element
    unclosed = np.zeros(len(names.flags), np.uint8)  # raw-text elements known to have no end tag from here on
    found = np.zeros(at.N_SLOTS, np.int64)
    n_words, n_metas, n_scripts = _read(
        buf, names, elements, words, text, blocks, title, metas, scripts, s, stack, unclosed, found
    )
    ne, nb = s[N_ELEMENTS], s[N_BLOCKS]
    return Page(
        elements[:ne, PARENT].copy(), elements[:ne, TAG].astype(np.int16), elements[:ne, HIDDEN].astype(np.uint8),
        elements[: ne + 1, WORD_FROM].copy(), words[:n_words],
        elements[:ne, SPAN].copy(), text[: s[LENGTH]],
        blocks[:nb, START].copy(), blocks[:nb, STOP].copy(), blocks[:nb, LINKED].copy(),
        blocks[:nb, INNER].astype(np.int32), blocks[:nb, OUTER].astype(np.int32),
        blocks[:nb, SPLIT].astype(np.uint8), blocks[:nb, PREFORMATTED].astype(np.uint8),
        title, metas[:n_metas], scripts[:n_scripts], s[NESTING],
    )  # fmt: skip
