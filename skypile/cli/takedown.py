"""`skypile takedown`: pages out of a finished run and its token shards."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from skypile.cli.console import AsJson, RunOption, err, line, out, print_json


def takedown(
    keys: Annotated[
        list[str] | None, typer.Argument(help="URLs as the run has them, or record ids", metavar="URL_OR_ID")
    ] = None,
    run: RunOption = "",
    tokens: Annotated[
        list[str] | None, typer.Option(help="Folder of token shards packed from it, besides its own; repeatable")
    ] = None,
    shuffled: Annotated[
        list[str] | None, typer.Option(help="Folder that a split of those was shuffled into; repeatable")
    ] = None,
    listed: Annotated[str | None, typer.Option("--list", help="File of URLs or record ids, one a line")] = None,
    why: Annotated[str, typer.Option(help="For the ledger: who asked, or the number of the request")] = "",
    as_json: AsJson = False,
) -> None:
    """Remove pages from a run's shards and from token shards, for good: no later run in this folder brings them back.

    Only the files in which a page stands are written anew. In token shards its tokens become padding, so that every
    other token and sequence stays where it is. The ledger keeps the page's URL, the reason and the date.

    With --json: removed, before, unknown, tokens, text_in. Ends with 1 if a key is unknown.
    """
    from skypile.errors import Refused
    from skypile.report import write_report
    from skypile.runtime import files
    from skypile.schema import KEPT
    from skypile.takedown import take_down

    wanted = list(keys or [])
    if listed is not None:
        with files.open_uri(listed) as file:
            try:
                lines = file.read().decode("utf-8-sig").splitlines()
            except UnicodeDecodeError as error:
                raise Refused(f"{listed} is no UTF-8 text ({error}); convert it") from None
        wanted += [one.strip() for one in lines if one.strip()]
    if not wanted or not run:
        raise Refused("give the URLs or record ids of pages (or --list FILE), and their run with --run")
    folder = files.absolute(run)
    today = datetime.now(UTC).date().isoformat()
    done = take_down(folder, wanted, why, today, tokens or [], shuffled or [])
    if as_json:
        print_json(done._asdict())
    else:
        for key, urls in done.removed.items():
            out.print(line("taken down  ", key, f"  ({len(urls)} records)" if len(urls) > 1 else ""), soft_wrap=True)
        for key, (stage, reason) in done.before.items():
            told = "no shards yet, and in none that are made" if reason == KEPT else "not in the shards"
            out.print(line(f"{told}  ", key, f"  ({stage}: {reason})"), soft_wrap=True)
        for place, entries in done.tokens.items():
            told = f"{sum(entry['tokens'] for entry in entries):,} tokens of {len(entries)} documents are padding now"
            out.print(line(f"{told}: ", place), soft_wrap=True, highlight=False)
        for key in done.unknown:
            err.print(line("unknown  ", key, "  (no record has this very URL or id; `skypile why` finds similar ones)"))
    if done.removed or done.before:
        told = "the text still stands in the crawl"
        if done.text_in:
            told += (
                f", and in the folders of {', '.join(done.text_in)}; `skypile prune` removes what these stages kept, "
                "not what they dropped"
            )
        err.print(told, soft_wrap=True, highlight=False)
        err.print(line("report: ", write_report(folder)), soft_wrap=True, highlight=False)
    if done.unknown:
        raise typer.Exit(1)
