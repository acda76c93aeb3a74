"""The n-gram model against its definition: a toy computed by hand, exact fractions, and sums of 1."""

import json
import math
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.errors import Refused
from skypile.proxy import ngram
from skypile.proxy.ngram.estimation import discounts_of
from tests.proxy.kneser_ney import BEGIN, END, UNKNOWN, kneser_ney


def batch(texts, dtype=np.uint16):
    lengths = [len(text) for text in texts]
    return np.array([word for text in texts for word in text], dtype), np.cumsum([0, *lengths])


def probabilities(model, text):
    return 10.0 ** ngram.score(model, np.array(text, np.uint16)).astype(np.float64)


def test_a_toy_computed_by_hand():
    """Two texts, `1 2` and `1 3`, order 2. No order has all of t1, t2, t3: discounts 1/2, 1, 3/2.

    Unigrams, by distinct words before: 1, 2 and 3 have 1, </s> 2, 5 in all; discounted (3 · 1/2 + 1) / 5 = 1/2, shared
    by the five words with <unk>: 1/10 each. So P(1) = P(2) = P(3) = 1/10 + 1/10, P(</s>) = 1/5 + 1/10, P(<unk>) = 1/10.
    After <s> 1 stood twice: (2 - 1)/2 + 1/2 P(1) = 3/5. After 1, 2 and 3 once each: (1 - 1/2)/2 + 1/2 P(2) = 7/20.
    """
    model = ngram.train([batch([[1, 2], [1, 3]])], order=2)
    assert probabilities(model, [1, 2]) == pytest.approx([3 / 5, 7 / 20, 1 / 2 + 3 / 20], rel=1e-6)
    assert probabilities(model, [9]) == pytest.approx([1 / 20, 3 / 10], rel=1e-6)  # <unk> is no context: nothing to pay
    assert probabilities(model, [2, 3]) == pytest.approx([1 / 10, 1 / 10, 13 / 20], rel=1e-6)
    assert ngram.perplexity(model, batch([[1, 2]])) == pytest.approx((3 / 5 * 7 / 20 * 13 / 20) ** (-1 / 3), rel=1e-6)


TEXTS = st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=1, max_size=12)
PRUNES = st.sampled_from([(), (0, 1), (0, 0, 1), (0, 1, 1, 2)])


@given(TEXTS, st.integers(2, 6), PRUNES, st.sampled_from([0, 40]), st.lists(st.integers(0, 6), max_size=8))
@settings(max_examples=150, deadline=None)
def test_equals_exact_fractions(texts, order, prune, vocabulary, unseen):
    prune = prune[:order]
    model = ngram.train([batch(texts)], order, prune, vocabulary)
    exact = kneser_ney(texts, order, prune, vocabulary)
    seen = {word for text in texts for word in text}
    for text in (*texts, unseen):
        words = [BEGIN, *(word if word in seen else UNKNOWN for word in text), END]
        expected = [float(exact(word, words[:i])) for i, word in enumerate(words) if i]
        assert probabilities(model, text) == pytest.approx(expected, rel=2e-6)


def test_a_discount_of_exactly_0_is_no_reason_to_fall_back():
    """y = 4/10, D2 = 2 - 3 · 4/10 · 5/3 = 0, which floating point takes for -2e-16."""
    assert discounts_of(np.array([0, 4, 3, 5, 9])) == pytest.approx((2 / 5, 0, 3 / 25))


def test_discounts_of_real_counts_equal_exact_fractions_too():
    """Small random texts mostly fall back; these have enough n-grams for the closed form at every order."""
    chance = random.Random(7)
    texts = [[min(int(chance.paretovariate(0.7)), 60) for _ in range(40)] for _ in range(60)]
    model = ngram.train([batch(texts)], 4)
    assert not (model.discounts == (0.5, 1.0, 1.5)).all(axis=1).any()
    exact = kneser_ney(texts, 4)
    for text in texts[:4]:
        words = [BEGIN, *text, END]
        expected = [float(exact(word, words[:i])) for i, word in enumerate(words) if i]
        assert probabilities(model, text) == pytest.approx(expected, rel=2e-6)


@given(TEXTS, st.integers(2, 6), PRUNES, st.sampled_from([0, 12]), st.lists(st.integers(0, 6), max_size=7))
@settings(max_examples=100, deadline=None)
def test_probabilities_sum_to_one_after_every_context(texts, order, prune, vocabulary, context):
    model = ngram.train([batch(texts)], order, prune[:order], vocabulary)
    words = sorted({word for text in texts for word in text})
    unknown = max(vocabulary, len(words) + 2) - len(words) - 1  # <unk>, and words of the vocabulary that no text has
    for start in range(len(context) + 1):
        after = context[start:]
        total = sum(probabilities(model, [*after, word])[len(after)] for word in words)
        total += unknown * probabilities(model, [*after, 99])[len(after)] + probabilities(model, after)[-1]
        assert total == pytest.approx(1, abs=1e-6)


def test_scores_lie_text_by_text_and_sum_by_text():
    texts = [[1, 2, 3], [], [2, 2]]
    model = ngram.train([batch(texts)], 3)
    scores = ngram.score(model, *batch(texts))
    apart = [ngram.score(model, np.array(text, np.uint16)) for text in texts]
    assert scores.dtype == np.float32 and (scores == np.concatenate(apart)).all()
    assert ngram.text_scores(model, batch(texts)) == pytest.approx([each.sum(dtype=float) for each in apart])
    each = ngram.perplexities(model, batch(texts))
    assert each == pytest.approx([10 ** -part.mean(dtype=float) for part in apart])
    part = batch(texts)[0], batch(texts)[1][1:]  # the first text left out: offsets need not begin with 0
    assert ngram.text_scores(model, part) == pytest.approx(ngram.text_scores(model, batch(texts))[1:])


def test_unknown_words():
    model = ngram.train([batch([[5, 7]])])
    assert ngram.known(model, np.array([0, 5, 6, 7, 8, 65535], np.uint16)).tolist() == [0, 1, 0, 1, 0, 0]
    share = probabilities(model, [6])[0]
    padded = ngram.train([batch([[5, 7]])], vocabulary=1000)
    assert probabilities(padded, [6])[0] == pytest.approx(share * 4 / 1000)


def test_knows_text_of_its_kind(shared_data):
    """Characters of half the clean Chinese articles find the other half likelier than the same words shuffled."""
    lines = (shared_data / "quality" / "zh_clean.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    model = ngram.train([ngram.characters(texts[::2])])
    held = texts[1::2]
    chance = random.Random(3)
    shuffled = ["".join(chance.sample(text, len(text))) for text in held]
    natural = ngram.perplexities(model, ngram.characters(held))
    assert (natural < 0.2 * ngram.perplexities(model, ngram.characters(shuffled))).all()
    perplexity = [
        ngram.perplexity(ngram.train([ngram.characters(texts[::2])], n), ngram.characters(held)) for n in (2, 3, 5)
    ]
    assert all(a > b for a, b in pairwise(perplexity))


def test_same_model_in_any_order_of_texts():
    chance = random.Random(1)
    texts = [[chance.randrange(30) for _ in range(chance.randrange(50))] for _ in range(80)]
    model = ngram.train([batch(texts)])
    again = ngram.train([batch(texts[60:]), batch([]), batch(texts[:60])])
    for name in ("words", "logs", "suffixes", "backoffs", "children", "discounts", "starts"):
        assert getattr(model, name).tobytes() == getattr(again, name).tobytes()


@pytest.mark.parametrize(
    ("prune", "said"), [((1,), "begin with 0"), ((0, 2, 1), "never fall"), ((0, 0, 0, 0), "up to 3")]
)
def test_thresholds_out_of_order_are_refused(prune, said):
    with pytest.raises(Refused, match=said):
        ngram.train([batch([[1, 2]])], 3, prune)


def test_no_text_is_refused():
    with pytest.raises(Refused, match="at least one"):
        ngram.train([])


def test_a_text_of_no_words_is_a_text():
    model = ngram.train([batch([[], [], []])])
    assert math.isclose(probabilities(model, [])[0], float(kneser_ney([[], [], []], 5)(END, [BEGIN])), rel_tol=1e-6)
