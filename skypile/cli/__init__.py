"""The `skypile` command: thin bindings of the command line to the package, a file a topic."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from skypile.cli import dedup, evidence, extract, run, settings
from skypile.cli.console import err
from skypile.cli.tokens import tokens, vocab
from skypile.errors import SkypileError
from skypile.runtime.process import ONE_COMMAND
from skypile.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",  # in which the lines of a docstring are one paragraph
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(run.sample)
app.command()(run.demo)
app.command()(extract.extract)
app.command()(evidence.why)
app.command()(dedup.dedup)
app.command()(dedup.dedup_curve)
app.command()(evidence.diff)
app.command()(evidence.status)
app.command()(evidence.report)
app.command()(settings.config)
app.command()(settings.jobs)
app.command()(run.prepare)
app.add_typer(vocab, name="vocab")
app.add_typer(tokens, name="tokens")


@app.command()
def version() -> None:
    """Print the version."""
    print(f"skypile {__version__}")


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    """Raw web crawl in, a Chinese-English pre-training corpus out, and for every page what became of it."""


INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended; typer leaves with it too


def main() -> None:
    """Entry point: expected errors end with their message, and Ctrl-C with how to go on, not with a traceback."""
    ONE_COMMAND.set()
    try:
        app()
    except BaseException as error:
        if _is_interrupt(error):
            err.print("skypile: interrupted; run the same command again: what is finished is not done twice")
            sys.exit(INTERRUPTED)
        if isinstance(error, SkypileError | FileNotFoundError | ValueError):
            err.print(f"[red]skypile:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
            sys.exit(2)
        raise


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C led to `error`, be it through what the clearing up then failed of."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, SystemExit) and error.code == INTERRUPTED):
            return True
        error = error.__context__
    return False
