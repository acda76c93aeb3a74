"""`parallel`: paragraphs that the pages of a run have in English and in Chinese."""

from typing import Annotated

import typer

from skypile import config as settings
from skypile.cli.console import AsJson, ConfigFile, by_reason, out, print_json
from skypile.schema import STAGES


def parallel(
    run: Annotated[str, typer.Argument(help="Folder of a run", metavar="RUN")],
    output: Annotated[str, typer.Option("--output", help="Folder for the pairs of paragraphs")],
    stage: Annotated[str, typer.Option(help=f"Whose kept pages: {', '.join(STAGES)}")] = STAGES[-1],
    pairs: Annotated[
        str | None, typer.Option(help="File of pairs of pages: two URLs a line; goes before what pages say")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Find pages of a run that exist in English and Chinese, and align their paragraphs.

    With --json: the manifest: documents ({language: pages}), pages (pairs of pages: read, kept, dropped
    {reason: pairs}), read, kept, dropped (pairs of paragraphs), seconds, config, inputs; and output.
    """
    from skypile.parallel.corpus import parallel as write

    done = write(run, output, stage, pairs, settings.load(config).parallel)
    if as_json:
        print_json({"output": output} | done)
        return
    for what, counts in (("pairs of pages", done["pages"]), ("pairs of paragraphs", done)):
        lost = by_reason(counts["dropped"])
        shown = f"{what}: read {counts['read']:,}, kept {counts['kept']:,}, dropped: {lost}"
        out.print(shown, highlight=False, soft_wrap=True)
