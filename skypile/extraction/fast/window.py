"""What one scan of a page yields, and how the next one goes on where it stopped."""

from typing import NamedTuple

import numpy as np

from skypile.extraction.fast.markup import MAX_RULES, XML_SERVED
from skypile.extraction.fast.open_block import (
    LENGTH,
    N_BLOCKS,
    N_FORMULAS,
    N_STATE,
    ON_BLOCK,
    ON_ELEMENT,
    ON_FROM,
    ON_TAG,
    OPEN,
    RECORD_LEVEL,
    SEEN_IN,
    STACK_COLUMNS,
    XML,
)
from skypile.extraction.fast.tags import TAG_ID, Names

# Kinds of what may hold a formula (`formulas`), and the columns they are recorded in: what, where its tag begins, where
# what it holds begins and ends. Of <math> that is the whole element.
MATHML, TEX_SCRIPT, PICTURE, TEX_ELEMENT, RENDERED = range(1, 6)
KIND, TAG_FROM, HOLDS_FROM, HOLDS_TO = range(4)


class Page(NamedTuple):
    """What one page, or one window of it, holds. E elements in document order (0 is <body>), B blocks, W words of
    attributes.

    parent, tag, hidden, word_from: int32/int16/uint8/int32 [E] (`word_from` has E + 1 entries)
    words: uint32 [W], hashes of the words in class, id, role, …
    signature: uint64 [E], a hash of the element's tag and its words: equal for the items of one list
    span: int32 [E], columns << 16 | rows that a cell covers; 0 rows: all to the end of its row group
    text: uint8, clean UTF-8 of all blocks; start, stop: int64 [B] into it
    link: int64 [B], bytes of the block's text inside links
    inner, outer: int32 [B], the element around the block's first character, and the block-level one around that
    split: uint8 [B], 1 where the block began after a double line break; pre: uint8 [B]
    title: (from, to) in the input; metas: int64 [M, 3] (key hash, from, to); scripts: int64 [S, 2] JSON-LD
    formulas: int64 [F, 4], what may hold one, in document order
    nesting: elements open at once, at most; those below MAX_DEPTH are counted too
    at: where the next window begins in the input, its length if there is none; state, stack, memo: what is open there
    """

    parent: np.ndarray
    tag: np.ndarray
    hidden: np.ndarray
    word_from: np.ndarray
    words: np.ndarray
    signature: np.ndarray
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
    formulas: np.ndarray
    nesting: int
    at: int
    state: np.ndarray
    stack: np.ndarray
    memo: np.ndarray


class Opened(NamedTuple):
    """With what a scan begins: `state`, `stack` and `memo` of the window before, and the attributes of the elements
    open: parent, tag, hidden, word_from and words as in Page."""

    state: np.ndarray
    stack: np.ndarray
    memo: np.ndarray
    tag: np.ndarray
    hidden: np.ndarray
    word_from: np.ndarray
    words: np.ndarray


def opened(names: Names, before: Page | None = None, xml: bool = False) -> Opened:
    """With what the scan of a page begins, or of the window after `before`. `xml`: its Content-Type says that it is."""
    if before is None:
        state = np.zeros(N_STATE, np.int64)
        state[XML], state[SEEN_IN] = XML_SERVED * xml, -1
        stack = np.zeros((1, STACK_COLUMNS), np.int32)
        stack[0, ON_TAG], stack[0, ON_FROM] = TAG_ID["body"], -1
        memo = np.full(len(names.flags) + 1 + MAX_RULES, -1)
        memo[len(names.flags)] = 0
        return Opened(
            state, stack, memo, np.array([TAG_ID["body"]], np.int16), np.zeros(1, np.uint8), np.zeros(2, np.int32),
            np.zeros(0, np.uint32),
        )  # fmt: skip
    stack = before.stack.copy()
    elements = stack[:, ON_ELEMENT].copy()
    spans = [before.words[before.word_from[e] : before.word_from[e + 1]] for e in elements]
    word_from = np.zeros(len(spans) + 1, np.int32)
    np.cumsum([len(span) for span in spans], out=word_from[1:])
    blocks = np.searchsorted(elements, stack[:, ON_BLOCK])
    stack[:, ON_ELEMENT], stack[:, ON_BLOCK], stack[:, ON_FROM] = np.arange(len(stack)), blocks, -1
    state = before.state.copy()
    state[[N_BLOCKS, LENGTH, OPEN, N_FORMULAS, RECORD_LEVEL]], state[SEEN_IN] = 0, -1
    return Opened(
        state, stack, before.memo, before.tag[elements], before.hidden[elements], word_from, np.concatenate(spans)
    )
