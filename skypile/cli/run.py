"""Commands that run the pipeline: `run`, `sample`, `demo`, `prepare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer
from rich.table import Table

from skypile import config as settings
from skypile import schema
from skypile.cli import evidence
from skypile.cli.console import ConfigFile, Output, err, line, out, shipped
from skypile.run_folder import ledger
from skypile.runtime import files
from skypile.runtime.process import importing
from skypile.runtime.sandbox import PAGE_FUNCTION, template

if TYPE_CHECKING:
    from skypile.sample import Score

MISSED_SHOWN = 3  # per kind of planted truth
FILES_SHOWN = 20  # of the input, by --dry-run

Until = Literal["extraction", "distribution_filter", "dedup", "quality_filter", "shards"]
assert get_args(Until) == schema.STAGES


def run(
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs: WARC, WET, HTML, JSONL, Parquet")],
    output: Output,
    config: ConfigFile = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Read only the first N records of the input, by file name", metavar="N")
    ] = None,
    until: Annotated[Until, typer.Option(help="The last stage to run")] = schema.STAGES[-1],
    centroids: Annotated[
        str | None,
        typer.Option(help="Reuse the clusters of an earlier run: distribution_filter.centroids", metavar="RUN"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and why; write nothing")] = False,
) -> None:
    """Run every stage; what an earlier run has finished with the same settings and inputs is left as it is.

    With --limit, the first N records in the order of the files' names and of the records in them are the whole
    input: nothing else is counted or in any verdict, and the manifest says so. Another N is another input.
    """
    output, chosen = files.absolute(output), settings.load(config)
    if centroids is not None:
        reusing = chosen.distribution_filter.model_copy(update={"centroids": centroids})
        chosen = chosen.model_copy(update={"distribution_filter": reusing})
    if dry_run:
        _print_dry_run(paths, output, chosen, limit, until)
        return
    page = _run(paths, output, chosen, limit, until)
    err.print(f"report: {page}", soft_wrap=True, highlight=False)


def _run(
    paths: list[str],
    output: str,
    config: settings.Config,
    limit: int | None = None,
    until: Until = schema.STAGES[-1],
) -> str:
    """All stages as far as `until`, and the report; returns the report's path."""
    template(PAGE_FUNCTION)
    with importing():
        from skypile.whole_run import whole_run
    return whole_run(paths, output, config, err, limit, until)


def _print_dry_run(paths: list[str], output: str, config: settings.Config, limit: int | None, until: Until) -> None:
    from skypile.crawl.inputs import NAMES_SEPARATOR
    from skypile.dry_run import dry_run
    from skypile.preflight import preflight
    from skypile.run_folder.output import tokens_folder

    preflight(config, schema.STAGES[: schema.STAGES.index(until) + 1], inputs=paths)
    splits, steps = dry_run(paths, output, config, limit, until)
    found = {split.source: split for split in splits}  # of a file in pieces, one
    names = [name for source in found for name in source.split(NAMES_SEPARATOR)]
    size = sum(split.size for split in found.values())
    first = "" if limit is None else f"the first {limit:,} records, from "
    out.print(f"input: {first}{_counted(len(names), 'file')}, {size:,} bytes", highlight=False, soft_wrap=True)
    for name in names[:FILES_SHOWN]:
        out.print(line("  ", name), soft_wrap=True)
    if len(names) > FILES_SHOWN:
        out.print(f"  and {len(names) - FILES_SHOWN:,} more", highlight=False)
    out.print(line("run folder: ", output), soft_wrap=True)
    for step in steps:
        because = f": {step.because}" if step.because else ""
        out.print(line(f"  {step.stage:<20} {step.action}", because), soft_wrap=True)
    if config.tokens.enabled and until == schema.STAGES[-1]:
        folder = tokens_folder(output, config.tokens.output)
        out.print(line(f"  {'tokens':<20} packed into {folder}, unless what is there is up to date"), soft_wrap=True)
    out.print("dry run: nothing was written", highlight=False)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def sample(directory: Annotated[Path, typer.Argument(help="Folder to write", metavar="DIR")], seed: int = 0) -> None:
    """Write a small bilingual crawl with planted truths, and a Wikipedia dump that cites some of its pages."""
    from skypile.sample import write_sample

    written = write_sample(directory, seed)
    out.print(f"{written['records']} records in {written['crawl']}, truths in {written['truths']}", soft_wrap=True)


def demo(output: Output = "demo", config: ConfigFile = None) -> None:
    """Write the sample, run every stage on it, and say how many of the planted truths were found."""
    from skypile.sample import score, write_sample

    written = write_sample(Path(output, "sample"))
    chosen = settings.load(config or shipped("configs/demo.toml"))
    quality = chosen.quality_filter.model_copy(update={"wikipedia": (str(Path(written["wikipedia"]).absolute()),)})
    folder = str(Path(output, "run").absolute())
    page = _run([written["crawl"]], folder, chosen.model_copy(update={"quality_filter": quality}))
    evidence.status(folder)
    _print_scores(score(written["truths"], folder))
    url = ledger.example(folder, "near_duplicate")
    out.print(
        "\nNext:\n"
        f"  open {page}\n"
        f"  skypile why {url} --run {folder}\n"
        "  skypile run --output RUN your.warc.gz …   on your own crawl; docs/your-crawl.md says more",
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
            out.print(line(f"  missed {row.kind}: ", missed), soft_wrap=True)
        if len(row.missed) > MISSED_SHOWN:
            out.print(f"  missed {row.kind}: and {len(row.missed) - MISSED_SHOWN} more", highlight=False)


def prepare() -> None:
    """Compile the kernels and archive Spark's classes: once an installation, so that runs start 3 s sooner."""
    from skypile import prepare

    archive = prepare.prepare()
    out.print(f"{archive}: {archive.stat().st_size >> 20} MB", soft_wrap=True, highlight=False)
