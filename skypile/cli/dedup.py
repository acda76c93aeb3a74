"""`dedup` on any files, and `dedup-curve`."""

from typing import Annotated

import typer

from skypile import config as settings
from skypile.cli.console import AsJson, ConfigFile, by_reason, out, print_json


def dedup(
    paths: Annotated[list[str], typer.Argument(help="Parquet files, folders or globs", metavar="PATH")],
    output: Annotated[str, typer.Option("--output", help="Folder for documents and verdicts")],
    id_column: Annotated[str, typer.Option(help="Column with a unique id")] = "id",
    text_column: Annotated[str, typer.Option(help="Column with the text")] = "text",
    url_column: Annotated[str | None, typer.Option(help="Column with the URL; without it no URLs are compared")] = None,
    against: Annotated[str | None, typer.Option(help="Index: what matches the corpus in it is dropped")] = None,
    update_index: Annotated[bool, typer.Option("--update-index", help="Add the documents to the index")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Deduplicate any Parquet files: the rows that stay, and a verdict with evidence for every row.

    With --json: the manifest: read, kept, dropped ({reason: rows}), seconds, paths, columns, config; and output.
    """
    from skypile.dedup.columns import Columns
    from skypile.dedup.files import deduplicate

    done = deduplicate(paths, output, Columns(id_column, text_column, url_column), config, against, update_index)
    if as_json:
        print_json({"output": output} | done)
        return
    lost = by_reason(done["dropped"])
    failed = "".join(f", failed: {reason} {n:,}" for reason, n in done.get("failed", {}).items())
    counts = f"read {done['read']:,}, kept {done['kept']:,}, dropped: {lost}{failed}  ({done['seconds']} s)"
    out.print(counts, highlight=False, soft_wrap=True)


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
