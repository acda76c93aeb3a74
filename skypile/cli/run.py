"""Commands that run the pipeline: `run`, `sample`, `demo`, `prepare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from skypile import config as settings
from skypile.cli import evidence
from skypile.cli.console import ConfigFile, Output, err, out, shipped
from skypile.run_folder import ledger
from skypile.runtime import files
from skypile.runtime.process import importing
from skypile.runtime.sandbox import PAGE_FUNCTION, template

if TYPE_CHECKING:
    from skypile.sample import Score

MISSED_SHOWN = 3  # per kind of planted truth


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
        from skypile.extraction.plan import run_output
        from skypile.extraction.without_spark import extract_locally
    with run_output(output, config, paths):
        extracted = extract_locally(paths, output, config, err)
        from skypile import pipeline  # only here: the processes that extract are forked without it
        from skypile.report import write_report
        from skypile.runtime import session

        pipeline.run(session.start(config.spark), paths, output, config, err, extracted)
        return str(write_report(output))


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


def prepare() -> None:
    """Compile the kernels and archive Spark's classes: once an installation, so that runs start 3 s sooner."""
    from skypile import prepare

    archive = prepare.prepare()
    out.print(f"{archive}: {archive.stat().st_size >> 20} MB", soft_wrap=True, highlight=False)
