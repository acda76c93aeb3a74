"""The CUDA kernels against SentencePiece; `test_cuda_encoder` runs this file in Numba's simulator and on a GPU."""

import random
import sys

import numba
import numpy as np
import pytest

from benchmarks.tokenize_stress import random_text
from skypile.tokens import cuda_encoder, scanning
from skypile.tokens import cuda_kernels as kernels
from skypile.tokens import cuda_segments as segments
from skypile.tokens import kernels as compiled
from skypile.tokens.encoder import Encoder, default_model_path
from tests.tokens import models
from tests.tokens.test_encoder import HARD

SIMULATED = bool(numba.config.ENABLE_CUDASIM)
if SIMULATED:  # every thread is a Python thread: small blocks have more borders a byte, and wait less for each other
    from numba.cuda.simulator.kernelapi import FakeCUDAShared
    from numba.np.numpy_support import as_dtype

    def shared_array(self, shape, dtype):
        """One array a line, as the simulator has it, but also when two threads come to the line at once."""
        return self._allocations.setdefault(sys._getframe(1).f_lineno, np.empty(shape, as_dtype(dtype)))

    FakeCUDAShared.array = shared_array
    for module in (scanning, compiled, segments, kernels):  # a first warning adds it, while a thread reads the names
        module.__warningregistry__ = {}
    cuda_encoder.CHECK_EVERY = 4000
    THREADS = 16
    kernels.THREADS, kernels.TILE_BYTES = THREADS, kernels.STRETCH * (THREADS - kernels.HALO)
    kernels._SPAN, kernels._GROUPS = kernels.STRETCH * THREADS, THREADS // kernels._GROUP
    sys.setswitchinterval(1e-5)

TILE, LONGEST = kernels.TILE_BYTES, kernels.SEGMENT_BYTES

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # hashes wrap around


@pytest.fixture(scope="module")
def default():
    return Encoder.load(device="cuda"), models.oracle(default_model_path())


def test_hard_and_random_texts(default):
    encoder, reference = default
    rng = random.Random(1)
    texts = [random_text(rng, encoder.model.pieces[259:]) for _ in range(30 if SIMULATED else 3000)]
    models.assert_same(encoder, reference, HARD + texts)


def test_text_over_the_borders_of_stretches_and_tiles(default):
    encoder, reference = default
    words = "the naïve 天气 of 👩‍👩‍👧 is today's 中国人民共和国 — "
    for text in (words * (2 * TILE // len(words.encode()) + 1), "é" * TILE, "x" + "國" * (TILE // 3)):
        models.assert_same(encoder, reference, [text, text[1:]])


def test_texts_that_end_at_a_tiles_border(default):
    encoder, reference = default
    for size in (TILE - 1, TILE, TILE + LONGEST):
        models.assert_same(encoder, reference, ["a b" * (size // 3), "c", "", "1 2 " * (TILE // 4), "", "d"])


def test_a_device_that_gives_other_ids_is_refused(monkeypatch):
    encode = cuda_encoder.CudaEncoder.encode_chunk

    def wrong(self, buffer, lengths):
        ids, offsets = encode(self, buffer, lengths)
        ids[-1] ^= 1
        return ids, offsets

    monkeypatch.setattr(cuda_encoder.CudaEncoder, "encode_chunk", wrong)
    with pytest.raises(ValueError, match="gives other ids than the processor"):
        Encoder.load(device="cuda")


def test_many_short_texts_and_empty_ones(default):
    encoder, reference = default
    models.assert_same(encoder, reference, ["", "", *(chr(97 + i % 26) for i in range(300)), *[""] * 50, "z", ""])
    for texts in ([], [""], ["", ""]):
        ids, offsets = encoder.encode_batch(texts)
        assert ids.dtype == np.uint16 and offsets.dtype == np.int64
        assert len(ids) == 0 and offsets.tolist() == [0] * (len(texts) + 1)


def test_segments_as_long_as_fit_and_longer(default):
    encoder, reference = default
    lengths = (LONGEST - 1, LONGEST, LONGEST + 1, 2 * TILE)
    texts = [letters * (length // len(letters)) for length in lengths for letters in ("=", "ab", "th", "\U0010ffff")]
    models.assert_same(encoder, reference, [*texts, "short", "=" * LONGEST + " between " + "=" * 300 + "\n" + "-" * 99])


def test_ids_do_not_depend_on_the_table(default):
    _, reference = default
    texts = ["the weather of the day", "今天天气不错 \0 \0a", "xqz qqqqq jzjzjzjzjz 한국어"]
    models.assert_same(Encoder.load(device="cuda", table_sets=1), reference, texts)
    learned = Encoder.load(device="cuda")
    compiled = learned._chunks._compiled
    before = compiled.known.copy()
    models.assert_same(Encoder(learned.model, compiled), reference, texts)
    assert not np.array_equal(compiled.known, before)
    learned._chunks._entries.copy_to_device(compiled.known)
    models.assert_same(learned, reference, texts)


def test_models_without_a_piece_for_the_space():
    data = models.model({"a": -1.0, "b": -2.0, "ab": -3.0})
    texts = ["a b ab", " ", "▁ab", "aab é", " " * 40]
    models.assert_same(Encoder.load(data, device="cuda"), models.oracle(data), texts)


def test_equal_scores_join_the_leftmost():
    data = models.model({"a": -5.0, "aa": -1.0, "aaa": -1.0, "▁": -5.0, "▁a": -1.0})
    texts = ["a" * n for n in range(1, 12)]
    models.assert_same(Encoder.load(data, device="cuda"), models.oracle(data), texts)


def test_ids_of_32_bits():
    letters = "".join(map(chr, range(0x4E00, 0x9E00)))
    words = {
        letters[i % len(letters)] + letters[i // len(letters)] * (i >= len(letters)): -float(i) for i in range(65600)
    }
    data = models.model(words)
    encoder = Encoder.load(data, device="cuda")
    assert encoder.id_dtype == np.int32
    models.assert_same(encoder, models.oracle(data), ["".join(list(words)[-9:]) + " 今天x", "丁丂" * 9])


def test_normalisation_and_user_defined_pieces():
    data = models.train(normalization_rule_name="nmt_nfkc", user_defined_symbols=["<tag>"])
    encoder = Encoder.load(data, device="cuda")
    models.assert_same(encoder, models.oracle(data), ["ｈｅｌｌｏ  world", "a<tag>b <tag><tag>", "今天<ta"])
