"""Small SentencePiece models for tests, and LLaMA-2's out of its tokenizer.json."""

import io
import json
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto

CONTROL, NORMAL, UNKNOWN, USER_DEFINED, UNUSED, BYTE = 3, 1, 2, 4, 5, 6

SENTENCES = ["hello world, hello there", "今天天气不错，今天很好", "abab abba baab = = ==", "a b  c   d"]


def train(**options) -> bytes:
    """A tiny BPE model trained here; the .model file's bytes."""
    out = io.BytesIO()
    settings = {
        "model_type": "bpe",
        "vocab_size": 320,
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "minloglevel": 2,
    } | options
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES * 20), model_writer=out, **settings)
    return out.getvalue()


def model(words: dict[str, float], **normalizer) -> bytes:
    """A BPE model with these pieces and scores, the control and byte pieces before them."""
    result = proto.ModelProto()
    for piece, kind in (("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)):
        result.pieces.add(piece=piece, score=0.0, type=kind)
    for byte in range(256):
        result.pieces.add(piece=f"<0x{byte:02X}>", score=0.0, type=BYTE)
    for piece, score in words.items():
        result.pieces.add(piece=piece, score=score, type=NORMAL)
    result.trainer_spec.model_type = proto.TrainerSpec.BPE
    result.trainer_spec.byte_fallback = True
    result.trainer_spec.vocab_size = len(result.pieces)
    result.normalizer_spec.name = "identity"
    result.normalizer_spec.remove_extra_whitespaces = False
    for name, value in normalizer.items():
        setattr(result.normalizer_spec, name, value)
    return result.SerializeToString()


def llama2(tokenizer_json: Path) -> bytes:
    """LLaMA-2's model. Its scores are the order of the merges (not of the ids: runs of spaces come last)."""
    content = json.loads(tokenizer_json.read_text(encoding="utf-8"))["model"]
    vocabulary, order = content["vocab"], {}
    for number, merge in enumerate(content["merges"]):
        order.setdefault(merge.replace(" ", "") if isinstance(merge, str) else "".join(merge), number)
    pieces = sorted(vocabulary, key=vocabulary.get)
    return model({piece: -float(order.get(piece, len(order) + vocabulary[piece])) for piece in pieces[259:]})


def oracle(model: bytes | Path) -> sentencepiece.SentencePieceProcessor:
    """SentencePiece itself."""
    data = model if isinstance(model, bytes) else Path(model).read_bytes()
    return sentencepiece.SentencePieceProcessor(model_proto=data)


def assert_same(encoder, reference: sentencepiece.SentencePieceProcessor, texts: list[str]) -> None:
    """The encoder's ids are SentencePiece's, text by text."""
    ids, offsets = encoder.encode_batch(texts)
    assert offsets[0] == 0 and offsets[-1] == len(ids) and len(offsets) == len(texts) + 1
    for number, expected in enumerate(reference.encode(texts)):
        given = ids[offsets[number] : offsets[number + 1]].tolist()
        assert given == expected, f"text {number}: {texts[number][:80]!r}"
