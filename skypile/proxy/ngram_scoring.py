"""N-grams over a tokenizer's pieces, kept in a file: trained on token shards, and their losses on texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skypile.errors import Refused
from skypile.proxy import ngram
from skypile.proxy.losses import Scores
from skypile.proxy.sequences import read_stream
from skypile.tokens.encoder import Encoder


def train_ngram(shards: str | Path, output: str | Path, tokens: int, encoder: Encoder, order: int = 5) -> int:
    """Train an n-gram on the first `tokens` of a folder of packed or shuffled shards. Returns how many those are.

    Raises:
        Refused: as `sequences.read_stream`.
    """
    stream = read_stream(shards, encoder.model, tokens)
    end = encoder.model.end_of_sentence
    assert end is not None  # read_stream refuses such a vocabulary
    ngram.save(ngram.train(ngram.cut(stream, end), order, vocabulary=len(encoder)), output)
    return len(stream)


class NgramScorer:
    """An n-gram of `train_ngram`'s. The end of a text is predicted but not counted: it has no bytes.

    Args:
        path: the model's file.
        encoder: of the vocabulary that it was trained in.

    Raises:
        Refused: no such file, or a model that shares out less than the whole vocabulary, whose unknown pieces would
            cost too little.
    """

    def __init__(self, path: Path, encoder: Encoder):
        self.name = path.stem
        self._model = ngram.load(path)
        self._encoder = encoder
        if self._model.vocabulary != len(encoder):
            raise Refused(
                f"{path} is over {self._model.vocabulary} words, the tokenizer has {len(encoder)}: losses are of "
                "n-grams over a tokenizer's pieces, trained with vocabulary=len(encoder)"
            )

    def score(self, texts: Sequence[str]) -> Scores:
        """See `losses.Scorer`."""
        ids, offsets = self._encoder.encode_batch(texts)
        nats = -math.log(10) * ngram.text_scores(self._model, (ids, offsets), ends=False)
        return Scores(nats, np.diff(offsets), np.array([len(text.encode()) for text in texts]))
