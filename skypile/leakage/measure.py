"""What a model loses on each item of a benchmark, and on the items in their published order and in shuffled ones.

An item is its question, its choices where it has any, and its answer, a space between, as in Skywork-13B's report
(section on leakage); a row that has only a `text` is that text. Losses are in nats per token of one reference
vocabulary, whatever the model's own, as in `proxy.losses`: so those of different models can be held against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skypile.decontamination.items import Item, read_items
from skypile.errors import Refused
from skypile.leakage.order import orders
from skypile.proxy.losses import Scorer

TRAIN, TEST, REFERENCE = "train", "test", "reference"
ORDERED = (TEST, TRAIN)  # sets whose order was published


@dataclass(frozen=True)
class ItemSet:
    """Items of one set.

    Attributes:
        texts: of the items, in their published order.
        tokens: int64 [n], of each in the reference vocabulary.
    """

    texts: tuple[str, ...]
    tokens: np.ndarray


@dataclass(frozen=True)
class ItemLosses:
    """What a model loses on the n items of a set.

    Attributes:
        nats: float64 [n], the sum of -ln p.
        tokens: float64 [n], tokens of the reference vocabulary that were scored.
    """

    nats: np.ndarray
    tokens: np.ndarray

    @property
    def loss(self) -> float:
        """Nats per token, over all items together."""
        return float(self.nats.sum() / self.tokens.sum())


@dataclass(frozen=True)
class Measured:
    """What a model loses.

    Attributes:
        name: the model's.
        losses: by set.
        orders: by set, float64 [shards, orders]: ln p of runs of its items, the published order first.
    """

    name: str
    losses: dict[str, ItemLosses]
    orders: dict[str, np.ndarray]


def item_set(path: str, count: Callable[[Sequence[str]], np.ndarray]) -> ItemSet:
    """Read the items of a file (JSONL or Parquet, see `decontamination.items`); `count` gives the tokens of texts.

    Raises:
        Refused: what `read_items` refuses, and fewer than two items, which have no spread.
    """
    texts = tuple(text_of(item) for item in read_items([path], whole=True))
    if len(texts) < 2:
        raise Refused(f"{path} holds {len(texts)} items: at least two are needed to see how far items lie apart")
    return ItemSet(texts, np.asarray(count(texts), np.int64))


def text_of(item: Item) -> str:
    """
    >>> text_of(Item("gsm8k", "0", "What is 2 + 3?", (), "2 + 3 = 5"))
    'What is 2 + 3? 2 + 3 = 5'
    """
    return " ".join(part for part in (item.question, *item.choices, item.answer) if part)


def measure(model: Scorer, sets: Mapping[str, ItemSet], shuffles: int, seed: int) -> Measured:
    """Score all items once, and the runs of `orders` 1 + `shuffles` times (0: not at all).

    Raises:
        Refused: a set of which the model scores nothing, or a loss that is no number.
    """
    losses = {name: _losses(model, name, one) for name, one in sets.items()}
    found = {}
    for name in ORDERED if shuffles else ():
        runs = orders(sets[name].texts, shuffles, seed)
        if runs:
            nats = model.score([text for run in runs for text in run]).nats
            if not np.isfinite(nats).all():
                raise Refused(
                    f"{model.name} loses no number on a run of {name} items: are its weights whole, its context long "
                    "enough?"
                )
            found[name] = -nats.reshape(len(runs), -1)
    return Measured(model.name, losses, found)


def _losses(model: Scorer, name: str, one: ItemSet) -> ItemLosses:
    scores = model.score(one.texts)
    if not np.isfinite(scores.nats).all():
        number = int(np.flatnonzero(~np.isfinite(scores.nats))[0])
        raise Refused(
            f"{model.name} loses {scores.nats[number]} on {name} item {number} (from 0): are its weights whole?"
        )
    # where a model cannot score a text's first token, the denominator leaves out as large a share
    whole = np.array([len(text.encode()) for text in one.texts])
    tokens = one.tokens * scores.bytes / np.maximum(whole, 1)
    if not tokens.sum() > 0:
        raise Refused(f"{model.name} scores no token of the {len(one.texts)} {name} items; are they empty?")
    return ItemLosses(scores.nats, tokens)
