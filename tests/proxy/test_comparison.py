"""Corpora with a known difference, and with none, judged by n-grams."""

import dataclasses
import itertools
import math
import random
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from skypile.errors import Refused
from skypile.proxy.comparison import Plan, compare_corpora
from skypile.proxy.corpora import Document
from skypile.proxy.pairs import ngram_proxy
from skypile.proxy.validation import Validation
from skypile.tokens.encoder import Encoder
from tests.proxy.corpus import corpus, damaged, held_out, mixed, text


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load()


def compared(encoder: Encoder, documents: list[Document], plan: Plan, **options):
    return compare_corpora("test", documents, held_out(), ngram_proxy, encoder, plan, **options)


def test_damage_is_found_and_better_where_it_is_coupled(encoder: Encoder):
    found = compared(encoder, damaged(), Plan(4, seed=1))
    (row,) = found.rows
    assert row.comparison.mean > 0 and row.comparison.p < 0.01
    assert row.comparison.low < row.comparison.mean < row.comparison.high
    assert (found.gone, found.come, found.share) == (120, 120, 1.0)
    assert all(0.95 < epochs <= 1 for epochs in found.epochs)
    uncoupled = compared(encoder, damaged(), Plan(4, seed=1, coupled=False)).rows[0].comparison
    assert uncoupled.sd > 2 * row.comparison.sd
    # told from the other side, the same with the other sign
    turned = [page._replace(before=page.after, after=page.before) for page in damaged()]
    assert compared(encoder, turned, Plan(4, seed=1)).rows[0].comparison.mean == pytest.approx(-row.comparison.mean)


def test_what_is_no_difference_raises_no_more_alarms_than_it_may(encoder: Encoder):
    """A/A: in each draw other pages are in one corpus alone; of 60, up to 8 below 0.05 happen in 99.7 % of cases."""
    pages = corpus(60)
    alarms = 0
    for draw in range(60):
        places = [random.Random(f"{draw} {page.record_id}").random() for page in pages]
        exchanged = [
            page._replace(before=None if place < 0.2 else page.before, after=None if 0.2 <= place < 0.4 else page.after)
            for place, page in zip(places, pages, strict=True)
        ]
        comparison = compared(encoder, exchanged, Plan(3, seed=draw)).rows[0].comparison
        alarms += comparison.p < 0.05
    assert stats.binom.cdf(8, 60, 0.05) > 0.997
    assert alarms <= 8


def test_a_finished_training_is_not_done_again(encoder: Encoder, tmp_path: Path):
    done = []

    def counted(found, encoder, texts):
        proxy = ngram_proxy(found, encoder, texts)
        return dataclasses.replace(proxy, train=lambda *given: done.append(1) or proxy.train(*given))

    def interrupted(found, encoder, texts):
        proxy = counted(found, encoder, texts)

        def train(stream, seed, beginning):
            if len(done) == 3:
                raise KeyboardInterrupt
            return proxy.train(stream, seed, beginning)

        return dataclasses.replace(proxy, train=train)

    came = [Document(f"n{n}", f"n{n}", None, None, mixed(n, 1.0)) for n in range(9)]
    asked = ("test", corpus() + came, held_out())
    with pytest.raises(KeyboardInterrupt):
        compare_corpora(*asked, interrupted, encoder, Plan(4), str(tmp_path))
    resumed = compare_corpora(*asked, counted, encoder, Plan(4), str(tmp_path))
    assert len(done) == 8
    assert resumed == compare_corpora(*asked, counted, encoder, Plan(4), str(tmp_path))
    assert len(done) == 8
    # another treatment has the corpus before in common, other texts to judge on have nothing
    other = [Document(f"o{n}", f"o{n}", None, None, text(f"o{n}")) for n in range(9)]
    compare_corpora("other", corpus() + other, held_out(), counted, encoder, Plan(4), str(tmp_path))
    assert len(done) == 12
    compare_corpora("other", corpus() + other, held_out(19), counted, encoder, Plan(4), str(tmp_path))
    assert len(done) == 20
    assert resumed == compare_corpora(*asked, ngram_proxy, encoder, Plan(4))


def test_pairs_end_when_all_is_decided(encoder: Encoder):
    told = []
    plan = Plan(8, until_decided=True)
    found = compared(encoder, damaged(), plan, told=lambda done, of: told.append((done, of)))
    comparison = found.rows[0].comparison
    assert comparison.decided and 2 < comparison.pairs < 8
    assert told == [(n + 1, 16) for n in range(2 * comparison.pairs)]


def test_a_treatment_without_effect_trains_nothing(encoder: Encoder):
    def never(found, encoder, texts):
        raise AssertionError

    found = compare_corpora("none", corpus(), held_out(), never, encoder, Plan(4), notes=["a note"])
    assert (found.rows, found.notes) == ((), ("a note", "it changes no document"))


def test_a_domain_is_judged_by_the_bits_per_byte_of_all_its_text(encoder: Encoder):
    """A long text and short ones, of which a proxy loses 9, 1 and 2 nats more by the stream after, in every pair."""
    texts = ("a" * 90, "b" * 4, "汉字")
    more = np.array([9.0, 1.0, 2.0])

    def make(found, encoder, texts):
        sides = itertools.cycle([0.0, 1.0])  # before, after, and so on

        def train(stream, seed, beginning):
            return (100 + next(sides) * more)[None]

        return dataclasses.replace(ngram_proxy(found, encoder, texts), train=train)

    found = compare_corpora("test", damaged(), [Validation("d", "en", texts)], make, encoder, Plan(2))
    assert found.rows[0].comparison.mean == pytest.approx(12 / math.log(2) / 100)


def test_what_cannot_be_judged_is_refused(encoder: Encoder):
    with pytest.raises(Refused, match="2 at least"):
        Plan(1)
    alone = [Validation("alone", "zh", ("一句话",))]
    with pytest.raises(Refused, match=r"alone \(zh\) has one text"):
        compare_corpora("test", corpus(), alone, ngram_proxy, encoder, Plan(2))
    with pytest.raises(Refused, match="nothing to validate"):
        compare_corpora("test", corpus(), [], ngram_proxy, encoder, Plan(2))


@pytest.mark.parametrize("seeded", [False, True])
def test_texts_face_each_other_where_the_order_of_training_matters(encoder: Encoder, seeded: bool):
    """An n-gram is spared the cut that it takes."""
    streams = []

    def watched(found, encoder, texts):
        proxy = ngram_proxy(found, encoder, texts)

        def train(stream, seed, beginning):
            streams.append(stream)
            return proxy.train(stream, seed, beginning)

        return dataclasses.replace(proxy, seeded=seeded, train=train)

    compare_corpora("test", damaged(), held_out(), watched, encoder, Plan(2))
    assert len(streams) == 4
    for before, after in zip(streams[::2], streams[1::2], strict=True):
        facing = [len(stream.parts[1]) for stream in (before, after)]
        assert facing[0] == facing[1] and (facing[0] > 0) == seeded
