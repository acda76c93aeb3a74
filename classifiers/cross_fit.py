"""How good a citation classifier would be on hosts it has not seen, with the controls that say whether to believe it.

Every host is held out once: the examples are cut into folds of whole hosts, and each fold is scored by a model of the
others. Its scores are calibrated on the other folds' (which are held out, too), so neither ranking nor calibration is
judged on what it was made from. All of it is done over with other folds, once a seed.

Two controls stand beside it. **Length alone**: how well the length ranks the pages, whichever way it ranks them
better; that much is no merit of the words. (Not learned from the other folds: where lengths are matched, what the
others have too many of is what the held-out fold has too few of, and it came out at 0.23.) **Shuffled labels**: whole
hosts trade their labels, then everything is done again; what it tells leaks from one fold to another.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from skypile.classifiers.evaluate import auc, metrics, platt
from skypile.classifiers.model import calibrated, log_odds
from skypile.classifiers.train import Examples, fit, host_order
from skypile.config import CitationConfig


class Judged(NamedTuple):
    """Held-out scores of the examples, in their order."""

    odds: np.ndarray  # float64: ln P(cited) / P(other) as the model says
    scores: np.ndarray  # float64: calibrated
    shuffled: float  # AUC of a model of shuffled labels, for those


def fold_of_hosts(hosts: Sequence[str], cited: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold of each example: hosts, in the order of a keyed hash, go where there is least of their labels so far."""
    counts: dict[str, np.ndarray] = {}
    for host, label in zip(hosts, cited, strict=True):
        counts.setdefault(host, np.zeros(2))[int(label)] += 1
    totals = np.maximum(sum(counts.values(), np.zeros(2)), 1)
    load, chosen = np.zeros((folds, 2)), {}
    for host in sorted(counts, key=lambda name: host_order(name, seed)):
        share = counts[host] / totals
        chosen[host] = int(np.argmin(load @ share))
        load[chosen[host]] += share
    return np.array([chosen[host] for host in hosts])


def judge(examples: Examples, config: CitationConfig, folds: int, seed: int) -> Judged:
    """Held-out scores with the folds of `seed`. ValueError if a fold's models would lack a label."""
    fold = fold_of_hosts(examples.hosts, examples.cited, folds, seed)
    odds = _held_out(examples, fold, config)
    scores = np.zeros(len(odds))
    for number in range(folds):
        own = fold == number
        scores[own] = calibrated(odds[own], *platt(odds[~own], examples.cited[~own]))
    exchanged = replace(examples, cited=shuffled_labels(examples.hosts, examples.cited, seed))
    if exchanged.cited.any() and not exchanged.cited.all():
        refold = fold_of_hosts(exchanged.hosts, exchanged.cited, folds, seed)
        chance = auc(_held_out(exchanged, refold, config), exchanged.cited)
    else:
        chance = float("nan")
    return Judged(odds, scores, chance)


def _held_out(examples: Examples, fold: np.ndarray, config: CitationConfig) -> np.ndarray:
    odds = np.zeros(len(fold))
    for number in np.unique(fold):
        own = fold == number
        learned = np.flatnonzero(~own)
        if not examples.cited[learned].any() or examples.cited[learned].all():
            raise ValueError(f"all examples but those of fold {number} have one label: more hosts are needed")
        model = fit(examples, learned, config)
        odds[own] = log_odds(model, [examples.lines[row] for row in np.flatnonzero(own).tolist()])
    return odds


def shuffled_labels(hosts: Sequence[str], cited: np.ndarray, seed: int) -> np.ndarray:
    """Labels after hosts have traded theirs: those of a host stay alike (a host with both has its more frequent)."""
    names = sorted(set(hosts))
    votes: dict[str, float] = dict.fromkeys(names, 0.0)
    for host, label in zip(hosts, cited, strict=True):
        votes[host] += 1 if label else -1
    labels = np.random.default_rng(seed).permutation(np.array([votes[name] > 0 for name in names]))
    new = dict(zip(names, labels.tolist(), strict=True))
    return np.array([new[host] for host in hosts], dtype=bool)


def figures(judged: Judged, cited: np.ndarray, characters: np.ndarray) -> dict[str, Any]:
    """What is printed of some examples: AUC, both controls, correlation with log length, calibration error, counts."""
    found = metrics(judged.scores, cited)
    return {
        "auc": found["auc"],
        "length_auc": length_auc(characters, cited),
        "shuffled_auc": round(judged.shuffled, 4),
        "length_correlation": length_correlation(judged.scores, characters),
        "calibration_error": found["calibration_error"],
        "positives": found["positives"],
        "negatives": found["negatives"],
    }


def length_auc(characters: np.ndarray, cited: np.ndarray) -> float:
    """AUC of the length alone, long or short first, whichever is better: 0.5 where it tells nothing."""
    found = auc(np.asarray(characters, dtype=np.float64), cited)
    return round(max(found, 1 - found), 4)


def length_correlation(scores: np.ndarray, characters: np.ndarray) -> float | None:
    """Pearson's r of score and log length; None where one of them is constant."""
    logs = np.log(np.maximum(characters, 1))
    if len(scores) < 2 or np.ptp(scores) == 0 or np.ptp(logs) == 0:
        return None
    return round(float(np.corrcoef(scores, logs)[0, 1]), 4)


def over_seeds(of: Callable[[int], dict[str, Any]], seeds: Sequence[int]) -> dict[str, Any]:
    """Each figure's mean over the seeds, and its standard deviation."""
    every = [of(seed) for seed in seeds]
    found: dict[str, Any] = {}
    for name in every[0]:
        values = [one[name] for one in every if one[name] is not None and not np.isnan(one[name])]
        if isinstance(every[0][name], int):
            found[name] = every[0][name]
        elif not values:
            found[name] = None
        else:
            found[name] = {"mean": round(float(np.mean(values)), 4), "sd": round(float(np.std(values)), 4)}
    return found
