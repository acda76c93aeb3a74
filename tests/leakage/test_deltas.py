"""Differences of losses: the report's table, exact tests by hand, and errors that are what they say."""

import itertools

import numpy as np
import pytest

from skypile.leakage import deltas
from skypile.leakage.judge import judge
from skypile.leakage.measure import ItemLosses, measure
from tests.leakage.models import Printed, item_sets

# The report's Table 8: L_test, L_train, L_reference, and Delta1 and Delta2 as it prints them, of rounded losses.
TABLE = {
    "MOSS-7B": (1.51, 1.52, 1.49, 0.02, -0.01),
    "LLaMA2-13B": (1.36, 1.38, 1.33, 0.03, -0.01),
    "Baichuan2-13B": (1.09, 0.72, 1.12, -0.03, 0.37),
    "Qwen-14B": (1.03, 0.42, 1.14, -0.11, 0.61),
    "Aquila2-34B": (0.78, 0.39, 1.29, -0.51, 0.39),
    "Skywork-13B": (1.01, 0.97, 1.00, 0.01, 0.04),
}


def drawn_losses(seed, number, level, hard=None):
    """Losses of `number` items around a level; `hard`: what is hard in each, for any model."""
    drawn = np.random.default_rng(seed)
    tokens = drawn.integers(50, 250, number).astype(float)
    each = level + drawn.normal(0, 0.05, number) + (0 if hard is None else hard)
    return ItemLosses(each * tokens, tokens)


def test_the_differences_are_those_of_the_reports_table():
    sets = item_sets(*([f"{name} item {n}" for n in range(12)] for name in ("train", "test", "look-alike")))
    measured = {
        name: measure(Printed(name, {"test": row[0], "train": row[1], "reference": row[2]}, sets), sets, 0, 0)
        for name, row in TABLE.items()
    }
    clean = [measured.pop(name) for name in ("MOSS-7B", "LLaMA2-13B")]
    found = {one.model: one for one in judge(list(measured.values()), clean)}
    for name, (test, train, reference, delta1, delta2) in TABLE.items():
        one = found[name]
        assert list(one.losses.values()) == pytest.approx([train, test, reference])
        assert one.delta1.value == pytest.approx(delta1, abs=1e-9)
        assert one.delta2.value == pytest.approx(delta2, abs=0.0101)  # LLaMA2's is printed from losses not rounded
        assert one.clean == (one.calibrated is None)
    assert found["Aquila2-34B"].calibrated.value == pytest.approx(-0.51 - 0.025)
    assert {name: "test_cheap" in one.signs for name, one in found.items() if not one.clean} == {
        "Baichuan2-13B": False,  # 0.055 below the clean ones, which are 0.01 apart: no more than may be chance
        "Qwen-14B": True,
        "Aquila2-34B": True,
        "Skywork-13B": False,
    }


def test_p_of_a_split_is_that_of_all_splits():
    """Of 3 and 4 items all 35 splits can be counted."""
    test, train = drawn_losses(1, 3, 1.0), drawn_losses(2, 4, 1.03)
    nats, tokens = np.concatenate([test.nats, train.nats]), np.concatenate([test.tokens, train.tokens])

    def difference(chosen):
        others = [place for place in range(7) if place not in chosen]
        chosen = list(chosen)
        return nats[chosen].sum() / tokens[chosen].sum() - nats[others].sum() / tokens[others].sum()

    seen = abs(difference((0, 1, 2)))
    as_far = [abs(difference(chosen)) >= seen - 1e-12 for chosen in itertools.combinations(range(7), 3)]
    found = deltas.split((test, train), [], 0, 0.01)
    assert found.value == pytest.approx(difference((0, 1, 2))) == pytest.approx(test.loss - train.loss)
    assert 0.05 < np.mean(as_far) < 0.95 and found.p == pytest.approx(np.mean(as_far), abs=0.02)


def with_hard_items(seed, fall=0.0):
    """A model and a clean one that find the same items hard; the model's train items are cheaper by `fall`."""
    hard = np.random.default_rng(seed).normal(0, 0.4, 500)
    model = drawn_losses(seed, 200, 2.0, hard[:200]), drawn_losses(seed + 1, 300, 2.0 - fall, hard[200:])
    clean = drawn_losses(seed, 200, 3.0, 0.7 * hard[:200]), drawn_losses(seed + 1, 300, 3.0, 0.7 * hard[200:])
    return model, clean


def test_clean_models_sharpen_the_split_and_leave_it_exact(monkeypatch):
    model, clean = with_hard_items(5, fall=0.04)
    alone, against = deltas.split(model, [], 0, 0.01), deltas.split(model, [clean], 0, 0.01)
    assert alone.p > 0.01 and against.p < 0.001 and against.visible < 0.5 * alone.visible
    assert against.value == pytest.approx(0.04, abs=0.02)
    monkeypatch.setattr(deltas, "DRAWS", 99)
    for used in (0, 1):
        found = [deltas.split(one, [other][:used], 0, 0.01).p for one, other in map(with_hard_items, range(100, 400))]
        assert 0.02 < np.mean(np.array(found) < 0.05) < 0.09 and 0.43 < np.mean(found) < 0.57


def test_what_the_look_alikes_are_easier_is_taken_away():
    """Model and clean find the look-alikes harder by 0.3; a model that has seen the test finds it cheaper by 0.2."""
    clean = [(drawn_losses(n, 200, 3.0), drawn_losses(n + 50, 150, 3.3)) for n in (1, 2, 3)]
    honest = deltas.calibrated((drawn_losses(8, 200, 2.5), drawn_losses(9, 150, 2.8)), clean, 0, 0.01)
    assert honest.low < 0 < honest.high and honest.p > 0.05 and abs(honest.value) < 0.03
    leaked = deltas.calibrated((drawn_losses(8, 200, 2.3), drawn_losses(9, 150, 2.8)), clean, 0, 0.01)
    assert leaked.high < -0.1 and leaked.p == pytest.approx(1e-4) and leaked.value == pytest.approx(-0.2, abs=0.03)


def test_one_clean_model_says_less_than_several_and_unequal_ones_less_than_equal():
    model = drawn_losses(8, 200, 2.5), drawn_losses(9, 150, 2.8)
    clean = [(drawn_losses(1, 200, 3.0 + shift), drawn_losses(2, 150, 3.3)) for shift in (0, 0.0, 0.0, 0.0)]
    apart = [(drawn_losses(1, 200, 3.0 + shift), drawn_losses(2, 150, 3.3)) for shift in (0, 0.1, -0.1, 0.2)]
    one, equal, unequal = (deltas.calibrated(model, given, 0, 0.01) for given in (clean[:1], clean, apart))
    assert equal.visible < one.visible < unequal.visible
    assert one.spread == pytest.approx(deltas.CLEAN_SPREAD) and one.spread > equal.spread


def test_the_interval_is_that_of_the_items():
    first, second = drawn_losses(1, 400, 2.0), drawn_losses(2, 300, 1.9)
    found = deltas.interval(first, second, 0)
    error = 0.0
    for one in (first, second):
        residual = one.nats - one.loss * one.tokens
        error += (residual**2).sum() / one.tokens.sum() ** 2
    assert found.value == pytest.approx(first.loss - second.loss)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error**0.5, rel=0.1)
    assert found == deltas.interval(first, second, 0)
