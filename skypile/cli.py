"""The `skypile` command: thin bindings of the command line to the package."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skypile import __version__, files, ledger, schema
from skypile import config as settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
out = Console()
err = Console(stderr=True)

RunFolder = Annotated[str, typer.Argument(help="Folder of a run", metavar="RUN")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML settings; without it, the defaults")]
Output = Annotated[str, typer.Option("--output", help="Folder of the run")]


@app.command()
def run(
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs: WARC, WET, HTML, JSONL, Parquet")],
    output: Output,
    config: ConfigFile = None,
) -> None:
    """Run every stage; what an earlier run has finished with the same settings and inputs is left as it is."""
    from skypile import pipeline, session
    from skypile.report import write_report

    chosen = settings.load(config) if config else settings.Config()
    spark = session.start(chosen.spark)
    pipeline.run(spark, paths, files.absolute(output), chosen, err)
    page = write_report(output)
    err.print(f"report: {page}")


@app.command()
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


@app.command()
def status(run: RunFolder) -> None:
    """Table of a run's stages: read, kept, dropped and failed by reason, speed."""
    table = Table("stage", "read", "kept", "dropped", "failed", "records/s", "seconds", title=escape(run))
    for column in table.columns[1:]:
        column.justify = "right"
    for stage, folder in ledger.stage_folders(run).items():
        done = files.read_json(files.join(folder, "manifest.json"))
        if done is None:
            plan = files.read_json(files.join(folder, "plan.json")) or {"waves": "?"}
            stamped = len(files.list_names(files.join(folder, "waves")))
            table.add_row(stage, f"unfinished: {stamped} of {plan['waves']} waves")
            continue
        lost = [
            "\n".join(f"{reason} {n:,}" for reason, n in done[v].items()) or "0"
            for v in (schema.DROPPED, schema.FAILED)
        ]
        speed = f"{done['read'] / done['seconds']:,.0f}" if done["seconds"] else ""
        table.add_row(stage, f"{done['read']:,}", f"{done['kept']:,}", *lost, speed, f"{done['seconds']:,.1f}")
        for note in done["notes"]:
            table.add_row("", f"[yellow]{escape(note)}[/yellow]")
    out.print(table)


@app.command("report")
def report_command(run: RunFolder) -> None:
    """Write the run's report: one self-contained HTML page."""
    from skypile.report import write_report

    out.print(write_report(run), highlight=False)


@app.command("config")
def config_command(config: ConfigFile = None) -> None:
    """Print the settings as TOML, all of them, or those of a file with the defaults filled in."""
    print(settings.dumps(settings.load(config) if config else settings.Config()), end="")


@app.command()
def version() -> None:
    """Print the version."""
    print(f"skypile {__version__}")


def main() -> None:
    """Entry point: expected errors end with their message, not with a traceback."""
    from skypile.session import JavaError

    try:
        app()
    except (settings.ConfigError, JavaError, FileNotFoundError, ValueError) as error:
        err.print(f"[red]skypile:[/red] {escape(str(error))}", highlight=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
