"""Axes, ticks and columns: what stands where on a histogram."""

import re
from itertools import pairwise

import numpy as np
import pytest

from skypile.report.charts import NEAR, Bound, Chart, count_ticks, drawn
from skypile.report.histogram import Axis, histogram, linear, logarithmic


def chart(axis: Axis, values: list[float], *bounds: float, log: bool = True) -> Chart:
    counts = histogram(axis, "kept", "dropped")
    counts.add(np.array(values, float), np.zeros(len(values), int))
    return Chart("x", counts, ("kept", "dropped"), [Bound(bound, f"at most {bound:g}") for bound in bounds], log=log)


@pytest.mark.parametrize("bound", [0.02, 0.05, 0.12, 0.25, 0.3, 0.8, 0.85, 0.9, 0.95, 1.0, 0.333])
def test_a_bound_lies_on_an_edge(bound):
    assert bound in linear(1.0, (bound,)).edges


def test_two_bounds_lie_on_edges_where_they_can():
    edges = linear(15.0, (3.0, 10.0)).edges
    assert 3.0 in edges and 10.0 in edges and 30 <= len(edges) <= 80


@pytest.mark.parametrize("bound", [1, 37, 50, 100, 5000])
def test_a_bound_lies_on_an_edge_of_a_logarithmic_axis(bound):
    edges = logarithmic(bound).edges
    assert np.isclose(edges, bound, rtol=1e-12).any() and 0.5 < edges[0] <= 1


def test_bins_hold_one_edge_and_ends_hold_what_is_beyond():
    below = histogram(Axis((0.0, 1.0, 2.0)), "all")
    below.add(np.array([-5, 0, 1, 2, 9, np.nan]))
    assert below.counts.tolist() == [[2, 3]] and below.beyond == 1
    above = histogram(Axis((0.0, 1.0, 2.0), closed_above=True), "all")
    above.add(np.array([0, 1, 1.5, 2]))
    assert above.counts.tolist() == [[2, 2]] and above.beyond == 0


def test_counts_add_up_over_batches_in_any_order():
    random = np.random.default_rng(0)
    values, series = random.lognormal(6, 2, 10_000), random.integers(0, 2, 10_000)
    whole, parts = histogram(logarithmic(100), "a", "b"), histogram(logarithmic(100), "a", "b")
    whole.add(values, series)
    for part in reversed(np.array_split(np.arange(10_000), 7)):
        parts.add(values[part], series[part])
    assert (whole.counts == parts.counts).all() and whole.counts.sum() == 10_000


@pytest.mark.parametrize("most", [30, 1_000, 60_000, 3_000_000])
def test_lengths_of_any_crawl_have_labels_that_do_not_touch(most):
    values = np.geomspace(5, most, 500).tolist()
    along = drawn(chart(logarithmic(100), values, 100, log=False))["along"]
    places = [place for place, label in along if label]
    assert 2 <= len(places) <= 12
    assert all(right - left >= NEAR * 0.7 for left, right in pairwise(places))
    assert all(0 <= place <= 100 for place, _ in along)
    assert not [label for _, label in along if not re.fullmatch(r"([125]0*[kMG]?)?", label)]


def test_every_axis_begins_with_a_labelled_tick_and_has_several():
    for high in (0.08, 0.4, 0.8, 1.0, 15.0):
        along = drawn(chart(linear(high, (high / 4,)), [high * n / 20 for n in range(20)], high / 4))["along"]
        assert along[0] == (0.0, "0") and 4 <= len(along) <= 9


@pytest.mark.parametrize("most", [1, 2, 4, 7, 30, 99, 100, 4206, 12_345_678])
@pytest.mark.parametrize("log", [True, False])
def test_the_upright_axis_is_labelled_up_to_its_top(most, log):
    ticks = count_ticks(most, log)
    assert 1 <= len(ticks) <= 7 and ticks == sorted(set(ticks)) and ticks[-1] <= most
    assert ticks[-1] >= most / (100 if log else 2)


def test_a_single_record_is_seen_beside_a_million():
    counts = histogram(linear(1.0), "kept", "dropped")
    counts.counts[0, 3], counts.counts[1, 30] = 1_000_000, 1
    shown = drawn(Chart("x", counts, ("kept", "dropped")))
    assert [column["says"] for column in shown["columns"]] == ["0.06 to 0.08: 1,000,000 kept", "0.6 to 0.62: 1 dropped"]
    assert shown["columns"][0]["height"] == 100 and shown["columns"][1]["height"] > 4


def test_colours_divide_a_column_and_the_line_stands_at_the_edge():
    counts = histogram(linear(1.0, (0.5,)), "kept", "dropped")
    counts.add(np.array([0.5, 0.5, 0.5, 0.5]), np.array([0, 1, 1, 1]))
    shown = drawn(Chart("x", counts, ("kept", "dropped"), [Bound(0.5, "at least 0.5")]))
    (column,) = shown["columns"]
    assert column["parts"] == [("kept", 25.0), ("dropped", 75.0)]
    assert shown["lines"] == [(pytest.approx(column["left"]), "at least 0.5")]


def test_a_threshold_is_shown_though_nothing_lies_near_it():
    shown = drawn(chart(logarithmic(1000), [4, 5, 6], 1000))
    assert 0 < shown["lines"][0][0] < 100
    assert drawn(chart(linear(1.0, (0.9,)), [0.01], 0.9))["lines"][0][0] < 100


def test_nothing_counted_is_nothing_drawn():
    assert drawn(chart(linear(1.0), [])) == {}
