"""Keep weights: from the shape of FineWeb-2's curve, and what they must not do."""

import numpy as np
import pytest

from skypile.config import RecurrenceConfig
from skypile.recurrence.curve import Curve, Curves, bin_of, point
from skypile.recurrence.weights import (
    SUMS,
    UNIT,
    Weights,
    core_sums,
    document_weights,
    factors,
    fit,
    signal_factors,
    times,
)
from tests.recurrence.test_curve import batch, looked

# Share of Chinese pages that FineWeb-2's filters remove, by size of the MinHash cluster: once, ten times, 75, above 150
# (misc/rehydration/distributions/cmn_Hani.json).
FINEWEB2 = {1: 0.607, 10: 0.438, 75: 0.599, 200: 0.706}


def curve(documents: int, shares: dict[int, float], judge: str = "rules", signal: str = "near_copies") -> Curve:
    bins = {int(bin_of(np.array([times]))[0]): share for times, share in shares.items()}
    return {(signal, judge): [point(n, documents, round(documents * share)) for n, share in bins.items()]}


def test_the_useful_middle_counts_more_and_the_far_tail_less():
    found = signal_factors(curve(100_000, FINEWEB2), "near_copies")
    once, ten, many, most = (found[int(bin_of(np.array([n]))[0])] for n in FINEWEB2)
    assert once == 1
    assert ten == pytest.approx((1 - 0.438) / (1 - 0.607), rel=0.02)
    assert many == pytest.approx((1 - 0.599) / (1 - 0.607), rel=0.02)
    assert most == pytest.approx((1 - 0.706) / (1 - 0.607), rel=0.02)


def test_what_too_few_pages_say_is_nothing():
    assert signal_factors(curve(40, FINEWEB2), "near_copies").tolist()[:2] == [1, 1]
    shares = {1: 0.607, 10: 0.50, 75: 0.607}
    by_number = [signal_factors(curve(n, shares), "near_copies")[4] for n in (30, 1000, 100_000)]
    assert by_number[0] == 1 < by_number[1] < by_number[2] < (1 - 0.50) / (1 - 0.607)


def test_judges_that_contradict_each_other_cancel():
    up, down = curve(10_000, {1: 0.4, 2: 0.2}), curve(10_000, {1: 0.4, 2: 0.6}, "perplexity")
    silent = curve(10_000, {1: 0.4, 2: 0.4}, "citation_score")
    assert signal_factors(up | down, "near_copies").tolist() == [1, 1]
    alone, beside = (float(signal_factors(c, "near_copies")[1]) for c in (up, up | silent))
    assert beside == pytest.approx(alone**0.5) and alone > 1.3  # one that sees no difference is heard, too


def test_the_sparse_tail_is_taken_together():
    bins = [point(0, 10_000, 4000)] + [point(n, 10, 9) for n in range(1, 8)]
    found = signal_factors({("near_copies", "rules"): bins}, "near_copies")
    assert found[0] == 1 and found[5] == found[6] == found[7] and found[1] == found[2] == found[3] == found[4]
    assert found[1] < 0.5 and found[7] < 0.5 and found[1] != found[7]  # of 70 pages, 40 and 30
    assert (signal_factors({("near_copies", "rules"): bins[:3]}, "near_copies") == 1).all()  # twenty are too few


def test_a_bin_without_what_does_not_recur_has_nothing_to_be_held_against():
    assert (signal_factors({("near_copies", "rules"): [point(3, 1000, 900)]}, "near_copies") == 1).all()


def weights(strength: float = 1.0, max_weight: float = 4.0, **changes) -> Weights:
    known = {("en", "near_copies"): np.array([1, 2.0, 0.5]), ("en", "exact_copies"): np.array([1, 3.0])}
    return Weights(looked(), known, strength, max_weight, **changes)


def test_a_document_is_raised_by_one_signal_and_lowered_by_one():
    given = batch(
        [
            {},
            {"near_copies": 2},
            {"near_copies": 2, "exact_copies": 2},  # the same copies, counted twice
            {"near_copies": 4, "exact_copies": 9},  # beyond the last bin: as the last
            {"near_copies": 2, "language": "zh"},
            {"near_copies": None},
        ]
    )
    assert document_weights(given, weights()).tolist() == [1, 2, 3, 1.5, 1, 1]
    assert document_weights(given, weights(strength=0)).tolist() == [1] * 6
    assert document_weights(given, weights(strength=2)).tolist() == [1, 4, 4, 2.25, 1, 1]  # at most max_weight
    assert document_weights(given, weights()).dtype == np.float32


def test_budgets_hold_however_good_a_core_is():
    """Thirty pages in a dense core of a budget of 40, all of them worth two: 1.33 each, and all others as they were."""
    inside = [{"cluster": 1, "centroid_similarity": 0.9, "near_copies": 2}] * 30
    outside = [{"cluster": 1, "near_copies": 2}, {"cluster": 2, "centroid_similarity": 0.9, "near_copies": 2}]
    dropped = [{"cluster": 1, "centroid_similarity": 0.9, "near_copies": 2, "reason": "symbols"}] * 50
    given = batch(inside + outside + dropped)
    sums = core_sums(given, weights())
    assert sums.to_pylist() == [
        {"cluster": 1, "documents": 30, "units": 60 * UNIT},
        {"cluster": 2, "documents": 1, "units": 2 * UNIT},
    ]
    held = weights(ceilings={1: 40 / 60})
    found = document_weights(given, held)
    assert found[:30] == pytest.approx(4 / 3, abs=1 / UNIT) and found[30:32].tolist() == [2, 2]

    drawn = [("near_copies", "rules", "en", -1, n, 10_000, r) for n, r in ((0, 6000), (1, 2000))]

    def over(function, schema):
        if schema is SUMS:
            return [tuple(row.values()) for row in function(given).to_pylist()]
        return drawn

    fitted = fit(looked(), 40, RecurrenceConfig(strength=1), over)
    assert list(fitted.ceilings) == [1]
    assert document_weights(given, fitted)[:30].sum() == pytest.approx(40, abs=30 / UNIT)
    roomy = fit(looked(), 4000, RecurrenceConfig(strength=1), over)
    assert roomy.ceilings == {} and document_weights(given, roomy)[0] == pytest.approx(2, rel=0.03)


def test_languages_keep_their_own_curves():
    of = {"en": curve(100_000, FINEWEB2), "zh": curve(100_000, dict.fromkeys(FINEWEB2, 0.5))}
    assert {key for key in factors(Curves({}, of, {}))} == {("en", "near_copies")}


def test_documents_are_drawn_as_often_as_they_weigh():
    drawn = [times(f"record {n}", 1.3) for n in range(20_000)]
    assert set(drawn) == {1, 2} and np.mean(drawn) == pytest.approx(1.3, abs=0.01)
    assert [times(f"record {n}", 0.0) for n in range(50)] == [0] * 50
    assert all(times(f"r{n}", 0.4) <= times(f"r{n}", 0.6) for n in range(1000))  # a stronger dial moves none back
