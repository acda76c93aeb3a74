"""Numbers and tokens of a block's text, straight from its UTF-8. Compiled."""

# mypy takes an intrinsic's typing context for a parameter of its calls.
# mypy: disable-error-code="call-arg"

import numpy as np
from numba import njit

from skypile.extraction.fast.compiling import borrows
from skypile.runtime.intrinsics import load_word

# Columns of the text statistics.
CHARS, WORDS, ENDS, COMMAS, UPPER, DIGITS, HAN, FINAL, COLON, FIRST_UPPER, BARS, COPYRIGHT = range(12)
HEAD_TOKENS = 40  # of the title and of the description
BLOCK_TOKENS = 24  # the first of a block: enough for "Read more", "Posted by", "相关阅读"


@borrows
def tokens(text, i, end, out):
    """Hashes of words (ASCII lowered; runs of letters, digits and non-ASCII) and of single Han/kana characters, as
    many as `out` holds: "Read more 阅读" -> read, more, 阅, 读. Returns their number."""
    n = 0
    value, length = np.uint32(0x811C9DC5), 0
    while i <= end:
        c = np.uint32(text[i]) if i < end else np.uint32(32)
        lower = c | np.uint32(32)
        wide = c >= 0xE3 and c <= 0xE9 and i + 2 < end
        if not wide and (97 <= lower <= 122 or 48 <= c <= 57 or c >= 0x80):
            value = np.uint32((value ^ (lower if c < 128 else c)) * np.uint32(0x01000193))
            length += 1
            i += 1
            continue
        if length:
            if n == len(out):
                return n
            out[n] = value
            n += 1
            value, length = np.uint32(0x811C9DC5), 0
        if wide:
            if n == len(out):
                return n
            if not (c == 0xE3 and text[i + 1] == 0x80):  # CJK punctuation is no token
                value = np.uint32((value ^ c) * np.uint32(0x01000193))
                value = np.uint32((value ^ np.uint32(text[i + 1])) * np.uint32(0x01000193))
                value = np.uint32((value ^ np.uint32(text[i + 2])) * np.uint32(0x01000193))
                out[n] = value
                n += 1
                value = np.uint32(0x811C9DC5)
            i += 3
        else:
            i += 1
    return n


@borrows
def text_statistics(text, i, end, out):
    """Counts of one block into out[:12] (see the column names above)."""
    chars = words = ends = commas = upper = digits = han = first_upper = bars = marks = 0
    first, last, in_word = True, np.int64(0), False
    while i < end:
        c = np.int64(text[i])
        chars += 1
        if 97 <= c <= 122:  # most of English, and none of what is counted below
            words += not in_word
            in_word, first, last = True, False, c
            i += 1
            continue
        if c < 128:
            step = 1
        elif c < 0xE0:
            step = 2
        elif c < 0xF0:
            step = 3
        else:
            step = 4
        point = c
        if step == 3 and i + 2 < end:
            point = ((c & 15) << 12) | ((np.int64(text[i + 1]) & 63) << 6) | (np.int64(text[i + 2]) & 63)
            if 0x4E00 <= point < 0xA000:  # most of Chinese, likewise
                han += 1
                in_word, first, last = False, False, point
                i += 3
                continue
        elif step == 2 and i + 1 < end:
            point = ((c & 31) << 6) | (np.int64(text[i + 1]) & 63)
        after = text[i + step] if i + step < end else 32
        if point <= 32:
            in_word = False
        elif 0x2E80 < point < 0xFF00 and not 0x3000 <= point < 0x3040:
            han += 1
            in_word = False
        elif not in_word:
            words += 1
            in_word = True
        if 65 <= point <= 90:
            upper += 1
            first_upper += first
        elif 48 <= point <= 57:
            digits += 1
        elif (
            ((point == 46 or point == 33 or point == 63) and after <= 34)
            or point == 0x3002
            or point == 0xFF01
            or point == 0xFF1F
            or point == 0xFF1B
        ):
            ends += 1
        elif point == 44 or point == 0xFF0C or point == 0x3001:
            commas += 1
        elif point == 124 or point == 0x203A or point == 0xBB or point == 0x00B7 or point == 0x2022:
            bars += 1
        elif point == 0xA9:
            marks += 1
        first = False
        last = point
        i += step
    out[CHARS], out[ENDS], out[COMMAS], out[UPPER], out[DIGITS], out[HAN] = chars, ends, commas, upper, digits, han
    out[FIRST_UPPER], out[BARS], out[COPYRIGHT] = first_upper, bars, marks
    out[WORDS] = words + 0.6 * han  # a Chinese word has about 1.6 characters
    out[FINAL] = (
        last == 46 or last == 33 or last == 63 or last == 0x3002 or last == 0xFF01 or last == 0xFF1F
        or last == 34 or last == 0x201D or last == 0x2026
    )  # fmt: skip
    out[COLON] = last == 58 or last == 0xFF1A


@borrows
def hash_text(text, i, end):
    """64 bits, by which equal texts are found: FNV-1a of words of eight bytes and then of bytes."""
    value = np.uint64(0xCBF29CE484222325)
    while i + 8 <= end:
        value = (value ^ np.uint64(load_word(text, i))) * np.uint64(0x100000001B3)
        value ^= value >> np.uint64(32)  # a product carries upwards only
        i += 8
    while i < end:
        value = (value ^ np.uint64(text[i])) * np.uint64(0x100000001B3)
        i += 1
    return value


@borrows
def low_bits(wanted, n):
    """The values that the low six bits of the first n tokens take, as a set of bits: most others differ in them."""
    bits = np.uint64(0)
    for j in range(n):
        bits |= np.uint64(1) << np.uint64(wanted[j] & np.uint32(63))
    return bits


@borrows
def may_be_in(token, bits):
    """Whether a token may be one of those that `low_bits` was made of."""
    return bits >> np.uint64(token & np.uint32(63)) & np.uint64(1) != 0


@borrows
def _share(found, n, wanted, n_wanted, bits, row):
    """Share of the tokens `found` that are `wanted`, and of those `wanted` that were found, into `row`; `bits`: of
    `low_bits`."""
    hits = 0
    for i in range(n):
        if may_be_in(found[i], bits):
            for j in range(n_wanted):
                if found[i] == wanted[j]:
                    hits += 1
                    break
    row[0] = hits / max(n, 1)
    row[1] = min(1.0, hits / min(n_wanted, BLOCK_TOKENS))


@njit(cache=True)
def first_tokens(page):
    """Each block's first tokens, uint32 [B, BLOCK_TOKENS], and how many it has, int64 [B]."""
    found = np.empty((len(page.start), BLOCK_TOKENS), np.uint32)
    counts = np.empty(len(page.start), np.int64)
    _fill_tokens(page.text, page.start, page.stop, found, counts)
    return found, counts


@borrows
def _fill_tokens(text, start, stop, found, counts):
    for b in range(len(counts)):
        counts[b] = tokens(text, start[b], stop[b], found[b])


@njit(cache=True)
def overlap(title, description, found, counts):
    """How much each block says of the title and of the description: share of the block's first tokens that stand
    there, and share of their tokens that the block holds. Two arrays, float32 [B, 2]. `found`, `counts`: of
    `first_tokens`."""
    titled, described = np.empty(HEAD_TOKENS, np.uint32), np.empty(HEAD_TOKENS, np.uint32)
    n_titled = tokens(title, 0, len(title), titled)
    n_described = tokens(description, 0, len(description), described)
    of_title, of_description = np.zeros((len(counts), 2), np.float32), np.zeros((len(counts), 2), np.float32)
    if n_titled:
        _shares(found, counts, titled[:n_titled], of_title)
    if n_described:
        _shares(found, counts, described[:n_described], of_description)
    return of_title, of_description


@borrows
def _shares(found, counts, wanted, out):
    bits = low_bits(wanted, len(wanted))
    for b in range(len(counts)):
        _share(found[b], counts[b], wanted, len(wanted), bits, out[b])
