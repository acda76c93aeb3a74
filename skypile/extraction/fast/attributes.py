"""The attributes of one start tag: where it ends, and the words of `class`, `id`, `role`. Compiled."""

import numpy as np

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.tags import fnv1a
from skypile.extraction.fast.vectors import find

# Attributes whose words say what a part of the page is for.
CLASS, ID, ROLE = fnv1a(b"class"), fnv1a(b"id"), fnv1a(b"role")
ITEMPROP, ITEMTYPE, ARIA_LABEL = fnv1a(b"itemprop"), fnv1a(b"itemtype"), fnv1a(b"aria-label")
STYLE, HIDDEN, ARIA_HIDDEN = fnv1a(b"style"), fnv1a(b"hidden"), fnv1a(b"aria-hidden")
NAME, PROPERTY, CONTENT, TYPE = fnv1a(b"name"), fnv1a(b"property"), fnv1a(b"content"), fnv1a(b"type")
COLSPAN, ROWSPAN = fnv1a(b"colspan"), fnv1a(b"rowspan")
TRUE, LD_JSON, DISPLAY, NONE = fnv1a(b"true"), fnv1a(b"application/ld+json"), fnv1a(b"display"), fnv1a(b"none")

MAX_COLSPAN, MAX_ROWSPAN = 1000, 65534  # HTML standard, 4.9.11

WORDS_AN_ATTRIBUTE = 24  # utility-class soup (Tailwind) adds nothing after that

# Slots of the result array.
NEXT, SELF_CLOSING, IS_HIDDEN, META_KEY, META_FROM, META_TO, IS_LD_JSON, COLUMNS, ROWS, N_SLOTS = range(10)


@borrows
def lower_hash(buf, i, end):
    """FNV-1a of buf[i:end], ASCII letters lowered."""
    value = np.uint32(0x811C9DC5)
    for j in range(i, end):
        c = np.uint32(buf[j])
        if 65 <= c <= 90:
            c |= np.uint32(32)
        value = np.uint32((value ^ c) * np.uint32(0x01000193))
    return value


@borrows
def append_words(buf, i, end, words, n):
    """Hash the words of buf[i:end] into words[n:]; returns the new count.

    Words are runs of ASCII letters, split at camelCase, lowered, two letters or more:
    b"post-body articleText" -> post, body, article, text
    """
    value, length, was_lower = np.uint32(0x811C9DC5), 0, False
    limit = min(n + WORDS_AN_ATTRIBUTE, len(words))
    for j in range(i, end + 1):
        c = np.uint32(buf[j]) if j < end else np.uint32(32)
        letter = 97 <= (c | 32) <= 122
        upper = letter and c < 97
        if length and (not letter or (upper and was_lower)):
            if length >= 2:
                if n >= limit:
                    return n
                words[n] = value
                n += 1
            value, length = np.uint32(0x811C9DC5), 0
        if letter:
            value = np.uint32((value ^ (c | np.uint32(32))) * np.uint32(0x01000193))
            length += 1
        was_lower = bool(letter and not upper)
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
def hides(buf, i, end):
    """True where a style attribute holds `display: none`."""
    name_from, seen_display = i, False
    for j in range(i, end + 1):
        c = buf[j] if j < end else 59
        if c == 58 or c == 59 or c == 33:  # ":", ";", "!" end a name or a value
            a, b = name_from, j
            while a < b and buf[a] <= 32:
                a += 1
            while b > a and buf[b - 1] <= 32:
                b -= 1
            value = lower_hash(buf, a, b)
            if seen_display and value == NONE:
                return True
            seen_display = c == 58 and value == DISPLAY
            name_from = j + 1
    return False


@borrows
def read_attributes(buf, i, n, words, n_words, result):
    """Read from buf[i], just after the tag's name, to the ">" that closes it. Fills `result`; returns the new
    count of words. A tag that the page's end cuts off runs to the end, as in HTML. Every byte is looked at once
    or twice."""
    result[:] = 0
    result[COLUMNS] = result[ROWS] = 1
    while i < n:
        c = buf[i]
        if c == 62:
            i += 1
            break
        if c <= 32 or c == 47:
            result[SELF_CLOSING] = c == 47
            i += 1
            continue
        name_from = i
        i += 1
        while i < n and buf[i] > 32 and buf[i] != 61 and buf[i] != 62 and buf[i] != 47:
            i += 1
        name = lower_hash(buf, name_from, i)
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
        elif name == STYLE:
            result[IS_HIDDEN] |= hides(buf, a, b)
        elif name == HIDDEN:
            result[IS_HIDDEN] = 1
        elif name == ARIA_HIDDEN:
            result[IS_HIDDEN] |= lower_hash(buf, a, b) == TRUE
        elif name in (NAME, PROPERTY):
            result[META_KEY] = lower_hash(buf, a, b)
        elif name == CONTENT:
            result[META_FROM], result[META_TO] = a, b
        elif name == TYPE:
            result[IS_LD_JSON] = lower_hash(buf, a, b) == LD_JSON
        elif name == COLSPAN:
            number = read_number(buf, a, b)
            result[COLUMNS] = min(number, MAX_COLSPAN) if number > 0 else 1
        elif name == ROWSPAN:
            number = read_number(buf, a, b)
            result[ROWS] = min(number, MAX_ROWSPAN) if number >= 0 else 1
    result[NEXT] = min(i, n)
    return n_words
