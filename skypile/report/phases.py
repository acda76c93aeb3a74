"""A curriculum as a picture: the learning rate, and below it the shares of the sources, over the tokens.

A phase of 4 % of the tokens would be too narrow to see its ramp, so no phase is drawn narrower than a fifth of the
widest possible; the axis says where each begins.
"""

from collections.abc import Sequence
from html import escape

from skypile.mixture.phases import Blend, Piece, rate
from skypile.report.charts import short
from skypile.report.curves import COLOURS, apart, drawing, text
from skypile.report.formats import clean

WIDTH, HEIGHT = 760, 560
LEFT, RIGHT = 64, 190
RATES, SHARES = (56, 190), (250, 500)  # top and bottom of the two drawings
NARROWEST = 0.2  # of the width
POINTS = 60  # of a rate's curve in a phase
NAME = 20  # characters of a name that fit at the right


def phases(title: str, blends: Sequence[Blend], pieces: Sequence[Piece], step_tokens: int) -> str:
    """An SVG of blends, whose shares are those drawn, and of the rates of their phases; `step_tokens`: in a batch."""
    edges = _edges([piece.end - piece.first for piece in pieces])

    def across(step: float) -> float:
        number = next((n for n, piece in enumerate(pieces) if step <= piece.end), len(pieces) - 1)
        piece = pieces[number]
        return edges[number] + (edges[number + 1] - edges[number]) * (step - piece.first) / (piece.end - piece.first)

    parts = [f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>', text(LEFT, 26, title, "title")]
    parts += _axis(pieces, edges, blends, step_tokens)
    parts += _rates(pieces, across)
    parts += _shares(blends, across)
    return drawing(parts, WIDTH, HEIGHT)


def _edges(steps: Sequence[int]) -> list[float]:
    """Where phases begin and end, from left to right.

    >>> _edges([100, 100])
    [64, 317.0, 570.0]
    """
    whole = sum(steps)
    widths = [max(NARROWEST, number / whole) for number in steps]
    found: list[float] = [LEFT]
    for width in widths:
        found.append(found[-1] + (WIDTH - RIGHT - LEFT) * width / sum(widths))
    return found


def _axis(pieces: Sequence[Piece], edges: Sequence[float], blends: Sequence[Blend], step_tokens: int) -> list[str]:
    names = {blend.first: blend.phase for blend in blends}
    parts = []
    for number, piece in enumerate(pieces):
        x = edges[number]
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{RATES[0]}" y2="{SHARES[1]}"/>')
        parts.append(text(x, SHARES[1] + 18, short(piece.first * step_tokens) if number else "0", "quiet", "middle"))
        fits = int((edges[number + 1] - x) / 6.5)
        parts.append(text((x + edges[number + 1]) / 2, SHARES[1] + 36, names[piece.first][:fits], "quiet", "middle"))
    parts.append(text(edges[-1], SHARES[1] + 18, short(pieces[-1].end * step_tokens), "quiet", "middle"))
    said = "tokens; phases are not drawn to one scale" if len(pieces) > 1 else "tokens"
    parts.append(text((edges[0] + edges[-1]) / 2, HEIGHT - 6, said, "quiet", "middle"))
    return parts


def _rates(pieces: Sequence[Piece], across) -> list[str]:  # type: ignore[no-untyped-def]
    top, bottom = RATES
    high = max(piece.high for piece in pieces)
    parts = [text(LEFT, top - 10, "learning rate", "quiet")]
    for value in sorted({0.0, *(piece.high for piece in pieces), *(piece.low for piece in pieces)}):
        y = bottom - (bottom - top) * value / high
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 8, y + 4, f"{value:g}" if value else "0", "quiet", "end"))
    points = []
    for piece in pieces:
        steps = [piece.first + (piece.end - piece.first) * n / POINTS for n in range(POINTS + 1)]
        steps = sorted({*steps, float(piece.first + piece.warm_up)})
        points += [f"{across(step):.1f},{bottom - (bottom - top) * rate(piece, step) / high:.1f}" for step in steps]
    parts.append(f'<polyline fill="none" stroke="{COLOURS[0]}" stroke-width="2" points="{" ".join(points)}"/>')
    return parts


def _shares(blends: Sequence[Blend], across) -> list[str]:  # type: ignore[no-untyped-def]
    top, bottom = SHARES
    names = [name for name in blends[0].shares if any(blend.shares.get(name, 0.0) > 0 for blend in blends)]
    parts = [text(LEFT, top - 10, "share of the tokens", "quiet")]
    for percent in (0, 50, 100):
        parts.append(text(LEFT - 8, bottom - (bottom - top) * percent / 100 + 4, f"{percent} %", "quiet", "end"))
    below = [0.0] * len(blends)
    middles = []
    for number, name in enumerate(names):
        colour, strength = COLOURS[number % len(COLOURS)], 0.9 if number < len(COLOURS) else 0.5
        above = [low + blend.shares.get(name, 0.0) for low, blend in zip(below, blends, strict=True)]
        for blend, low, high in zip(blends, below, above, strict=True):
            if high <= low:
                continue
            left, right = (round(across(step), 1) for step in (blend.first + 1e-6, blend.first + blend.steps))
            y, height = bottom - (bottom - top) * high, (bottom - top) * (high - low)
            says = f"{clean(name)}: {high - low:.2%} of {clean(blend.phase)}"
            box = f'x="{left:.1f}" y="{y:.2f}" width="{right - left:.2f}" height="{height:.2f}"'
            look = f'fill="{colour}" fill-opacity="{strength}" shape-rendering="crispEdges"'
            parts.append(f"<rect {box} {look}><title>{escape(says)}</title></rect>")
        middles.append(bottom - (bottom - top) * (below[-1] + above[-1]) / 2)
        below = above
    for number, (name, place, middle) in enumerate(zip(names, apart(middles, top, bottom), middles, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        edge = WIDTH - RIGHT
        parts.append(f'<line stroke="{colour}" x1="{edge}" y1="{middle:.1f}" x2="{edge + 16}" y2="{place:.1f}"/>')
        label = f"{clean(name, NAME)}  {blends[-1].shares.get(name, 0.0):.1%}"
        parts.append(f'<text x="{edge + 20}" y="{place + 4:.1f}" style="fill: {colour}">{escape(label)}</text>')
    return parts
