"""Lines over a common axis as one SVG that loads nothing: what a training lost, domain by domain.

Drawn to be looked at in a browser or put into a page, in the colours of the report, by day and by night. Each line
bears its name at its right end, in its own colour, so no legend sends the eye to and fro. Names may be hostile (file
names are): they are escaped, and what would not show is spelled out.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

from skypile.report.charts import round_step, short
from skypile.report.formats import clean

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 48, 52  # of the drawing, for labels
LINE = 15  # between two names at the right
MOST_TICKS = 6
NAME = 26  # characters of a name that fit at the right

# Eight hues that are told apart by who sees no red or green (Okabe and Ito 2008), its black and yellow left out; lines
# beyond these are dashed.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
STYLE = """
  .curve text { font: 12px system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; fill: #24292e; }
  .curve .title { font-size: 15px; font-weight: 600; } .curve .quiet { fill: #5f6870; }
  .curve .paper { fill: #fbfaf7; } .curve .grid { stroke: #dcdad2; }
  @media (prefers-color-scheme: dark) {
    .curve text { fill: #dfe3e6; } .curve .quiet { fill: #98a2aa; } .curve .paper { fill: #16191c; }
    .curve .grid { stroke: #30363b; }
  }
"""


def curves(
    title: str,
    across: str,
    up: str,
    lines: Mapping[str, Sequence[tuple[float, float]]],
    intervals: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> str:
    """An SVG of lines, each of two points or more in ascending order of their first coordinate.

    The axis across begins at nought, the one upward where the lowest point needs it.

    Args:
        title: above the drawing.
        across, up: what the axes say.
        lines: by name, points (across, up), finite.
        intervals: by name of a line, the lower and upper bound at each of its points.
    """
    intervals = intervals or {}
    points = [point for line in lines.values() for point in line]
    right = max(x for x, _ in points)
    heights = [y for _, y in points] + [y for bounds in intervals.values() for pair in bounds for y in pair]
    low, high, step = _bounds(min(heights), max(heights))
    bottom, edge = HEIGHT - BOTTOM, WIDTH - RIGHT

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + (edge - LEFT) * x / right, bottom - (bottom - TOP) * (y - low) / (high - low)

    parts = [f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>']
    parts += [text(LEFT, 26, title, "title"), text(LEFT, TOP - 8, up, "quiet")]
    parts.append(text((LEFT + edge) / 2, HEIGHT - 12, across, "quiet", "middle"))
    for n in range(round((high - low) / step) + 1):
        y = at(0, low + n * step)[1]
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{edge}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 8, y + 4, short(round(low + n * step, 9)) if low + n * step else "0", "quiet", "end"))
    along = round_step(right / MOST_TICKS)
    for n in range(int(right / along * (1 + 1e-9)) + 1):
        x = at(n * along, low)[0]
        parts.append(text(x, bottom + 18, short(n * along) if n else "0", "quiet", "middle"))
    ends = apart([at(*line[-1])[1] for line in lines.values()], TOP, bottom)
    for number, ((name, line), end) in enumerate(zip(lines.items(), ends, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        dashed = ' stroke-dasharray="6 4"' if number >= len(COLOURS) else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dashed} points="{path}"/>')
        for (x, _), bounds in zip(line, intervals.get(name, ()), strict=False):
            (left, lower), (_, upper) = (at(x, bound) for bound in bounds)
            ends_of = f'x1="{left:.1f}" x2="{left:.1f}" y1="{lower:.1f}" y2="{upper:.1f}"'
            parts.append(f'<line class="interval" stroke="{colour}" stroke-opacity="0.5" {ends_of}/>')
        for point in line:
            x, y = at(*point)
            says = f"{clean(name)}: {point[1]:.4g} at {short(point[0])}"
            dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">'
            parts.append(f"{dot}<title>{escape(says)}</title></circle>")
        x, y = at(*line[-1])
        parts.append(f'<line stroke="{colour}" x1="{x + 5:.1f}" y1="{y:.1f}" x2="{edge + 16}" y2="{end:.1f}"/>')
        label = f"{clean(name, NAME)}  {line[-1][1]:.3f}"
        parts.append(f'<text x="{edge + 20}" y="{end + 4:.1f}" style="fill: {colour}">{escape(label)}</text>')
    return drawing(parts, WIDTH, HEIGHT)


def drawing(parts: Sequence[str], width: int, height: int) -> str:
    """Elements as a whole SVG, by day and by night."""
    size = f'class="curve" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>{STYLE}</style>\n{body}\n</svg>\n'


def text(x: float, y: float, said: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(clean(said))}</text>'


def _bounds(low: float, high: float) -> tuple[float, float, float]:
    """Round bounds that hold both, and the step between ticks.

    >>> _bounds(2.62, 4.9), _bounds(1.0, 1.0)
    ((2.5, 5.0, 0.5), (1.0, 1.2, 0.2))
    """
    step = round_step((high - low) / MOST_TICKS or abs(high) / MOST_TICKS or 1.0)
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))
    return round(first * step, 9), round(last * step, 9), step


def apart(places: Sequence[float], top: float, bottom: float) -> list[float]:
    """Places of names beside the ends of their lines, none nearer than `LINE` to the next, as long as there is room.

    >>> apart([100, 101, 300], 0, 400)
    [93.0, 108.0, 300.0]
    """
    order = sorted(range(len(places)), key=lambda number: places[number])
    groups: list[tuple[list[int], float]] = []  # neighbours that push each other, and their middle
    for number in order:
        group, middle = [number], float(places[number])
        while groups and middle - groups[-1][1] < LINE * (len(group) + len(groups[-1][0])) / 2:
            others, other_middle = groups.pop()
            whole = len(group) + len(others)
            middle = (middle * len(group) + other_middle * len(others)) / whole
            group = others + group
        half = LINE * (len(group) - 1) / 2
        groups.append((group, min(max(middle, top + half), bottom - half)))
    found = [0.0] * len(places)
    for group, middle in groups:
        for n, number in enumerate(group):
            found[number] = middle + LINE * (n - (len(group) - 1) / 2)
    return found
