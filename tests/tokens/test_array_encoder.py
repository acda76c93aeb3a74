"""The array encoder on device cpu gives the compiled encoder's ids."""

import random

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the models extra (PyTorch) is not installed")

from benchmarks.tokenize_stress import SPECIAL  # noqa: E402
from skypile.tokens.array_encoder import MAX_SYMBOLS, ArrayEncoder  # noqa: E402
from skypile.tokens.encoder import Encoder, default_model_path  # noqa: E402
from tests.tokens import models  # noqa: E402
from tests.tokens.test_encoder import HARD  # noqa: E402


@pytest.fixture(scope="module")
def default():
    torch.set_num_threads(1)
    return Encoder.load(device="torch:cpu"), models.oracle(default_model_path())


def random_texts(encoder, seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    letters = [*SPECIAL, "\U0010ffff", "ÿ", "\u0700", *encoder.model.pieces[300:3000:7]]
    return ["".join(rng.choices(letters, k=rng.randrange(60))) for _ in range(count)]


def test_hard_and_random_texts(default):
    encoder, reference = default
    models.assert_same(encoder, reference, HARD)
    models.assert_same(encoder, reference, random_texts(encoder, 1, 800))
    models.assert_same(encoder, reference, HARD)


def test_long_segments_go_to_the_compiled_encoder(default):
    encoder, reference = default
    models.assert_same(encoder, reference, ["ab" * MAX_SYMBOLS, "th" * (MAX_SYMBOLS // 2), "e" * 5000])


def test_empty_batches_and_types(default):
    encoder, _ = default
    for texts in ([], [""], ["", ""]):
        ids, offsets = encoder.encode_batch(texts)
        assert ids.dtype == np.uint16 and offsets.dtype == np.int64
        assert len(ids) == 0 and offsets.tolist() == [0] * (len(texts) + 1)


def test_a_full_table_starts_again():
    encoder = Encoder.load(models.train(), device="torch:cpu", max_known=40)
    reference = models.oracle(encoder.model.serialized)
    rng = random.Random(2)
    for _ in range(20):
        texts = ["".join(rng.choices("abelho wrd今天", k=rng.randrange(25))) for _ in range(10)]
        models.assert_same(encoder, reference, texts)
        assert len(encoder._chunks._known["hashes"]) <= 40


def test_colliding_hashes_never_change_ids(monkeypatch):
    monkeypatch.setattr(ArrayEncoder, "_hashes", lambda self, codes, starts, lengths: codes[starts] % 5)
    encoder = Encoder.load(models.train(), device="torch:cpu")
    reference = models.oracle(encoder.model.serialized)
    rng = random.Random(3)
    models.assert_same(encoder, reference, ["".join(rng.choices("abel =今天", k=20)) for _ in range(40)])


def test_models_without_a_piece_for_the_space():
    data = models.model({"a": -1.0, "b": -2.0, "ab": -3.0})
    models.assert_same(Encoder.load(data, device="torch:cpu"), models.oracle(data), ["a b ab", " ", "▁ab", "aab é"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_same_ids():
    encoder = Encoder.load(device="cuda")
    models.assert_same(encoder, models.oracle(default_model_path()), HARD + random_texts(encoder, 4, 2000))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_named():
    with pytest.raises(ValueError, match="finds no CUDA device"):
        Encoder.load(device="cuda")
