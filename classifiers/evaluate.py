"""How good a scorer is, on texts it has not seen."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

CALIBRATION_BINS: Final = 10
CALIBRATION_DIGITS: Final = 6
NEWTON_STEPS: Final = 100  # 5 to 10 are taken


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive outscores a negative, ties counting half; nan without both.

    >>> auc(np.array([0.9, 0.4, 0.4]), np.array([True, False, True]))
    0.75
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    from scipy.stats import rankdata  # here: a second of imports that few commands need

    ranks = rankdata(scores)
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def platt(odds: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Slope and offset that calibrate log odds, by Platt's method (1999), labels weighed equally; slope >= 0.

    Platt's targets, (n + 1) / (n + 2) and 1 / (n + 2) instead of 1 and 0, keep the slope finite where the
    labels separate; equal weights make 0.5 the score of a page that is as likely cited as not when as many
    pages are cited as not. Without both labels: (1, 0).

    By Newton's method with halved steps (Lin, Lin and Weng 2007), to the last digits that float sums have, and then
    rounded to CALIBRATION_DIGITS: what another processor rounds differently is far behind them.
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return 1.0, 0.0
    target = np.where(positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    weight = np.where(positive, 0.5 / positives, 0.5 / negatives)
    slope, offset = _newton(odds, target, weight, np.array([1.0, 0.0]))
    if slope < 0:  # it ranks backwards: nothing of it is believed
        slope, offset = _newton(np.zeros_like(odds), target, weight, np.array([0.0, 0.0]))
    return round(slope, CALIBRATION_DIGITS), round(offset, CALIBRATION_DIGITS)


def platt_offset(odds: np.ndarray, positive: np.ndarray, slope: float) -> float:
    """The offset of `platt` where the slope is given: the mean score is that of the labels, weighed equally.

    >>> platt_offset(np.array([1.0, 3.0]), np.array([False, True]), 2.0)
    -4.0
    """
    if not positive.any() or positive.all():
        return 0.0
    weight = np.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum())
    low, high = -slope * float(odds.max()) - 1, -slope * float(odds.min()) + 1
    for _ in range(100):  # bisection: the mean grows with the offset, and is below and above a half at these ends
        middle = (low + high) / 2
        mean = float((weight / (1 + np.exp(-np.clip(slope * odds + middle, -500, 500)))).sum())
        low, high = (middle, high) if mean < 0.5 else (low, middle)
    return round((low + high) / 2, CALIBRATION_DIGITS)


def _newton(odds: np.ndarray, target: np.ndarray, weight: np.ndarray, start: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the least weighted log loss."""
    found = start

    def loss(parameters: np.ndarray) -> float:
        raw = parameters[0] * odds + parameters[1]
        return float((weight * (np.logaddexp(0, raw) - target * raw)).sum())

    for _ in range(NEWTON_STEPS):
        said = 1 / (1 + np.exp(-np.clip(found[0] * odds + found[1], -500, 500)))
        error, bend = weight * (said - target), weight * said * (1 - said)
        slopes = np.array([(error * odds).sum(), error.sum()])
        bends = np.array([[(bend * odds * odds).sum(), (bend * odds).sum()], [(bend * odds).sum(), bend.sum()]])
        bends += 1e-12 * np.eye(2)  # where all odds are alike, one of two parameters decides nothing
        (a, b), (_, d) = bends
        step = np.array([d * slopes[0] - b * slopes[1], a * slopes[1] - b * slopes[0]]) / (a * d - b * b)
        size, before = 1.0, loss(found)
        while loss(found - size * step) > before and size > 1e-6:
            size /= 2
        found = found - size * step
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])


def metrics(scores: Sequence[float] | np.ndarray, positive: Sequence[bool] | np.ndarray) -> dict[str, Any]:
    """AUC, precision and recall at 0.5, expected calibration error (labels weighed equally), and counts."""
    scores, positive = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    found = {"positives": int(positive.sum()), "negatives": int((~positive).sum())}
    if not found["positives"] or not found["negatives"]:
        return found | {"auc": None, "precision": None, "recall": None, "calibration_error": None}
    said = scores >= 0.5
    weight = np.where(positive, 0.5 / found["positives"], 0.5 / found["negatives"])
    bins = np.minimum((scores * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    error = sum(abs(float((weight * (positive - scores))[bins == b].sum())) for b in range(CALIBRATION_BINS))
    return found | {
        "auc": round(auc(scores, positive), 4),
        "precision": round(float(positive[said].mean()), 4) if said.any() else None,
        "recall": round(float(said[positive].mean()), 4),
        "calibration_error": round(error, 4),
    }
