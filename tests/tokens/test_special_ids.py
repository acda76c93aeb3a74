"""A model's own special ids, wherever they stand: SentencePiece says which they are."""

import numpy as np
import pyarrow as pa
import pytest

from skypile.errors import Refused
from skypile.tokens.encoder import Encoder, default_model_path
from skypile.tokens.megatron import open_indexed
from skypile.tokens.piece_model import ModelError, load_piece_model
from skypile.tokens.shards import Packing, tokenize_batches
from tests.tokens.models import oracle, train

TEXTS = ["hello there", "今天很好", "a b"]

PLACES = [
    {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1},
    {"unk_id": 3, "bos_id": 2, "eos_id": 0, "pad_id": 1},
    {"unk_id": 1, "bos_id": 0, "eos_id": 3, "pad_id": 2},
    {"unk_id": 0, "bos_id": -1, "eos_id": 1, "pad_id": -1},
    {"unk_id": 2, "bos_id": 1, "eos_id": 3, "pad_id": 0, "eos_piece": "<|end|>", "pad_piece": "[PAD]"},
]


def packed(model: bytes, folder, **settings) -> tuple[np.ndarray, list[list[int]]]:
    """The one sequence of TEXTS, and their ids."""
    encoder = Encoder.load(model)
    batch = pa.RecordBatch.from_pydict({"text": TEXTS, "record_id": list("abc"), "url": ["http://a/"] * 3})
    tokenize_batches([batch], encoder, folder, "a", Packing(sequence_length=400, validation=0, **settings))
    [sequence] = open_indexed(folder / "train" / "a")
    return sequence, [encoder.encode(text).tolist() for text in TEXTS]


@pytest.mark.parametrize("places", PLACES, ids=lambda places: str(list(places.values())[:4]))
def test_documents_end_in_the_models_own_end(places, tmp_path):
    model = train(**places)
    reference = oracle(model)
    loaded = load_piece_model(model)
    assert loaded.end_of_sentence == reference.eos_id() == places["eos_id"]
    assert loaded.pad == (places["pad_id"] if places["pad_id"] >= 0 else None)
    sequence, ids = packed(model, tmp_path)
    stream = [token for text in ids for token in [*text, reference.eos_id()]]
    assert sequence[: len(stream)].tolist() == stream
    padding = places["pad_id"] if places["pad_id"] >= 0 else reference.eos_id()
    assert set(sequence[len(stream) :].tolist()) == {padding}


def test_a_model_without_an_end_is_refused_unless_one_is_named(tmp_path):
    model = train(eos_id=-1, control_symbols=["<doc>"])
    assert oracle(model).eos_id() == -1 and load_piece_model(model).end_of_sentence is None
    with pytest.raises(ModelError, match=r"names no end of sentence.*<doc>"):
        packed(model, tmp_path)
    assert not list(tmp_path.iterdir())  # before anything is written
    named = oracle(model).piece_to_id("<doc>")
    sequence, ids = packed(model, tmp_path, end_of_document=named)
    assert sequence[len(ids[0])] == named


def test_an_end_that_text_can_spell_is_none(tmp_path):
    model = train(eos_id=-1, user_defined_symbols=["</s>"])
    assert oracle(model).eos_id() == -1 and oracle(model).piece_to_id("</s>") in oracle(model).encode("a</s>")
    with pytest.raises(ModelError, match="names no end of sentence"):
        packed(model, tmp_path)


@pytest.mark.parametrize("setting", ["end_of_document", "padding"])
def test_ids_that_are_no_control_piece_are_refused(setting, tmp_path):
    for number in (-1, 10**6, 300):
        with pytest.raises(Refused, match=str(number)):
            packed(train(), tmp_path, **{setting: number})


def test_the_default_vocabulary_ends_in_its_id_2():
    packing = Packing().for_model(load_piece_model(default_model_path()))
    assert (packing.end_of_document, packing.padding) == (2, 2)
