"""A histogram as what the template draws: columns, ticks and lines, all places in per cent of the drawing.

Boxes of HTML and not a picture, so that the letters keep their size on a narrow screen. A column's height is the
count, on request on a logarithmic scale, without which a tail of ten among a million is not seen; its colours
divide it by the shares of the series, on either scale.
"""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from skypile.report.histogram import Axis, Histogram

NEAR = 9.0  # per cent of the width: labels closer than this would touch on a telephone
MOST_TICKS = 5


class Bound(NamedTuple):
    """A threshold: where its line stands, and what it says."""

    value: float
    label: str


@dataclass
class Chart:
    title: str
    histogram: Histogram
    colours: tuple[str, ...]  # classes of the style sheet, one a series
    bounds: list[Bound] = field(default_factory=list)
    caption: str = ""
    unit: str = "pages"
    log: bool = True  # the scale of the counts


def drawn(chart: Chart) -> dict[str, Any]:
    """What the template needs of a chart; empty if nothing was counted."""
    counts = chart.histogram.counts
    totals = counts.sum(axis=0)
    if not totals.any():
        return {}
    axis = chart.histogram.axis
    first, end = _shown(axis, totals, chart.bounds)
    tallest = int(totals.max())
    columns = [
        {
            "left": (at - first) * 100 / (end - first),
            "width": 100 / (end - first),
            "height": 100 * _scaled(total, tallest, chart.log),
            "parts": [
                (colour, 100 * n / total) for colour, n in zip(chart.colours, counts[:, at].tolist(), strict=True) if n
            ],
            "says": _says(chart, at),
        }
        for at, total in enumerate(totals.tolist())
        if total
    ]
    lines = [(_place(axis, bound.value, first, end), bound.label) for bound in chart.bounds]
    return {
        "title": chart.title,
        "caption": chart.caption,
        "beyond": (chart.histogram.beyond, short(axis.edges[-1])) if chart.histogram.beyond else None,
        "unit": chart.unit,
        "log": chart.log,
        "total": int(totals.sum()),
        "legend": [
            (name, colour, n)
            for name, colour, n in zip(chart.histogram.series, chart.colours, counts.sum(axis=1).tolist(), strict=True)
            if n
        ],
        "columns": columns,
        "up": [(100 * _scaled(n, tallest, chart.log), short(n)) for n in count_ticks(tallest, chart.log)],
        "along": [(place, label) for place, label in _along(axis, first, end)],
        "lines": lines,
    }


def short(value: float) -> str:
    """
    >>> [short(n) for n in (0.25, 1, 950, 1000, 2500, 1e6, 12_300_000, 3.13e12)]
    ['0.25', '1', '950', '1k', '2.5k', '1M', '12.3M', '3.13T']
    """
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def count_ticks(most: int, log: bool) -> list[int]:
    """Round counts up to `most` to mark on the upright axis.

    >>> count_ticks(3815, True), count_ticks(3815, False), count_ticks(3, True), count_ticks(1, False)
    ([1, 10, 100, 1000], [0, 1000, 2000, 3000], [1, 2, 3], [0, 1])
    """
    if most < MOST_TICKS:
        return list(range(int(log), most + 1))
    if not log:
        step = max(1, round_step(most / (MOST_TICKS - 1)))
        return list(range(0, most + 1, int(step)))
    tens = [10**power for power in range(len(str(most)))]
    if len(tens) > 2:
        return tens[:: math.ceil(len(tens) / MOST_TICKS)]
    return sorted({n for ten in tens for n in (ten, 2 * ten, 5 * ten) if n <= most})


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is at least `least`.

    >>> round_step(0.13), round_step(954), round_step(2.1)
    (0.2, 1000.0, 2.5)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(round(power * n, 12) for n in (1, 2, 2.5, 5, 10) if power * n >= least * (1 - 1e-9))


def _scaled(count: float, tallest: float, log: bool) -> float:
    """Share of the height. Logarithmic: of 1 + count, so that one record is seen and none has no height."""
    return math.log1p(count) / math.log1p(tallest) if log else count / tallest


def _shown(axis: Axis, totals: np.ndarray, bounds: list[Bound]) -> tuple[int, int]:
    """First bin shown and the one after the last: empty ends are left out, unless a threshold lies there.

    A linear axis keeps its beginning, nought.
    """
    filled = np.flatnonzero(totals)
    at = [axis.bin_of(np.array([bound.value]))[0] for bound in bounds]
    first, last = min([filled[0], *(i - 1 for i in at)]), max([filled[-1], *(i + 1 for i in at)])
    return (max(0, int(first)) if axis.log else 0), min(len(totals), int(last) + 1)


def _place(axis: Axis, value: float, first: int, end: int) -> float:
    """Where a value stands, in per cent of the width from edge `first` to edge `end`."""
    edges = np.log(axis.edges) if axis.log else np.array(axis.edges)
    value = math.log(max(value, 1e-9)) if axis.log else value
    return float(np.clip(100 * (value - edges[first]) / (edges[end] - edges[first]), 0, 100))


def _along(axis: Axis, first: int, end: int) -> list[tuple[float, str]]:
    """Place and label of the ticks under the columns; ticks too near to label have the label "".

    On a logarithmic axis the powers of ten bear labels, and 2 to 9 times these are ticks without.
    """
    low, high = axis.edges[first], axis.edges[end]
    if not axis.log:
        step = round_step((high - low) / (MOST_TICKS + 1))
        values = [round(low + step * n, 12) for n in range(int((high - low) / step + 1e-9) + 1)]
        return [(_place(axis, value, first, end), short(value)) for value in values]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [(n * 10.0**power, n) for power in powers for n in range(1, 10)]
    ticks = [tick for tick in ticks if low * (1 - 1e-9) <= tick[0] <= high * (1 + 1e-9)]
    decade = 100 * math.log(10) / math.log(high / low)  # width of one, in per cent
    labelled = {1} if decade < 5 * NEAR else {1, 2, 5}  # a short axis may hold no power of ten
    return [(_place(axis, value, first, end), short(value) if n in labelled else "") for value, n in ticks]


def _says(chart: Chart, at: int) -> str:
    """What a column stands for, in words: `0.2 to 0.25: 31 kept, 4 dropped`."""
    axis, counts = chart.histogram.axis, chart.histogram.counts[:, at].tolist()
    low, high = f"{axis.edges[at]:,.4g}", f"{axis.edges[at + 1]:,.4g}"
    if at == len(axis.edges) - 2:
        where = f"{low} and more"
    else:
        where = f"under {high}" if axis.log and at == 0 else f"{low} to {high}"
    return f"{where}: " + ", ".join(
        f"{n:,} {name}" for name, n in zip(chart.histogram.series, counts, strict=True) if n
    )
