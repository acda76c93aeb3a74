"""Deduplication on its own: any Parquet files in, the surviving rows and a verdict for every row out.

    DIR/documents/     the rows that stay, all their columns
    DIR/verdicts/      record_id (the id column's value), url, verdict, reason, score, threshold, evidence
    DIR/manifest.json  written last: settings, inputs, counts by reason, seconds

A row without a text (null, or bytes that are no UTF-8) is like no other: its verdict is failed, with the reason.

Paragraphs are not cut here: that changes texts, and belongs to the pipeline's stage.

What one process holds is deduplicated in this one (``files_without_spark``), all else in Spark (``files_in_spark``).
Both give the same rows and the same verdicts, to the byte of the evidence. Spark takes 7 s to start and to schedule its
60 jobs, on 2,000 documents or 20,000; the first way takes 1.1 s and 1.2 s.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skypile import config as settings
from skypile.config import DedupConfig
from skypile.dedup.arrivals import arrivals_seen
from skypile.dedup.columns import ColumnError, Columns, Counts
from skypile.dedup.index_folder import check_index_there
from skypile.run_folder.identity import named_files
from skypile.run_folder.once import Result, once
from skypile.run_folder.output import check_ours, check_output
from skypile.runtime import files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from skypile.dedup.parquet_input import Input

DATA = ("documents", "verdicts")
OURS = r"/part-[^/]*$"


def deduplicate(
    paths: Sequence[str],
    output: str,
    columns: Columns,
    config: str | Path | None,
    against: str | None,
    update_index: bool,
) -> dict[str, Any]:
    """Deduplicate Parquet files as a command line names them, in Spark if need be; returns the manifest.

    An index named here goes before that of the config file, which holds where none is. Errors as ``dedup_files``.
    """
    chosen = settings.load(config)
    changes: dict[str, str | bool] = {"against": files.absolute(against)} if against else {}
    changes |= {"update_index": True} if update_index else {}
    section = DedupConfig.model_validate(chosen.dedup.model_dump() | changes)
    paths, output = [files.absolute(path) for path in paths], files.absolute(output)

    def work(given: "Input") -> Counts:
        return dedup_input(given, output, columns, section, chosen.spark)

    return _once(paths, output, columns, section, work)


def dedup_input(
    given: "Input", output: str, columns: Columns, config: DedupConfig, spark_config: settings.SparkConfig
) -> Counts:
    """Write ``documents`` and ``verdicts`` below ``output``: in this process if it holds the input, else in Spark."""
    from skypile.dedup.files_without_spark import dedup_without_spark, is_small

    counts = dedup_without_spark(given, output, columns, config) if is_small(given, config) else None
    if counts is not None:
        return counts
    from skypile.dedup.files_in_spark import dedup_with_spark
    from skypile.runtime import session  # only here, as it loads Spark

    spark = session.start(spark_config, "skypile dedup")
    counts = dedup_with_spark(spark, given, output, columns, config)
    spark.stop()
    return counts


def dedup_files(
    spark: "SparkSession", paths: Sequence[str], output: str, columns: Columns, config: DedupConfig
) -> dict[str, Any]:
    """Deduplicate the rows of Parquet files in ``paths`` (files, folders, globs) into the folder ``output``, in Spark.

    Returns the manifest. Raises InputError and ColumnError (see ``parquet_input``), for an id that is null or not
    unique too, and ValueError for an ``output`` that holds a finished run of another input or other settings (the same
    one is left as it is).
    """
    from skypile.dedup.files_in_spark import dedup_with_spark

    return _once(paths, output, columns, config, lambda given: dedup_with_spark(spark, given, output, columns, config))


def _once(
    paths: Sequence[str], output: str, columns: Columns, config: DedupConfig, work: "Callable[[Input], Counts]"
) -> dict[str, Any]:
    """The manifest of ``output``, after ``work`` has written its folders, unless it is finished already.

    Raises OutputRefused for an ``output`` that holds something else, and FolderLocked.
    """
    started = time.monotonic()
    made_of = {"paths": sorted(paths), "columns": columns._asdict(), "config": config.deciding()}
    read = [*paths, *([config.against] if config.against else [])]
    if config.against and config.update_index:
        check_ours(config.against, "index")

    from skypile.dedup.parquet_input import parquet_input

    check_output(output, "dedup", read, made_of)
    check_index_there(config)
    given = parquet_input(paths, columns, config)  # what is wrong with it is said before a folder is made

    def make() -> Counts:
        counts = work(given)
        if counts["read"] and counts["read"] == sum(counts["failed"].values()):
            raise ColumnError(
                f"none of the {counts['read']} rows has a text in column {columns.text!r} ({counts['failed']}); "
                f"the columns are {given.schema.names}"
            )
        return counts | {"passed_over": given.passed_over, "seconds": round(time.monotonic() - started, 2)}

    result = Result("dedup", "dedup", read, made_of, lambda done: _inputs(done, paths, config), DATA, OURS)
    return once(output, result, make)[0]


def _inputs(done: Mapping[str, Any], paths: Sequence[str], config: DedupConfig) -> dict[str, Any]:
    """What the files, and the corpus they are held against, are known by."""
    found: dict[str, Any] = {"input": named_files(paths)}
    if config.against:
        seen = done.get("inputs", {}).get("index")
        found["index"] = arrivals_seen(config.against, seen if config.update_index else None)
    return found
