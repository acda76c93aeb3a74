"""The rules as a judge: one number for how far from their bounds a text is, which ranks those that break none."""

import math
from collections.abc import Mapping

from skypile.config import RuleThresholds
from skypile.quality.rules import MOSTLY_CODE, ONLY_IN, RULES


def rule_score(values: Mapping[str, float | None], thresholds: RuleThresholds, language: str) -> float | None:
    """How far inside its bounds a text is, on average over the rules: -1 to 1; None if nothing was measured.

    Each rule counts log10 of the factor by which its measure keeps from its bound, at most one decade either way. On
    human labels of 218 English web pages the rules' verdicts have an AUC of 0.53, this score 0.73; on clean against
    raw Chinese 0.59 and 0.76. Tried besides: the least distance of all rules (0.65, 0.48), half a decade (0.72,
    0.64), two decades (0.68, 0.85), and ranks of each measure among the run's pages, combined after Fisher (0.74,
    0.84), which need a pass over the run for each rule.

    >>> rule_score({"words": 500.0, "top_ngram": 0.1}, RuleThresholds(), "en")
    0.650515
    """
    code = (values.get("code_lines") or 0.0) >= MOSTLY_CODE
    total, asked = 0.0, 0
    for rule in RULES:
        value, threshold = values.get(rule.measure), float(getattr(thresholds, rule.threshold))
        if value is None or (rule.prose and code) or ONLY_IN.get(rule.measure, language) != language:
            continue
        low, high = (threshold, value) if rule.bound == "min" else (value, threshold)
        asked += 1
        if high <= 0.1 * low:
            total -= 1.0 if low > 0 else 0.0
        elif low <= 0.1 * high:
            total += 1.0
        else:
            total += math.log10(high / low)
    return round(total / asked, 6) if asked else None
