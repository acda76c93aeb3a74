"""The encoder against SentencePiece itself, on every text and kind of model there is."""

import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.tokenize_stress import SPECIAL
from skypile.tokens import encoder as encoder_module
from skypile.tokens.encoder import Encoder, default_model_path
from skypile.tokens.joining import LANES
from skypile.tokens.kernels import BLOCK, KEY_BYTES
from skypile.tokens.piece_model import ModelError
from tests.tokens import models

HARD = [
    "",
    " ",
    "   a",
    "\0",
    "a\0b\0",
    "▁",
    "▁▁ ▁a",
    "a ▁ b",
    "line\r\nline\n\n\n",
    "👩‍👩‍👧‍👦 🏽 🇨🇳 e\u0301 \u200d\ufe0f",
    "<s></s><unk><0x41><reserved_1>",
    "\ufeff\ufffd\u2028 ก็ ﷽ 𠮷野家 \U0010ffff",
    "2023年9月1日，3.14159%",
    "中国人民共和国" * 3,
    "a" * 1000,
    "=" * 777 + " " + "-" * 333,
    "的" * 500,
    " " * 300,
    "ab" * KEY_BYTES,
    "x " * (BLOCK + 1),
]


@pytest.fixture(scope="module")
def default():
    return Encoder.load(), models.oracle(default_model_path())


def pieces_text(draws: list[str]) -> str:
    return "".join(draws).replace("▁", " ")


def test_hard_texts(default):
    encoder, reference = default
    models.assert_same(encoder, reference, HARD)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=30))
def test_any_unicode(default, texts):
    encoder, reference = default
    models.assert_same(encoder, reference, texts)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from(SPECIAL), max_size=60).map("".join), max_size=30))
def test_tricky_unicode(default, texts):
    encoder, reference = default
    models.assert_same(encoder, reference, texts)


def test_the_table_starts_with_the_pieces_as_texts_spell_them():
    encoder = Encoder.load()
    known = encoder._chunks._entries.copy()
    encoder.encode_batch(["the weather of the day"])
    assert np.array_equal(encoder._chunks._entries, known)  # nothing had to be joined


def test_random_runs_of_pieces(default):
    encoder, reference = default
    rng = random.Random(1)
    texts = [pieces_text(rng.choices(encoder.model.pieces, k=rng.randrange(40))) for _ in range(4000)]
    models.assert_same(encoder, reference, texts)


def test_long_segments_use_the_heap(default):
    encoder, reference = default
    rng = random.Random(2)
    letters = ["a", "b", "aa", "ab", "th", "e", "r"]
    texts = ["".join(rng.choices(letters, k=rng.randrange(LANES // 2, 8 * LANES))) for _ in range(300)]
    models.assert_same(encoder, reference, texts)


def test_megabytes_without_a_space(default):
    encoder, reference = default
    models.assert_same(encoder, reference, ["ab" * 400_000, "的中" * 200_000, "é" * 100_000])


def test_results_do_not_depend_on_what_the_table_holds(default):
    encoder, reference = default
    small = Encoder.load(encoder.model.serialized, table_sets=1)
    rng = random.Random(3)
    texts = [pieces_text(rng.choices(encoder.model.pieces, k=30)) for _ in range(200)] + HARD
    for _ in range(2):
        models.assert_same(small, reference, texts)


def test_batches_over_the_chunk_limit(default, monkeypatch):
    encoder, reference = default
    monkeypatch.setattr(encoder._chunks, "chunk_bytes", 50)
    models.assert_same(encoder, reference, [*HARD, "short", "", "x" * 49, ""])


def test_empty_batches_and_types(default):
    encoder, _ = default
    for texts in ([], [""], ["", ""]):
        ids, offsets = encoder.encode_batch(texts)
        assert ids.dtype == np.uint16 and len(ids) == 0
        assert offsets.dtype == np.int64 and offsets.tolist() == [0] * (len(texts) + 1)


def test_arrow_arrays_are_texts(default):
    encoder, _ = default
    for kind in (pa.string(), pa.large_string()):
        array = pa.array(["x", *HARD, "x"], kind).slice(1, len(HARD))
        for given_, wanted in zip(encoder.encode_batch(array), encoder.encode_batch(HARD), strict=True):
            assert np.array_equal(given_, wanted)


def test_what_is_no_text_is_refused_by_name(default):
    encoder, _ = default
    with pytest.raises(ValueError, match=r"text 1 holds a lone surrogate '\\ud83d' at character 2"):
        encoder.encode_batch(["fine", "ab\ud83d"])
    with pytest.raises(ValueError, match="1 of 2 texts are null"):
        encoder.encode_batch(pa.array(["a", None]))
    with pytest.raises(ValueError, match="text 0 is NoneType"):
        encoder.encode_batch([None])
    with pytest.raises(ValueError, match="takes a list"):
        encoder.encode_batch("hello")
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")]
    )
    with pytest.raises(ValueError, match=r"(?i)utf-?8"):
        encoder.encode_batch(broken)


def test_decoding_gives_the_texts_back(default):
    encoder, _ = default
    texts = [text for text in HARD if "▁" not in text and "\0" not in text]
    assert encoder.decode_batch(*encoder.encode_batch(texts)) == texts


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"add_dummy_prefix": False},
        {"remove_extra_whitespaces": True},
        {"normalization_rule_name": "nmt_nfkc"},
        {"treat_whitespace_as_suffix": True},
        {"user_defined_symbols": ["<tag>", "<tag>>", "ab", "▁▁"]},
        {"user_defined_symbols": ["hello"], "add_dummy_prefix": False},
        {"split_digits": True, "vocab_size": 340},
        {"split_by_whitespace": False},
    ],
    ids=str,
)
def test_other_bpe_models(options):
    data = models.train(**options)
    rng = random.Random(4)
    letters = [*"abel =今天不错hworld,  ▁１①é", "<tag>", "<tag>>", "  ", "hello", "\n"]
    texts = ["".join(rng.choices(letters, k=rng.randrange(30))) for _ in range(500)]
    models.assert_same(Encoder.load(data), models.oracle(data), [*texts, *HARD])


def test_models_without_a_piece_for_the_space():
    data = models.model({"a": -1.0, "b": -2.0, "ab": -3.0})
    models.assert_same(Encoder.load(data), models.oracle(data), ["a b ab", " ", "▁ab", "aab  b"])


def test_characters_that_are_parts_of_pieces_only():
    data = models.model({"▁": -1.0, "xy": -2.0, "xyz": -3.0, "▁x": -4.0})
    models.assert_same(Encoder.load(data), models.oracle(data), ["xyz", "x", "xy z", "zyx", "yz xxyzz"])


def test_equal_scores_take_the_leftmost():
    data = models.model({"a": 0.0, "b": 0.0, "c": 0.0, "bc": -1.0, "ab": -1.0, "aa": -1.0, "▁": -2.0})
    texts = ["abc", "bcab", "aabcc", "abcabcabc" * 20, "cab" * 40]
    models.assert_same(Encoder.load(data), models.oracle(data), texts)


def test_vocabularies_over_65536_get_wider_ids():
    words = {chr(0x4E00 + i // 300) + chr(0x5E00 + i % 300): -float(i) for i in range(66_000)}
    data = models.model({"▁": 1.0} | words)
    encoder = Encoder.load(data)
    assert encoder.encode_batch(["a"])[0].dtype == np.int32
    models.assert_same(encoder, models.oracle(data), list(words)[-500:])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"model_type": "unigram", "vocab_size": 285}, "of type UNIGRAM"),
        ({"byte_fallback": False, "vocab_size": 60}, "no byte fallback"),
    ],
    ids=str,
)
def test_models_that_cannot_be_exact_are_refused(model, words):
    with pytest.raises(ModelError, match=words):
        Encoder.load(models.train(**model))


def test_unused_pieces_are_refused():
    proto = models.proto.ModelProto.FromString(models.model({"▁": -1.0, "a": -2.0}))
    proto.pieces[-1].type = models.UNUSED
    with pytest.raises(ModelError, match="marked UNUSED"):
        Encoder.load(proto.SerializeToString())


def test_a_piece_with_a_nul_is_refused():
    with pytest.raises(ModelError, match="NUL"):
        Encoder.load(models.model({"▁": -1.0, "\0": -2.0}))


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {}}))
    with pytest.raises(ModelError, match=r"tokenizer\.model beside it"):
        Encoder.load(tmp_path / "tokenizer.json")


def test_chunk_bounds():
    assert list(encoder_module.chunk_bounds(np.array([5, 4, 20, 0, 1]), 10)) == [(0, 2), (2, 3), (3, 5)]
    assert list(encoder_module.chunk_bounds(np.array([], np.int64), 10)) == []


def test_llama_cases(shared_data):
    folder = shared_data / "tokenizer"
    encoder = Encoder.load(models.llama2(folder / "llama2-32k.tokenizer.json"))
    cases = (folder / "llama-spm-cases.inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
    answers = (folder / "llama-spm-cases.out").read_text(encoding="utf-8").split("\n")
    wrong = [
        text
        for text, answer in zip(cases, answers, strict=True)
        if encoder.encode(text).tolist() != list(map(int, answer.split()))
    ]
    assert len(cases) == 47 and wrong == []


@pytest.mark.parametrize("name", ["default", "llama2", "apache"])
def test_real_texts(shared_data, name):
    folder = shared_data / "tokenizer"
    model = {
        "default": lambda: default_model_path().read_bytes(),
        "llama2": lambda: models.llama2(folder / "llama2-32k.tokenizer.json"),
        "apache": lambda: (folder / "apache-spm-32k.model").read_bytes(),
    }[name]()
    texts = []
    for file in ("quality/zh_clean.jsonl", "quality/zh_raw.jsonl", "quality/human_quality_en.jsonl"):
        for line in (shared_data / file).read_text(encoding="utf-8").splitlines():
            texts += [value for value in json.loads(line).values() if isinstance(value, str)]
    for file in ("dedup/bbc.parquet", "dedup/zh_reviews.parquet"):
        texts += pq.read_table(shared_data / file)["text"].to_pylist()[:1500]
    models.assert_same(Encoder.load(model), models.oracle(model), texts)
