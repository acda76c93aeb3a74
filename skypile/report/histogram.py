"""Counts of a measured value in bins, kept while rows stream by: memory is the bins', however many rows there are.

Bins are laid so that a threshold falls on an edge: what lies on one side of it fell on one side of the decision.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 50  # about, over a linear axis: as many columns as a telephone shows apart
OCTAVE = 0.5  # width of a bin on a logarithmic axis, in doublings
TOP = 2.0**24  # upper end of logarithmic axes


class Axis(NamedTuple):
    """Edges of bins; what lies beyond either end is counted in the bin there."""

    edges: tuple[float, ...]
    log: bool = False
    closed_above: bool = False  # a bin holds its upper edge, not its lower: for values that may be at most a bound

    def bin_of(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """The bin of each value.

        >>> Axis((0.0, 0.5, 1.0)).bin_of(np.array([-1, 0.4, 0.5, 3])).tolist()
        [0, 0, 1, 1]
        """
        at = np.searchsorted(self.edges, values, side="left" if self.closed_above else "right") - 1
        return np.clip(at, 0, len(self.edges) - 2)


def linear(high: float, bounds: tuple[float, ...] = (), closed_above: bool = False) -> Axis:
    """About BINS bins from 0 to `high`, or a little over it, with edges at the bounds where that can be had.

    >>> linear(1.0, (0.3,)).edges[15]
    0.3
    """
    width = high / BINS
    inside = [bound for bound in bounds if width / 2 < bound <= high]
    if inside:
        about = BINS * inside[0] / high
        steps = range(max(1, math.ceil(about / 2)), math.ceil(about * 1.5) + 1)
        width = inside[0] / min(steps, key=lambda n: (_misfit(inside, inside[0] / n), abs(n - about)))
    bins = math.ceil(high / width - 1e-9)
    return Axis(tuple(np.round(width * np.arange(bins + 1), 12).tolist()), closed_above=closed_above)


def logarithmic(bound: float | None = None) -> Axis:
    """Bins of half a doubling from 1, or a little less, to TOP with an edge at `bound`; what is less is in the first.

    >>> [round(edge) for edge in logarithmic(50).edges[10:14]]
    [25, 35, 50, 71]
    """
    low = bound / 2.0 ** (OCTAVE * math.ceil(math.log2(bound) / OCTAVE)) if bound and bound > 0 else 1.0
    return Axis(tuple((low * 2.0 ** (OCTAVE * np.arange(math.log2(TOP) / OCTAVE + 1))).tolist()), log=True)


def _misfit(bounds: list[float], width: float) -> float:
    """How far the bounds lie from multiples of `width`, in widths."""
    return round(sum(abs(bound / width - round(bound / width)) for bound in bounds), 6)


@dataclass
class Histogram:
    """Counts in the bins of `axis`, apart for each of `series`."""

    axis: Axis
    series: tuple[str, ...]
    counts: NDArray[np.int64]  # (series, bins)
    beyond: int = 0  # values above the last edge, counted in the last bin

    def add(self, values: NDArray[np.float64], series: NDArray[np.integer] | int = 0) -> None:
        """Count values, each in its series; NaN is not counted."""
        measured = ~np.isnan(values)
        at = self.axis.bin_of(values[measured])
        self.beyond += int((values > self.axis.edges[-1]).sum())
        row = np.broadcast_to(series, values.shape)[measured]
        bins = self.counts.shape[1]
        self.counts += np.bincount(row * bins + at, minlength=self.counts.size).reshape(self.counts.shape)


def histogram(axis: Axis, *series: str) -> Histogram:
    """An empty one."""
    return Histogram(axis, series, np.zeros((len(series), len(axis.edges) - 1), np.int64))
