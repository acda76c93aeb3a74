"""Transformers trained on streams: both of a pair from the same beginning, on the same slots in the same order.

Two trainings of a transformer that differ in a few words part ways, and the more so the longer and the faster they
learn, until their difference is noise. So all trainings of a comparison begin with a common one, at the best rate, on
documents that none of them sees again; each then learns from its own stream at a rate that falls to nought. That is how
Llama 3 and OLMo 2 judged data ("annealing", arXiv 2407.21783; "microannealing", 2501.00656), made a pair.

Documents are spelled in one compact vocabulary for both corpora before they are laid into streams, so that a row stays
in its slot. Learning rates are trained side by side: with a single one, corpora can change places; one of them should
be small (Small runs and data curation, arXiv 2512.24503).

Needs the extra `[models]`.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xxhash

from skypile.proxy.compact_vocabulary import END_OF_DOCUMENT, CompactVocabulary, compact, count
from skypile.proxy.folder import shape_for
from skypile.proxy.model import SIZES, Transformer, build
from skypile.proxy.pairs import Proxy
from skypile.proxy.scoring import score_ids
from skypile.proxy.streams import Stream
from skypile.proxy.tokenised import Tokenised
from skypile.proxy.training import Training, optimizer, peak_rate, train, warm_up_of
from skypile.tokens.encoder import Encoder

BLOCK = 1 << 20  # tokens spelled at once

# Sequences in a step. A difference in the order of words is seen only by who has learned some: on 300,000 tokens the 1m
# lost 3.1 bits per byte on English pages in steps of 16 and 2.76 in such of 4.
BATCH = 4
# Entries of the vocabulary for each unit of width. The 1m spells a text in 1.15 times as many tokens with 4,096 as with
# 8,192, and trains on 1.45 times as many a second.
ENTRIES = 64
TOKENS = 100_000  # a training
COMMON = 4  # times as many before, in common: the 1m then loses 2.79 bits per byte on English pages
# Of the best rate for a single model. A high one lets small differences grow into noise: behind a common beginning the
# 1m said of 5 % of the words permuted, on English pages in 6 pairs, +0.0046 (sd of a pair 0.0030) from 0.01, +0.0037
# (0.0015) from 0.006, +0.0035 (0.0013) from 0.003 and +0.0021 (0.0008) from 0.001. Twice the tokens told no more at
# 0.003.
RATES = (0.3, 0.1)
PAIRS = 6
CHARACTERS = 1_000  # read of a validation text: scoring longer ones would take as long as the training
AT_ONCE = 2  # trainings on a CPU: steps so small keep one core busy, and hardly two


def rates_of(size: str) -> tuple[float, ...]:
    """The learning rates that a size is compared at, the second a small one; of the 1m 0.003 and 0.001."""
    return tuple(float(f"{share * peak_rate(SIZES[size]):.2g}") for share in RATES)


def transformer_proxy(
    size: str, rates: Sequence[float] | None = None, tokens: int = TOKENS, device: str = "cpu"
) -> Callable[[Tokenised, Encoder, Sequence[str]], Proxy]:
    """How to make a proxy of one of `model.SIZES`, trained on so many tokens at each rate (None: `rates_of`)."""
    rates = rates_of(size) if rates is None else rates

    def make(found: Tokenised, encoder: Encoder, texts: Sequence[str]) -> Proxy:
        most = min(SIZES[size].vocabulary, ENTRIES * SIZES[size].hidden)
        vocabulary = compact(encoder.model, count([found.ids], len(encoder)), 2, most)
        shape = shape_for(size, vocabulary)
        ids, offsets = vocabulary.spell_batch(*encoder.encode_batch(texts))
        parts = [ids[first:last].astype(np.int64) for first, last in pairwise(offsets.tolist())]
        length = shape.context + 1
        steps = max(1, tokens // (BATCH * length))
        at_once = AT_ONCE if device == "cpu" else 1
        threads = max(1, torch.get_num_threads() // at_once)

        def begun(stream: Stream, seed: int) -> _State:
            torch.set_num_threads(threads)  # of the thread that this runs in
            state = _State.new(build(shape, seed, device))
            settings = Training(COMMON * steps, BATCH, peak_rate(shape), warm_up_of(COMMON * steps), seed, floor=1.0)
            for _ in train(state.model, stream, settings, state.adam):
                pass
            return state

        def trained(stream: Stream, seed: int, beginning: _State) -> np.ndarray:
            torch.set_num_threads(threads)
            losses = []
            for rate in rates:
                state = beginning.copy()
                settings = Training(steps, BATCH, rate, warm_up=0, seed=seed, floor=0.0)
                for _ in train(state.model, stream, settings, state.adam):
                    pass
                before: list[int | None] = [END_OF_DOCUMENT] * len(parts)
                losses.append(score_ids(state.model, parts, before, shape.context, device))
            return np.stack(losses)

        kept = xxhash.xxh3_128_hexdigest(np.ascontiguousarray(vocabulary.kept).data)
        identity = f"{size} {[*rates]} {COMMON} + 1 times {steps} x {BATCH} {device.partition(':')[0]} {kept}"
        budget = steps * BATCH * length
        in_compact = spelled(found, vocabulary)
        return Proxy(identity, length, tuple(rates), True, in_compact, budget, trained, COMMON * budget, begun, at_once)

    return make


class _State(NamedTuple):
    """A model in training."""

    model: Transformer
    adam: torch.optim.AdamW

    @staticmethod
    def new(model: Transformer) -> "_State":
        return _State(model, optimizer(model))

    def copy(self) -> "_State":
        copied = _State.new(deepcopy(self.model))
        copied.adam.load_state_dict(deepcopy(self.adam.state_dict()))  # else both would write into one's moments
        return copied


def spelled(found: Tokenised, vocabulary: CompactVocabulary) -> Tokenised:
    """The same texts in a compact vocabulary, in a file beside that of the tokens."""
    path = Path(str(found.ids.filename)).with_name("compact.bin")
    kind = np.dtype(np.uint16 if len(vocabulary) <= 1 << 16 else np.int32)
    with path.open("wb") as file:
        for first in range(0, len(found.ids), BLOCK):
            file.write(vocabulary.spell(found.ids[first : first + BLOCK]).astype(kind).tobytes())
    sizes = np.diff(vocabulary.starts)
    starts = np.zeros(len(found.starts), np.int64)
    for number, (first, last) in enumerate(pairwise(found.starts.tolist())):
        starts[number + 1] = starts[number] + sizes[found.ids[first:last]].sum()
    return found._replace(ids=np.memmap(path, kind, "r"), starts=starts, end=END_OF_DOCUMENT)
