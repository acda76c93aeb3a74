"""What every spark-submit entry point in jobs/ does: parse arguments, start the session, run one stage.

What a job can do without Spark it does without loading it.
"""

import argparse
import json
import os

from skypile.failures import one_sentence
from skypile.runtime.process import ONE_THREAD, importing
from skypile.runtime.sandbox import PAGE_FUNCTION, template


def submit(stage: str, description: str | None, arguments: list[str] | None = None) -> None:
    """Run one stage of a run folder with the command line's (or the given) arguments.

    An expected error ends the process with one sentence and exit code 2.
    """
    with one_sentence(f"{stage}.py"):
        _submit(stage, description, arguments)


def _submit(stage: str, description: str | None, arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog=f"{stage}.py", description=description)
    parser.add_argument("--config", help="TOML settings; without it, the defaults")
    parser.add_argument("--output", required=True, metavar="RUN", help="folder of the run, shared by all stages")
    if stage == "extraction":
        parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders or globs of the crawl")
    given = parser.parse_args(arguments)
    if stage == "extraction":
        template(PAGE_FUNCTION)  # a process that loads what pages need, while this one imports what it needs itself
        os.environ.update(ONE_THREAD)  # before NumPy is imported
    with importing():
        from skypile import config as settings
        from skypile.preflight import preflight
        from skypile.runtime import files
    config = settings.load(given.config)
    preflight(config, [stage])
    output = files.absolute(given.output)
    if stage == "extraction":
        with importing():
            from skypile.extraction.without_spark import extract_locally
        if extract_locally(given.paths, output, config):
            return
    from rich.console import Console

    from skypile import pipeline
    from skypile.runtime import session

    console = Console(stderr=True)
    spark = session.start(config.spark, f"skypile {stage}")
    if stage == "extraction":
        pipeline.extraction(spark, given.paths, output, config, console)
    else:
        getattr(pipeline, stage)(spark, output, config, console)
    spark.stop()


def submit_dedup_files(description: str | None, arguments: list[str] | None = None) -> None:
    """Deduplicate Parquet files that no run of the pipeline wrote; errors as `submit`."""
    with one_sentence("dedup.py"):
        _submit_dedup_files(description, arguments)


def _submit_dedup_files(description: str | None, arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(
        prog="dedup.py", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", help="TOML settings; without it, the defaults")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for documents and verdicts")
    parser.add_argument("--id-column", required=True, help="column with a unique id")
    parser.add_argument("--text-column", required=True, help="column with the text")
    parser.add_argument("--url-column", help="column with the URL; without it no URLs are compared")
    parser.add_argument("--against", metavar="INDEX", help="drop what matches the corpus in this index")
    parser.add_argument("--update-index", action="store_true", help="add the documents to the index")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="Parquet files, folders or globs")
    given = parser.parse_args(arguments)
    from skypile.dedup.columns import Columns
    from skypile.dedup.files import deduplicate

    columns = Columns(given.id_column, given.text_column, given.url_column)
    done = deduplicate(given.paths, given.output, columns, given.config, given.against, given.update_index)
    print(json.dumps(done, ensure_ascii=False))


def submit_decontamination(description: str | None, arguments: list[str] | None = None) -> None:
    """Take benchmark items out of Parquet files; errors as `submit`."""
    with one_sentence("decontamination.py"):
        parser = argparse.ArgumentParser(
            prog="decontamination.py", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--config", help="TOML settings; without it, the defaults")
        parser.add_argument("--output", required=True, metavar="DIR", help="folder for documents and verdicts")
        parser.add_argument("--benchmarks", required=True, action="append", metavar="FILE", help="items; repeatable")
        parser.add_argument("--action", choices=("drop", "cut"), help="what goes; without it, as the settings say")
        parser.add_argument("--id-column", required=True, help="column with a unique id")
        parser.add_argument("--text-column", default="text", help="column with the text")
        parser.add_argument("--url-column", help="column with the URL, whose host is a text's source")
        parser.add_argument("paths", nargs="+", metavar="PATH", help="Parquet files, folders or globs")
        given = parser.parse_args(arguments)
        from skypile.decontamination.files import decontaminate_in_spark
        from skypile.dedup.columns import Columns

        columns = Columns(given.id_column, given.text_column, given.url_column)
        done = decontaminate_in_spark(given.paths, given.output, columns, given.benchmarks, given.config, given.action)
        print(json.dumps(done, ensure_ascii=False))
