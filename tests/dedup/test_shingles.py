"""The compiled kernels against plain Python on the same folded text."""

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings

from skypile.dedup.shingles import shingle_texts, utf8_buffers
from skypile.text.folding import fold
from tests.dedup import oracle

MIXED = st.text(
    st.one_of(st.sampled_from("abc XY.,!体育新聞臺灣ＡＢ１２ﷺ㌖é\u0301’\n"), st.characters(exclude_categories=["Cs"])),
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


@settings(max_examples=300, deadline=None)
@given(st.lists(MIXED, max_size=6))
@example(["ﷺ" * 40, "㌖" * 40, "", "\0", "\U0010ffff"])
def test_keys_are_the_folded_text_and_sets_have_the_oracles_overlaps(texts: list[str]) -> None:
    made = shingle_texts(pa.array(texts, pa.string()), 2, 3)
    assert len(made.text_keys) == len(texts) == len(made.offsets) - 1
    for i, a in enumerate(texts):
        for j, b in enumerate(texts):
            left, right = fold(a) or a, fold(b) or b
            assert (made.text_keys[i] == made.text_keys[j]) == (left == right)
    assert made.offsets[0] == 0 and made.offsets[-1] == len(made.hashes)
    for low, high in zip(made.offsets, made.offsets[1:], strict=False):
        assert (np.diff(made.hashes[low:high].astype(np.int64)) > 0).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab c体育新聞", max_size=400), min_size=2, max_size=4))
def test_overlaps_equal_those_of_the_plain_sets(texts: list[str]) -> None:
    hashed = sets(texts)
    plain = [oracle.shingles(text, 2, 3) for text in texts]
    for i in range(len(texts)):
        for j in range(len(texts)):
            assert len(hashed[i] & hashed[j]) == len(plain[i] & plain[j])


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
