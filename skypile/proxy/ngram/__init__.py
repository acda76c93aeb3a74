"""N-gram language models over token ids or characters: interpolated modified Kneser-Ney, as KenLM's.

    from skypile.proxy import ngram

    model = ngram.train([ngram.characters(texts)])
    ngram.perplexities(model, ngram.characters(others))

The cheapest model there is that can tell good text from bad: no seed, no learning rate, a million words in half a
second. Sorted counts (`count`) add and subtract, `estimate` makes a model of them, `score` applies it, `save` and
`load` keep it, `write_arpa` hands it to KenLM. Texts are ids and offsets, as `Encoder.encode_batch` gives them;
`characters` makes them of strings, `cut` of token shards.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from skypile.proxy.ngram.arpa import write_arpa
from skypile.proxy.ngram.arpa_reading import read_arpa
from skypile.proxy.ngram.counting import MEMORY, Counts, Texts, add, count, subtract
from skypile.proxy.ngram.estimation import estimate
from skypile.proxy.ngram.model import NgramModel, load, save
from skypile.proxy.ngram.scoring import known, perplexities, perplexity, score, text_scores
from skypile.proxy.ngram.texts import characters, cut

__all__ = [
    "Counts",
    "NgramModel",
    "Texts",
    "add",
    "characters",
    "count",
    "cut",
    "estimate",
    "known",
    "load",
    "perplexities",
    "perplexity",
    "read_arpa",
    "save",
    "score",
    "subtract",
    "text_scores",
    "train",
    "write_arpa",
]


def train(
    batches: Iterable[Texts],
    order: int = 5,
    prune: Sequence[int] = (),
    vocabulary: int = 0,
    memory: int = MEMORY,
    folder: str | Path | None = None,
) -> NgramModel:
    """`estimate` of `count`: the model of texts given as batches of ids and offsets."""
    return estimate(count(batches, order, memory, folder), prune, vocabulary)
