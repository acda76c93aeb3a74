"""From UTF-8 to the units that n-grams of benchmark items are made of, in compiled code: one pass over the text.

Characters are folded as deduplication folds them (``skypile.text.folding``): case, width, accents, traditional Chinese.
A Han (kana, Thai, …) character is a unit, a run of letters is one and a number is one; punctuation, signs, white space
and line ends only part units, so that a question reads the same in one line, in five, in quotation marks and in a list.

    "Tom has 1,250 eggs; 他有 3.5 万 (个)" -> tom has # eggs 他 有 # 个

Numbers are units of one kind, # above: digits with their decimal point and thousands' commas, English number words, Han
numerals, and rows of those, such as "two hundred", "3.5 万", "16-3-4=9". Each unit has two hashes: one of what it says,
and one in which all numbers are alike, by which an item is found whose numbers were changed.

What a unit says is worth a weight: a word WORD_WEIGHT, a character or a number 1. So n-grams of one weight are as long
in Chinese as in English, and in a text of both.
"""

from functools import cache
from typing import NamedTuple

import numba
import numpy as np

from skypile.dedup.tokenise import MULTIPLIER, STEP, decode, finish
from skypile.text.folding import CHARACTER, CLASS_SHIFT, EXPANDS, PAYLOAD, SKIP, TABLE_SIZE, WORD, folding_table

NUMBER = 1  # a kind of unit, beside the WORD and CHARACTER of folding
WORD_WEIGHT = 2  # two characters: Chinese takes 1.5 to 1.7 for an English word
ANY_NUMBER = np.uint64(0x9E6C63D0873E1B21)  # the hash of all numbers: any constant

_NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty"),
    *("fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "million", "billion"),
)
_HAN_NUMERALS = "〇零一二两三四五六七八九十百千万亿"
_SLOTS = 1 << 10  # for the hashes of number words, at most one a slot
_HAN_FIRST, _HAN_LAST = 0x3007, 0x9FFF


class Units(NamedTuple):
    """Units of a text, parallel arrays."""

    said: np.ndarray  # uint64: hash of what it says
    masked: np.ndarray  # uint64: the same, and ANY_NUMBER for numbers
    kinds: np.ndarray  # uint8: NUMBER, WORD or CHARACTER
    begins: np.ndarray  # int64: bytes of the text
    ends: np.ndarray  # int64


@cache
def unit_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What ``unit_text`` looks up: folding table, expansions, hashes of number words by slot, Han numerals (bool)."""
    words = np.zeros(_SLOTS, np.uint64)
    for word in _NUMBER_WORDS:
        code = np.uint64(0)
        with np.errstate(over="ignore"):
            for char in word:
                code = (code ^ np.uint64(ord(char))) * MULTIPLIER
                code ^= code >> np.uint64(29)
        slot = int(code >> np.uint64(54))
        assert not words[slot], word
        words[slot] = code
    numerals = np.zeros(_HAN_LAST + 1 - _HAN_FIRST, np.bool_)
    numerals[[ord(char) - _HAN_FIRST for char in _HAN_NUMERALS]] = True
    return (*folding_table(), words, numerals)


@numba.njit(cache=True, inline="always")
def _add_number(said, masked, kinds, begins, ends, count, code, begin, end):
    """Enter a number, or join it to the number just before; the new count."""
    if count and kinds[count - 1] == NUMBER:
        said[count - 1] = finish((said[count - 1] + code) * STEP)
        ends[count - 1] = end
        return count
    said[count], masked[count], kinds[count] = finish(code), ANY_NUMBER, NUMBER
    begins[count], ends[count] = begin, end
    return count + 1


@numba.njit(cache=True, inline="always")
def _add_word(said, masked, kinds, begins, ends, count, code, digits, begin, end, words):
    """Enter a run of letters or digits with hash ``code``; the new count."""
    if digits or words[code >> np.uint64(54)] == code:
        return _add_number(said, masked, kinds, begins, ends, count, code, begin, end)
    said[count] = finish(code)
    masked[count], kinds[count] = said[count], WORD
    begins[count], ends[count] = begin, end
    return count + 1


@numba.njit(cache=True)
def _goes_on(data, at, end):
    """0, or 1 or 2 where the number before ``at`` goes on behind the comma (1) or point (2) there."""
    if at + 1 >= end or not 48 <= data[at + 1] <= 57:
        return 0
    if data[at] == 46:
        return 2
    if data[at] != 44 or at + 3 >= end:
        return 0
    for i in (2, 3):
        if not 48 <= data[at + i] <= 57:
            return 0
    return 0 if at + 4 < end and 48 <= data[at + 4] <= 57 else 1


@numba.njit(cache=True)
def unit_text(data, start, end, table, expansions, words, numerals, said, masked, kinds, begins, ends):
    """Units of one text: fills the last five, which have room for twice its bytes; returns how many there are.

    ``said``, ``masked``: hashes (uint64). ``kinds``: NUMBER, WORD, CHARACTER. ``begins``, ``ends``: bytes of ``data``.
    """
    count = 0
    word, inside, digits = np.uint64(0), False, False
    began, past = start, start  # of the run of letters or digits
    at = start
    while at < end:
        here = at
        code = np.int64(data[at])
        if code < 128:
            at += 1
            entry = table[code]
        else:
            code, at = decode(data, at, end)
            entry = table[code] if 0 <= code < TABLE_SIZE else np.uint32(0)
        kind = np.int64(entry >> np.uint32(CLASS_SHIFT))
        symbol = np.uint64(entry & np.uint32(PAYLOAD))
        if kind == WORD:
            is_digit = bool(48 <= symbol <= 57)
            if inside and is_digit != digits:
                count = _add_word(said, masked, kinds, begins, ends, count, word, digits, began, past, words)
                inside = False
            if not inside:
                word, inside, digits, began = np.uint64(0), True, is_digit, here
            word = (word ^ symbol) * MULTIPLIER
            word ^= word >> np.uint64(29)
            while at < end and data[at] < 128:  # the rest of the run, nearly always
                entry = table[data[at]]
                symbol = np.uint64(entry & np.uint32(PAYLOAD))
                if entry >> np.uint32(CLASS_SHIFT) != WORD or (48 <= symbol <= 57) != digits:
                    break
                word = (word ^ symbol) * MULTIPLIER
                word ^= word >> np.uint64(29)
                at += 1
            past = at
            continue
        if kind == CHARACTER:
            if inside:
                count = _add_word(said, masked, kinds, begins, ends, count, word, digits, began, past, words)
                inside = False
            value = symbol * STEP
            if _HAN_FIRST <= symbol <= _HAN_LAST and numerals[symbol - _HAN_FIRST]:
                count = _add_number(said, masked, kinds, begins, ends, count, value, here, at)
                continue
            said[count] = finish(value)
            masked[count], kinds[count] = said[count], CHARACTER
            begins[count], ends[count] = here, at
            count += 1
            continue
        if kind != SKIP:
            if not inside:
                continue
            if digits and (code == 44 or code == 46) and past == here:
                mark = _goes_on(data, here, end)
                if mark:
                    if mark == 2:
                        word = (word ^ np.uint64(46)) * MULTIPLIER
                    continue
            count = _add_word(said, masked, kinds, begins, ends, count, word, digits, began, past, words)
            inside = False
            continue
        if not entry & np.uint32(EXPANDS):
            continue
        place = np.int64(symbol)
        parts = expansions[place + 1 : place + 1 + np.int64(expansions[place])]
        for part in parts:
            kind = np.int64(part >> np.uint32(CLASS_SHIFT))
            symbol = np.uint64(part & np.uint32(PAYLOAD))
            if kind == SKIP:
                continue
            is_digit = bool(48 <= symbol <= 57)
            if inside and (kind != WORD or is_digit != digits):
                count = _add_word(said, masked, kinds, begins, ends, count, word, digits, began, past, words)
                inside = False
            if kind == WORD:
                if not inside:
                    word, inside, digits, began = np.uint64(0), True, is_digit, here
                word = (word ^ symbol) * MULTIPLIER
                word ^= word >> np.uint64(29)
                past = at
            elif kind == CHARACTER:
                said[count] = finish(symbol * STEP)
                masked[count], kinds[count] = said[count], CHARACTER
                begins[count], ends[count] = here, at
                count += 1
    if inside:
        count = _add_word(said, masked, kinds, begins, ends, count, word, digits, began, past, words)
    return count


def units_of(text: str) -> Units:
    """Units of one text."""
    data = np.frombuffer(text.encode() or b" ", np.uint8)
    room = 2 * len(data) + 2
    made = [np.empty(room, kind) for kind in (np.uint64, np.uint64, np.uint8, np.int64, np.int64)]
    count = unit_text(data, 0, len(data), *unit_tables(), *made)
    return Units(*(array[:count].copy() for array in made))
