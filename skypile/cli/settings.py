"""`config`, the settings as TOML or as a table; `jobs`, where the entry points for spark-submit lie."""

from typing import Annotated

import typer

from skypile import config as settings
from skypile.cli.console import ConfigFile, shipped


def config(
    config: ConfigFile = None,
    describe: Annotated[bool, typer.Option("--describe", help="A Markdown table of all settings instead")] = False,
) -> None:
    """Print the settings as TOML, all of them, or those of a file with the defaults filled in."""
    if describe:
        from skypile.config.table import describe as table

        print(table(), end="")
    else:
        print(settings.dumps(settings.load(config)), end="")


def jobs() -> None:
    """Print the folder with the entry points for spark-submit, one a stage."""
    print(shipped("jobs"))
