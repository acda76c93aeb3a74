"""The `skypile` command: thin bindings of the command line to the package."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skypile import __version__, schema
from skypile import config as settings
from skypile.errors import SkypileError
from skypile.run_folder import ledger
from skypile.runtime import files
from skypile.runtime.process import importing
from skypile.runtime.sandbox import PAGE_FUNCTION, template
from skypile.tokens.cli import tokens, vocab

if TYPE_CHECKING:
    from skypile.sample import Score

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(vocab, name="vocab")
app.add_typer(tokens, name="tokens")
out = Console()
err = Console(stderr=True)
MISSED_SHOWN = 3  # per kind of planted truth

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
    page = _run(paths, files.absolute(output), settings.load(config))
    err.print(f"report: {page}", soft_wrap=True)


def _run(paths: list[str], output: str, config: settings.Config) -> str:
    """All stages and the report; returns the report's path."""
    template(PAGE_FUNCTION)
    with importing():
        from skypile.extraction.without_spark import extract_locally
    extracted = extract_locally(paths, output, config, err)
    from skypile import pipeline  # only here: the processes that extract are forked without it
    from skypile.report import write_report
    from skypile.runtime import session

    pipeline.run(session.start(config.spark), paths, output, config, err, extracted)
    return str(write_report(output))


@app.command()
def sample(directory: Annotated[Path, typer.Argument(help="Folder to write", metavar="DIR")], seed: int = 0) -> None:
    """Write a small bilingual crawl with planted truths, and a Wikipedia dump that cites some of its pages."""
    from skypile.sample import write_sample

    written = write_sample(directory, seed)
    out.print(f"{written['records']} records in {written['crawl']}, truths in {written['truths']}", soft_wrap=True)


@app.command()
def demo(output: Output = "demo", config: ConfigFile = None) -> None:
    """Write the sample, run every stage on it, and say how many of the planted truths were found."""
    from skypile.sample import score, write_sample

    written = write_sample(Path(output, "sample"))
    chosen = settings.load(config)
    quality = chosen.quality_filter.model_copy(update={"wikipedia": (str(Path(written["wikipedia"]).absolute()),)})
    folder = str(Path(output, "run").absolute())
    page = _run([written["crawl"]], folder, chosen.model_copy(update={"quality_filter": quality}))
    status(folder)
    _print_scores(score(written["truths"], folder))
    url = ledger.example(folder, "near_duplicate")
    out.print(
        "\nNext:\n"
        f"  open {page}\n"
        f"  skypile why {url} --run {folder}\n"
        "  skypile run --output RUN your.warc.gz …   on your own crawl; README.md has the settings",
        soft_wrap=True,
        highlight=False,
    )


def _print_scores(scores: list["Score"]) -> None:
    table = Table("planted", "what it is", "planted", "found", title="Planted truths")
    for row in scores:
        colour = "green" if row.found == row.planted else "yellow"
        table.add_row(row.kind, row.meaning, str(row.planted), f"[{colour}]{row.found}[/{colour}]")
    out.print(table)
    for row in scores:
        for missed in row.missed[:MISSED_SHOWN]:
            out.print(f"  missed {row.kind}: {missed}", markup=False, highlight=False, soft_wrap=True)
        if len(row.missed) > MISSED_SHOWN:
            out.print(f"  missed {row.kind}: and {len(row.missed) - MISSED_SHOWN} more", highlight=False)


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
def dedup(
    paths: Annotated[list[str], typer.Argument(help="Parquet files, folders or globs", metavar="PATH")],
    output: Annotated[str, typer.Option("--output", help="Folder for documents and verdicts")],
    id_column: Annotated[str, typer.Option(help="Column with a unique id")] = "id",
    text_column: Annotated[str, typer.Option(help="Column with the text")] = "text",
    url_column: Annotated[str | None, typer.Option(help="Column with the URL; without it no URLs are compared")] = None,
    against: Annotated[str | None, typer.Option(help="Index: what matches the corpus in it is dropped")] = None,
    update_index: Annotated[bool, typer.Option("--update-index", help="Add the documents to the index")] = False,
    config: ConfigFile = None,
) -> None:
    """Deduplicate any Parquet files: the rows that stay, and a verdict with evidence for every row."""
    from skypile.dedup.columns import Columns
    from skypile.dedup.files import deduplicate

    done = deduplicate(paths, output, Columns(id_column, text_column, url_column), config, against, update_index)
    lost = ", ".join(f"{reason} {n:,}" for reason, n in done["dropped"].items()) or "none"
    out.print(f"read {done['read']:,}, kept {done['kept']:,}, dropped: {lost}  ({done['seconds']} s)", highlight=False)


@app.command("dedup-curve")
def dedup_curve(config: ConfigFile = None) -> None:
    """Print how likely a pair of documents of each similarity is found with the bands and rows of the settings."""
    from skypile.dedup.minhash import candidate_probability

    section = settings.load(config).dedup
    out.print(f"{section.bands} bands of {section.rows} rows; pairs from {section.jaccard_threshold} on are duplicates")
    for step in range(2, 21):
        similarity = step / 20
        chance = candidate_probability(similarity, section.bands, section.rows)
        mark = " <- threshold" if abs(similarity - section.jaccard_threshold) < 1e-9 else ""
        out.print(f"  {similarity:.2f}  {chance:7.4f}  {'█' * round(40 * chance)}{mark}", highlight=False)


@app.command("diff")
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


@app.command()
def status(run: RunFolder) -> None:
    """Table of a run's stages: read, kept, dropped and failed by reason, speed."""
    table = Table("stage", "read", "kept", "dropped", "failed", "records/s", "seconds", title=escape(run))
    for column in table.columns[1:]:
        column.justify = "right"
    notes: list[str] = []
    for stage, folder in ledger.stage_folders(run).items():
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


@app.command("report")
def report_command(run: RunFolder) -> None:
    """Write the run's report: one self-contained HTML page."""
    from skypile.report import write_report

    out.print(write_report(run), highlight=False)


@app.command("config")
def config_command(
    config: ConfigFile = None,
    describe: Annotated[bool, typer.Option("--describe", help="A Markdown table of all settings instead")] = False,
) -> None:
    """Print the settings as TOML, all of them, or those of a file with the defaults filled in."""
    if describe:
        from skypile.config.table import describe as table

        print(table(), end="")
    else:
        print(settings.dumps(settings.load(config)), end="")


@app.command()
def prepare() -> None:
    """Compile the kernels and archive Spark's classes: once an installation, so that runs start 3 s sooner."""
    from skypile.dedup import kernels
    from skypile.extraction import page
    from skypile.runtime.class_archive import write_archive

    page.prepare()
    kernels.prepare()
    archive = write_archive()
    out.print(f"{archive}: {archive.stat().st_size >> 20} MB", soft_wrap=True, highlight=False)


@app.command()
def version() -> None:
    """Print the version."""
    print(f"skypile {__version__}")


def main() -> None:
    """Entry point: expected errors end with their message, not with a traceback."""
    try:
        app()
    except (SkypileError, FileNotFoundError, ValueError) as error:
        err.print(f"[red]skypile:[/red] {escape(str(error))}", highlight=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
