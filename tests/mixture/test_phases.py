"""Learning rates and blends of the report's phases, and what Megatron is told of them."""

from itertools import pairwise

import numpy as np
import pytest

from skypile.config import Curriculum
from skypile.config.curriculum import Ramp
from skypile.errors import Refused
from skypile.mixture.megatron import arguments
from skypile.mixture.phases import Blend, blends, exponent, phase_steps, pieces, ramp_mean, rate
from skypile.report.phases import phases as drawn
from tests.mixture.catalogues import LENGTH, shipped


def test_the_reports_steps_and_rates():
    """119k steps for 2T; 6e-4 to 6e-5 along a cosine, then 6e-5 to the end."""
    steps = phase_steps(shipped(), LENGTH)
    assert steps == [119_210, 59_604, 7_749]
    first, second, third = pieces(shipped(), LENGTH)
    assert rate(first, first.warm_up) == 6e-4 and rate(first, first.end) == pytest.approx(6e-5)
    assert rate(first, first.warm_up / 2) == pytest.approx(3e-4)
    assert rate(first, (first.warm_up + first.end) / 2) == pytest.approx((6e-4 + 6e-5) / 2)
    assert {rate(piece, step) for piece in (second, third) for step in (piece.first, piece.end)} == {6e-5}


@pytest.mark.parametrize("tokens", [10**12, 10**9, 4 * 10**8])
def test_shapes_stay_at_any_budget(tokens):
    whole, small = pieces(shipped(), LENGTH), pieces(shipped(tokens=tokens, batch_sequences=16), LENGTH)
    for share in np.linspace(0, 1, 50):
        rates = [
            rate(next(piece for piece in found if step <= piece.end), step)
            for found in (whole, small)
            for step in [share * found[-1].end]
        ]
        assert rates[0] == pytest.approx(rates[1], rel=0.02, abs=2e-6)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_warm_up_leaves_a_step_to_fall_in(steps):
    phase = {"name": "all", "tokens": 1000, "learning_rate": 1e-3, "final_learning_rate": 1e-4, "shares": {"web": 1}}
    given = {"sources": {"web": {"kind": "web"}}, "phases": [phase], "warm_up_tokens": 900}
    curriculum = Curriculum(**given, batch_sequences=1, tokens=8 * steps)
    (piece,) = pieces(curriculum, 8)
    assert piece.warm_up == steps - 1
    assert rate(piece, steps - 1) == 1e-3 and rate(piece, steps) == pytest.approx(1e-4)
    blend = Blend("all", 0, steps, {"web": 1.0})
    assert "<svg" in drawn("all", [blend], [piece], 8)


def test_the_ramp_is_solved_for():
    """The mean by the exponent is the mean by summing the curve, also where it is concave or falls."""
    for first, last, mean in [(0.1, 0.4, 0.2), (0.1, 0.4, 0.3), (0.5, 0.0, 0.1), (0, 1, 0.01)]:
        ramp = Ramp(source="x", first=first, last=last, mean=mean)
        grid = (np.arange(200_000) + 0.5) / 200_000
        curve = first + (last - first) * grid ** exponent(ramp)
        assert curve.mean() == pytest.approx(mean, abs=1e-6)
        assert ramp_mean(ramp, 0, 1) == pytest.approx(mean)
        inside = (grid > 0.25) & (grid < 0.5)
        assert ramp_mean(ramp, 0.25, 0.5) == pytest.approx(curve[inside].mean(), abs=1e-5)


def test_blends_follow_each_other_and_their_shares_are_whole():
    found = blends(shipped(), LENGTH)
    assert len(found) == 12 and found[0].first == 0
    for one, other in pairwise(found):
        assert other.first == one.first + one.steps
    assert all(sum(blend.shares.values()) == pytest.approx(1) for blend in found)
    stem = sum(blend.shares["stem"] * blend.steps for blend in found[2:]) / sum(blend.steps for blend in found[2:])
    assert stem == pytest.approx(0.2, abs=1e-12)


def test_a_budget_without_a_step_for_a_phase_is_refused():
    with pytest.raises(Refused, match="'stage 2, STEM' would have none"):
        blends(shipped(tokens=10**8), LENGTH)


def options(number: int, curriculum: Curriculum) -> dict[str, str]:
    parts, rates = blends(curriculum, LENGTH), pieces(curriculum, LENGTH)
    told = " ".join(arguments(parts, number, rates, curriculum.batch_sequences, LENGTH, 5, "b.data"))
    found: dict[str, str] = {}
    for word in told.split():
        if word.startswith("--"):
            name = word
            found[name] = ""
        else:
            found[name] += word
    return found


def test_megatron_is_told_one_schedule_for_the_reports_phases():
    seen = [options(number, shipped()) for number in range(12)]
    assert len({one["--seed"] for one in seen}) == 12  # else every blend would begin with the same sequences
    for one in seen:
        assert one["--train-iters"] == "186563" and one["--global-batch-size"] == "4096"
        assert one["--phase-transition-iterations"].startswith("119210,178814,")
        assert (one["--lr"], one["--min-lr"], one["--lr-decay-style"]) == ("0.0006", "6e-05", "cosine")
        assert (one["--lr-decay-iters"], one["--lr-warmup-iters"]) == ("119210", "2000")
        assert "--override-opt_param-scheduler" not in one


def test_a_phase_at_another_rate_is_told_to_override():
    phases = [phase.model_dump(exclude_none=True) for phase in shipped().phases]
    phases[1]["learning_rate"] = 1e-4
    other = shipped(phases=phases)
    first, second, third = (options(number, other) for number in (0, 1, 2))
    assert first["--lr-decay-style"] == "cosine" and "--override-opt_param-scheduler" not in first
    assert (second["--lr"], second["--lr-decay-style"]) == ("0.0001", "constant")
    assert (third["--lr"], third["--lr-decay-style"]) == ("6e-05", "constant")
    assert "--override-opt_param-scheduler" in second and "--override-opt_param-scheduler" in third
