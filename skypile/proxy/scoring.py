"""Losses of transformers: our proxies, and any causal model in Hugging Face's format.

A text is scored in windows of the model's context, each token once. The first window begins with the id that stands
before a text in training (our end of document; a Hugging Face tokenizer's beginning of text, or where it has none its
end of text), so that the text's first token is scored too; a later one begins with the last token of the one before.
A model whose tokenizer names neither leaves the first token out, and its bytes.

Needs the extra `[models]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from skypile.errors import Refused
from skypile.proxy.compact_vocabulary import END_OF_DOCUMENT
from skypile.proxy.folder import Proxy
from skypile.proxy.losses import Scores
from skypile.proxy.model import precision

BATCH_TOKENS = 8_192  # in a batch of windows: 270 MB of float32 logits over a compact vocabulary, 2 GB over 65,536
MOST_CONTEXT = 4_096  # longer windows of a model that allows them cost memory and gain little


class ProxyScorer:
    """A proxy of ours."""

    def __init__(self, proxy: Proxy):
        self.name = proxy.name
        self._proxy = proxy
        self._device = str(next(proxy.model.parameters()).device)

    def score(self, texts: Sequence[str]) -> Scores:
        """See `losses.Scorer`."""
        ids, offsets = self._proxy.vocabulary.spell_batch(*self._proxy.encoder.encode_batch(texts))
        parts = [ids[first:last].astype(np.int64) for first, last in pairwise(offsets)]
        before = [END_OF_DOCUMENT] * len(parts)
        nats = score_ids(self._proxy.model, parts, before, self._proxy.model.shape.context, self._device)
        return Scores(nats, np.diff(offsets), np.array([len(text.encode()) for text in texts]))


class HuggingFaceScorer:
    """A causal model and its tokenizer in a local folder; no code of the folder's is run, nothing is downloaded.

    Args:
        path: the folder.
        device: PyTorch's name.
        context: tokens in a window; None: what the model allows, at most 4,096.

    Raises:
        Refused: no folder, or nothing that transformers can load from it.
    """

    def __init__(self, path: Path, device: str, context: int | None = None):
        if not path.is_dir():
            raise Refused(f"{path} is no folder: give the local folder of a model (a hub name is not enough)")
        try:
            import transformers
        except ImportError:
            raise ImportError(f'{path}: models of Hugging Face need the extra: pip install "skypile[models]"') from None
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
            model = transformers.AutoModelForCausalLM.from_pretrained(path, use_safetensors=True, **options)
        except (OSError, ValueError, KeyError) as error:
            told = " ".join(str(error).split())[:300]
            raise Refused(f"{path} holds no causal model that transformers loads ({told})") from None
        self.name = path.name
        self._device = device
        self._model = model.to(device).eval()
        allowed = getattr(model.config, "max_position_embeddings", None) or MOST_CONTEXT
        self._context = min(allowed, MOST_CONTEXT) if context is None else context
        first = self._tokenizer.bos_token_id
        self._before = self._tokenizer.eos_token_id if first is None else first

    def score(self, texts: Sequence[str]) -> Scores:
        """See `losses.Scorer`."""
        parts = [
            np.array(ids, np.int64)
            for ids in self._tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        ]
        if (unknown := self._tokenizer.unk_token_id) is not None and any((part == unknown).any() for part in parts):
            raise Refused(
                f"{self.name}: its vocabulary cannot spell some of these texts, and an <unk> costs less than what it "
                "stands for, so bits per byte would be too few; choose a model with byte fallback"
            )
        sizes = np.array([len(text.encode()) for text in texts])
        tokens = np.array([len(part) for part in parts])
        if self._before is None:
            dropped = [self._tokenizer.decode(part[:1], clean_up_tokenization_spaces=False) for part in parts]
            sizes -= np.array([len(text.encode()) for text in dropped], np.int64)
            tokens = np.maximum(tokens - 1, 0)
        before = [self._before] * len(parts)
        nats = score_ids(lambda ids: self._model(ids).logits, parts, before, self._context, self._device)
        return Scores(nats, tokens, sizes)


def score_ids(
    logits: Callable[[torch.Tensor], torch.Tensor],
    texts: Sequence[np.ndarray],
    before: Sequence[int | None],
    context: int,
    device: str,
) -> np.ndarray:
    """Sum of -ln p over each text's tokens: float64 [n].

    Args:
        logits: (batch, length) of ids -> (batch, length, vocabulary).
        texts: int64 ids of each.
        before: the id that stands before a text; None: its first token is not scored.
        context: tokens that a window shows to the model.
        device: where the ids go.
    """
    windows: list[tuple[int, np.ndarray]] = []
    for number, (ids, first) in enumerate(zip(texts, before, strict=True)):
        line = ids if first is None else np.concatenate([[first], ids])
        windows += [(number, line[at : at + context + 1]) for at in range(0, len(line) - 1, context)]
    windows.sort(key=lambda window: -len(window[1]))  # little padding; stable, so the same batches each time
    nats = np.zeros(len(texts))
    first_of_batch = 0
    while first_of_batch < len(windows):
        longest = len(windows[first_of_batch][1])
        batch = windows[first_of_batch : first_of_batch + max(1, BATCH_TOKENS // longest)]
        first_of_batch += len(batch)
        padded = np.zeros((len(batch), longest), np.int64)
        for row, (_, line) in enumerate(batch):
            padded[row, : len(line)] = line
        lost = _token_nats(logits, torch.from_numpy(padded).to(device), device)
        for row, (number, line) in enumerate(batch):
            nats[number] += lost[row, : len(line) - 1].sum()
    return nats


def _token_nats(logits: Callable[[torch.Tensor], torch.Tensor], ids: torch.Tensor, device: str) -> np.ndarray:
    """-ln p of each token but the first: float64 (batch, length - 1). Padding behind a text changes nothing in it."""
    with torch.inference_mode(), precision(device, False):
        found = logits(ids[:, :-1]).float()
        flat = functional.cross_entropy(found.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    return flat.view(len(ids), -1).double().cpu().numpy()
