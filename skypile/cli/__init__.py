"""The `skypile` command: thin bindings of the command line to the package, a file a topic."""

import sys

import typer
from rich.markup import escape

from skypile.cli import dedup, evidence, run, settings
from skypile.cli.console import err
from skypile.cli.tokens import tokens, vocab
from skypile.errors import SkypileError
from skypile.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The `skypile` command: thin bindings of the command line to the package.",
)
app.command()(run.run)
app.command()(run.sample)
app.command()(run.demo)
app.command()(evidence.why)
app.command()(dedup.dedup)
app.command()(dedup.dedup_curve)
app.command()(evidence.diff)
app.command()(evidence.status)
app.command()(evidence.report)
app.command()(evidence.verify)
app.command()(settings.config)
app.command()(settings.jobs)
app.command()(run.prepare)
app.add_typer(vocab, name="vocab")
app.add_typer(tokens, name="tokens")


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
