import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from skypile.text import folding
from skypile.text.folding import fold


@pytest.mark.parametrize(
    "text, key",
    [
        ("Ｈello, WORLD!  體育・新聞", "hello world体育新闻"),
        ("Straße Ⅷ, naïve don’t 臺灣", "strasse viii naive dont台湾"),
        ("㎏ ㍿ ½ x²", "kg株式会社1 /2 x ^2"),
        ("a\u00adb\u200bc\u0301", "abc"),
        ("GPT-4.5  发布", "gpt -4 .5发布"),
        ("A (b), c: d; “e” — 《f》…", "a (b )c d e f"),
        ("5 + 3, 5 − 3, 5–3, ５＋３", "5 +3 5 -3 5 -3 5 +3"),
        ("$5, -5 °C, 5 %", "$5 -5 c 5%"),
        ("[1, 2) (1, 2]", "[1 2 )(1 2]"),
        ("10² 102 H₂O", "10 ^2 102 h2o"),
        ("10:30 1,5 at: 5", "10 :30 1 ,5 at 5"),
        ("a != b, a := b", "a !=b a :=b"),
        ("- one\n* two\n> three\n=====\n# four", "one two three four"),
        ("- 5\n-5 x +\n- y\n5 -", "5 -5 x +y 5-"),
        ("!!! ... 😀", ""),
        ("", ""),
    ],
)
def test_fold(text: str, key: str) -> None:
    assert fold(text) == key


@pytest.mark.parametrize("text", ["Cafe\u0301 Ångström", "한국어 글", "ｶﾞﾗｽ", "Việt Nam"])
def test_composed_and_decomposed_forms_have_one_key(text: str) -> None:
    keys = {fold(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "texts",
    [
        ("(12 + 5) × 3", "12 + (5 × 3)", "(12 - 5) × 3", "(12 + 5) ÷ 3", "12 + 5 × 3"),
        ("x[i]", "x(i)", "x{i}", "x<i>", "x i"),
        ("a && b", "a || b", "a & b", "a = b", "a == b", "a != b", "a <= b", "a ≤ b"),
        ("CuSO4", "Cu(SO)4", "CuS(O4)"),
        ("Na+", "Na-", "Na"),
        ("¥5", "$5", "€5", "5"),
        ("1.5", "1,5", "1:5", "1/5", "1-5", "1 5", "15"),
        ("图二（甲）乙", "图二甲（乙）", "图二甲乙"),
    ],
)
def test_marks_that_carry_meaning_stay(texts: tuple[str, ...]) -> None:
    assert len({fold(text) for text in texts}) == len(texts)


def test_folding_twice_changes_nothing() -> None:
    every = "".join(chr(code) for code in range(folding.TABLE_SIZE) if not 0xD800 <= code <= 0xDFFF)
    once = [fold(char) for char in every]
    changed = [char for char, key in zip(every, once, strict=True) if fold(key) != key]
    assert changed == ["薴"]  # its simplified form 苧 is also the traditional form of 苎


def test_no_character_needs_more_room_than_the_kernels_give() -> None:
    table, expansions = folding.folding_table()
    for code in range(0x80, folding.TABLE_SIZE):
        entry = int(table[code])
        size = len(chr(code).encode("utf-8", "surrogatepass"))
        if entry & folding.EXPANDS:
            start = entry & folding.PAYLOAD
            parts = expansions[start + 1 : start + 1 + int(expansions[start])]
            kinds = parts >> folding.CLASS_SHIFT
            assert len(parts) + 1 <= 7 * size
            starts = np.count_nonzero((kinds == folding.WORD) & (np.r_[0, kinds[:-1]] != folding.WORD))
            assert np.count_nonzero(kinds == folding.CHARACTER) + starts <= 2 * size


def test_stored_table_is_what_the_code_builds() -> None:
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip(f"the table was built with Unicode 14.0.0, this Python has {unicodedata.unidata_version}")
    table, _ = folding.folding_table()
    built, _ = folding.build_table({})
    # All but the traditional characters, whose list is not part of the repository.
    differs = np.flatnonzero(table != built)
    plain = [int(code) for code in differs if not (table[code] | built[code]) & folding.EXPANDS]
    assert 3000 < len(plain) < 6000
    assert all(table[code] >> folding.CLASS_SHIFT == folding.CHARACTER for code in plain)


def test_rebuilding_writes_a_readable_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("體\t体\n臺\t台 檯\n", encoding="utf-8")
    monkeypatch.setattr(folding, "_TABLE_FILE", tmp_path / "table.npz")
    folding.main(pairs)
    monkeypatch.setattr(folding, "folding_table", folding.folding_table.__wrapped__)
    assert fold("體臺Ａ") == "体台a"
    assert sys.getsizeof(folding.folding_table()[0]) < 2_000_000
