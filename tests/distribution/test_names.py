"""Words of texts, c-TF-IDF, and the names made of both."""

import math
import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from skypile.distribution.names import WORDS, c_tf_idf, chosen, names
from skypile.distribution.words import WordCounts

THEMES = {
    0: ["The harvest of wheat and barley on the farm near {n} river", "农民 收获 小麦 和 大麦 的 农场 {n}"],
    1: ["An orchestra plays a symphony for violin in hall {n}", "交响乐 团 演奏 小提琴 协奏曲 {n}"],
    2: ["Server kernels schedule processes on many processors {n}", "服务器 内核 调度 进程 {n}"],
}


@pytest.fixture(scope="module")
def counter():
    return WordCounts()


def themed(pages=30):
    return [(text.format(n="abc"[n % 3]), one) for one, texts in THEMES.items() for text in texts for n in range(pages)]


def counted(pairs, batch=1000):
    found = WordCounts()
    for at in range(0, len(pairs), batch):
        texts, classes = zip(*pairs[at : at + batch], strict=True)
        found.add(texts, np.array(classes, np.int32))
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Trains, trains and TRAINS", ["and", "trains"]),
        ("a an Ünïcode naïve", ["naive", "unicode"]),
        ("大学生活", ["大学生"]),  # longest match; the last character alone is no word
        ("學習環境保護", ["学习", "环境保护"]),
        ("ｗｉｄｅ 2024 ١٢٣ москва", ["wide"]),
        ("螺纹钢上涨", ["上涨", "螺纹钢"]),  # in no dictionary: characters that stand between words
        ("鮭鱒鯉鮒鯛鰹", []),  # too many in a row to be one word
        ("internationalisierung administration", ["administration"]),  # over 13 letters: those of the table alone
        ("", []),
    ],
)
def test_words(counter, text, words):
    assert sorted(counter.words(text)) == words


@settings(max_examples=60, deadline=None)
@given(st.lists(st.from_regex("[a-z]{3,13}", fullmatch=True), unique=True, max_size=20))
def test_a_key_is_its_word(counter, words):
    """Nothing is hashed: every word up to 13 letters comes back as it was."""
    assert sorted(counter.words(" ".join(words))) == sorted(words)


def test_counts_are_those_of_a_dictionary():
    """Over many more pairs than the table begins with, in batches of any size."""
    rng = random.Random(7)
    lexicon = ["".join(rng.choices("abcdefgh", k=rng.randint(3, 9))) for _ in range(3000)]
    pairs = [(" ".join(rng.choices(lexicon, k=80)), rng.randrange(40)) for _ in range(1500)]
    expected = Counter((one, word) for text, one in pairs for word in set(re.findall("[a-z]+", text)))
    assert len(expected) > 1 << 16
    found = counted(pairs, 97)
    classes, keys, documents = found.pairs()
    told = zip(classes.tolist(), found.spelled(keys), documents.tolist(), strict=True)
    assert {(one, word): n for one, word, n in told} == expected
    assert found.documents == Counter(one for _, one in pairs)


def test_the_formula_is_bertopics():
    """Root of tf, of the class's words, times log(1 + mean words a class / count of the word in all classes)."""
    counts = np.array([[3, 0, 1, 2], [0, 5, 1, 0], [1, 1, 1, 9]], float)
    mean = counts.sum() / 3
    by_hand = [
        [math.sqrt(n / sum(row)) * math.log(1 + mean / sum(counts[:, word])) for word, n in enumerate(row)]
        for row in counts.tolist()
    ]
    np.testing.assert_allclose(c_tf_idf(csr_array(counts)).toarray(), by_hand, rtol=1e-12)


def test_names_say_what_clusters_are_about():
    found = names(counted(themed()))
    assert {"wheat", "harvest", "小麦", "农场"} & set(found[0])
    assert {"orchestra", "symphony", "小提琴"} & set(found[1])
    assert {"server", "kernels", "processors", "内核", "服务器"} & set(found[2])
    assert not {"the", "and", "for", "on"} & {word for name in found.values() for word in name}
    assert all(len(name) == WORDS for name in found.values())


def test_no_order_and_no_batch_shows():
    pairs = themed()
    expected = names(counted(pairs))
    for seed, batch in ((1, 7), (2, 64)):
        random.Random(seed).shuffle(pairs)
        assert names(counted(pairs, batch)) == expected


def test_a_word_of_one_page_names_no_cluster():
    """However rare it is, and often the page says it."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names_of_people = [f"farm {f'{one}{other}zyz ' * 30}" for one in letters for other in "aeiou"]
    found = names(counted([(text, 0) for text in names_of_people] + [("farm", 1)] * 90))
    assert found == {0: ["farm"], 1: ["farm"]}


def test_groups_of_clusters_have_names_of_their_own():
    found = names(counted([*themed(), *[("grain mill wheat", 3)] * 30]), {0: 4, 1: 5, 3: 4})
    assert sorted(found) == [4, 5]
    assert "wheat" in found[4] and {"orchestra", "symphony", "violin"} & set(found[5])
    assert found[5] == names(counted([*themed(), *[("grain mill wheat", 0)] * 30]), {0: 4, 1: 5})[5]


def test_a_class_without_words_has_no_name():
    assert names(counted([("12 34", 1), ("wheat farm", 0), ("wheat farm", 0)]))[1] == []
    assert names(WordCounts()) == {}


def test_two_forms_of_a_word_are_one():
    assert chosen(["studies", "study", "dogs", "dog", "running", "服务器", "服务"]) == [
        "studies",
        "dogs",
        "running",
        "服务器",
    ]
