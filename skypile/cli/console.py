"""What every topic of the command line shares: screens, arguments that mean the same, what ships beside the code."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

RunFolder = Annotated[str, typer.Argument(help="Folder of a run", metavar="RUN")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML settings; without it, the defaults")]
Output = Annotated[str, typer.Option("--output", help="Folder of the run")]


def shipped(name: str) -> Path:
    """`jobs`, `configs/demo.toml`: what lies at the top of the repository, and in the package once it is installed."""
    return Path(str(files("skypile").joinpath(name))).resolve()
