"""Whether a folder is a run, and the settings that it was made with."""

import tomllib

from skypile import config as settings
from skypile.errors import Refused
from skypile.run_folder.ledger import stage_folders
from skypile.runtime import files


def check_run(run: str) -> None:
    """Refuse what holds verdicts and is no run of the pipeline; FileNotFoundError where there are none."""
    folders = stage_folders(run)
    if run in folders.values():
        raise Refused(f"{run} is no run but what `skypile {next(iter(folders))}` wrote: `status` and `why` read it")


def run_config(run: str) -> settings.Config:
    """Settings of the whole run.

    Raises:
        FileNotFoundError: no run. Refused: another command's output, or settings that this version does not have.
    """
    check_run(run)
    path = files.join(run, "config.toml")
    if not files.exists(path):
        raise FileNotFoundError(
            f"{path} is gone, by which the run was made: put it back (`skypile run` writes it anew)"
        )
    with files.open_uri(path) as file:
        content = file.read()
    try:
        return settings.parse(tomllib.loads(content.decode("utf-8")), path)
    except (settings.ConfigError, ValueError) as error:  # also no TOML, and no UTF-8
        raise Refused(
            f"{error} (settings of the run {run}: if another version of skypile made it, put into its config.toml what "
            "this one has, or run again)"
        ) from None
