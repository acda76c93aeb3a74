"""How good a citation classifier would be on hosts it has not seen, with the controls that say whether to believe it.

Every host is judged once, as a host of a later crawl would be: the examples are cut into folds of whole hosts, and
each fold is scored by a model of the others but one, on which that model is calibrated. So neither ranking nor
calibration is judged on what it was made from. AUC compares pages that one model has scored: models of few hosts differ
in their offset. All of it is done over with other folds, once a seed.

Two controls stand beside it. **Length alone**: how well the length ranks the pages, whichever way it ranks them
better; that much is no merit of the words. (Not learned from the other folds: where lengths are matched, what the
others have too many of is what the held-out fold has too few of, and it came out at 0.23.) **Shuffled labels**: whole
hosts trade their labels, then everything is done again; what it tells leaks from one fold to another.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from skypile.classifiers.evaluate import auc, metrics, platt, platt_offset
from skypile.classifiers.model import calibrated, log_odds
from skypile.classifiers.train import Examples, fit, host_order
from skypile.config import CitationConfig


class Judged(NamedTuple):
    """Held-out scores of the examples, in their order."""

    scores: np.ndarray  # float64: calibrated
    fold: np.ndarray  # int64: those of one fold are scored by one model
    shuffled: float  # AUC of models of shuffled labels, for those
    slope: float  # of the calibration: the models' median


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
    """Held-out scores with the folds of `seed`, three or more. ValueError if a part lacks a label."""
    scores, fold, slope = _held_out(examples, config, folds, seed)
    exchanged = replace(examples, cited=shuffled_labels(examples.hosts, examples.cited, seed))
    try:
        chance = auc_within(*_held_out(exchanged, config, folds, seed)[:2], exchanged.cited)
    except ValueError:  # one large host has all of a label
        chance = float("nan")
    return Judged(scores, fold, chance, slope)


def _held_out(
    examples: Examples, config: CitationConfig, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Scores, the fold of each, and the median slope.

    Each model has the offset that its own calibrating fold gives. On few hosts a slope is chance, so all have the
    median, for a fold that of the models which were not calibrated on it.
    """
    fold = fold_of_hosts(examples.hosts, examples.cited, folds, seed)
    odds: dict[tuple[int, bool], np.ndarray] = {}  # of a model: of its own fold (True), and of the one that calibrates
    slopes = np.zeros(folds)
    for number in range(folds):
        parts = {True: fold == number, False: fold == (number + 1) % folds}
        learned = ~parts[True] & ~parts[False]
        for part in (learned, parts[False]):
            if not examples.cited[part].any() or examples.cited[part].all():
                raise ValueError(f"folds around fold {number} have one label: more hosts are needed, or fewer folds")
        model = fit(examples, np.flatnonzero(learned), config)
        for own, part in parts.items():
            odds[number, own] = log_odds(model, [examples.lines[row] for row in np.flatnonzero(part).tolist()])
        slopes[number] = platt(odds[number, False], examples.cited[parts[False]])[0]
    scores = np.zeros(len(fold))
    for number in range(folds):
        slope = float(np.median(np.delete(slopes, (number - 1) % folds)))
        offset = platt_offset(odds[number, False], examples.cited[fold == (number + 1) % folds], slope)
        scores[fold == number] = calibrated(odds[number, True], slope, offset)
    return scores, fold, float(np.median(slopes))


def auc_within(scores: np.ndarray, fold: np.ndarray, cited: np.ndarray) -> float:
    """Chance that a cited page outscores another one of the same fold; nan where no fold has both."""
    pairs = total = 0.0
    for number in np.unique(fold):
        own = fold == number
        weight = float(cited[own].sum()) * float((~cited[own]).sum())
        if weight:
            pairs += weight
            total += weight * auc(scores[own], cited[own])
    return total / pairs if pairs else float("nan")


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
        "auc": round(auc_within(judged.scores, judged.fold, cited), 4),
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
