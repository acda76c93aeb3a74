"""From UTF-8 to tokens and to the bytes of a text key, in compiled code: one pass over the text (see ``shingles``)."""

import numba
import numpy as np

from skypile.text.folding import (
    BLANK,
    CHARACTER,
    CLASS_SHIFT,
    EXPANDS,
    INVISIBLE,
    LINE_END,
    PAYLOAD,
    PROSE,
    SEPARATOR,
    SKIP,
    TABLE_SIZE,
    WORD,
)

STEP = np.uint64(0xD1342543DE82EF95)  # a multiplier with good spectral figures (Steele & Vigna 2021)
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd
_PROSE = tuple(PROSE.encode())


@numba.njit(cache=True, inline="always")
def finish(value):
    """The 64-bit finaliser of MurmurHash3: every input bit moves every output bit."""
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@numba.njit(cache=True)
def decode(data, at, end):
    """Code point at ``at`` and the position after it; a broken sequence gives (-1, at + 1), so never reads past end."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, at + 1
    if first >= 0xF0:
        size, code = 4, first & 0x07
    elif first >= 0xE0:
        size, code = 3, first & 0x0F
    elif first >= 0xC0:
        size, code = 2, first & 0x1F
    else:
        return np.int64(-1), at + 1
    if at + size > end:
        return np.int64(-1), at + 1
    for i in range(1, size):
        following = np.int64(data[at + i])
        if following & 0xC0 != 0x80:
            return np.int64(-1), at + 1
        code = code << 6 | following & 0x3F
    return code, at + size


@numba.njit(cache=True)
def _prose_mark(data, at, code, start, end):
    """The mark that prose punctuation before ``at`` is: its code between two digits and before "=", else 0."""
    if at == end or code >= 128:
        return np.uint64(0)
    following = data[at]
    digits = at - 2 >= start and 48 <= data[at - 2] <= 57 and 48 <= following <= 57
    if digits or following == 61:
        for punctuation in _PROSE:
            if code == punctuation:
                return np.uint64(code)
    return np.uint64(0)


@numba.njit(cache=True)
def _copy(data, start, end, key, length):
    source, target = data[start:end], key[length:]
    for i in range(len(source)):
        target[i] = source[i]
    return length + end - start


@numba.njit(cache=True)
def _close_gap(data, copied, start, end, table, key, length):
    """Copy the text up to the white space ``data[start:end]``, and for that a blank, or a line end and the indentation.

    Returns the length of the key and up to where the text is copied.
    """
    length = _copy(data, copied, start, key, length)
    gap, indent, at = BLANK, 0, start
    while at < end:
        code, at = decode(data, at, end)
        if code < 0 or code >= TABLE_SIZE or np.int64(table[code] >> np.uint32(CLASS_SHIFT)) != SEPARATOR:
            continue
        if np.int64(table[code] & np.uint32(PAYLOAD)) == LINE_END:
            gap, indent = LINE_END, 0
        else:
            indent += code == 32 or code == 9
    if length:
        key[length] = gap
        length += 1
        for _ in range(indent if gap == LINE_END else 0):
            key[length] = 32
            length += 1
    return length, end


@numba.njit(cache=True)
def tokenise(data, start, end, table, expansions, key, tokens, kinds):
    """Fold one text. Fills ``key`` (its bytes without layout), ``tokens`` (64-bit hashes), ``kinds``; returns lengths.

    The marks before a token are mixed into its hash; 0 where there are none. A key that is the text as it stands, but
    for its end, is not copied: its length is returned as the number below 0 that inverts to it (~length).
    """
    length, count = 0, 0
    word, in_word = np.uint64(0), False
    mark, carried, fresh = np.uint64(0), np.uint64(0), True  # as in ``folding._tokens``
    # Up to ``copied`` the text is in the key. White space since ``gap`` (-1: none) is looked at when it is over: nearly
    # always it is one blank or line end, which is copied with what is around it.
    copied, gap = start, np.int64(-1)
    single = np.empty(1, np.uint32)
    at = start
    while at < end:
        began = at
        code = np.int64(data[at])
        if code < 128:
            at += 1
            entry = table[code]
        else:
            code, at = decode(data, at, end)
            entry = table[code] if 0 <= code < TABLE_SIZE else np.uint32(0)
        kind = np.int64(entry >> np.uint32(CLASS_SHIFT))
        if kind == WORD and in_word:  # the first three are nearly all that there is
            word = (word ^ np.uint64(entry & np.uint32(PAYLOAD))) * MULTIPLIER
            word ^= word >> np.uint64(29)
            continue
        if code == 32 and in_word:
            tokens[count], kinds[count] = finish(word), WORD
            count += 1
            in_word, gap = False, began
            continue
        if kind >= WORD:
            if gap >= 0:
                if began != gap + 1 or gap == start or (data[gap] != 32 and data[gap] != 10):
                    length, copied = _close_gap(data, copied, gap, began, table, key, length)
                gap = np.int64(-1)
            symbol = np.uint64(entry & np.uint32(PAYLOAD))
            if kind == WORD:
                word, in_word = (mark ^ symbol) * MULTIPLIER, True
                word ^= word >> np.uint64(29)
            else:
                if in_word:
                    tokens[count], kinds[count] = finish(word), WORD
                    count += 1
                    in_word = False
                tokens[count], kinds[count] = finish(symbol * STEP ^ mark), CHARACTER
                count += 1
            mark, fresh = np.uint64(0), False
            continue
        payload = np.int64(entry & np.uint32(PAYLOAD))
        if kind == SEPARATOR and payload in (BLANK, LINE_END):
            if gap < 0:
                gap = began
            if in_word:
                tokens[count], kinds[count] = finish(word), WORD
                count += 1
                in_word = False
            if fresh:
                mark = carried
            if payload == LINE_END:
                fresh, carried = True, mark
            continue
        if code < 0 or (kind == SKIP and payload == INVISIBLE and not entry & np.uint32(EXPANDS)):
            if gap < 0:  # within white space it goes with it
                length = _copy(data, copied, began, key, length)
                copied = at
            continue
        if gap >= 0:
            if began != gap + 1 or gap == start or (data[gap] != 32 and data[gap] != 10):
                length, copied = _close_gap(data, copied, gap, began, table, key, length)
            gap = np.int64(-1)
        if entry & np.uint32(EXPANDS):
            parts = expansions[payload + 1 : payload + 1 + np.int64(expansions[payload])]
        else:
            single[0] = entry
            parts = single
        for part in parts:
            kind = np.int64(part >> np.uint32(CLASS_SHIFT))
            if kind == SKIP:
                continue
            symbol = np.uint64(part & np.uint32(PAYLOAD))
            if kind == WORD:
                if not in_word:
                    word, in_word, mark, fresh = mark, True, np.uint64(0), False
                word = (word ^ symbol) * MULTIPLIER
                word ^= word >> np.uint64(29)
                continue
            if in_word:
                tokens[count], kinds[count] = finish(word), WORD
                count += 1
                in_word = False
            if kind == CHARACTER:
                tokens[count], kinds[count] = finish(symbol * STEP ^ mark), CHARACTER
                count += 1
                mark, fresh = np.uint64(0), False
            else:
                if symbol == 0:
                    symbol = _prose_mark(data, at, code, start, end)
                if symbol:
                    mark = (mark ^ symbol) * STEP
                    mark ^= mark >> np.uint64(31)
    if in_word:
        tokens[count], kinds[count] = finish(word), WORD
        count += 1
    if fresh:
        mark = carried
    if mark and count:
        tokens[count - 1] = finish(tokens[count - 1] ^ mark)
    end = gap if gap >= 0 else end
    if copied == start:
        return ~(end - start), count
    return _copy(data, copied, end, key, length), count
