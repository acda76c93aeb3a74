"""The open elements while a page is scanned: HTML's rules on what ends what. Compiled. The arrays: `open_block`."""

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.open_block import (
    ANNOTATION,
    CODE_TO,
    HIDDEN,
    IN_PRE,
    LENGTH,
    LEVEL,
    N_ELEMENTS,
    NESTING,
    ON_BLOCK,
    ON_ELEMENT,
    ON_FROM,
    ON_GUTTER,
    ON_LINKS,
    ON_MUTE,
    ON_TAG,
    OVERFLOW,
    PARENT,
    TAG,
    break_block,
    close_block,
    end_inline,
    open_block,
)
from skypile.extraction.fast.tags import BLOCK, CLOSES_P, SCOPE, SPECIAL, TAG_ID, VOID

MAX_DEPTH = 400  # deeper elements are read as if they were not there; the deepest of 2,748 real pages is 53
# A page's cost after the scan goes by its elements (0.3 KB each) and blocks (2 KB and 20 us each). The largest
# of 2,748 real pages has 9,980 and 6,220; what a page has beyond these limits is a window of its own (`scan`).
MAX_ELEMENTS, MAX_BLOCKS = 200_000, 20_000

P, A, LI, DT, DD, UL, OL, DIV = (TAG_ID[x] for x in ("p", "a", "li", "dt", "dd", "ul", "ol", "div"))
TABLE, TR, TD, TH, THEAD, TFOOT = (TAG_ID[x] for x in ("table", "tr", "td", "th", "thead", "tfoot"))
BUTTON, PRE, CODE, ADDRESS, H1, H6 = (TAG_ID[x] for x in ("button", "pre", "code", "address", "h1", "h6"))
CAPTION, FIGCAPTION = TAG_ID["caption"], TAG_ID["figcaption"]
PLACE = TAG_ID["span"]  # what <a> is that is but a place to link to

RT, RP, SUP, SUB, RUBY = (TAG_ID[x] for x in ("rt", "rp", "sup", "sub", "ruby"))


@borrows
def pop(blocks, text, s, stack, level, flags):
    """Close the elements above stack level `level`."""
    for k in range(s[LEVEL], level, -1):
        tag = stack[k, ON_TAG]
        if stack[k, ON_FROM] >= 0:
            end_inline(blocks, text, s, stack, k)
        if tag == CODE and s[IN_PRE]:
            s[CODE_TO] = s[LENGTH]
        if tag == PRE:
            if s[IN_PRE] == 1:
                close_block(blocks, text, s)
            s[IN_PRE] -= 1
        elif flags[tag] & BLOCK:
            break_block(blocks, text, s)
    s[LEVEL] = min(level, s[LEVEL])


@borrows
def imply_end_tags(blocks, text, s, stack, tag, flags):
    """Close what the start of `tag` closes (HTML standard, 13.2.6.4.7 and the table modes)."""
    level = s[LEVEL]
    if flags[tag] & CLOSES_P:
        for k in range(level, 0, -1):
            t = stack[k, ON_TAG]
            if t == P:
                pop(blocks, text, s, stack, k - 1, flags)
                break
            if flags[t] & SCOPE:
                break
    if tag in (LI, DT, DD):
        for k in range(s[LEVEL], 0, -1):
            t = stack[k, ON_TAG]
            if t == tag or (tag != LI and (t in (DT, DD))):
                pop(blocks, text, s, stack, k - 1, flags)
                break
            if flags[t] & SPECIAL and t != ADDRESS and t != DIV and t != P:
                break
    elif tag in (TR, TD, TH) or THEAD <= tag <= TFOOT:
        outermost = 0  # cell or row, of a table whose <tr> or <tbody> is left out
        for k in range(s[LEVEL], 0, -1):
            t = stack[k, ON_TAG]
            if t == TABLE:
                break
            same = (t in (TD, TH)) if (tag in (TD, TH)) else (t == TR if tag == TR else THEAD <= t <= TFOOT)
            if same:
                outermost = k
                break
            if t == TR and (tag in (TD, TH)):
                break
            if t in (TD, TH, TR):
                outermost = k
        if outermost:
            pop(blocks, text, s, stack, outermost - 1, flags)
    elif tag in (A, BUTTON):
        end_tag(blocks, text, s, stack, tag, flags)
    elif tag in (RT, RP):
        if stack[s[LEVEL], ON_TAG] in (RT, RP):
            pop(blocks, text, s, stack, s[LEVEL] - 1, flags)
    elif H1 <= tag <= H6 and H1 <= stack[s[LEVEL], ON_TAG] <= H6:
        pop(blocks, text, s, stack, s[LEVEL] - 1, flags)


@borrows
def is_in_row(s, stack):
    """Whether a row of a table is open."""
    for k in range(s[LEVEL], 0, -1):
        if stack[k, ON_TAG] == TR:
            return True
        if stack[k, ON_TAG] == TABLE:
            return False
    return False


@borrows
def end_tag(blocks, text, s, stack, tag, flags):
    """The end tag </tag>: close the nearest open element it can belong to; otherwise it means nothing."""
    heading = H1 <= tag <= H6
    cell = tag in (TD, TH, TR, TABLE) or THEAD <= tag <= TFOOT
    block = flags[tag] & BLOCK
    for k in range(s[LEVEL], 0, -1):
        t = stack[k, ON_TAG]
        if t == tag or (heading and H1 <= t <= H6):
            pop(blocks, text, s, stack, k - 1, flags)
            return
        if cell:
            if t == TABLE:
                return
        elif block:
            if flags[t] & SCOPE or (tag == LI and (t in (UL, OL))):
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


@borrows
def push(elements, blocks, s, stack, tag, hidden, mute, gutter, link, flags):
    """A new element; void ones stay off the stack.

    `hidden`: from all; `mute`: HIDDEN_TEXT, ANNOTATION or 0; `gutter`: 1 if it is for line numbers; `link`, of <a>: 0
    if it is but a place to link to, 2 if it leads to one.
    """
    e, level = s[N_ELEMENTS], s[LEVEL]
    elements[e, PARENT] = stack[level, ON_ELEMENT]
    elements[e, TAG] = PLACE if tag == A and not link else tag
    elements[e, HIDDEN] = hidden
    if e + 1 < MAX_ELEMENTS:
        s[N_ELEMENTS] = e + 1
    if flags[tag] & VOID:
        return
    if level + 1 >= MAX_DEPTH or e + 1 >= MAX_ELEMENTS:
        s[OVERFLOW] += 1
        if level + 1 >= MAX_DEPTH:
            s[NESTING] = max(s[NESTING], level + s[OVERFLOW])
        return
    level += 1
    s[NESTING] = max(s[NESTING], level)
    block = flags[tag] & BLOCK
    stack[level, ON_TAG] = tag
    stack[level, ON_ELEMENT] = e
    stack[level, ON_LINKS] = stack[level - 1, ON_LINKS] + (tag == A and link > 0)
    stack[level, ON_BLOCK] = e if block else stack[level - 1, ON_BLOCK]
    if mute < ANNOTATION and not block:
        mute = max(stack[level - 1, ON_MUTE], mute)
    stack[level, ON_MUTE] = 0 if block and mute < ANNOTATION else mute
    if tag in (RT, RP):
        for k in range(level - 1, max(0, level - 4), -1):
            if stack[k, ON_TAG] == RUBY:
                stack[level, ON_MUTE] = ANNOTATION
    stack[level, ON_GUTTER] = gutter or stack[level - 1, ON_GUTTER]
    looked_at = tag in (SUP, SUB) or (tag == A and link == 2) or gutter or s[IN_PRE]
    looked_at = looked_at and (s[IN_PRE] or not block)
    stack[level, ON_FROM] = s[LENGTH] if looked_at else -1
    s[LEVEL] = level
    if tag == PRE:
        s[IN_PRE] += 1
        if s[IN_PRE] == 1:
            open_block(blocks, s, stack, 0)
