"""The `skypile` command: thin bindings of the command line to the package, a file a topic."""

import io
import sys
from typing import Annotated

import typer

from skypile.cli import ablate, code, curves, decide, dedup, evidence, extract, parallel, prune, rules, run, settings
from skypile.cli.citations import citations
from skypile.cli.clusters import clusters
from skypile.cli.console import err, shown
from skypile.cli.decontaminate import decontaminate
from skypile.cli.leakage import leakage
from skypile.cli.mixture import mixture
from skypile.cli.proxy import losses, proxy
from skypile.cli.recurrence import recurrence
from skypile.cli.takedown import takedown
from skypile.cli.tokens import tokens, vocab
from skypile.failures import GO_ON, INTERRUPTED, REFUSED, is_interrupt, sentence
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
app.command()(decontaminate)
app.command()(parallel.parallel)
app.command()(code.code)
app.command()(evidence.diff)
app.command()(evidence.status)
app.command()(evidence.report)
app.command()(rules.rules)
app.command()(clusters)
app.command()(recurrence)
app.command()(ablate.ablate)
app.command()(decide.decide)
app.command()(evidence.verify)
app.command()(prune.prune)
app.command()(takedown)
app.command()(settings.config)
app.command()(settings.jobs)
app.command()(run.prepare)
app.command()(losses)
app.command()(leakage)
proxy.command()(curves.curve)
proxy.command()(curves.dose)
app.add_typer(vocab, name="vocab")
app.add_typer(tokens, name="tokens")
app.add_typer(mixture, name="mixture")
app.add_typer(proxy, name="proxy")
app.add_typer(citations, name="citations")


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


def main() -> None:
    """Entry point: expected errors end with one sentence, and Ctrl-C with how to go on; bugs with a traceback."""
    ONE_COMMAND.set()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale that lacks a character is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(prog_name="skypile", standalone_mode=False)
    except BaseException as error:
        if is_interrupt(error, typer.Abort):
            code = INTERRUPTED
        else:
            told = _usage(error)
            told = sentence(error) if told is None else told
            if told is None:
                raise
            if told:
                err.print(f"[red]skypile:[/red] {shown(told)}", highlight=False, soft_wrap=True)
            code = REFUSED
    if code == INTERRUPTED:
        err.print(f"skypile: {GO_ON}")
    sys.exit(code if isinstance(code, int) else 0)


def _usage(error: BaseException) -> str | None:
    """What to say of a command line that typer refuses; its own box would be cut to the terminal's width.

    Nothing where no argument was given, and it has printed the help.
    """
    if not hasattr(error, "format_message"):
        return None
    message = error.format_message().rstrip(".")
    context, option = getattr(error, "ctx", None), getattr(error, "param", None)
    given = _given(getattr(option, "opts", []))
    value = f", and {given!r} was given" if given is not None and repr(given) not in message else ""
    return f"{message}{value}; see {context.command_path if context else 'skypile'} --help" if message else ""


def _given(names: list[str]) -> str | None:
    """What the command line gives for an option: ["--seed"] -> "x" for --seed x and --seed=x."""
    words = sys.argv[1:]
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else next(iter(words[at + 1 :]), None)
    return None
