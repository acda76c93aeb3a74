"""Characters of a page into clean UTF-8: entities, white space, junk. Compiled; called by the scanner.

White space of any kind (Unicode's, `&nbsp;`, the ideographic space) collapses to one blank outside `<pre>`, and to
nothing where it holds a line break of the source between two characters of Han, kana or their punctuation (CSS Text 3,
4.1.3, segment break transformation): the lines of a Chinese sentence are joined, those of a Korean or English one not.
Control characters, soft hyphens, zero-width spaces, byte-order marks and direction marks go; the zero-width
joiners stay, since Persian, Hindi and emoji need them. Nothing else is changed.
"""

import numpy as np

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.vectors import WIDTH, copy_plain, skip_blanks

# What waits to be written before the next visible character, the stronger last: a blank, a line break of the source,
# a blank that no such break takes along (`&nbsp;`, the ideographic space), a line break of the page.
BLANK, SEGMENT, HARD, NEWLINE = 1, 2, 3, 4

# Windows-1252 meanings of &#128; … &#159; (HTML standard, 13.2.5.80); 0 where there is none.
CP1252 = np.array(
    [
        8364, 0, 8218, 402, 8222, 8230, 8224, 8225, 710, 8240, 352, 8249, 338, 0, 381, 0,
        0, 8216, 8217, 8220, 8221, 8226, 8211, 8212, 732, 8482, 353, 8250, 339, 0, 382, 376,
    ],
    np.int32,
)  # fmt: skip
LONGEST_LEGACY_ENTITY = 6  # &AMP … &Aacute: names that HTML accepts without ";" have 2 to 6 letters
LONGEST_ENTITY = 32  # &CounterClockwiseContourIntegral; has 31


@borrows
def encode(out, o, point):
    """Append one code point as UTF-8 at out[o:]; returns the new length."""
    if point < 0x80:
        out[o] = point
        return o + 1
    if point < 0x800:
        out[o] = 0xC0 | (point >> 6)
        out[o + 1] = 0x80 | (point & 63)
        return o + 2
    if point < 0x10000:
        out[o] = 0xE0 | (point >> 12)
        out[o + 1] = 0x80 | ((point >> 6) & 63)
        out[o + 2] = 0x80 | (point & 63)
        return o + 3
    out[o] = 0xF0 | (point >> 18)
    out[o + 1] = 0x80 | ((point >> 12) & 63)
    out[o + 2] = 0x80 | ((point >> 6) & 63)
    out[o + 3] = 0x80 | (point & 63)
    return o + 4


@borrows
def is_space(point):
    return (
        point == 32
        or 9 <= point <= 13
        or point == 0x85
        or point == 0xA0
        or point == 0x1680
        or 0x2000 <= point <= 0x200A
        or point == 0x2028
        or point == 0x2029
        or point == 0x202F
        or point == 0x205F
        or point == 0x3000
    )


@borrows
def is_junk(point):
    """Characters that never reach the text: controls, soft hyphen, zero-width space, marks, non-characters."""
    return (
        point < 32
        or 0x7F <= point <= 0x9F
        or point == 0xAD
        or point == 0x200B
        or point == 0x200E
        or point == 0x200F
        or 0x202A <= point <= 0x202E
        or 0x2060 <= point <= 0x206F
        or point == 0xFEFF
        or point == 0x180E
        or 0xD800 <= point <= 0xDFFF
        or 0xFFF9 <= point <= 0xFFFB
        or (point & 0xFFFE) == 0xFFFE
        or point > 0x10FFFF
    )


@borrows
def is_wide(point):
    """East Asian Width F, W or H, but for Hangul: what is written without blanks."""
    return point >= 0x2E80 and (
        point <= 0x303E
        or 0x3041 <= point <= 0x312F
        or 0x3190 <= point <= 0x31FF
        or 0x3220 <= point <= 0xA4CF
        or 0xF900 <= point <= 0xFAFF
        or 0xFE30 <= point <= 0xFE6F
        or 0xFF01 <= point <= 0xFF9F
        or 0xFFE0 <= point <= 0xFFE6
        or 0x1F300 <= point <= 0x1F64F
        or 0x1F900 <= point <= 0x1F9FF
        or 0x20000 <= point <= 0x3FFFD
    )


@borrows
def is_shared_mark(point):
    """Quotation marks, dash, ellipsis: as wide as their neighbours (East Asian Width A)."""
    return 0x2014 <= point <= 0x201D or point == 0x2026 or point == 0xB7


@borrows
def last_point(out, o, start):
    """The code point that ends out[start:o]; 0 for nothing."""
    if o <= start:
        return np.int64(0)
    j = o - 1
    while j > start and (out[j] & 0xC0) == 0x80:
        j -= 1
    c, size = np.int64(out[j]), o - j
    if size == 1:
        return c
    if size == 2:
        return ((c & 31) << 6) | (out[j + 1] & 63)
    if size == 3:
        return ((c & 15) << 12) | ((out[j + 1] & 63) << 6) | (out[j + 2] & 63)
    return ((c & 7) << 18) | ((out[j + 1] & 63) << 12) | ((out[j + 2] & 63) << 6) | (out[j + 3] & 63)


@borrows
def joins(out, o, start, point):
    """Whether a line break of the source between out[start:o] and `point` is nothing."""
    before = last_point(out, o, start)
    wide, follows = is_wide(before), is_wide(point)
    return (wide and (follows or is_shared_mark(point))) or (follows and is_shared_mark(before))


@borrows
def entity(buf, i, end, entity_keys, entity_points):
    """Decode the reference at buf[i] == "&": (point, second point or 0, next index); point -1 where it is none.

    b"&amp;x" -> (38, 0, 5); b"&copy 2020" -> (169, 0, 5); b"&x" -> (-1, 0, 0)
    """
    j = i + 1
    if j < end and buf[j] == 35:  # "#"
        j += 1
        base = 10
        if j < end and (buf[j] == 120 or buf[j] == 88):
            base = 16
            j += 1
        point = 0
        first = j
        while j < end:
            c = buf[j]
            if 48 <= c <= 57:
                digit = c - 48
            elif base == 16 and 97 <= (c | 32) <= 102:
                digit = (c | 32) - 87
            else:
                break
            point = min(point * base + digit, 0x110000)
            j += 1
        if j == first:
            return -1, 0, 0
        if j < end and buf[j] == 59:
            j += 1
        if 128 <= point < 160 and CP1252[point - 128]:
            point = CP1252[point - 128]
        return point, 0, j
    value = np.uint32(0x811C9DC5)
    best, best_slot = -1, np.int64(0)
    stop = min(end, i + 1 + LONGEST_ENTITY)
    mask = len(entity_keys) - 1
    while j < stop:
        c = buf[j]
        letter = (48 <= c <= 57) or (97 <= (c | 32) <= 122)
        if not letter and c != 59:
            break
        value = np.uint32((value ^ np.uint32(c)) * np.uint32(0x01000193))
        j += 1
        if c == 59 or (j - i - 1 >= 2 and j - i - 1 <= LONGEST_LEGACY_ENTITY):
            slot = np.int64(value) & mask
            while entity_keys[slot] != 0:
                if entity_keys[slot] == value:
                    best, best_slot = j, slot
                    break
                slot = (slot + 1) & mask
        if c == 59:
            break
    if best < 0:
        return -1, 0, 0
    return entity_points[best_slot, 0], entity_points[best_slot, 1], best


@borrows
def append_text(buf, i, end, out, o, start, wait, pre, entity_keys, entity_points):
    """Append buf[i:end] as clean text to `out`, whose current block began at `start`. Without tables of entities a "&"
    is itself.

    Returns (new length, what waits before the next visible character: 0, BLANK, SEGMENT, HARD or NEWLINE).
    """
    while i < end:
        c = np.int64(buf[i])
        second = 0
        # Nearly all characters are of these three kinds, and need none of what is asked below.
        if 32 < c < 127 and c != 38:
            if wait and not pre:
                if o > start and not (wait == SEGMENT and joins(out, o, start, c)):
                    o = encode(out, o, 10 if wait == NEWLINE else 32)
                wait = 0
            run = WIDTH
            while run == WIDTH and i + WIDTH <= end and o + WIDTH <= len(out):
                run = copy_plain(buf, i, out, o)
                i += run
                o += run
            c = np.int64(buf[i]) if i < end else np.int64(0)
            while 32 < c < 127 and c != 38:
                out[o] = c
                i += 1
                o += 1
                c = np.int64(buf[i]) if i < end else np.int64(0)
            continue
        if c <= 32 and not pre:
            i += 1
            if c == 10 or c == 13:
                wait = max(wait, SEGMENT)
                i = skip_blanks(buf, i, end)  # which add nothing to that
            elif c == 32 or 9 <= c <= 12:
                wait = max(wait, BLANK)
            continue
        if 0xE4 <= c <= 0xE9 and not wait and i + 2 < end:  # U+4000 to U+9FFF
            out[o], out[o + 1], out[o + 2] = c, 0x80 | (buf[i + 1] & 63), 0x80 | (buf[i + 2] & 63)
            i += 3
            o += 3
            continue
        if c == 38 and len(entity_keys):
            point, second, after = entity(buf, i, end, entity_keys, entity_points)
            if point < 0:
                point = np.int64(38)
                i += 1
            else:
                i = after
        elif c < 128:
            point = c
            i += 1
        elif c < 0xE0 and i + 1 < end:
            point = ((c & 31) << 6) | (buf[i + 1] & 63)
            i += 2
        elif c < 0xF0 and i + 2 < end:
            point = ((c & 15) << 12) | ((buf[i + 1] & 63) << 6) | (buf[i + 2] & 63)
            i += 3
        elif i + 3 < end:
            point = ((c & 7) << 18) | ((buf[i + 1] & 63) << 12) | ((buf[i + 2] & 63) << 6) | (buf[i + 3] & 63)
            i += 4
        else:
            break
        if is_space(point):
            if not pre:
                if point == 10 or point == 13:
                    wait = max(wait, SEGMENT)
                else:
                    wait = max(wait, BLANK if point < 128 else HARD)
            elif point == 13:
                if i >= end or buf[i] != 10:
                    o = encode(out, o, 10)
            elif point == 9 or point == 10:
                o = encode(out, o, point)
            else:
                o = encode(out, o, 32)
            continue
        if is_junk(point):
            continue
        if wait and not pre:
            if o > start and not (wait == SEGMENT and joins(out, o, start, point)):
                o = encode(out, o, 10 if wait == NEWLINE else 32)
            wait = 0
        o = encode(out, o, point)
        if second:
            o = encode(out, o, second)
    return o, wait
