"""Pairs of tiny transformers: coupled in every way but the documents."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [models] is not installed")

from skypile.proxy.compact_vocabulary import END_OF_DOCUMENT
from skypile.proxy.comparison import Plan, compare_corpora
from skypile.proxy.streams import tokenise
from skypile.proxy.transformer_pairs import BLOCK, spelled, transformer_proxy
from skypile.proxy.transformer_pairs import compact as compact_vocabulary
from skypile.tokens.encoder import Encoder
from tests.proxy.corpus import corpus, damaged, held_out

TOKENS = 16 * 257 * 6  # six steps


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


def test_no_difference_is_none_and_damage_is_seen_at_every_rate(encoder: Encoder, tmp_path: Path):
    """Two trainings on one stream agree to the bit; with half the words wrong, a pair differs more than that."""
    make = transformer_proxy("1m", (3e-3, 1e-3), TOKENS)
    kept = str(tmp_path)
    same = [page._replace(after=f"{page.after} " if n == 0 else page.after) for n, page in enumerate(corpus(40))]
    found = compare_corpora("nearly none", same, held_out(4), make, encoder, Plan(2), kept)
    assert [row.rate for row in found.rows] == [3e-3, 1e-3]
    small = max(abs(row.comparison.mean) for row in found.rows)
    assert found.tokens == TOKENS and found.epochs[0] == pytest.approx(TOKENS / (40 / 2 * 301), rel=0.4)
    found = compare_corpora("damaged", damaged(1.0, 40), held_out(4), make, encoder, Plan(2), kept)
    assert all(row.comparison.mean > 5 * small for row in found.rows)
    again = compare_corpora("damaged", damaged(1.0, 40), held_out(4), make, encoder, Plan(2), kept)
    fresh = compare_corpora("damaged", damaged(1.0, 40), held_out(4), make, encoder, Plan(2))
    assert again == found == fresh
