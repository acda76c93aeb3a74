"""What every spark-submit entry point in jobs/ does: parse arguments, start the session, run one stage."""

import argparse

from rich.console import Console

from skypile import config as settings
from skypile import files, pipeline, session


def submit(stage: str, description: str | None, arguments: list[str] | None = None) -> None:
    """Run one stage of a run folder with the command line's (or the given) arguments."""
    parser = argparse.ArgumentParser(prog=f"{stage}.py", description=description)
    parser.add_argument("--config", help="TOML settings; without it, the defaults")
    parser.add_argument("--output", required=True, metavar="RUN", help="folder of the run, shared by all stages")
    if stage == "extraction":
        parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders or globs of the crawl")
    given = parser.parse_args(arguments)
    config = settings.load(given.config) if given.config else settings.Config()
    output = files.absolute(given.output)
    spark = session.start(config.spark, f"skypile {stage}")
    console = Console(stderr=True)
    if stage == "extraction":
        pipeline.extraction(spark, given.paths, output, config, console)
    else:
        getattr(pipeline, stage)(spark, output, config, console)
    spark.stop()
