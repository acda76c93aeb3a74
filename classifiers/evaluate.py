"""How good a scorer is, on texts it has not seen."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

CALIBRATION_BINS: Final = 10


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
    """Slope and offset that calibrate log odds, by Platt's method (1999), labels weighed equally.

    Platt's targets, (n + 1) / (n + 2) and 1 / (n + 2) instead of 1 and 0, keep the slope finite where the
    labels separate; equal weights make 0.5 the score of a page that is as likely cited as not when as many
    pages are cited as not. Without both labels: (1, 0).
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return 1.0, 0.0
    target = np.where(positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    weight = np.where(positive, 0.5 / positives, 0.5 / negatives)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        raw = parameters[0] * odds + parameters[1]
        value = float((weight * (np.logaddexp(0, raw) - target * raw)).sum())
        error = weight * (1 / (1 + np.exp(-np.clip(raw, -500, 500))) - target)
        return value, np.array([(error * odds).sum(), error.sum()])

    from scipy.optimize import minimize

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)])
    return float(found.x[0]), float(found.x[1])


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
