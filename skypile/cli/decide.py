"""`skypile decide`: thresholds of a finished run's quality filter moved, from stored scores."""

from typing import Annotated

import typer
from rich.table import Table

from skypile.cli.console import AsJson, RunFolder, err, out, print_json, shown


def decide(
    run: RunFolder,
    changed: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="Setting of the quality filter or of [recurrence], as in TOML; repeatable",
            metavar="KEY=VALUE",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; write nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide anew with other thresholds, from the scores that a run has stored, and say what changes.

    The run becomes what `skypile run` with these settings would have made; put them into your config too.

    With --json: kept (before, after), come, go, rows: language, reason (null: kept), before, after; and where keep
    weights are set anew, weights: of the documents that the run keeps now, how many are raised and lowered.
    """
    from skypile.runs import open_run
    from skypile.runtime import files

    folder = files.absolute(run)
    opened = open_run(folder)
    from skypile.config.change import changed as moved
    from skypile.decide import apply, changes

    config = moved(opened.config, changed, "for any other setting run again with it")
    found = changes(folder, config)
    weights = None
    if config.recurrence != opened.config.recurrence:
        from skypile.recurrence.in_run import moved as weighed

        weights = dict(zip(("raised", "lowered"), weighed(folder, config), strict=True))
    kept = [sum(getattr(row, side) for row in found.rows if row.reason is None) for side in ("before", "after")]
    if as_json:
        rows = [row._asdict() for row in found.rows]
        told = {"kept": {"before": kept[0], "after": kept[1]}, "come": found.come, "go": found.go, "rows": rows}
        print_json(told | ({"weights": weights} if weights else {}))
    else:
        table = Table("language", "verdict", "before", "after", "")
        for column in table.columns[2:]:
            column.justify = "right"
        for row in found.rows:
            moved_by = f"{row.after - row.before:+,}" if row.after != row.before else ""
            table.add_row(shown(row.language), row.reason or "kept", f"{row.before:,}", f"{row.after:,}", moved_by)
        out.print(table)
        out.print(f"kept {kept[0]:,} -> {kept[1]:,}: {found.come:,} documents come, {found.go:,} go", highlight=False)
        if weights:
            out.print(f"keep weights: {weights['raised']:,} over 1, {weights['lowered']:,} under 1", highlight=False)
    if dry_run:
        err.print("dry run: nothing was written", highlight=False)
        return
    from skypile.report import write_report
    from skypile.runtime import session

    apply(session.start(config.spark), folder, config, err)
    err.print(f"report: {write_report(folder)}", soft_wrap=True, highlight=False)
