"""What is said beside the text, and what a plain line needs to keep its sense: decided when an inline element ends.
Compiled.

Superscripts and subscripts are written where running them together would change what is said: `10<sup>23</sup>` is
10^23, `x<sup>n+1</sup>` x^{n+1}, `x<sub>1</sub>` x_1, `log<sub>2</sub>` log_2; H<sub>2</sub>O stays H2O, ordinals
(1<sup>st</sup>) and footnote marks after words as they stand. Permalink signs (¶, #, §) and line numbers of code go.
"""

import numpy as np

from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.tags import TAG_ID

SUP, SUB, A = TAG_ID["sup"], TAG_ID["sub"], TAG_ID["a"]
_SIGNS = (0x221E, 0x25C6, 0x2693, 0x26D3)  # ∞ ◆ ⚓ ⛓
MAX_SCRIPT = 24  # bytes of a superscript or subscript; what is longer is text
_CLOSING = (41, 93, 124)  # ")", "]", "|": what they close may be raised to a power
MAX_VARIABLE = 3  # letters of what may have an exponent or an index: x, km, log; after a longer word it is a footnote


@borrows
def is_digit(c):
    return 48 <= c <= 57


@borrows
def is_letter(c):
    return 97 <= (c | 32) <= 122


@borrows
def _letters_before(text, start, i):
    """How many ASCII letters end text[start:i], counted up to MAX_VARIABLE + 1."""
    n = 0
    while i - n > start and n <= MAX_VARIABLE and is_letter(text[i - n - 1]):
        n += 1
    return n


@borrows
def _is_greek(text, start, i):
    return i - 2 >= start and 0xCE <= text[i - 2] <= 0xCF


@borrows
def _is_metre(text, start, i):
    """Whether text[start:i] ends in a Chinese unit of length, 米 or 里: what stands above is no footnote there."""
    if i - 3 < start:
        return False
    a, b, c = text[i - 3], text[i - 2], text[i - 1]
    return (a == 0xE7 and b == 0xB1 and c == 0xB3) or (a == 0xE9 and b == 0x87 and c == 0x8C)


@borrows
def _is_expression(text, i, end):
    """Whether text[i:end] is a number, a variable or a short formula, but no word: (it is, it is one piece)."""
    letters, piece = 0, True
    for k in range(i, end):
        c = text[k]
        if is_letter(c):
            letters += 1
            if letters > MAX_VARIABLE:
                return False, False
            piece = piece and (k == i or text[i] > 45)
            continue
        letters = 0
        if is_digit(c) or c == 46:
            continue
        minus_or_greek = c >= 0x80 and (0xCE <= c <= 0xCF or c == 0xE2 or (c & 0xC0) == 0x80)
        if not (minus_or_greek or c in (40, 41, 42, 43, 44, 45, 47, 61, 94, 95, 123, 125)):
            return False, False
        if not (k == i and c in (43, 45)) and not minus_or_greek:
            piece = False
    return True, piece


@borrows
def _is_ordinal(text, i, end):
    """st, nd, rd, th, and the letters by which French, Spanish, Italian and Portuguese count or tell the hour."""
    if end - i == 1:
        return (text[i] | 32) in (97, 101, 111, 104)  # a, e, o, h
    return end - i <= MAX_VARIABLE and _letters_before(text, i, end) == end - i


@borrows
def _script_mark(text, start, i, end, tag, linked):
    """The byte to write between text[start:i] and the superscript or subscript text[i:end], 0 for none; and whether it
    needs braces."""
    if end <= i or end - i > MAX_SCRIPT or i <= start:
        return 0, False
    before = text[i - 1]
    expression, piece = _is_expression(text, i, end)
    if not expression:
        return 0, False
    number = True
    for k in range(i, end):
        if not (is_digit(text[k]) or text[k] == 46):
            number = False
    if tag == SUP:
        charge = text[end - 1] in (43, 45) and is_digit(text[i]) and end - i == 2
        signed = number or charge or (end - i > 1 and text[i] in (43, 45, 0xE2) and is_digit(text[end - 1]))
        if is_digit(before):
            return (0 if _is_ordinal(text, i, end) or not (signed or _has_sense(text, i, end)) else 94), not piece
        of_metres = number and end - i == 1 and 50 <= text[i] <= 51 and _is_metre(text, start, i)
        if linked or not (
            before in _CLOSING
            or of_metres
            or _is_greek(text, start, i)
            or 0 < _letters_before(text, start, i) <= MAX_VARIABLE
        ):
            return 0, False
        of_one = before in _CLOSING or _is_greek(text, start, i) or _letters_before(text, start, i) == 1
        plain = end - i == 1 and not (before == 77 or (text[i] | 32) == 111)  # no M<sup>e</sup>, n<sup>o</sup>
        mixed = _letters_before(text, i, end) < end - i and _has_sense(text, i, end)
        return (94 if signed or (of_one and (mixed or (plain and is_letter(text[i])))) else 0), not piece
    letters = _letters_before(text, start, i)
    if is_digit(before):
        return 95 if number else 0, False
    if letters > MAX_VARIABLE or (letters == 0 and not _is_greek(text, start, i)):
        return 0, False
    of_element = (letters and text[i - 1] <= 90) or (letters >= 2 and text[i - 1] >= 97 and text[i - 2] <= 90)
    if number and of_element:  # an element's symbol: molecules count from two on
        first = i - (1 if text[i - 1] <= 90 else 2)
        few = end - i == 1 and text[i] <= 49
        if not few and _is_symbol(text, first, i):
            return 0, False
    return 95, not piece


@borrows
def _has_sense(text, i, end):
    """Whether text[i:end] holds a letter, a digit or a byte beyond ASCII: "+" alone is a charge, not an exponent."""
    some = False
    for k in range(i, end):
        some |= is_letter(text[k]) or is_digit(text[k]) or text[k] >= 0xC0
    return some


@borrows
def _is_symbol(text, i, end):
    """Whether text[i:end], a capital and at most one small letter, is the symbol of a chemical element; of the rare
    ones of one letter and of the many of two, only a variable's unlikely name is asked for."""
    if end - i == 2:
        return True
    return text[i] in (66, 67, 70, 72, 73, 75, 78, 79, 80, 83, 85, 86, 87, 89, 68)


@borrows
def _is_sign(text, i, end):
    """Whether text[i:end] is a permalink sign: ¶ § # ◆ 🔗 ⚓ ∞ ⛓ or an icon of a font (private use); blanks, variation
    selectors and brackets around it."""
    while i < end and text[i] <= 32:
        i += 1
    while end > i and text[end - 1] <= 32:
        end -= 1
    if end - i >= 4 and text[end - 3] == 0xEF and text[end - 2] == 0xB8:
        end -= 3
    if end - i >= 3 and text[i] == 91 and text[end - 1] == 93:
        i += 1
        end -= 1
    if end - i == 1:
        return text[i] == 35
    if end - i == 2 and text[i] == 35:
        return text[i + 1] == 35
    if end - i == 2:
        return text[i] == 0xC2 and text[i + 1] in (0xB6, 0xA7)
    if end - i == 3:
        point = (np.int64(text[i] & 15) << 12) | (np.int64(text[i + 1] & 63) << 6) | (text[i + 2] & 63)
        return text[i] >= 0xE0 and (point in _SIGNS or 0xE000 <= point <= 0xF8FF)
    return end - i == 4 and text[i] == 0xF0 and text[i + 1] == 0x9F and text[i + 2] == 0x94 and text[i + 3] == 0x97


@borrows
def is_numbers(text, i, end):
    """Whether text[i:end] is digits and white space, some digits at least."""
    some = False
    for k in range(i, end):
        if is_digit(text[k]):
            some = True
        elif text[k] > 32:
            return False
    return some


@borrows
def counts_up(text, i, end):
    """Whether text[i:end] is whole numbers, each one more than the one before, two at least: line numbers."""
    last, number, n = -1, -1, 0
    for k in range(i, end + 1):
        c = text[k] if k < end else 32
        if is_digit(c):
            number = (max(number, 0) * 10 + (c - 48)) % 100_000_000
        elif c > 32:
            return False
        elif number >= 0:
            if n and number != last + 1:
                return False
            last, number, n = number, -1, n + 1
    return n >= 2


@borrows
def begins_line(text, start, i, end, number):
    """Whether text[i:end] is `number`, blanks around it, and begins a line."""
    while i > start and text[i - 1] == 32:
        i -= 1
    if i > start and text[i - 1] != 10:
        return False
    value, some = 0, False
    for k in range(i, end):
        if is_digit(text[k]):
            value, some = min(value * 10 + text[k] - 48, 1 << 30), True
        elif text[k] != 32:
            return False
    return some and value == number


@borrows
def without_line_numbers(text, i, end, n):
    """Take out of text[i:end], in place, the numbers 1 to n that its n lines begin with, and a blank after each.
    Returns the new end; `end` if the lines do not begin so."""
    o = i
    for writes in range(2):
        k, o, line = i, i, 0
        while k < end:
            while k < end and text[k] == 32:
                k += 1
            value, first = 0, k
            while k < end and is_digit(text[k]):
                value = min(value * 10 + text[k] - 48, 1 << 30)
                k += 1
            line += 1
            if k == first or value != line or (k < end and text[k] > 32):
                return end
            k += k < end and text[k] == 32
            while k < end and text[k] != 10:
                if writes:
                    text[o] = text[k]
                o += 1
                k += 1
            if k < end:
                if writes:
                    text[o] = 10
                o += 1
            k += 1
        if line != n:
            return end
    while o > i and text[o - 1] <= 32:
        o -= 1
    return o


@borrows
def ends_inline(text, start, i, end, tag, linked, gutter, heading):
    """The length of `text` now that an inline element ends whose text is text[i:end], in a block that began at start.

    `linked`: it stands in or is a link; `gutter`: its class names line numbers; `heading`: it stands in a heading.
    """
    if gutter and is_numbers(text, i, end):
        return i
    if tag == A and (heading or i > start) and end - i <= 9 and _is_sign(text, i, end):
        return i
    if tag in (SUP, SUB):
        mark, braces = _script_mark(text, start, i, end, tag, linked)
        if mark:
            wider = 3 if braces else 1
            for k in range(end - 1, i - 1, -1):
                text[k + wider - (1 if braces else 0)] = text[k]
            text[i] = mark
            if braces:
                text[i + 1] = 123
                text[end + 2] = 125
            return end + wider
    return end
