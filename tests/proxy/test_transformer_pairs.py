"""Pairs of tiny transformers: coupled in every way but the documents."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [models] is not installed")

from skypile.proxy.compact_vocabulary import END_OF_DOCUMENT
from skypile.proxy.comparison import Plan, compare_corpora
from skypile.proxy.corpora import Document
from skypile.proxy.tokenised import tokenise
from skypile.proxy.transformer_pairs import BATCH, BLOCK, rates_of, spelled, transformer_proxy
from skypile.proxy.transformer_pairs import compact as compact_vocabulary
from skypile.tokens.encoder import Encoder
from tests.proxy.corpus import corpus, damaged, held_out, text

TOKENS = 4 * BATCH * 257  # four steps


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load()


def test_one_spelling_for_both_corpora_leaves_each_text_where_it_was(encoder: Encoder, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("skypile.proxy.transformer_pairs.BLOCK", 100)
    assert BLOCK > 100
    found = tokenise(iter(damaged(0.5, 9)), encoder, tmp_path)
    counts = np.bincount(found.ids, minlength=len(encoder))
    vocabulary = compact_vocabulary(encoder.model, counts, 2, 270)  # thirteen pieces beside the bytes
    small = spelled(found, vocabulary)
    for number in range(len(found.kind)):
        text = found.ids[found.starts[number] : found.starts[number + 1]]
        assert small.ids[small.starts[number] : small.starts[number + 1]].tolist() == vocabulary.spell(text).tolist()
    assert len(small.ids) > len(found.ids) and small.end == END_OF_DOCUMENT
    assert (small.ids[small.starts[1:] - 1] == END_OF_DOCUMENT).all()


def test_a_slight_difference_is_slight_and_other_words_are_seen_at_every_rate(encoder: Encoder, tmp_path: Path):
    """Beginning, order and slots are shared: another letter in every eighth page is nearly nothing."""
    make, kept = transformer_proxy("1m", (3e-3, 1e-3), TOKENS), str(tmp_path)
    slight = [page._replace(after=f"x{text(n)[1:]}") if n % 8 == 0 else page for n, page in enumerate(corpus(40))]
    found = compare_corpora("slight", slight, held_out(4), make, encoder, Plan(2), kept)
    assert [row.rate for row in found.rows] == [3e-3, 1e-3]
    assert (found.common, found.tokens) == (4 * TOKENS, TOKENS)
    assert found.epochs[0] == pytest.approx(TOKENS / (40 / 4 * 301), rel=0.8)  # ten pages, as it falls
    small = max(abs(row.comparison.mean) for row in found.rows)
    shouted = [page._replace(after=page.after.upper()) for page in corpus(40) if page.after]
    found = compare_corpora("shouted", shouted, held_out(4), make, encoder, Plan(2), kept)
    assert 0 < 10 * small < min(row.comparison.mean for row in found.rows)
    # trained anew, and at the first rate alone: the same to the bit
    anew = compare_corpora("shouted", shouted, held_out(4), transformer_proxy("1m", (3e-3,), TOKENS), encoder, Plan(2))
    assert anew.rows[0] == found.rows[0]


def test_both_trainings_of_a_pair_at_once_are_what_they_are_one_after_the_other(encoder: Encoder, monkeypatch):
    """With one thread each, at the two rates of the size."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        asked = ("damaged", damaged(0.5, 40), held_out(4), transformer_proxy("1m", None, TOKENS), encoder, Plan(2))
        at_once = compare_corpora(*asked)
        monkeypatch.setattr("skypile.proxy.transformer_pairs.AT_ONCE", 1)
        assert compare_corpora(*asked).rows == at_once.rows
        assert tuple(row.rate for row in at_once.rows) == rates_of("1m") == (0.003, 0.001)
    finally:
        torch.set_num_threads(before)


def test_trainings_begin_in_common_and_leave_the_beginning_as_it_was(encoder: Encoder, tmp_path: Path):
    """One beginning for all, of documents that no pair sees; uncoupled one for each training, from its own seed."""
    begun, trained = [], []

    def watched(found, encoder, texts):
        proxy = transformer_proxy("1m", (1e-3,), BATCH * 257)(found, encoder, texts)

        def begin(stream, seed):
            begun.append((stream, seed, proxy.begin(stream, seed)))
            return begun[-1][2]

        def train(stream, seed, beginning):
            before = beginning.model.lm_head.weight.clone(), beginning.adam.state_dict()["state"][0]["exp_avg"].clone()
            losses = proxy.train(stream, seed, beginning)
            after = beginning.model.lm_head.weight, beginning.adam.state_dict()["state"][0]["exp_avg"]
            trained.append((stream, seed, all(a.equal(b) for a, b in zip(before, after, strict=True))))
            return losses

        return dataclasses.replace(proxy, begin=begin, train=train)

    pages = [Document(f"{n}", f"{n}", None, f"{text(n)} before{n}", f"{text(n)} after{n}") for n in range(60)]
    asked = ("test", pages, held_out(4), watched, encoder)
    compare_corpora(*asked, Plan(2), str(tmp_path))
    compare_corpora(*asked, Plan(2), str(tmp_path))
    assert len(begun) == 1 and len(trained) == 4 and all(same for *_, same in trained)
    rows = [{row.tobytes() for row in stream} for stream in (begun[0][0], *(stream for stream, *_ in trained))]
    assert not any(rows[0] & others for others in rows[1:])
    compare_corpora(*asked, Plan(2, coupled=False), str(tmp_path))
    assert (
        sorted(seed for _, seed, _ in begun[1:]) == sorted(seed for _, seed, _ in trained[4:]) == [0, 500, 1000, 1500]
    )
