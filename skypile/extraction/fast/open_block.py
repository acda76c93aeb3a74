"""The open block of text while a page is scanned. Compiled.

These functions, and those of `open_elements`, borrow plain arrays (see `compiling`): a tuple of arrays, with references
counted for each member at each call, made a tag cost 5 us instead of 0.1. `blocks` is int64 [B, 8], `elements` int32
[E, 5], `stack` int32 [MAX_DEPTH, 7] with level 0 for <body>; `s` is the state they share. Their columns and slots:
"""

from skypile.extraction.fast.characters import BLANK, NEWLINE, append_text
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.inline import begins_line, counts_up, ends_inline, is_numbers, without_line_numbers
from skypile.extraction.fast.tags import TAG_ID
from skypile.extraction.fast.vectors import skip_blanks

START, STOP, LINKED, INNER, OUTER, SPLIT, PREFORMATTED, NUMBERS = range(8)
PARENT, TAG, HIDDEN, WORD_FROM, SPAN = range(5)
# ON_MUTE: HIDDEN_TEXT or ANNOTATION; ON_GUTTER: 1 inside what names line numbers; ON_FROM: where the text of an inline
# element begins that is looked at when it ends, -1 for none.
ON_TAG, ON_ELEMENT, ON_LINKS, ON_BLOCK, ON_MUTE, ON_GUTTER, ON_FROM, STACK_COLUMNS = range(8)
# Text hidden inside a sentence goes where its block-level element has other text; an annotation above text always.
HIDDEN_TEXT, ANNOTATION = 1, 2
(
    LEVEL,
    OVERFLOW,
    IN_PRE,
    DROPPED,
    DROP_DEPTH,
    OPEN,
    WAIT,
    LENGTH,
    N_BLOCKS,
    N_ELEMENTS,
    BREAKS,
    NESTING,
    SEEN_IN,  # the block-level element that last got visible text, -1 for none
    HIDDEN_HEAD,  # 1 while all the open block's text is hidden
    XML,  # as in `markup`
    AT,  # the next byte to read
    RECORD_LEVEL,  # of the open element whose extent is being recorded, 0 for none
    RECORD,
    IN_TOKEN,  # 1 inside an element of MathML that may hold HTML
    N_FORMULAS,
    LINKED_TO,  # where the text of a link last ended
    CODE_TO,  # where the text of a <code> inside <pre> last ended
    NUMBERED,  # lines of the open preformatted block that begin with an element that holds their number
    N_STATE,
) = range(24)

DT, TD, TH, H1, H6 = (TAG_ID[x] for x in ("dt", "td", "th", "h1", "h6"))
CAPTION, FIGCAPTION = TAG_ID["caption"], TAG_ID["figcaption"]


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
        if s[NUMBERED] >= 2:
            o = without_line_numbers(text, blocks[b, START], o, s[NUMBERED])
    blocks[b, STOP] = o
    s[LENGTH] = o
    if o > blocks[b, START] and not (
        blocks[b, NUMBERS]
        and is_numbers(text, blocks[b, START], o)
        and (blocks[b, NUMBERS] == 2 or counts_up(text, blocks[b, START], o))
    ):
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
    blocks[b, NUMBERS] = 2 * stack[level, ON_GUTTER]
    if s[IN_PRE] and not blocks[b, NUMBERS]:  # a cell of nothing but 1, 2, 3, … beside one of code
        for k in range(level, max(0, level - 4), -1):
            if stack[k, ON_TAG] in (TD, TH):
                blocks[b, NUMBERS] = 1
                break
    s[OPEN] = 1
    s[HIDDEN_HEAD] = s[NUMBERED] = 0


@borrows
def append_run(blocks, text, s, stack, buf, i, end, entity_keys, entity_points):
    """Text between two tags."""
    level = s[LEVEL]
    mute = stack[level, ON_MUTE]
    if s[DROPPED] or mute == ANNOTATION:
        return
    if mute and (
        stack[level, ON_BLOCK] == s[SEEN_IN]
        or (s[OPEN] and not s[HIDDEN_HEAD] and s[LENGTH] > blocks[s[N_BLOCKS], START])
    ):
        return
    if not s[IN_PRE]:
        j = skip_blanks(buf, i, end)
        if j == end and (s[BREAKS] >= 2 or not s[OPEN]):
            if s[BREAKS] < 2:
                s[WAIT] = s[HIDDEN_HEAD] = 0
            return
        if s[BREAKS] >= 2:
            close_block(blocks, text, s)
            s[BREAKS] = 2
        elif s[HIDDEN_HEAD] and s[OPEN] and not mute and j < end:  # the sentence begins after what was hidden
            s[LENGTH] = blocks[s[N_BLOCKS], START]
            s[OPEN] = s[WAIT] = s[HIDDEN_HEAD] = 0
        if not s[OPEN]:
            i = j
    elif s[HIDDEN_HEAD] and s[OPEN] and not mute and skip_blanks(buf, i, end) < end:
        s[LENGTH] = blocks[s[N_BLOCKS], START]
        s[WAIT] = s[HIDDEN_HEAD] = 0
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
        if not mute:
            s[SEEN_IN] = stack[level, ON_BLOCK]
        elif before == start:
            s[HIDDEN_HEAD] = 1
        if stack[level, ON_LINKS] > 0:
            blocks[s[N_BLOCKS], LINKED] += grown
            s[LINKED_TO] = s[LENGTH]
    elif opened:
        s[OPEN] = 0
        s[WAIT] = 0


@borrows
def break_block(blocks, text, s):
    """A block-level element begins or ends here. Inside <pre> that is a line break only."""
    if not s[IN_PRE]:
        close_block(blocks, text, s)
    elif s[LENGTH] > blocks[s[N_BLOCKS], START] and text[s[LENGTH] - 1] != 10:
        text[s[LENGTH]] = 10
        s[LENGTH] += 1


@borrows
def line_break(text, s, stack):
    if s[DROPPED] or (stack[s[LEVEL], ON_MUTE] and not s[HIDDEN_HEAD]):
        return
    if s[IN_PRE]:
        text[s[LENGTH]] = 10
        s[LENGTH] += 1
        return
    if s[OPEN] or s[BREAKS]:
        s[BREAKS] += 1
        s[WAIT] = NEWLINE


@borrows
def end_inline(blocks, text, s, stack, level):
    """The inline element at a stack level ends: take its sign or number out, or mark a superscript."""
    b, before = s[N_BLOCKS], s[LENGTH]
    i, start = stack[level, ON_FROM], blocks[b, START]
    if not s[OPEN] or i < start or i >= before:
        return
    if s[IN_PRE] and not stack[level, ON_GUTTER] and begins_line(text, start, i, before, s[NUMBERED] + 1):
        s[NUMBERED] += 1
    blank = i > start and text[i] == 32
    tag, linked = stack[level, ON_TAG], stack[level, ON_LINKS] > 0 or s[LINKED_TO] == before
    heading = False
    for k in range(level, max(0, level - 4), -1):
        if H1 <= stack[k, ON_TAG] <= H6 or stack[k, ON_TAG] in (DT, CAPTION, FIGCAPTION):
            heading = True
    s[LENGTH] = ends_inline(text, start, i, before, tag, linked, stack[level, ON_GUTTER], heading)
    if s[LENGTH] < before:
        if stack[level, ON_LINKS] > 0:
            blocks[b, LINKED] = max(0, blocks[b, LINKED] - (before - s[LENGTH]))
        if blank:
            s[WAIT] = max(s[WAIT], BLANK)
