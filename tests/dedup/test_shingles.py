"""The compiled kernels against plain Python on the same texts."""

import re

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings

from skypile.dedup.shingles import shingle_texts, utf8_buffers
from tests.dedup import oracle

MIXED = st.text(
    st.one_of(
        st.sampled_from("ab X12.,!=+-(（体新聞臺Ａ１ﷺ㌖²é\u0301’\n\t\u3000\u200b"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


def sets(texts: list[str], words: int = 2, characters: int = 3) -> list[set[int]]:
    made = shingle_texts(pa.array(texts, pa.string()), words, characters)
    return [set(made.hashes[low:high].tolist()) for low, high in zip(made.offsets, made.offsets[1:], strict=False)]


def test_chinese_is_cut_into_characters_and_english_into_words() -> None:
    chinese, english, short = sets(["猫坐在垫上。", "The cat sat.", "猫坐"])
    assert [len(s) for s in (chinese, english, short)] == [3, 2, 1]
    assert sets(["the CAT sat!"]) == [english]
    assert sets(["貓 坐在墊上"]) == [chinese]
    assert sets(["坐在垫"])[0] < chinese
    assert sets(["cat sat"])[0] < english


def test_mixed_text_has_shingles_of_both_kinds() -> None:
    (both,) = sets(["the cat sat 猫坐在垫上"])
    assert sets(["the cat sat"])[0] < both
    assert sets(["猫坐在垫上"])[0] < both


def test_word_boundaries_count() -> None:
    assert sets(["ab c"]) != sets(["a bc"])
    assert sets(["ab c"]) != sets(["abc"])


LINE_ENDS = re.compile("[\\n\\v\\f\\r\\x1c-\\x1e\\x85\u2028\u2029]")
INVISIBLE = "[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"


def without_layout(text: str) -> str:
    """What a text key is the hash of: lines that say something, with their indentation, one blank between words."""
    kept = []
    for line in LINE_ENDS.split(re.sub(INVISIBLE, "", text)):
        before = line[: len(line) - len(line.lstrip())]
        indentation = "".join(" " for char in before if char in " \t") if kept else ""
        if words := line.split():
            kept.append(indentation + " ".join(words))
    return "\n".join(kept)


@settings(max_examples=500, deadline=None)
@given(st.lists(MIXED, max_size=6))
@example(["ﷺ" * 40, "㌖" * 40, "", "\0", "\U0010ffff", "\U000e0041"])
@example(["a b", " a\u3000b ", "a  b\n", "a\u200b b", "a\nb", "a\n b", "a\n\n b\n", "a\r\nb", "a \ufeff\n\n\tb"])
def test_keys_are_the_text_without_layout(texts: list[str]) -> None:
    made = shingle_texts(pa.array(texts, pa.string()), 2, 3)
    assert len(made.text_keys) == len(texts) == len(made.offsets) - 1
    for i, a in enumerate(texts):
        for j, b in enumerate(texts):
            assert (made.text_keys[i] == made.text_keys[j]) == (without_layout(a) == without_layout(b))
    assert made.offsets[0] == 0 and made.offsets[-1] == len(made.hashes)
    for low, high in zip(made.offsets, made.offsets[1:], strict=False):
        assert (np.diff(made.hashes[low:high].astype(np.int64)) > 0).all()


@settings(max_examples=500, deadline=None)
@given(st.lists(MIXED, min_size=2, max_size=4))
@example(["(12 + 5) × 3", "(12 - 5) × 3", "- 12\n- 5", "12\n5", "1.5", "1,5", "1:5=", "15"])
@example(["x²", "x2", "x ^2", "⑴", "(1)", "==\n==\n a", "a", "a\n==", "a =\n= b"])
def test_overlaps_equal_those_of_the_plain_sets(texts: list[str]) -> None:
    hashed = sets(texts)
    plain = [oracle.shingles(text, 2, 3) for text in texts]
    for i in range(len(texts)):
        for j in range(len(texts)):
            assert len(hashed[i] & hashed[j]) == len(plain[i] & plain[j])


OPERATORS = [
    ("解方程组并检验：2x + 3y = 7，x - y = 1", "解方程组并检验：2x - 3y = 7，x + y = 1"),
    ("Evaluate and round: (8 + 4) / 3 - 1", "Evaluate and round: 8 + 4 / (3 - 1)"),
    ("for (i = 0; i < n; i++) total += row[i];", "for (i = 0; i > n; i--) total -= row[i];"),
    ("电离方程式：Fe³⁺ + 3OH⁻", "电离方程式：Fe²⁺ + 3OH⁻"),
    ("The function is defined on [0, 1)", "The function is defined on (0, 1]"),
    ("Last night it was -7 degrees", "Last night it was 7 degrees"),
    ("The ticket costs €12", "The ticket costs £12"),
]
OTHERS = [
    ("2 CO + O2", "2 Co + O2"),
    ("if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
    ("x' = 1", "x = 1"),
    ("Let us eat, children", "Let us eat children"),
    ("皇后在後宮", "皇后在后宫"),
]


@pytest.mark.parametrize("left, right", OPERATORS + OTHERS)
def test_texts_that_differ_in_content_are_never_equal(left: str, right: str) -> None:
    made = shingle_texts(pa.array([left, right]), 5, 5)
    assert made.text_keys[0] != made.text_keys[1]


@pytest.mark.parametrize("left, right", OPERATORS)
def test_short_texts_that_differ_in_operators_are_not_alike(left: str, right: str) -> None:
    first, second = sets([left, right], 5, 5)
    assert len(first & second) / len(first | second) < 0.8


def test_a_long_table_that_differs_in_one_sign_is_a_near_duplicate() -> None:
    rows = [f"reading {i} at noon: {i * 7} + {i * 11} in the shade of tree {i % 5}" for i in range(100)]
    left, right = sets(["\n".join(rows), "\n".join([*rows[:50], rows[50].replace("+", "-"), *rows[51:]])], 5, 5)
    assert 0.9 < len(left & right) / len(left | right) < 1


def test_a_slice_and_other_string_types_give_the_same() -> None:
    texts = ["first text here", "第二个文本在这里", "third"]
    whole = shingle_texts(pa.array(texts), 2, 3)
    for array in (pa.array(["x", *texts], pa.large_string()).slice(1), pa.array(["x", *texts]).slice(1, 3)):
        again = shingle_texts(array, 2, 3)
        assert again.text_keys == whole.text_keys
        assert np.array_equal(again.hashes, whole.hashes)


def test_null_is_empty_and_an_empty_batch_is_fine() -> None:
    assert sets([None, ""]) == [set(), set()]  # type: ignore[list-item]
    assert sets([]) == []


def test_broken_utf8_is_skipped_without_reading_past_the_end() -> None:
    raw = [b"ab \xe4\xbd", b"\xff\xfeab", b"\x80", b"\xf0\x9f", b"ab"]
    broken = pa.array(raw, pa.binary()).view(pa.string())
    made = shingle_texts(broken, 1, 1)
    lengths = np.diff(made.offsets)
    assert lengths.tolist() == [1, 1, 0, 0, 1]
    assert utf8_buffers(broken)[1].tolist() == [0, 5, 9, 10, 12, 14]


def test_a_long_text_without_spaces() -> None:
    (characters, word) = sets(["体" * 1_000_000, "a" * 1_000_000])
    assert len(characters) == 1 and len(word) == 1


def test_lengths_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="words=0"):
        shingle_texts(pa.array(["a"]), 0, 5)
