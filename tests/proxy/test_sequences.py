"""From shards to sequences: nothing but padding is left out, and the order is the shards'."""

import numpy as np
import pyarrow as pa
import pytest

from skypile.errors import Refused
from skypile.proxy.compact_vocabulary import compact, count
from skypile.proxy.sequences import cut, read_stream
from skypile.tokens.encoder import Encoder
from skypile.tokens.shards import Packing, tokenize_batches
from tests.tokens import models

DOCUMENTS = {"b": ["hello world", "今天天气不错"], "a": ["abab abba baab", "hello there", "a b  c"], "c": ["hello"]}


@pytest.fixture
def encoder():
    return Encoder.load(models.train(pad_id=3))


def pack(encoder: Encoder, folder, **options) -> None:
    for name, texts in DOCUMENTS.items():
        ids = [f"{name}{number}" for number in range(len(texts))]
        batch = pa.RecordBatch.from_pydict({"text": texts, "record_id": ids, "url": pa.nulls(len(texts), pa.string())})
        tokenize_batches([batch], encoder, folder, name, Packing(16, validation=0.0, **options))


def expected(encoder: Encoder) -> list[int]:
    texts = [text for name in sorted(DOCUMENTS) for text in DOCUMENTS[name]]
    return [i for text in texts for i in [*encoder.encode(text).tolist(), encoder.model.end_of_sentence]]


@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("below", ["", "train"])
def test_the_stream_is_the_documents_in_order_of_shards(encoder, tmp_path, padding, below):
    """Padded with the padding piece, or with ends of documents; given the folder of all splits, or of one."""
    pack(encoder, tmp_path, padding=padding)
    stream = read_stream(tmp_path / below, encoder.model, 1000)
    assert stream.tolist() == expected(encoder)


def test_no_more_is_read_than_wanted(encoder, tmp_path, monkeypatch):
    pack(encoder, tmp_path)
    assert read_stream(tmp_path, encoder.model, 20).tolist() == expected(encoder)[:20]
    monkeypatch.setattr("skypile.proxy.sequences._BLOCK", 7)
    assert read_stream(tmp_path, encoder.model, 1000).tolist() == expected(encoder)


def test_sequences_hold_the_spelled_stream(encoder, tmp_path):
    pack(encoder, tmp_path)
    stream = read_stream(tmp_path, encoder.model, 1000)
    vocabulary = compact(encoder.model, count([stream], len(encoder)), 2)
    spelled = vocabulary.spell(stream)
    found = cut(stream, vocabulary, context=9)
    assert found.dtype == np.uint16 and found.shape == (len(spelled) // 10, 10)
    assert found.ravel().tolist() == spelled[: found.size].tolist()
    assert len(cut(stream, vocabulary, context=9, most=2)) == 2
    with pytest.raises(Refused, match="are less than one sequence of 1001"):
        cut(stream, vocabulary, context=1000)


def test_a_folder_without_shards_is_refused(encoder, tmp_path):
    with pytest.raises(Refused, match=r"holds no \.idx file"):
        read_stream(tmp_path, encoder.model, 10)
