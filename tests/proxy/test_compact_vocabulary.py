"""A compact vocabulary loses nothing: what it spells decodes to the same text."""

import numpy as np
import pytest

from skypile.errors import Refused
from skypile.proxy.compact_vocabulary import CompactVocabulary, compact, count, with_spelling
from skypile.tokens.encoder import Encoder
from tests.tokens import models

TEXTS = [
    "the river rose again in spring, and the old bridge was closed",
    "春天河水又涨了，旧桥封闭。",
    " two  spaces\nand a line\n",
    "",
    "👩‍👩‍👧 é 𠮷 \U0010ffff 42",
    "the the the the 河水 河水 河水",
]


@pytest.fixture(scope="module")
def encoder():
    return Encoder.load()


def decoded(encoder: Encoder, vocabulary: CompactVocabulary, ids: np.ndarray) -> str:
    return encoder.processor.decode(vocabulary.kept[ids].tolist())


@pytest.mark.parametrize("at_least", [1, 2, 3, 1000])
def test_every_text_decodes_to_itself(encoder, at_least):
    """Texts that the counts come from, and others; at 1,000 all but the space is bytes."""
    ids = encoder.encode_batch(TEXTS[::2])[0]
    vocabulary = compact(encoder.model, count([ids], len(encoder)), at_least)
    spelled, ends = vocabulary.spell_batch(*encoder.encode_batch(TEXTS))
    assert len(ends) == len(TEXTS) + 1 and ends[-1] == len(spelled)
    for number, text in enumerate(TEXTS):
        assert decoded(encoder, vocabulary, spelled[ends[number] : ends[number + 1]]) == text.replace("▁", " ")
    assert len(vocabulary) == 258 or at_least < 1000


def test_kept_pieces_are_themselves_and_the_others_kept_ones_or_bytes():
    """Pieces: a b ▁ ab ba xy x. ab occurs three times, ba and xy once: ba is spelled b a, xy x and the byte of y."""
    data = models.model({"▁": -9, "a": -8, "b": -7, "x": -6, "ab": -3, "ba": -4, "xy": -5}, add_dummy_prefix=False)
    encoder = Encoder.load(data)
    pieces = encoder.model.pieces
    counts = np.zeros(len(encoder), np.int64)
    for piece, times in {"ab": 3, "ba": 2, "xy": 2, "a": 1, "b": 3}.items():
        counts[pieces.index(piece)] = times
    vocabulary = compact(encoder.model, counts, 3)
    names = [pieces[full] for full in vocabulary.kept]
    assert names[0] == "</s>" and names[1] == "<0x00>" and names[256] == "<0xFF>"
    assert names[257:] == ["▁", "a", "b", "ab"]  # a: once by itself and twice in ba; x: twice in xy

    def spelled(piece: str) -> list[str]:
        return [names[i] for i in vocabulary.spell(np.array([pieces.index(piece)]))]

    assert spelled("ab") == ["ab"] and spelled("ba") == ["b", "a"]
    assert spelled("xy") == ["<0x78>", "<0x79>"] and spelled("x") == ["<0x78>"]
    assert (
        spelled("▁") == ["▁"]
        and spelled("</s>") == ["</s>"]
        and spelled("<0x41>") == ["<0x41>"]
        and spelled("<unk>") == []
    )


def test_a_piece_is_spelled_in_the_fewest_that_are_kept():
    """abc def is two; the longest first would be abcd e f from the left and a b cdef from the right."""
    whole = ["abc", "def", "abcd", "cdef", "abcdef", "fz"]
    scores = {"▁": -30, **{piece: -number - 1 for number, piece in enumerate([*whole, *"abcdefz"])}}
    encoder = Encoder.load(models.model(scores, add_dummy_prefix=False))
    pieces = encoder.model.pieces
    counts = np.zeros(len(encoder), np.int64)
    counts[[pieces.index(piece) for piece in [*whole[:4], *"abcdef"]]] = 9
    vocabulary = compact(encoder.model, counts, 2)

    def spelled(piece: str) -> list[str]:
        return [pieces[vocabulary.kept[i]] for i in vocabulary.spell(np.array([pieces.index(piece)]))]

    assert spelled("abcdef") == ["abc", "def"]
    assert spelled("fz") == ["f", "<0x7A>"]


def test_at_most_so_many_are_kept(encoder):
    counts = count([encoder.encode_batch(["the the the the old old old bridge"])[0]], len(encoder))
    vocabulary = compact(encoder.model, counts, 1, 258 + 2)
    assert [encoder.model.pieces[i] for i in sorted(vocabulary.kept[257:])] == ["▁the", "▁old", "▁"]
    assert len(compact(encoder.model, counts, 1)) > 260


def test_what_is_kept_is_all_that_needs_to_be_stored(encoder):
    made = compact(encoder.model, count([encoder.encode_batch(TEXTS)[0]], len(encoder)), 2)
    again = with_spelling(encoder.model, made.kept)
    assert np.array_equal(made.spelling, again.spelling) and np.array_equal(made.starts, again.starts)


def test_ids_of_another_vocabulary_are_refused():
    with pytest.raises(Refused, match="id 9 in these tokens is none of a 5-piece"):
        count([np.array([1, 9, 2])], 5)


def test_bounds_that_leave_nothing_are_refused(encoder):
    counts = np.zeros(len(encoder), np.int64)
    with pytest.raises(Refused, match="at_least=0"):
        compact(encoder.model, counts, 0)
    with pytest.raises(Refused, match="a vocabulary of 258 has no room"):
        compact(encoder.model, counts, 1, 258)
