"""What every topic of the command line shares: screens, arguments that mean the same, what ships beside the code."""

import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from skypile.text.visible import visible

UNBROKEN = 1_000_000  # columns where no terminal sets a width: lines and tables are whole, for grep and files


def shown(value: object) -> str:
    """Any value as text within rich's markup, on one line: what it means to a terminal or to rich is spelled out."""
    return escape(visible(str(value)))


def line(*parts: object | tuple[object, str]) -> Text:
    """Values, or values with a style, end to end as one line, none of it markup.

    Where a value stands before our own `]`, `shown` is not enough: "[link=x" and that bracket would be a tag.
    """
    pairs = (part if isinstance(part, tuple) else (part, "") for part in parts)
    return Text.assemble(*((visible(str(value)), style) for value, style in pairs))


class _Visible(RenderHook):
    """Spells out what a terminal would act on, wherever it was forgotten; colours are rich's own segments."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Spelled(renderable) for renderable in renderables]


class _Spelled:
    def __init__(self, renderable: ConsoleRenderable):
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return _spelled(console.render(self._renderable, options))


def _spelled(segments: "Iterator[Segment] | RenderResult") -> Iterator[Segment]:
    for segment in segments:
        assert isinstance(segment, Segment)
        yield segment if segment.control else Segment(visible(segment.text, keep="\n"), segment.style)


def screen(stderr: bool = False) -> Console:
    """Standard output or error: as wide as its terminal, of any width where it is none."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    console = Console(stderr=stderr, width=None if terminal else UNBROKEN, emoji=False)
    console.push_render_hook(_Visible())
    return console


out = screen()
err = screen(stderr=True)


RunFolder = Annotated[str, typer.Argument(help="Folder of a run", metavar="RUN")]
RunOption = Annotated[str, typer.Option("--run", help="Folder of a run")]
_WITH_VERDICTS = "Folder of a run, or that `skypile dedup`, `decontaminate` or `code` wrote"
VerdictsFolder = Annotated[str, typer.Argument(help=_WITH_VERDICTS, metavar="RUN")]
VerdictsOption = Annotated[str, typer.Option("--run", help=_WITH_VERDICTS)]
Key = Annotated[str, typer.Argument(help="URL or record id", metavar="URL_OR_ID")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML settings; without it, the defaults")]
Output = Annotated[str, typer.Option("--output", help="Folder of the run")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, and nothing else there")]


def print_json(value: dict[str, Any]) -> None:
    """The one JSON object of a command with `--json`."""
    print(visible(json.dumps(value, ensure_ascii=False, indent=1), keep="\n"))


def warned(sentence: str) -> None:
    """A sentence on standard error beside a command's answer."""
    err.print(shown(sentence), highlight=False, soft_wrap=True)


def by_reason(counts: dict[str, int]) -> str:
    """`duplicate_text 12, near_duplicate 3`: of a manifest's `dropped`."""
    return ", ".join(f"{reason} {n:,}" for reason, n in counts.items()) or "none"


def shipped(name: str) -> Path:
    """`jobs`, `configs/demo.toml`: what lies at the top of the repository, and in the package once it is installed."""
    return Path(str(files("skypile").joinpath(name))).resolve()
