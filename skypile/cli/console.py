"""What every topic of the command line shares: the two screens, and arguments that mean the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

RunFolder = Annotated[str, typer.Argument(help="Folder of a run", metavar="RUN")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML settings; without it, the defaults")]
Output = Annotated[str, typer.Option("--output", help="Folder of the run")]
