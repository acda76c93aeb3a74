"""`code`: source code of repositories."""

from typing import Annotated

import typer
from rich.table import Table

from skypile import config as settings
from skypile.cli.console import AsJson, ConfigFile, by_reason, out, print_json, shown


def code(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Folders of repositories; JSONL or Parquet with path and content, or globs", metavar="PATH"
        ),
    ],
    output: Annotated[str, typer.Option("--output", help="Folder for documents and verdicts")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Source code of repositories: rules, licences, duplicates, and JSON, XML, YAML and HTML in proportion.

    With --json: the manifest: read, kept, dropped and failed ({reason: files}), formats ({format: read, kept,
    kept_bytes, share, wanted, lost ({reason: files})}), seconds, config, inputs; and output.
    """
    from skypile.code.corpus import code as write

    done = write(paths, output, settings.load(config))
    if as_json:
        print_json({"output": output} | done)
        return
    table = Table("format", "read", "kept", "MB kept", "share", "wanted", "dropped")
    for name, counts in sorted(done["formats"].items(), key=lambda pair: (-pair[1]["kept_bytes"], pair[0])):
        most = "" if counts["wanted"] is None else f"{counts['wanted']:.2%}"
        size = f"{counts['kept_bytes'] / 1e6:,.2f}"
        lost = ", ".join(f"{reason} {n:,}" for reason, n in counts["lost"].items())
        numbers = (f"{counts['read']:,}", f"{counts['kept']:,}", size, f"{counts['share']:.2%}")
        table.add_row(shown(name), *numbers, most, lost)
    out.print(table)
    lost = by_reason(done["dropped"])
    failed = "".join(f", failed: {reason} {n:,}" for reason, n in done["failed"].items())
    counts = f"read {done['read']:,}, kept {done['kept']:,}, dropped: {lost}{failed}  ({done['seconds']} s)"
    out.print(counts, highlight=False, soft_wrap=True)
