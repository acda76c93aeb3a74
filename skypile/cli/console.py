"""What every topic of the command line shares: screens, arguments that mean the same, what ships beside the code."""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

UNBROKEN = 1_000_000  # columns where no terminal sets a width: lines and tables are whole, for grep and files


def screen(stderr: bool = False) -> Console:
    """Standard output or error: as wide as its terminal, of any width where it is none."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, width=None if terminal else UNBROKEN)


out = screen()
err = screen(stderr=True)

RunFolder = Annotated[str, typer.Argument(help="Folder of a run, or of `skypile dedup --output`", metavar="RUN")]
RunOption = Annotated[str, typer.Option("--run", help="Folder of a run, or of `skypile dedup --output`")]
Key = Annotated[str, typer.Argument(help="URL or record id", metavar="URL_OR_ID")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML settings; without it, the defaults")]
Output = Annotated[str, typer.Option("--output", help="Folder of the run")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, and nothing else there")]


def print_json(value: dict[str, Any]) -> None:
    """The one JSON object of a command with `--json`."""
    print(json.dumps(value, ensure_ascii=False, indent=1))


def shipped(name: str) -> Path:
    """`jobs`, `configs/demo.toml`: what lies at the top of the repository, and in the package once it is installed."""
    return Path(str(files("skypile").joinpath(name))).resolve()
