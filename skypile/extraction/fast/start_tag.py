"""What a start tag of an element that is shown does, and what is noted of formulas. Compiled."""

import numpy as np

from skypile.extraction.fast import attributes as at
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.markup import (
    MAX_FALLBACK,
    XML_DECLARED,
    XML_SERVED,
    cdata_end,
    declared_xml,
    is_cdata,
    is_ruled_out,
    next_end,
    skip_declaration,
)
from skypile.extraction.fast.open_block import (
    ANNOTATION,
    CODE_TO,
    DROPPED,
    HIDDEN_TEXT,
    IN_PRE,
    LENGTH,
    LEVEL,
    N_BLOCKS,
    N_ELEMENTS,
    N_FORMULAS,
    ON_TAG,
    OVERFLOW,
    RECORD,
    RECORD_LEVEL,
    SPAN,
    WORD_FROM,
    XML,
    append_run,
    break_block,
)
from skypile.extraction.fast.open_elements import (
    imply_end_tags,
    pop,
    push,
)
from skypile.extraction.fast.tags import (
    BLOCK,
    EDIT,
    GUTTER,
    JAMMER,
    JAX,
    KATEX,
    LINE,
    NUMBER,
    OF_HTML,
    QL,
    TAG_ID,
    TEX,
    VOID,
    fnv1a,
)
from skypile.extraction.fast.window import (
    HOLDS_FROM,
    HOLDS_TO,
    KIND,
    PICTURE,
    RENDERED,
    TAG_FROM,
    TEX_ELEMENT,
)

IMG, SVG, MATH, SELECT = (TAG_ID[x] for x in ("img", "svg", "math", "select"))
TEMPLATE, DATALIST, PRE, CODE = (TAG_ID[x] for x in ("template", "datalist", "pre", "code"))
MATHJAX = fnv1a(b"mathjax")


@borrows
def _roles(words, start, stop, role_keys, role_bits):
    """What the words of an element's attributes say together."""
    roles = np.int64(0)
    for k in range(start, stop):
        slot = np.int64(words[k]) & (len(role_keys) - 1)
        while role_keys[slot] != 0:
            if role_keys[slot] == words[k]:
                roles |= role_bits[slot]
                break
            slot = (slot + 1) & (len(role_keys) - 1)
    return roles


@borrows
def record(formulas, s, kind, tag_from, holds_from, holds_to):
    if s[N_FORMULAS] < len(formulas):
        row = formulas[s[N_FORMULAS]]
        row[KIND], row[TAG_FROM], row[HOLDS_FROM], row[HOLDS_TO] = kind, tag_from, holds_from, holds_to
        s[N_FORMULAS] += 1


@borrows
def end_record(formulas, s, i):
    """Note where the element whose extent is recorded has ended, if it has."""
    if s[RECORD_LEVEL] and s[LEVEL] < s[RECORD_LEVEL]:
        formulas[s[RECORD], HOLDS_TO] = i
        s[RECORD_LEVEL] = 0


@borrows
def verbatim(elements, blocks, text, s, stack, flags, buf, i, end, nothing, entity_points):
    """buf[i:end] as it stands, as a <pre> of its own."""
    level, overflow = s[LEVEL], s[OVERFLOW]
    elements[s[N_ELEMENTS], SPAN] = 1 << 16 | 1
    push(elements, blocks, s, stack, PRE, 0, 0, 0, 0, flags)
    append_run(blocks, text, s, stack, buf, i, end, nothing, entity_points)
    pop(blocks, text, s, stack, level, flags)
    s[OVERFLOW] = overflow


@borrows
def declaration(blocks, text, s, stack, buf, i, n, nothing, entity_points):
    """The next index after the comment, doctype or the like at buf[i] == "<"; the text of a CDATA section is text."""
    if buf[i + 1] == 33 and (s[DROPPED] in (SVG, MATH) or s[XML] >= XML_DECLARED) and is_cdata(buf, i, n):
        end = cdata_end(buf, i + 9, n)
        append_run(blocks, text, s, stack, buf, i + 9, end, nothing, entity_points)
        return min(end + 3, n)
    if s[N_ELEMENTS] == 1 and s[N_BLOCKS] == 0:
        s[XML] = max(s[XML], declared_xml(buf, i, n))
    return skip_declaration(buf, i, n)


@borrows
def start_element(
    buf, names, elements, words, text, blocks, formulas, s, stack, memo, found, tag, words_before, n_words
):
    """The start tag of an element that is shown."""
    flags = names.flags
    flag, i, overflow = flags[tag], found[at.NEXT], s[OVERFLOW]
    roles = _roles(words, words_before, n_words, names.role_keys, names.role_bits)
    hides, n_tags = found[at.IS_HIDDEN], len(flags)
    hidden = hides > 0 or roles & JAMMER > 0
    if memo[n_tags] and not hidden and found[at.CLASS_TO]:
        hidden = is_ruled_out(buf, found[at.CLASS_FROM], found[at.CLASS_TO], memo, n_tags)
    gutter = found[at.IS_GUTTER] or roles & GUTTER > 0 or (roles & LINE > 0 and roles & NUMBER > 0)
    kind = 0
    if tag == IMG:
        kind = PICTURE if found[at.HAS_TEX] or roles & TEX else 0
    elif roles & KATEX and roles & OF_HTML:
        kind, hidden = RENDERED, False
    elif roles & JAX:
        a, b = found[at.CLASS_FROM], found[at.CLASS_TO]
        named = b >= a + 7 and at.lower_hash(buf, a, a + 7) == MATHJAX
        kind = RENDERED if named and (not flag & BLOCK or (b > a + 7 and buf[a + 7] == 95)) else 0
    if not kind and tag != IMG and (found[at.HAS_TEX] or (roles & QL and roles & TEX)):
        kind = TEX_ELEMENT
    if flag & BLOCK:
        break_block(blocks, text, s)
    imply_end_tags(blocks, text, s, stack, tag, flags)
    end_record(formulas, s, found[at.TAG_FROM])
    level = s[LEVEL]
    if s[IN_PRE] and tag == CODE and stack[level, ON_TAG] == PRE and s[CODE_TO] == s[LENGTH]:
        break_block(blocks, text, s)  # WeChat: an element a line
    mute = ANNOTATION if roles & EDIT else hidden * HIDDEN_TEXT
    link = found[at.HAS_HREF] or not found[at.HAS_NAME]
    elements[s[N_ELEMENTS], WORD_FROM] = words_before
    elements[s[N_ELEMENTS], SPAN] = found[at.COLUMNS] << 16 | found[at.ROWS]
    push(elements, blocks, s, stack, tag, (hides & 3) > 0, mute, gutter, link, flags)
    if kind == PICTURE:
        record(formulas, s, kind, found[at.TAG_FROM], i, i)
    elif kind and not s[RECORD_LEVEL] and s[LEVEL] > level:
        s[RECORD_LEVEL], s[RECORD] = s[LEVEL], s[N_FORMULAS]
        record(formulas, s, kind, found[at.TAG_FROM], i, len(buf))
    if s[XML] == XML_SERVED and found[at.SELF_CLOSING] and not flag & VOID:
        pop(blocks, text, s, stack, level, flags)
        s[OVERFLOW] = overflow
        end_record(formulas, s, i)


@borrows
def drops(buf, i, n, name, tag, memo):
    """Whether the content of an element that shows none is left out: not if its end tag is missing, or so far away that
    it belongs to another. Of <svg>, <math> and <select> what cannot stand in them tells."""
    if tag in (SVG, MATH, SELECT):
        return True
    end = next_end(buf, i, n, name, tag, memo)
    return end < n and (end - i <= MAX_FALLBACK or tag in (TEMPLATE, DATALIST))
