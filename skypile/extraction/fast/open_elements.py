"""The open elements and the open block while a page is scanned: HTML's rules on what ends what. Compiled.

These functions borrow plain arrays (see `compiling`): a tuple of arrays, with references counted for each member
at each call, made a tag cost 5 us instead of 0.1. `blocks` is int64 [B, 7], `elements` int32 [E, 5],
`stack` int32 [MAX_DEPTH, 4] with level 0 for <body>; `s` is the state they share. Their columns and slots:
"""

from skypile.extraction.fast.characters import NEWLINE, append_text
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.tags import BLOCK, CLOSES_P, SCOPE, SPECIAL, TAG_ID, VOID

MAX_DEPTH = 400  # deeper elements are read as if they were not there; the deepest of 2,748 real pages is 53
# A page's cost after the scan goes by its elements (0.3 KB each) and blocks (2 KB and 20 us each). The largest
# of 2,748 real pages has 9,980 and 6,220; what a page has beyond these limits is not looked at.
MAX_ELEMENTS, MAX_BLOCKS = 200_000, 20_000

P, A, LI, DT, DD, UL, OL, DIV = (TAG_ID[x] for x in ("p", "a", "li", "dt", "dd", "ul", "ol", "div"))
TABLE, TR, TD, TH, THEAD, TFOOT = (TAG_ID[x] for x in ("table", "tr", "td", "th", "thead", "tfoot"))
BUTTON, PRE, ADDRESS, H1, H6 = (TAG_ID[x] for x in ("button", "pre", "address", "h1", "h6"))

START, STOP, LINKED, INNER, OUTER, SPLIT, PREFORMATTED = range(7)
PARENT, TAG, HIDDEN, WORD_FROM, SPAN = range(5)
ON_TAG, ON_ELEMENT, ON_LINKS, ON_BLOCK = range(4)
LEVEL, OVERFLOW, IN_PRE, DROPPED, DROP_DEPTH, OPEN, WAIT, LENGTH, N_BLOCKS, N_ELEMENTS, BREAKS, NESTING, N_STATE = (
    range(13)
)


@borrows
def close_block(blocks, text, s):
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


@borrows
def open_block(blocks, s, stack, split):
    b, level = s[N_BLOCKS], s[LEVEL]
    blocks[b, START] = s[LENGTH]
    blocks[b, LINKED] = 0
    blocks[b, INNER] = stack[level, ON_ELEMENT]
    blocks[b, OUTER] = stack[level, ON_BLOCK]
    blocks[b, SPLIT] = split
    blocks[b, PREFORMATTED] = s[IN_PRE] > 0
    s[OPEN] = 1


@borrows
def append_run(blocks, text, s, stack, buf, i, end, entity_keys, entity_points):
    """Text between two tags."""
    if s[DROPPED]:
        return
    if s[BREAKS] >= 2 and not s[IN_PRE]:
        j = i
        while j < end and buf[j] <= 32:
            j += 1
        if j == end:
            return
        close_block(blocks, text, s)
        s[BREAKS] = 2
    opened = False
    if not s[OPEN]:
        opened = True
        open_block(blocks, s, stack, s[BREAKS] >= 2)
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


@borrows
def pop(blocks, text, s, stack, level, flags):
    """Close the elements above stack level `level`."""
    for k in range(s[LEVEL], level, -1):
        tag = stack[k, ON_TAG]
        if tag == PRE:
            if s[IN_PRE] == 1:
                close_block(blocks, text, s)
            s[IN_PRE] -= 1
        elif flags[tag] & BLOCK:
            break_block(blocks, text, s)
    s[LEVEL] = min(level, s[LEVEL])


@borrows
def break_block(blocks, text, s):
    """A block-level element begins or ends here. Inside <pre> that is a line break only."""
    if not s[IN_PRE]:
        close_block(blocks, text, s)
    elif s[LENGTH] > blocks[s[N_BLOCKS], START] and text[s[LENGTH] - 1] != 10:
        text[s[LENGTH]] = 10
        s[LENGTH] += 1


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
        for k in range(s[LEVEL], 0, -1):
            t = stack[k, ON_TAG]
            if t == TABLE:
                break
            same = (t in (TD, TH)) if (tag in (TD, TH)) else (t == TR if tag == TR else THEAD <= t <= TFOOT)
            if same:
                pop(blocks, text, s, stack, k - 1, flags)
                break
            if t == TR and (tag in (TD, TH)):
                break
    elif tag in (A, BUTTON):
        end_tag(blocks, text, s, stack, tag, flags)
    elif H1 <= tag <= H6 and H1 <= stack[s[LEVEL], ON_TAG] <= H6:
        pop(blocks, text, s, stack, s[LEVEL] - 1, flags)


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
def push(elements, blocks, s, stack, tag, hidden, flags):
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
        if level + 1 >= MAX_DEPTH:
            s[NESTING] = max(s[NESTING], level + s[OVERFLOW])
        return
    level += 1
    s[NESTING] = max(s[NESTING], level)
    stack[level, ON_TAG] = tag
    stack[level, ON_ELEMENT] = e
    stack[level, ON_LINKS] = stack[level - 1, ON_LINKS] + (tag == A)
    stack[level, ON_BLOCK] = e if flags[tag] & BLOCK else stack[level - 1, ON_BLOCK]
    s[LEVEL] = level
    if tag == PRE:
        s[IN_PRE] += 1
        if s[IN_PRE] == 1:
            open_block(blocks, s, stack, 0)


@borrows
def line_break(text, s):
    if s[DROPPED]:
        return
    if s[IN_PRE]:
        text[s[LENGTH]] = 10
        s[LENGTH] += 1
        return
    if s[OPEN] or s[BREAKS]:
        s[BREAKS] += 1
        s[WAIT] = NEWLINE
