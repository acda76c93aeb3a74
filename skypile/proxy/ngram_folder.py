"""An n-gram proxy from token shards to a folder, and its losses on text.

    proxy.json            what it was trained on
    tokenizer.model       the vocabulary the shards were packed with
    model.ngram           the n-grams over its pieces (see `ngram`)

It needs no PyTorch and no choice of a learning rate, and trains a million tokens in seconds. Every piece of the
vocabulary has a share of the chances, seen or not, so that no text is unknown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skypile.errors import Refused
from skypile.proxy import ngram
from skypile.proxy.losses import Scores
from skypile.proxy.sequences import read_stream
from skypile.run_folder.identity import named_files
from skypile.run_folder.output import output_folder
from skypile.runtime import files
from skypile.tokens.encoder import Encoder, default_model_path
from skypile.tokens.piece_model import load_piece_model

ORDER = 5
PROXY, MODEL, NGRAMS = "proxy.json", "tokenizer.model", "model.ngram"


def train_ngram(shards: str, output: str, tokens: int, model: str | Path | None = None) -> Path:
    """Count and estimate an n-gram of order 5 on the first `tokens` tokens of the shards in a folder; its file.

    Raises:
        Refused: no shards, no text in them, or another vocabulary's.
        OutputRefused, FolderLocked: `output` holds something else, or another process writes to it.
    """
    path = Path(model or default_model_path())
    made_of = {
        "shards": files.absolute(shards),
        "files": named_files([shards]),
        "settings": {"size": "ngram", "order": ORDER, "tokens": tokens, "model": path.name},
    }
    folder = Path(output)
    with output_folder(output, "proxy", [shards, str(path)], made_of):
        if is_ngram(folder):
            return folder / NGRAMS
        pieces = load_piece_model(path)
        stream = read_stream(shards, pieces, tokens)
        if not len(stream):
            raise Refused(f"{shards} holds no tokens to train on")
        if int(stream.max()) >= len(pieces):
            raise Refused(
                f"id {stream.max()} in {shards} is none of a {len(pieces)}-piece vocabulary's: another one's?"
            )
        end = pieces.end_of_sentence
        assert end is not None  # else read_stream had refused
        made = ngram.train(ngram.cut(stream, end), ORDER, vocabulary=len(pieces))
        (folder / MODEL).write_bytes(pieces.serialized)
        (folder / PROXY).write_text(
            json.dumps({"size": "ngram", "order": ORDER, "tokens": len(stream)}, indent=1) + "\n"
        )
        ngram.save(made, folder / NGRAMS)  # last: whoever finds it finds the rest
    return folder / NGRAMS


def is_ngram(folder: Path) -> bool:
    """Whether `train_ngram` has made a model there."""
    return (folder / NGRAMS).exists()


class NgramScorer:
    """The n-gram proxy in a folder."""

    def __init__(self, folder: Path):
        self.name = folder.name
        self._encoder = Encoder.load(folder / MODEL)
        self._model = ngram.load(folder / NGRAMS)

    def score(self, texts: Sequence[str]) -> Scores:
        """See `losses.Scorer`. A text's end is not counted."""
        ids, offsets = self._encoder.encode_batch(texts)
        nats = -math.log(10) * ngram.text_scores(self._model, (ids, offsets), ends=False)
        return Scores(nats, np.diff(offsets), np.array([len(text.encode()) for text in texts]))
