"""What trains on a stream and is then judged: the n-gram here, transformers in `transformer_pairs`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from skypile.proxy import ngram
from skypile.proxy.streams import Stream
from skypile.proxy.tokenised import Tokenised
from skypile.tokens.encoder import Encoder

ORDER: Final = 5
PAIRS: Final = 8  # of trainings, if nothing else is asked for
CHARACTERS: Final = 4_000  # read of a validation text
NGRAM_ROW: Final = 64  # tokens: an n-gram needs no rows, and short ones lose little where few documents differ


@dataclass(frozen=True)
class Proxy:
    """A way to train on streams of one pair of corpora, and to lose on the validation texts that it was made with.

    Attributes:
        identity: of all that shapes a training but its stream and seed.
        length: tokens in a row of the streams.
        rates: learning rates, each a training of its own; (None,) for what has none.
        seeded: whether a training depends on the pair's seed as well as on its stream.
        found: the tokens to make streams of.
        tokens: that a training sees, of a stream of more or over and over; None: the stream, once.
        train: (stream, seed, beginning) -> -ln p of each text, float64 [rates, texts].
        common: tokens of a beginning that all trainings have in common; 0: each starts from nothing.
        begin: (common stream, seed) -> such a beginning, for `train`, which leaves it as it is.
        at_once: trainings that are under way at the same time, each in a thread: 1, or 2 for both of a pair.
    """

    identity: str
    length: int
    rates: tuple[float | None, ...]
    seeded: bool
    found: Tokenised
    tokens: int | None
    train: Callable[[Stream, int, Any], np.ndarray]
    common: int = 0
    begin: Callable[[Stream, int], Any] = lambda stream, seed: None
    at_once: int = 1


def ngram_proxy(found: Tokenised, encoder: Encoder, texts: Sequence[str]) -> Proxy:
    """An n-gram over the tokenizer's pieces: interpolated modified Kneser-Ney of order 5.

    It has no initialisation and no order of training: two models of one stream are equal. What varies from pair to
    pair is the documents, and it is they that a comparison's interval is about.
    """
    ids, offsets = encoder.encode_batch(texts)

    def train(stream: Stream, seed: int, beginning: None) -> np.ndarray:
        return ngram_nats(stream, found.end, len(encoder), (ids, offsets))[None, :]

    return Proxy(f"n-gram {ORDER} {len(encoder)}", NGRAM_ROW, (None,), False, found, None, train)


def ngram_nats(stream: Stream, end: int, vocabulary: int, texts: ngram.Texts) -> np.ndarray:
    """-ln p of each text under the n-gram of a stream, the text's end not counted: float64 [texts].

    Args:
        stream: what it is trained on.
        end: id of the end of document, which parts the texts in it.
        vocabulary: pieces of the tokenizer, so that models of different corpora share out the same mass.
        texts: ids of the validation texts, and offsets.
    """
    parts = (part for run in stream.runs() if len(run) for part in ngram.cut(run, end))
    model = ngram.train(parts, ORDER, vocabulary=vocabulary)
    return -math.log(10) * ngram.text_scores(model, texts, ends=False)
