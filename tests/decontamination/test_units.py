"""Units and n-grams: what counts as the same, against a plain reading of the same rules."""

import random
import unicodedata

import numpy as np
import pytest

from skypile.decontamination.ngrams import gram_table, look_up, powers, prefixes, unit_weight, window_key, windows
from skypile.decontamination.units import NUMBER, units_of
from skypile.text.folding import CHARACTER, WORD, character_class


def units(text: str) -> list[tuple[str, int, int, int]]:
    """(the text of a unit, kind, hash, hash with any number) of each unit."""
    raw = text.encode()
    rows = zip(*(array.tolist() for array in units_of(text)), strict=True)
    return [(raw[begin:end].decode(), kind, said, masked) for said, masked, kind, begin, end in rows]


def shown(text: str) -> list[str]:
    return [unit for unit, *_ in units(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two geese, a fox", ["Two", "geese", "a", "fox"]),
        ("她买了 15 支笔", ["她", "买", "了", "15", "支", "笔"]),
        ("在Python3里用", ["在", "Python", "3", "里", "用"]),
        ("$12,500.75 in all", ["12,500.75", "in", "all"]),
        ("3, 4, 5 or 1,2,3", ["3, 4, 5", "or", "1,2,3"]),
        ("16-3-4=9 eggs", ["16-3-4=9", "eggs"]),
        ("twenty five hens; 三十五只鸡", ["twenty five", "hens", "三十五", "只", "鸡"]),
        ("the farmer’s cart", ["the", "farmer’s", "cart"]),
        ("……！？ - *", []),
    ],
)
def test_words_characters_and_numbers_are_units(text, expected):
    assert shown(text) == expected


@pytest.mark.parametrize(
    "other",
    [
        "HOW MANY PLUMS\nDID OLGA PICK",
        "“How many” — plums did   Olga pick?!",
        "Ｈｏｗ ｍａｎｙ plums did Ôlga pick",
        "How\n\nmany\n\nplums\n\ndid\n\nOlga\n\npick…",
        "* How many / plums (did Olga) pick: ___",
    ],
)
def test_case_width_accents_punctuation_and_layout_do_not_count(other):
    plain = units("How many plums did Olga pick?")
    assert [unit[1:] for unit in units(other)] == [unit[1:] for unit in plain]


def test_traditional_characters_are_the_simplified():
    assert [unit[1:] for unit in units("這隻鳥飛過了河嗎？")] == [unit[1:] for unit in units("这只鸟飞过了河吗")]


@pytest.mark.parametrize(("one", "other"), [("7 jars", "31 jars"), ("seven jars", "1,300.5 jars"), ("七罐", "二十罐")])
def test_numbers_are_told_apart_by_one_hash_and_not_by_the_other(one, other):
    left, right = units(one), units(other)
    assert [unit[3] for unit in left] == [unit[3] for unit in right]
    assert left[0][2] != right[0][2] and [unit[2] for unit in left[1:]] == [unit[2] for unit in right[1:]]
    assert left[0][1] == NUMBER


@pytest.mark.parametrize(("one", "other"), [("1,250 nails", "1250 nails"), ("１２ nails", "12 nails")])
def test_spellings_of_one_number_are_one(one, other):
    assert [unit[2] for unit in units(one)] == [unit[2] for unit in units(other)]


def test_a_point_is_part_of_a_number():
    assert units("1.5 miles")[0][2] != units("15 miles")[0][2]


DIGITS = 9  # a class beside those of folding


def plainly(text: str) -> list[str]:
    """The rules for runs of letters, digits and Han, in plain Python, numbers joined."""
    found: list[tuple[str, int]] = []
    run = kind = None
    for char in text:
        for part in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold()):
            what = character_class(part)
            what = DIGITS if what == WORD and part in "0123456789" else what
            if what == 0:
                continue
            if what in (WORD, DIGITS) and what == kind:
                run += part
                continue
            if run is not None:
                found.append((run, kind))
            run = kind = None
            if what == CHARACTER:
                found.append((part, CHARACTER))
            elif what in (WORD, DIGITS):
                run, kind = part, what
    if run is not None:
        found.append((run, kind))
    joined: list[str] = []
    for unit, kind in found:
        if kind == DIGITS and joined and joined[-1].startswith("#"):
            joined[-1] += f"#{unit}"
        else:
            joined.append(f"#{unit}" if kind == DIGITS else unit)
    return joined


def test_units_are_those_of_a_plain_reading():
    drawn = random.Random(5)
    alphabet = ["ab", "Z", "é", "7", "04", " ", "\n", "-", "？", "山", "河", "ﬁ", "かん", "'", "\u200b", "㎏", "Ⅷ"]
    ours, theirs = [], []
    for _ in range(2000):
        text = "".join(drawn.choice(alphabet) for _ in range(drawn.randrange(12)))
        expected = plainly(text)
        made = units(text)
        assert len(made) == len(expected), text
        ours += [unit[2] for unit in made]
        theirs += expected
    # Equal hashes where the plain reading has equal units, and nowhere else.
    assert len(set(zip(ours, theirs, strict=True))) == len(set(ours)) == len(set(theirs))


def test_an_ngram_is_the_fewest_units_that_weigh_enough():
    drawn = random.Random(6)
    for _ in range(200):
        count, weight = drawn.randrange(40), drawn.randrange(4, 20)
        kinds = np.array([drawn.choice([WORD, CHARACTER, NUMBER]) for _ in range(count)], np.uint8)
        last = np.empty(count + 1, np.int32)
        made = windows(kinds, count, weight, last)
        weights = [unit_weight(kind) for kind in kinds]
        expected = []
        for start in range(count):
            ends = [end for end in range(start + 1, count + 1) if sum(weights[start:end]) >= weight]
            expected += ends[:1]
        assert last[:made].tolist() == expected


def test_equal_runs_of_units_have_one_key_wherever_they_stand():
    hashes = np.random.default_rng(3).integers(0, 2**63, 30).astype(np.uint64)
    row = np.concatenate([hashes, hashes[::-1], hashes])
    sums, power = np.empty(len(row) + 1, np.uint64), powers(12)
    prefixes(row, len(row), sums)
    assert window_key(sums, 4, 12, power) == window_key(sums, 64, 72, power)
    keys = {window_key(sums, start, start + size, power) for start in range(20) for size in (5, 8, 12)}
    assert len(keys) == 60


def test_the_table_finds_its_keys_and_no_others():
    keys = np.unique(np.random.default_rng(4).integers(0, 2**63, 5000).astype(np.uint64))
    table = gram_table(keys[::2], np.arange(len(keys[::2])))
    assert [look_up(key, *table) for key in keys[::2]] == list(range(len(keys[::2])))
    assert all(look_up(key, *table) < 0 for key in keys[1::2])
