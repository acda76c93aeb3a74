"""Commands that read a run: `status`, `why`, `diff`, `report`."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from skypile import schema
from skypile.cli.console import RunFolder, err, out
from skypile.run_folder import ledger
from skypile.runtime import files


def status(run: RunFolder) -> None:
    """Table of a run's stages: read, kept, dropped and failed by reason, speed."""
    table = Table("stage", "read", "kept", "dropped", "failed", "records/s", "seconds", title=escape(run))
    for column in table.columns[1:]:
        column.justify = "right"
    notes: list[str] = []
    for stage, folder in ledger.stage_folders(run, begun=True).items():
        done = files.read_json(files.join(folder, "manifest.json"))
        if done is None:
            plan = files.read_json(files.join(folder, "plan.json")) or {"waves": "?"}
            stamped = len(files.list_names(files.join(folder, "waves")))
            table.add_row(stage, f"unfinished: {stamped} of {plan['waves']} waves")
            continue
        lost = [f"{sum(done[verdict].values()):,}" for verdict in (schema.DROPPED, schema.FAILED)]
        speed = f"{done['read'] / done['seconds']:,.0f}" if done["seconds"] else ""
        table.add_row(stage, f"{done['read']:,}", f"{done['kept']:,}", *lost, speed, f"{done['seconds']:,.1f}")
        for reason, n in sorted(done[schema.DROPPED].items(), key=lambda item: (-item[1], item[0])):
            table.add_row(f"  {reason}", "", "", f"{n:,}", style="dim")
        for reason, n in sorted(done[schema.FAILED].items(), key=lambda item: (-item[1], item[0])):
            table.add_row(f"  {reason}", "", "", "", f"{n:,}", style="dim")
        notes += [f"{stage}: {note}" for note in done["notes"]]
    out.print(table)
    for note in notes:
        out.print(f"  {escape(note)}", style="yellow", highlight=False, soft_wrap=True)


def why(
    key: Annotated[str, typer.Argument(help="URL or record id", metavar="URL_OR_ID")],
    run: Annotated[str, typer.Option("--run", help="Folder of a run")],
) -> None:
    """Say what became of a page, stage by stage, and on what evidence."""
    found = ledger.why(run, key)
    if not found:
        err.print(f"{escape(key)} is not in {run}: no record has this URL or id (URLs are matched exactly)")
        raise typer.Exit(1)
    last = None
    for verdict in found:
        if verdict.record_id != last:
            out.print(f"[bold]{escape(verdict.url)}[/bold]  record {verdict.record_id}", highlight=False)
            last = verdict.record_id
        words = f"{verdict.reason}: {verdict.meaning}" if verdict.reason else ""
        numbers = "" if verdict.score is None else f"  score {verdict.score:.4g}"
        numbers += "" if verdict.threshold is None else f", threshold {verdict.threshold:.4g}"
        out.print(f"  {verdict.stage:<20} {verdict.verdict:<8} {words}{numbers}", highlight=False)
        for name, value in verdict.evidence.items():
            out.print(f"      {escape(str(name))}: {escape(str(value))}", highlight=False)


def diff(
    key: Annotated[str, typer.Argument(help="URL or record id of a dropped duplicate", metavar="URL_OR_ID")],
    run: Annotated[str, typer.Option("--run", help="Folder of a run")],
) -> None:
    """Print where a dropped duplicate and the document that stayed in its place differ."""
    from skypile.dedup.passages import differing_passages

    pairs = ledger.duplicate_pairs(run, key)
    if not pairs:
        err.print(f"{escape(key)} was dropped as no duplicate in {run}; `skypile why` says what became of it")
        raise typer.Exit(1)
    for dropped, survivor in pairs:
        out.print(
            f"[red]- {escape(dropped.url)}[/red]  dropped\n[green]+ {escape(survivor.url)}[/green]  kept",
            highlight=False,
        )
        passages = differing_passages(dropped.text, survivor.text)
        for passage in passages:
            around = [escape(part.replace("\n", " ")) for part in passage]
            out.print(
                f"  … {around[0]}[red]\\[-{around[1]}-][/red][green]{{+{around[2]}+}}[/green]{around[3]} …",
                highlight=False,
            )
        if not passages:
            out.print("  the texts are the same")


def report(run: RunFolder) -> None:
    """Write the run's report: one self-contained HTML page."""
    from skypile.report import write_report

    out.print(write_report(run), highlight=False)


def verify(
    folder: Annotated[str, typer.Argument(help="Run, output of dedup, or token shards", metavar="FOLDER")],
) -> None:
    """Read every part of a result and hold it against the sizes and checksums that its manifests name."""
    from skypile.run_folder.verify import verify as verify_folder

    found = verify_folder(files.absolute(folder))
    for line in found.wrong:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    out.print(f"{found.parts:,} files, {found.size:,} bytes, {len(found.wrong)} wrong", highlight=False)
    if found.wrong:
        raise typer.Exit(1)
