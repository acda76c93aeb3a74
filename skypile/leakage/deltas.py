"""Differences between the losses of two sets of items, how sure they are, and how far clean models lie apart.

Delta1 = L_test - L_reference and Delta2 = L_test - L_train, as Skywork-13B's report has them (section on leakage, Table
8). Two things are missing there:

- Delta1 of a clean model is not 0: it is what the look-alikes are harder or easier than the test (the report's clean
  models show +0.02 and +0.03). So it is *calibrated*: that of clean models on the same texts is taken away. The error
  is that of the items (bootstrap, the same items for all models) and that of clean models among themselves.
- Delta2 has an exact null. Where train and test are a random split, any other split is as likely for a model that has
  seen neither; permuting the items gives p without further assumptions. If there are clean models, what they find hard
  in an item is taken away first (by a factor fitted on all items together, which no permutation changes): p stays
  exact, and the test sees smaller differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

from skypile.leakage.measure import ItemLosses

DRAWS: Final = 9_999  # permutations
SMALLEST_P: Final = 1 / (1 + DRAWS)  # theirs; of a t-distribution nothing further out is believed either
BOOTSTRAP: Final = 2_000
POWER: Final = 0.8

# What is believed of clean models before they are seen: that Delta1 of any two differs by a standard deviation of 0.02,
# as sure as if five models had shown it. The report's three without a sign (MOSS, LLaMA2, Skywork) have one of 0.01.
CLEAN_SPREAD: Final = 0.02
CLEAN_FREEDOM: Final = 4


class Interval(NamedTuple):
    """A difference in nats per token, and its 95 % interval."""

    value: float
    low: float
    high: float


class Calibrated(NamedTuple):
    """Delta1 less that of clean models.

    Attributes:
        value, low, high: as in `Interval`; the interval is over items and over clean models.
        p: of a value so low, one-sided.
        visible: the smallest fall that is found in 80 % of the cases.
        spread: standard deviation of Delta1 among clean models, believed and seen.
    """

    value: float
    low: float
    high: float
    p: float
    visible: float
    spread: float


class Split(NamedTuple):
    """Delta2 against other splits of the same items.

    Attributes:
        value: Delta2, less what clean models explain of it.
        p: two-sided.
        visible: the smallest size that is found in 80 % of the cases.
    """

    value: float
    p: float
    visible: float


def interval(first: ItemLosses, second: ItemLosses, seed: int) -> Interval:
    """The difference of two sets' losses, its interval by a bootstrap over the items of each."""
    drawn = _resampled([first], seed)[0] - _resampled([second], seed + 1)[0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(first.loss - second.loss, float(low), float(high))


def calibrated(
    model: tuple[ItemLosses, ItemLosses], clean: Sequence[tuple[ItemLosses, ItemLosses]], seed: int, alpha: float
) -> Calibrated:
    """Delta1 of a model less the mean of clean ones'; of each its losses on the test and on the reference items."""
    all_models = [model, *clean]
    deltas = np.array([test.loss - reference.loss for test, reference in all_models])
    tests = _resampled([test for test, _ in all_models], seed)
    drawn = tests - _resampled([reference for _, reference in all_models], seed + 1)
    of_items = float((drawn[0] - drawn[1:].mean(axis=0)).var())
    number = len(clean)
    seen = float(((deltas[1:] - deltas[1:].mean()) ** 2).sum())
    believed = CLEAN_FREEDOM + number - 1
    spread = (CLEAN_FREEDOM * CLEAN_SPREAD**2 + seen) / believed
    of_models = spread * (1 + 1 / number)
    error = (of_items + of_models) ** 0.5
    freedom = believed * ((of_items + of_models) / of_models) ** 2  # Satterthwaite's; the items' are many
    value = float(deltas[0] - deltas[1:].mean())
    margin = float(stats.t.ppf(0.975, freedom)) * error
    p = max(SMALLEST_P, float(stats.t.cdf(value / error, freedom)))
    visible = float(stats.t.ppf(1 - alpha, freedom) + stats.t.ppf(POWER, freedom)) * error
    return Calibrated(value, value - margin, value + margin, p, visible, spread**0.5)


def split(
    model: tuple[ItemLosses, ItemLosses], clean: Sequence[tuple[ItemLosses, ItemLosses]], seed: int, alpha: float
) -> Split:
    """Delta2 of a model against random splits; of each model its losses on the test and on the train items."""
    tokens = np.concatenate([one.tokens for one in model])
    excess = _excess(model)
    if clean:
        control = np.mean([_excess(one) for one in clean], axis=0)
        square = float(control @ control)
        excess = excess - (float(excess @ control) / square if square else 0.0) * control
    size, total, whole = len(model[0].nats), excess.sum(), tokens.sum()

    def difference(chosen: np.ndarray) -> float:
        nats, share = excess[chosen].sum(), tokens[chosen].sum()
        return float(nats / share - (total - nats) / (whole - share))

    value = difference(np.arange(size))
    drawn = np.random.default_rng(seed)
    others = np.array([difference(drawn.permutation(len(tokens))[:size]) for _ in range(DRAWS)])
    as_far = int((np.abs(others) >= abs(value) * (1 - 1e-9)).sum())
    visible = float(others.std() * (stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(POWER)))
    return Split(value, (1 + as_far) / (1 + DRAWS), visible)


def _excess(sets: tuple[ItemLosses, ItemLosses]) -> np.ndarray:
    """What each item costs more than as many tokens do on average: float64 [items of both]."""
    nats = np.concatenate([one.nats for one in sets])
    tokens = np.concatenate([one.tokens for one in sets])
    return np.asarray(nats - nats.sum() / tokens.sum() * tokens)


def _resampled(models: Sequence[ItemLosses], seed: int) -> np.ndarray:
    """Losses of models on the same items drawn again and again: float64 [models, BOOTSTRAP]."""
    nats = np.stack([one.nats for one in models], axis=1)
    tokens = np.stack([one.tokens for one in models], axis=1)
    number = len(nats)
    drawn = np.random.default_rng(seed)
    found = np.empty((len(models), BOOTSTRAP))
    for draw in range(BOOTSTRAP):
        times = np.bincount(drawn.integers(0, number, number), minlength=number)
        found[:, draw] = (times @ nats) / (times @ tokens)
    return found
