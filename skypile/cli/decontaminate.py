"""`decontaminate`: benchmark items out of any files."""

from typing import Annotated, Any

import typer

from skypile.cli.console import AsJson, ConfigFile, by_reason, out, print_json, shown


def decontaminate(
    paths: Annotated[list[str], typer.Argument(help="Parquet files, folders or globs", metavar="PATH")],
    output: Annotated[str, typer.Option("--output", help="Folder for documents and verdicts")],
    benchmarks: Annotated[
        list[str], typer.Option("--benchmarks", help="JSONL or Parquet of items, or a folder or glob; repeatable")
    ],
    id_column: Annotated[str, typer.Option(help="Column with a unique id")] = "id",
    text_column: Annotated[str, typer.Option(help="Column with the text")] = "text",
    url_column: Annotated[str | None, typer.Option(help="Column with the URL, whose host is a text's source")] = None,
    action: Annotated[
        str | None, typer.Option(help="drop the page, or cut the passage; default: the settings'")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Find benchmark items in any Parquet files: the rows that stay, and a verdict with evidence for every row.

    With --json: the manifest: read, kept, dropped ({reason: rows}), cut, most_found, seconds, …; and output.
    """
    from skypile.decontamination.files import decontaminate as run
    from skypile.dedup.columns import Columns

    done = run(paths, output, Columns(id_column, text_column, url_column), benchmarks, config, action)
    if as_json:
        print_json({"output": output} | done)
        return
    for line in told(done):
        out.print(line, highlight=False, soft_wrap=True)


def told(done: dict[str, Any]) -> list[str]:
    """What a manifest says, in lines."""
    lost = by_reason(done["dropped"])
    failed = "".join(f", failed: {reason} {n:,}" for reason, n in done["failed"].items())
    cut = f", cut {done['cut']['rows']:,}" if done["config"]["action"] == "cut" else ""
    lines = [f"read {done['read']:,}, kept {done['kept']:,}{cut}, dropped: {lost}{failed}  ({done['seconds']} s)"]
    for name, counts in done["benchmarks_found"].items():
        lines.append(f"{shown(name)}: {counts['found']:,} of {counts['items']:,} items found")
    searched = done["searched"]
    if searched["not_searched"]:
        lines.append(
            f"{searched['not_searched']:,} items were not searched: too short, or a common phrase "
            f"(as a whole only: {searched['as_a_whole']:,})"
        )
    return lines
