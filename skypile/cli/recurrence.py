"""`skypile recurrence`: what the judges say of pages by how often they recur, and the weights that follow."""

from typing import Annotated, Any

import typer
from rich.table import Table

from skypile.cli.console import AsJson, RunFolder, out, print_json, shown
from skypile.errors import Refused


def recurrence(
    run: RunFolder,
    topic: Annotated[
        int | None, typer.Option(min=0, help="One of the largest topics, by its number, instead of the corpus")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Table of the recurrence curve: the share of pages that each judge rejects, by how often they recur.

    Shares have 95 % intervals. The last column is the factor that a page's weight has of the signal at strength 1, in
    its language; the settings are [recurrence].

    With --json: run, strength, and curves, a list of objects with language and topic (null: of all), and points:
    signal, judge, least and most (the amount), documents, rejected, share, low, high; and factors, a list of objects
    with language, signal, and factors (one a bin: 1, 2, 3-4, 5-8, ...).
    """
    from skypile.recurrence.in_run import run_curves
    from skypile.recurrence.weights import factors
    from skypile.runs import open_run

    config = open_run(run).config
    found = run_curves(run, config)
    if topic is not None and topic not in found.topics:
        known = ", ".join(map(str, found.topics)) or "none"
        raise Refused(f"--topic {topic}: it is none of the largest topics of {run}; these are {known}")
    weights = factors(found)
    if as_json:
        groups: list[tuple[str | None, int | None, Any]] = [(None, None, found.corpus)]
        groups += [(name, None, of) for name, of in found.languages.items()]
        groups += [(None, number, of) for number, of in found.topics.items()]
        told = [{"language": name, "topic": number, "points": _points(of)} for name, number, of in groups]
        by_signal = [
            {"language": language, "signal": signal, "factors": of.tolist()}
            for (language, signal), of in weights.items()
        ]
        print_json({"run": run, "strength": config.recurrence.strength, "curves": told, "factors": by_signal})
        return
    if topic is not None:
        out.print(_table(f"topic {topic}", found.topics[topic]))
        return
    out.print(_table("all languages", found.corpus))
    for language, curve in found.languages.items():
        out.print(_table(shown(language), curve, {s: of for (name, s), of in weights.items() if name == language}))


def _points(curve: Any) -> list[dict[str, Any]]:
    return [
        {"signal": signal, "judge": judge} | {key: value for key, value in one._asdict().items() if key != "bin"}
        for (signal, judge), points in curve.items()
        for one in points
    ]


def _table(title: str, curve: Any, factors: dict[str, Any] | None = None) -> Table:
    """A row a signal and bin, a column a judge that has judged any, and one of `factors` where they are given."""
    from skypile.recurrence.curve import JUDGES, SIGNALS, amount

    judges = [judge for judge in JUDGES if any(name == judge for _, name in curve)]
    heads = ["recurs as", "times", "documents", *(f"rejected by {judge}" for judge in judges)]
    table = Table(*heads, *([] if factors is None else ["factor"]), title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for signal in SIGNALS:
        by_judge = {judge: {one.bin: one for one in curve.get((signal, judge), [])} for judge in judges}
        for at, number in enumerate(sorted({number for points in by_judge.values() for number in points})):
            most = max(points[number].documents for points in by_judge.values() if number in points)
            cells = [_share(points.get(number)) for points in by_judge.values()]
            if factors is not None:
                of = factors.get(signal, [])
                cells.append(f"{of[number]:.2f}" if number < len(of) else "1")
            table.add_row("" if at else signal, amount(number), f"{most:,}", *cells)
        table.add_section()
    return table


def _share(one: Any) -> str:
    return f"{one.share:.1%} ({one.low:.1%} to {one.high:.1%})" if one else "–"
