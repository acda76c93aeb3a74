"""The recurrence curve as drawings: what share of pages each judge rejects, by how often they recur."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from markupsafe import Markup

from skypile.recurrence import in_run
from skypile.recurrence.curve import JUDGES, SIGNALS, Curve, Curves, Point, amount
from skypile.recurrence.weights import POOLED, signal_factors
from skypile.report.charts import round_step, short

TITLES = {
    "exact_copies": "records with the same text",
    "near_copies": "texts in its component of near-duplicates",
    "paragraph_hosts": "hosts that share a paragraph with it",
    "dense_core": "documents in its dense core",
}
WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 42, 12, 12, 26  # of the drawing, for labels
STEP = 7  # between two judges at the same amount
TICKS = 4
LISTED = 10  # topics


class Panel(NamedTuple):
    title: str
    drawing: Markup


class Topic(NamedTuple):
    """A topic whose own curve gives other weights than 1: its largest cluster's medoid, least and greatest factors."""

    number: int
    url: str
    documents: int
    factors: list[tuple[str, float, float]]


@dataclass
class Recurrence:
    """What the section shows."""

    tail: float
    judges: list[str] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    topics: list[Topic] = field(default_factory=list)


def recurrence(run: str, settings: dict[str, Any], quality: dict[str, Any]) -> Recurrence:
    """Of the pages that the quality filter of `run` judged; `settings` by stage, `quality` those of the filter."""
    tail = float(quality.get("low_share", 0.0))
    core = float(settings.get("distribution_filter", {}).get("core_similarity", 1.0))
    curves = in_run.looked_at(run, in_run.look(run, tail, core))
    shown = [signal for signal in SIGNALS if any(points[-1].bin for points in _judges(curves.corpus, signal).values())]
    judges = [judge for judge in JUDGES if any(name == judge for _, name in curves.corpus)]
    panels = [Panel(TITLES[signal], drawn(_judges(curves.corpus, signal))) for signal in shown]
    return Recurrence(tail, judges, panels, _topics(run, curves))


def _judges(curve: Curve, signal: str) -> dict[str, list[Point]]:
    return {judge: curve[signal, judge] for judge in JUDGES if (signal, judge) in curve}


def drawn(by_judge: dict[str, list[Point]]) -> Markup:
    """Points of each judge with their intervals, over bins at equal distances. Nothing in it comes from a page."""
    every = [point for points in by_judge.values() for point in points]
    bins = max(point.bin for point in every) + 1
    most = max([point.share for point in every if point.documents >= POOLED or not point.bin] or [0.0])
    step = min(round_step(max(most * 1.2, 0.05) / TICKS), 1 / TICKS)
    top = step * TICKS
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def across(number: int, judge: int) -> float:
        return LEFT + (right - LEFT) * (number + 0.5) / bins + STEP * (judge - (len(by_judge) - 1) / 2)

    def up(share: float) -> float:
        return bottom - (bottom - TOP) * min(share / top, 1.0)

    parts = []
    for tick in range(TICKS + 1):
        y = up(tick * step)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="up" x="{LEFT - 5}" y="{y + 4:.1f}">{100 * tick * step:.3g} %</text>')
    every_second = 1 + bins // 9
    for number in range(0, bins, every_second):
        x = LEFT + (right - LEFT) * (number + 0.5) / bins
        label = "1" if not number else f"≤{short(2**number)}"
        parts.append(f'<text class="axis" x="{x:.1f}" y="{HEIGHT - 8}">{label}</text>')
    for at, (judge, points) in enumerate(by_judge.items()):
        sure = [point for point in points if point.documents >= POOLED or not point.bin]
        path = " ".join(f"{across(point.bin, at):.1f},{up(point.share):.1f}" for point in sure)
        parts.append(f'<polyline class="{judge}" points="{path}"/>')
        for point in points:
            few = " few" if point.documents < POOLED else ""
            x, low, high = across(point.bin, at), up(point.low), up(point.high)
            says = f"{judge}, {amount(point.bin)}: {point.rejected:,} of {point.documents:,} rejected"
            parts.append(f'<line class="{judge}{few}" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>')
            dot = f'<circle class="{judge}{few}" cx="{x:.1f}" cy="{up(point.share):.1f}" r="3">'
            parts.append(f"{dot}<title>{says}</title></circle>")
    return Markup(f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>')


def _topics(run: str, curves: Curves) -> list[Topic]:
    table = in_run.clusters(run)
    by_size = [] if table is None else table.sort_by([("size", "ascending"), ("cluster", "descending")]).to_pylist()
    urls = {row["topic"]: row["medoid_url"] for row in by_size}  # the last one stays
    rows = []
    for topic, curve in curves.topics.items():
        by_signal = [(signal, signal_factors(curve, signal)) for signal in SIGNALS]
        moved = [(signal, float(f.min()), float(f.max())) for signal, f in by_signal if (f != 1).any()]
        documents = max(sum(point.documents for point in points) for points in curve.values())
        if moved:
            rows.append(Topic(topic, urls.get(topic) or "", documents, moved))
    return sorted(rows, key=lambda row: (-row.documents, row.url))[:LISTED]
