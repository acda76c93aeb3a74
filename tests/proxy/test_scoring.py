"""Losses of transformers on text: every token once, whatever the windows; proxies and Hugging Face's models."""

import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the models extra (PyTorch) is not installed")
pytest.importorskip("safetensors", reason="the models extra (safetensors) is not installed")

from skypile.errors import Refused  # noqa: E402
from skypile.proxy import scoring  # noqa: E402
from skypile.proxy.compact_vocabulary import END_OF_DOCUMENT, compact, count  # noqa: E402
from skypile.proxy.folder import Proxy  # noqa: E402
from skypile.proxy.model import Shape, build  # noqa: E402
from skypile.proxy.scoring import HuggingFaceScorer, ProxyScorer, score_ids  # noqa: E402
from skypile.tokens.encoder import Encoder  # noqa: E402
from skypile.tokens.huggingface import write_tokenizer_json  # noqa: E402
from tests.tokens import models  # noqa: E402

TEXTS = ["hello world, hello there", "今天天气不错，今天很好", "", "a", "abab abba baab = = == é"]
SHAPE = Shape(hidden=32, layers=2, heads=2, feed_forward=48, context=3, vocabulary=320)


@pytest.fixture(scope="module")
def proxy():
    encoder = Encoder.load(models.train())
    vocabulary = compact(encoder.model, count([encoder.encode_batch(TEXTS)[0]], len(encoder)), 1)
    return Proxy("small", build(SHAPE, 0), encoder, vocabulary)


def nats_by_hand(model, ids: list[int], context: int) -> float:
    """One token after the other; a window is left when it is full, and begins with the last token of the one before."""
    total, window = 0.0, ids[:1]
    for token in ids[1:]:
        with torch.no_grad():
            total -= float(model(torch.tensor([window]))[0, -1].log_softmax(-1)[token])
        window = [token] if len(window) == context else [*window, token]
    return total


def test_every_token_is_scored_once_behind_what_its_window_shows(proxy):
    found = ProxyScorer(proxy).score(TEXTS)
    assert found.bytes.tolist() == [len(text.encode()) for text in TEXTS]
    spelled, ends = proxy.vocabulary.spell_batch(*proxy.encoder.encode_batch(TEXTS))
    assert max(np.diff(ends)) > 2 * SHAPE.context  # else no window would be full
    for number in range(len(TEXTS)):
        ids = spelled[ends[number] : ends[number + 1]].tolist()
        assert found.tokens[number] == len(ids)
        assert found.nats[number] == pytest.approx(nats_by_hand(proxy.model, [END_OF_DOCUMENT, *ids], 3), rel=1e-5)


def test_texts_do_not_depend_on_their_company(proxy, monkeypatch):
    together = ProxyScorer(proxy).score(TEXTS).nats
    alone = np.concatenate([ProxyScorer(proxy).score([text]).nats for text in TEXTS])
    monkeypatch.setattr(scoring, "BATCH_TOKENS", 20)
    assert np.allclose(together, alone, rtol=1e-6)
    assert np.allclose(together, ProxyScorer(proxy).score(TEXTS).nats, rtol=1e-6)


def test_a_first_token_that_nothing_stands_before_is_not_scored(proxy):
    ids = np.array([5, 6, 7, 8], np.int64)
    whole, without = score_ids(proxy.model, [ids, ids], [9, None], 100, "cpu")
    assert without == pytest.approx(nats_by_hand(proxy.model, [5, 6, 7, 8], 100), rel=1e-5)
    assert whole == pytest.approx(nats_by_hand(proxy.model, [9, 5, 6, 7, 8], 100), rel=1e-5)


@pytest.fixture
def llama(tmp_path):
    """A folder as Hugging Face models have it: a LLaMA with chance weights, and a tokenizer with or without <s>."""
    transformers = pytest.importorskip("transformers", reason="the models extra (transformers) is not installed")

    def write(name: str = "llama", **special: str):
        folder = tmp_path / name
        folder.mkdir()
        (tmp_path / "small.model").write_bytes(models.train())
        write_tokenizer_json(tmp_path / "small.model", folder / "tokenizer.json")
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 10_000} | special
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        config = transformers.LlamaConfig(
            vocab_size=320,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=SHAPE.context,
            tie_word_embeddings=False,
        )
        torch.manual_seed(0)
        model = transformers.LlamaForCausalLM(config)
        model.save_pretrained(folder)
        return folder, model

    return write


@pytest.mark.parametrize(("special", "before"), [({"bos_token": "<s>"}, 1), ({"eos_token": "</s>"}, 2)])
def test_a_model_of_hugging_face_by_hand(llama, special, before):
    folder, model = llama(**special)
    found = HuggingFaceScorer(folder, "cpu").score(TEXTS)
    oracle = models.oracle(models.train())
    for number, text in enumerate(TEXTS):
        ids = oracle.encode(text)
        assert found.tokens[number] == len(ids) and found.bytes[number] == len(text.encode())
        by_hand = nats_by_hand(lambda x: model(x).logits, [before, *ids], SHAPE.context)
        assert found.nats[number] == pytest.approx(by_hand, rel=1e-5)


def test_without_a_beginning_the_first_token_and_its_bytes_are_left_out(llama):
    folder, model = llama()
    text = "今天天气不错"
    found = HuggingFaceScorer(folder, "cpu", context=50).score([text])
    oracle = models.oracle(models.train())
    ids = oracle.encode(text)
    assert found.tokens[0] == len(ids) - 1
    assert found.bytes[0] == len(text.encode()) - len(oracle.decode(ids[:1]).encode())
    assert found.nats[0] == pytest.approx(nats_by_hand(lambda x: model(x).logits, ids, 50), rel=1e-5)


def test_chance_weights_lose_what_chance_loses(llama):
    """Some log2(320) bits a token: a check of the units."""
    found = HuggingFaceScorer(llama(bos_token="<s>")[0], "cpu").score(TEXTS)
    assert found.nats.sum() / math.log(2) / found.tokens.sum() == pytest.approx(math.log2(320), rel=0.02)


def test_a_folder_without_a_model_is_refused(tmp_path, llama):
    with pytest.raises(Refused, match=r"is no folder: give the local folder of a model"):
        HuggingFaceScorer(tmp_path / "org" / "model", "cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="holds no causal model"):
        HuggingFaceScorer(tmp_path / "empty", "cpu")


def test_code_beside_a_model_is_not_run(llama):
    folder, _ = llama(bos_token="<s>")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(folder / 'was_run')!r}, 'w')\n")
    with pytest.raises(Refused, match="holds no causal model"):
        HuggingFaceScorer(folder, "cpu")
    assert not (folder / "was_run").exists()
