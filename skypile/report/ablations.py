"""What `skypile ablate` found, as dots and intervals on one scale an answer.

Only answers about the decisions that the run now holds are shown. Files there are read as data of unknown make: what is
no answer is passed over.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypile.report.curves import curves
from skypile.runtime import files

FOLDER = "ablations"
MOST_LINES = 8  # of a curve
MOST = 60  # rows shown of an answer: all stages and rules in four domains


class Effect(NamedTuple):
    """A row of the plot; places in per cent of its width."""

    name: str
    domain: str
    mean: float
    low: float
    high: float
    p: float
    place: float
    start: float
    width: float


class Answer(NamedTuple):
    """One question put to `skypile ablate`."""

    title: str
    effects: list[Effect]
    nought: float  # place of no difference
    more: int  # rows that are not shown
    curve: str | None = None  # SVG of a sweep of thresholds


def ablations(run: str, digest: str | None) -> list[Answer]:
    """The answers in RUN/ablations about decisions with this digest, in the order of their files."""
    if digest is None or FOLDER not in files.list_names(run):
        return []
    folder = files.join(run, FOLDER)
    found = []
    for name in sorted(name for name in files.list_names(folder) if name.endswith(".json")):
        try:
            answer = _answer(files.read_json(files.join(folder, name)) or {}, digest)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if answer is not None:
            found.append(answer)
    return found


def _answer(told: dict[str, Any], digest: str) -> Answer | None:
    asked = told["asked"]
    if asked["digest"] != digest:
        return None
    rows = []
    for finding in told["findings"]:
        for row in finding["rows"]:
            domain = " ".join([row["domain"], row["language"], *([f"rate {row['rate']:g}"] if row["rate"] else [])])
            one = row["comparison"]
            figures = np.array([one[key] for key in ("mean", "low", "high", "p")], np.float64)
            rows.append((str(finding["name"]), domain, figures))
    table = np.array([figures for _, _, figures in rows])
    if not rows or not np.isfinite(table).all():
        return None
    # Dots and nought are always within; an interval much wider than all dots ends at the edge of the plot.
    widest = 3 * float(np.abs(table[:, 0]).max()) or 1.0
    low, high = max(-widest, min(0.0, float(table[:, 1].min()))), min(widest, max(0.0, float(table[:, 2].max())))
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return min(max(100 * (value - low) / span, 0.0), 100.0)

    effects = []
    for name, domain, figures in rows[:MOST]:
        mean, start, end, p = figures.tolist()
        effects.append(Effect(name, domain, mean, start, end, p, place(mean), place(start), place(end) - place(start)))
    proxy = asked["proxy"]["name"]
    title = f"{proxy}, {int(asked['pairs'])} pairs{'' if asked['coupled'] else ', uncoupled'}"
    return Answer(title, effects, place(0.0), len(rows) - len(effects), _curve(asked.get("shares"), rows, title))


def _curve(shares: Any, rows: list[tuple[str, str, NDArray[np.float64]]], title: str) -> str | None:
    """What keeping less gains or loses, share by share, a line a domain; None where it was no such question."""
    if not shares:
        return None
    kept = {f"{int(share)} % kept": float(share) for share in shares}
    lines: dict[str, list[tuple[float, float]]] = {"all pages": [(min(kept.values()), 0.0), (100.0, 0.0)]}
    bounds: dict[str, list[tuple[float, float]]] = {}
    for name, domain, (mean, low, high, _) in rows:
        if name in kept and (domain in lines or len(lines) <= MOST_LINES):
            lines.setdefault(domain, []).append((kept[name], float(mean)))
            bounds.setdefault(domain, []).append((float(low), float(high)))
    drawn = {name: line for name, line in lines.items() if len(line) > 1}
    up = "Δ bits per byte against all pages: below 0 fewer are better"
    return curves(f"Fewer pages, equal tokens: {title}", "per cent of the pages kept", up, drawn, bounds)
