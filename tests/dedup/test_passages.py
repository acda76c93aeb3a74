import time

from hypothesis import given
from hypothesis import strategies as st

from skypile.dedup.passages import MOST_TOKENS, Passage, differing_passages


def test_words_and_characters_are_compared() -> None:
    assert differing_passages("the cat sat", "the dog sat") == [Passage("the ", "cat", "dog", " sat")]
    assert differing_passages("我爱北京天安门", "我爱上海天安门") == [Passage("我爱", "北京", "上海", "天安门")]
    assert differing_passages("same", "same") == []
    assert differing_passages("", "new") == [Passage("", "", "new", "")]


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_passage_means_no_difference(left: str, right: str) -> None:
    passages = differing_passages(left, right)
    assert (passages == []) == (left == right)
    rebuilt = left
    assert all(passage.left in rebuilt and passage.right in right for passage in passages)


def test_huge_texts_end() -> None:
    started = time.monotonic()
    differing_passages("a " * 3 * MOST_TOKENS, "a " * 3 * MOST_TOKENS + "b")
    assert time.monotonic() - started < 60
