"""The attributes of one start tag: where it ends, the words of `class`, `id`, `role`, and what else the scan asks of
it. Compiled."""

# mypy takes an intrinsic's typing context for a parameter of its calls.
# mypy: disable-error-code="call-arg, var-annotated"

import numpy as np

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.tags import fnv1a
from skypile.extraction.fast.vectors import find
from skypile.runtime.intrinsics import load

# Attributes whose words say what a part of the page is for.
CLASS, ID, ROLE = fnv1a(b"class"), fnv1a(b"id"), fnv1a(b"role")
ITEMPROP, ITEMTYPE, ARIA_LABEL = fnv1a(b"itemprop"), fnv1a(b"itemtype"), fnv1a(b"aria-label")
STYLE, HIDDEN, ARIA_HIDDEN = fnv1a(b"style"), fnv1a(b"hidden"), fnv1a(b"aria-hidden")
NAME, PROPERTY, CONTENT, TYPE = fnv1a(b"name"), fnv1a(b"property"), fnv1a(b"content"), fnv1a(b"type")
COLSPAN, ROWSPAN = fnv1a(b"colspan"), fnv1a(b"rowspan")
TRUE, LD_JSON = fnv1a(b"true"), fnv1a(b"application/ld+json")
HREF, ALT, SRC, EEIMG = fnv1a(b"href"), fnv1a(b"alt"), fnv1a(b"src"), fnv1a(b"eeimg")
SHADOW_ROOT, SHADOW_ROOT_MODE = fnv1a(b"shadowroot"), fnv1a(b"shadowrootmode")
OPEN, CLOSED = fnv1a(b"open"), fnv1a(b"closed")
MEDIA, SCREENS = fnv1a(b"media"), (fnv1a(b"all"), fnv1a(b"screen"))
DATA_LINE_NUMBER, MATH_SCRIPTS = fnv1a(b"data-line-number"), (fnv1a(b"math/tex"), fnv1a(b"math/mml"))
# Where editors keep the TeX of a formula that they show as a picture or as glyphs.
_TEX_ATTRIBUTES = ("tex", "latex", "formula", "math", "expr", "equation", "katex", "mathml")
TEX_ATTRIBUTES = tuple(fnv1a(f"data-{name}".encode()) for name in _TEX_ATTRIBUTES)
DISPLAY, NONE = fnv1a(b"display"), fnv1a(b"none")
VISIBILITY, COLLAPSE = fnv1a(b"visibility"), fnv1a(b"collapse")
FONT_SIZE, OPACITY = fnv1a(b"font-size"), fnv1a(b"opacity")
ZEROS = tuple(fnv1a(value) for value in (b"0", b"0px", b"0em", b"0pt", b"0%", b"0rem", b"0.0"))

_HIDING = ((7, DISPLAY), (10, VISIBILITY), (9, FONT_SIZE), (7, OPACITY))
_ENDS_VALUE = (58, 59, 33, 47)  # ":", ";", "!" and a comment end a name or a value

MAX_COLSPAN, MAX_ROWSPAN = 1000, 65534  # HTML standard, 4.9.11
MAX_TEX_LOOK = 400  # bytes of an alt or an address; a picture may stand in its own address, a megabyte long
WORDS_AN_ATTRIBUTE = 24  # utility-class soup (Tailwind) adds nothing after that

# Slots of the result array; IS_HIDDEN holds bits: what is hidden for everyone (as a feature, and inside a sentence),
# from readers' ears (likewise), and what is there but cannot be seen (inside a sentence alone).
(
    NEXT,
    SELF_CLOSING,
    IS_HIDDEN,
    META_KEY,
    META_FROM,
    META_TO,
    IS_LD_JSON,
    IS_TEX,
    HAS_HREF,
    HAS_NAME,
    HAS_TEX,
    IS_SHADOW,
    IS_GUTTER,
    FOR_OTHERS,
    CLASS_FROM,
    CLASS_TO,
    COLUMNS,
    ROWS,
    TAG_FROM,  # where the tag begins, for those the result is passed on to
    N_SLOTS,
) = range(20)
FROM_ALL, FROM_EARS, UNSEEN = 1, 2, 4
START_OF_HASH = np.uint32(0x811C9DC5)


@borrows
def hashed(value, byte):
    """The hash `value` (FNV-1a, uint32, of nothing START_OF_HASH) with one more byte, an ASCII letter lowered."""
    c = np.uint32(byte)
    if 65 <= c <= 90:
        c |= np.uint32(32)
    return np.uint32((value ^ c) * np.uint32(0x01000193))


@borrows
def lower_hash(buf, i, end):
    """FNV-1a of buf[i:end], ASCII letters lowered."""
    value = START_OF_HASH
    for j in range(i, end):
        value = hashed(value, buf[j])
    return value


@borrows
def append_words(buf, i, end, words, n):
    """Hash the words of buf[i:end] into words[n:]; returns the new count.

    Words are runs of ASCII letters, split at camelCase, lowered, two letters or more:
    b"post-body articleText" -> post, body, article, text
    """
    limit = min(n + WORDS_AN_ATTRIBUTE, len(words))
    while i < end:
        c = load(buf, i)
        lower = c | 32
        if lower < 97 or lower > 122:
            i += 1
            continue
        word_from, value, was_lower = i, START_OF_HASH, False
        while 97 <= lower <= 122 and (c >= 97 or not was_lower):
            value = np.uint32((value ^ np.uint32(lower)) * np.uint32(0x01000193))
            was_lower = c >= 97
            i += 1
            c = load(buf, i) if i < end else np.int64(32)
            lower = c | 32
        if i - word_from >= 2:
            if n >= limit:
                return n
            words[n] = value
            n += 1
    return n


@borrows
def read_number(buf, i, end):
    """The number that buf[i:end] begins with (HTML standard, 2.3.4.2), at most 2**16; -1 where there is none:
    b" 12px" -> 12, b"two" -> -1"""
    while i < end and buf[i] <= 32:
        i += 1
    if i < end and buf[i] == 43:
        i += 1
    number = -1
    while i < end and 48 <= buf[i] <= 57:
        number = min(max(number, 0) * 10 + buf[i] - 48, 1 << 16)
        i += 1
    return number


@borrows
def _hiding_property(buf, i, end):
    """The property of _HIDING whose declaration begins somewhere in buf[i:end] and whose name ends there, else 0."""
    for size, wanted in _HIDING:
        a = end - size
        if a >= i and lower_hash(buf, a, end) == wanted:
            while a > i and buf[a - 1] <= 32:
                a -= 1
            return wanted if a == i or buf[a - 1] in _ENDS_VALUE else 0
    return 0


@borrows
def hides(buf, i, end):
    """What a style attribute or a rule's declarations hide: FROM_ALL for `display: none` and `visibility: hidden`,
    UNSEEN for `font-size: 0` and `opacity: 0`, 0 for nothing."""
    colon = find(buf, i, end, 58)
    while colon < end:
        name_to = colon
        while name_to > i and buf[name_to - 1] <= 32:
            name_to -= 1
        of = _hiding_property(buf, i, name_to) if name_to > i and (buf[name_to - 1] | 32) in (101, 121) else 0
        i = colon + 1
        if of:
            a = b = i
            while b < end and buf[b] not in _ENDS_VALUE:
                b += 1
            while a < b and buf[a] <= 32:
                a += 1
            while b > a and buf[b - 1] <= 32:
                b -= 1
            value = lower_hash(buf, a, b)
            if of == DISPLAY and value == NONE:
                return FROM_ALL
            if of == VISIBILITY and value in (HIDDEN, COLLAPSE):
                return FROM_ALL
            if of in (FONT_SIZE, OPACITY) and value in ZEROS:
                return UNSEEN
        colon = find(buf, i, end, 58)
    return 0


@borrows
def looks_like_tex(buf, i, end):
    """Whether an `alt` or `src` may hold a formula: a backslash, `tex=`, `tex.`, `=tx` or `latex`; a cheap guess,
    judged later."""
    if find(buf, i, end, 92) < end:
        return True
    j = find(buf, i, end, 120)
    while j < end:
        tex = j - i >= 2 and buf[j - 1] == 101 and buf[j - 2] == 116
        value_or_program = j + 1 < end and buf[j + 1] in (46, 61)
        if tex and (value_or_program or (j - i >= 4 and buf[j - 3] == 97 and buf[j - 4] == 108)):
            return True
        if j - i >= 2 and buf[j - 1] == 116 and buf[j - 2] == 61:  # cht=tx
            return True
        j = find(buf, j + 1, end, 120)
    return False


@borrows
def read_attributes(buf, i, n, words, n_words, result):
    """Read from buf[i], just after the tag's name, to the ">" that closes it. Fills `result`; returns the new
    count of words. A tag that the page's end cuts off runs to the end, as in HTML. Every byte is looked at once
    or twice."""
    result[:] = 0
    result[COLUMNS] = result[ROWS] = 1
    while i < n:
        c = load(buf, i)
        if c == 62:
            i += 1
            break
        if c <= 32 or c == 47:
            result[SELF_CLOSING] = c == 47
            i += 1
            continue
        name = hashed(START_OF_HASH, c)
        i += 1
        c = load(buf, i) if i < n else np.int64(62)
        while c > 32 and c != 61 and c != 62 and c != 47:
            name = hashed(name, c)
            i += 1
            c = load(buf, i) if i < n else np.int64(62)
        while i < n and buf[i] <= 32:
            i += 1
        a = b = i
        if i < n and buf[i] == 61:
            i += 1
            while i < n and buf[i] <= 32:
                i += 1
            if i < n and (buf[i] == 34 or buf[i] == 39):
                quote = buf[i]
                a = i + 1
                b = find(buf, a, n, quote)
                i = b + 1
            else:
                a = i
                while i < n and buf[i] > 32 and buf[i] != 62:
                    i += 1
                b = i
        if name in (CLASS, ID, ROLE, ITEMPROP, ITEMTYPE, ARIA_LABEL):
            n_words = append_words(buf, a, b, words, n_words)
            if name == CLASS:
                result[CLASS_FROM], result[CLASS_TO] = a, b
            elif name == ID:
                result[HAS_NAME] = 1
        elif name == HREF:
            result[HAS_HREF] = 2 if find(buf, a, b, 35) < b else 1  # 2: to a place in a page
        elif name == STYLE:
            result[IS_HIDDEN] |= hides(buf, a, b)
        elif name == HIDDEN:
            result[IS_HIDDEN] |= FROM_ALL
        elif name == ARIA_HIDDEN:
            if lower_hash(buf, a, b) == TRUE:
                result[IS_HIDDEN] |= FROM_EARS
        elif name in (NAME, PROPERTY):
            result[META_KEY] = lower_hash(buf, a, b)
            result[HAS_NAME] |= name == NAME
        elif name == CONTENT:
            result[META_FROM], result[META_TO] = a, b
        elif name == TYPE:
            result[IS_LD_JSON] = lower_hash(buf, a, b) == LD_JSON
            result[IS_TEX] = b - a >= 8 and lower_hash(buf, a, a + 8) in MATH_SCRIPTS
        elif name in (ALT, SRC):
            to = min(b, a + MAX_TEX_LOOK)
            result[HAS_TEX] |= looks_like_tex(buf, a, to)
            if name == ALT and not result[HAS_TEX]:
                result[HAS_TEX] = find(buf, a, to, 94) < to or find(buf, a, to, 61) < to  # "^", "="
        elif name == DATA_LINE_NUMBER:
            result[IS_GUTTER] = 1
        elif name == MEDIA:
            result[FOR_OTHERS] = b > a and lower_hash(buf, a, b) not in SCREENS
        elif name in (SHADOW_ROOT, SHADOW_ROOT_MODE):
            result[IS_SHADOW] = lower_hash(buf, a, b) in (OPEN, CLOSED)
        elif name == EEIMG or name in TEX_ATTRIBUTES:
            result[HAS_TEX] = 1
        elif name == COLSPAN:
            number = read_number(buf, a, b)
            result[COLUMNS] = min(number, MAX_COLSPAN) if number > 0 else 1
        elif name == ROWSPAN:
            number = read_number(buf, a, b)
            result[ROWS] = min(number, MAX_ROWSPAN) if number >= 0 else 1
    result[NEXT] = min(i, n)
    return n_words
