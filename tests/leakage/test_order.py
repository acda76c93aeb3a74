"""The published order against others."""

import itertools

import numpy as np
import pytest

from skypile.leakage.order import BETWEEN, MOST_RUNS, RUN, order_p, orders


def test_runs_are_neighbours_in_the_published_order_and_in_others():
    texts = [f"item {n}" for n in range(2 * RUN + 3)]
    found = orders(texts, 4, 0)
    assert len(found) == 2 and all(len(run) == 5 for run in found)
    for number, run in enumerate(found):
        own = texts[number * RUN : (number + 1) * RUN]
        assert run[0] == BETWEEN.join(own)
        assert all(sorted(one.split(BETWEEN)) == sorted(own) for one in run) and len(set(run)) == 5
    assert orders(texts, 4, 0) == found and orders(texts[: RUN - 1], 4, 0) == []


def test_of_many_runs_some_are_taken_from_first_to_last():
    found = orders([str(n) for n in range(RUN * MOST_RUNS * 3)], 1, 0)
    firsts = [int(run[0].split(BETWEEN)[0]) for run in found]
    assert len(found) == MOST_RUNS and firsts == sorted(set(firsts))
    assert firsts[0] == 0 and firsts[-1] == RUN * (MOST_RUNS * 3 - 1)


def test_p_is_that_of_all_choices_of_an_order_a_run():
    logs = np.array([[2.0, 1.0, 0.5, 2.5], [5.0, 5.5, 1.0, 2.0], [0.3, 0.1, 0.2, 0.9]])
    sums = [sum(logs[run, one] for run, one in enumerate(chosen)) for chosen in itertools.product(range(4), repeat=3)]
    exact = np.mean([one >= logs[:, 0].sum() - 1e-9 for one in sums])
    assert 0.05 < exact < 0.5 and order_p(logs, 0) == pytest.approx(exact, abs=0.02)


def test_orders_that_are_all_alike_are_no_sign():
    """Also where the same sum comes out differently in the last digit."""
    logs = np.full((30, 10), -1234.5)
    logs[:, 1:] += 1e-12
    assert order_p(logs, 0) == 1.0
