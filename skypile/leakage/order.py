"""Is the published order of a benchmark's items likelier to a model than others?

Who trained on the benchmark's file as it is has seen the items one behind the other, and finds each likelier behind the
one that it stood behind; to a model that has not, where the items are in no order, all orders are alike. That needs no
clean model and no look-alikes (Oren, Meister, Chatterji, Ladhak and Hashimoto, "Proving Test Set Contamination in Black
Box Language Models", 2023). It finds only what was trained on in that order, and within one context.

As there, items are taken in runs. In place of their t-test over runs: under the null the published order is any one of
the orders that were scored, in each run by itself. So drawing one order a run, many times, gives the distribution of
the sum, and an exact p without scoring anything again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

RUN: Final = 10  # items in a run: nine neighbours in ten are seen, and of a run no more than needed is a context
MOST_RUNS: Final = 100  # of a set, evenly spread: what takes longer finds little more
DRAWS: Final = 9_999
BETWEEN: Final = "\n\n"
_BLOCK: Final = 1_000  # draws at once


def orders(texts: Sequence[str], shuffles: int, seed: int) -> list[list[str]]:
    """Runs of neighbouring items, each as one text in its published order and then in `shuffles` others."""
    starts = np.arange(0, len(texts) - RUN + 1, RUN)
    if len(starts) > MOST_RUNS:
        starts = starts[np.linspace(0, len(starts) - 1, MOST_RUNS).round().astype(np.int64)]
    drawn = np.random.default_rng(seed)
    found = []
    for start in starts.tolist():
        run = list(texts[start : start + RUN])
        others = [[run[place] for place in drawn.permutation(RUN)] for _ in range(shuffles)]
        found.append([BETWEEN.join(one) for one in [run, *others]])
    return found


def order_p(logs: np.ndarray, seed: int) -> float:
    """p of the published order being so likely by chance, one-sided, from ln p of runs: float64 [runs, orders].

    The published one is the first of each run's.
    """
    runs, number = logs.shape
    logs = logs - logs.mean(axis=1, keepdims=True)
    seen = logs[:, 0].sum()
    seen -= 1e-9 * np.abs(logs).sum()  # sums of equal numbers in another order are equal
    drawn = np.random.default_rng(seed)
    as_likely = 0
    for first in range(0, DRAWS, _BLOCK):
        chosen = drawn.integers(0, number, (min(_BLOCK, DRAWS - first), runs))
        as_likely += int((logs[np.arange(runs), chosen].sum(axis=1) >= seen).sum())
    return (1 + as_likely) / (1 + DRAWS)
