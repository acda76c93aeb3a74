"""What a model loses on held-out text, so that models over other vocabularies can be compared.

A model's loss on a text is the sum of -ln p over its tokens, each given those before it. Per token it says nothing
across vocabularies: a vocabulary of longer pieces has fewer tokens, each harder. So three figures are given:

- *bits per byte*: the sum, in bits, over the text's bytes of UTF-8. No vocabulary plays a part. Beginning- and
  end-of-text ids are conditions at most, never counted.
- *perplexity*: exp of the loss per token of the model's own, comparable only over one vocabulary.
- *normalised perplexity* (Skywork-13B's report, section on validation loss): loss * own tokens / tokens of a reference
  vocabulary on the same text, and exp of it; that is the sum over a shared denominator.

The average over domains is exp of the unweighted mean of their log-perplexities, which gives every average in the
report's table of test sets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from skypile.errors import Refused
from skypile.proxy.validation import Validation


@dataclass(frozen=True)
class Scores:
    """What a model loses on each of n texts.

    Attributes:
        nats: float64 [n], the sum of -ln p.
        tokens: int64 [n], tokens that were scored.
        bytes: int64 [n], bytes of the text that they stand for.
    """

    nats: np.ndarray
    tokens: np.ndarray
    bytes: np.ndarray


class Scorer(Protocol):
    """A language model of any kind."""

    name: str

    def score(self, texts: Sequence[str]) -> Scores:
        """Losses of texts, each by itself."""
        ...


@dataclass(frozen=True)
class Loss:
    """A model's loss on one domain in one language, pooled over its texts.

    Attributes:
        reference_tokens: of the same bytes, in the reference vocabulary.
    """

    domain: str
    language: str
    texts: int
    bytes: int
    tokens: int
    reference_tokens: int
    nats: float

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.bytes

    @property
    def perplexity(self) -> float:
        return math.exp(self.nats / self.tokens)

    @property
    def normalised_perplexity(self) -> float:
        return math.exp(self.nats / self.reference_tokens)


def losses(model: Scorer, sets: Iterable[Validation], reference: Callable[[Sequence[str]], int]) -> list[Loss]:
    """One `Loss` a validation set, in their order.

    `reference` counts the tokens of texts in the vocabulary to normalise by, nothing added before or behind them.

    Raises:
        Refused: a set of which nothing can be scored.
    """
    found = []
    for one in sets:
        scores = model.score(one.texts)
        size = int(scores.bytes.sum())
        if not scores.tokens.sum() or not size:
            raise Refused(f"{one.domain}: {model.name} scores no token of its {len(one.texts)} texts; are they empty?")
        whole = sum(len(text.encode()) for text in one.texts)
        # where a model cannot score a text's first token, the denominators leave out as large a share
        tokens = max(1, round(reference(one.texts) * size / whole))
        found.append(
            Loss(
                domain=one.domain,
                language=one.language,
                texts=len(one.texts),
                bytes=size,
                tokens=int(scores.tokens.sum()),
                reference_tokens=tokens,
                nats=float(scores.nats.sum()),
            )
        )
    return found


def average(perplexities: Iterable[float]) -> float:
    """exp of the mean of the logarithms. average([1.0, 4.0]) -> 2.0"""
    logs = [math.log(perplexity) for perplexity in perplexities]
    return math.exp(sum(logs) / len(logs))


class Averages(NamedTuple):
    """Over rows, unweighted: the mean of bits per byte, and `average` of both perplexities."""

    bits_per_byte: float
    perplexity: float
    normalised_perplexity: float


def averages(found: Sequence[Loss]) -> Averages:
    """Those of one or more rows."""
    return Averages(
        sum(row.bits_per_byte for row in found) / len(found),
        average(row.perplexity for row in found),
        average(row.normalised_perplexity for row in found),
    )
