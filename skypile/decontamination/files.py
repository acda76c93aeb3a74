"""Decontamination of any Parquet files: the rows that stay, and a verdict for every row, out.

    DIR/documents/     the rows that stay, all their columns, texts cut where passages are cut
    DIR/verdicts/      record_id (the id column's value), url, verdict, reason, score, threshold, evidence
    DIR/manifest.json  written last: settings, inputs, counts, the items that were found most

The files are read twice, in pieces: for common n-grams, and for verdicts. A row's verdict depends on the row, the items
and the common n-grams alone, so the pieces are worked on by threads of this process, or by Spark's workers
(``files_in_spark``), with one outcome. Memory: the index, and a few batches a core.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from skypile import config as settings
from skypile.config import DecontaminationConfig
from skypile.decontamination.frequency import common_grams, merge, new_tally
from skypile.decontamination.index import Index, build_index
from skypile.decontamination.items import Item, read_items
from skypile.decontamination.pieces import READ, Written, tally_piece, write_piece
from skypile.dedup.columns import ColumnError, Columns, Counts, counted
from skypile.dedup.parquet_input import Input, Piece, parquet_input, pieces
from skypile.errors import Refused
from skypile.run_folder.identity import named_files
from skypile.run_folder.once import Result, once
from skypile.run_folder.output import check_output
from skypile.runtime import files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATA = ("documents", "verdicts")
OURS = r"/_?part-[^/]*$"
MOST_FOUND = 50  # items that the manifest names

Work = Callable[[Input, Sequence[Item]], tuple[Index, int, Iterable[Written]]]


def decontaminate(
    paths: Sequence[str],
    output: str,
    columns: Columns,
    benchmarks: Sequence[str],
    config: str | Path | None = None,
    action: str | None = None,
) -> dict[str, Any]:
    """Decontaminate Parquet files as a command line names them, on all cores; returns the manifest.

    ``action`` goes before that of the config file. Raises Refused for a benchmark that cannot be read (``read_items``),
    InputError and ColumnError for files (``parquet_input``), OutputRefused and FolderLocked.
    """
    section = _section(config, action)

    def work(given: Input, items: Sequence[Item]) -> tuple[Index, int, Iterable[Written]]:
        index = build_index(items, section)
        parts = pieces(given)
        tally = new_tally(index, section)

        def count(piece: Piece) -> Any:
            own = new_tally(index, section)
            tally_piece(given, piece, columns, index, section, own)
            grams = own.texts.nonzero()[0]
            return grams, own.texts[grams], own.sources[grams]

        with ThreadPoolExecutor(pa.cpu_count()) as pool:
            for grams, texts, sources in pool.map(count, parts):
                merge(tally, grams, texts, sources)
            common = common_grams(tally, index, section)
            final = build_index(items, section, common)
            done = [
                pool.submit(write_piece, given, piece, number, output, columns, final, section)
                for number, piece in enumerate(parts)
            ]
            return final, len(common), [future.result() for future in done]

    return _once(paths, output, columns, benchmarks, section, work)


def decontaminate_in_spark(
    paths: Sequence[str],
    output: str,
    columns: Columns,
    benchmarks: Sequence[str],
    config: str | Path | None = None,
    action: str | None = None,
    spark: "SparkSession | None" = None,
) -> dict[str, Any]:
    """As ``decontaminate``, by Spark's workers, with the same outcome; without a session one is started and stopped."""
    section = _section(config, action)
    output = files.absolute(output)

    def work(given: Input, items: Sequence[Item]) -> tuple[Index, int, Iterable[Written]]:
        from skypile.decontamination.files_in_spark import work_in_spark
        from skypile.runtime import session

        held = spark or session.start(settings.load(config).spark, "skypile decontamination")
        done = work_in_spark(held, given, items, output, columns, section)
        if spark is None:
            held.stop()
        return done

    return _once(paths, output, columns, benchmarks, section, work)


def _section(config: str | Path | None, action: str | None) -> DecontaminationConfig:
    section = settings.load(config).decontamination.model_dump() | ({"action": action} if action else {})
    return settings.parse({"decontamination": section}).decontamination


def _once(
    paths: Sequence[str],
    output: str,
    columns: Columns,
    benchmarks: Sequence[str],
    config: DecontaminationConfig,
    work: Work,
) -> dict[str, Any]:
    started = time.monotonic()
    paths, output = [files.absolute(path) for path in paths], files.absolute(output)
    benchmarks = [files.absolute(path) for path in benchmarks]
    if not benchmarks:
        raise Refused("no benchmark was named; give files of items, --benchmarks FILE…")
    for path in paths:
        if path.endswith((".jsonl", ".jsonl.gz")):
            raise Refused(
                f"{path} stands among the texts, which are Parquet; if it is a benchmark, say --benchmarks again"
            )
    made_of = {
        "paths": sorted(paths),
        "benchmarks": sorted(benchmarks),
        "columns": columns._asdict(),
        "config": config.deciding(),
    }
    read = [*paths, *benchmarks]
    check_output(output, "decontamination", read, made_of)
    items = read_items(sorted(benchmarks))
    given = parquet_input(paths, columns, READ)  # what is wrong with it is said before a folder is made

    def make() -> Counts:
        index, common, done = work(given, items)
        counts = _counts(items, index, done)
        if counts["read"] and counts["read"] == sum(counts["failed"].values()):
            raise ColumnError(
                f"none of the {counts['read']} rows has a text in column {columns.text!r} ({counts['failed']}); "
                f"the columns are {given.schema.names}"
            )
        seconds = round(time.monotonic() - started, 2)
        return counts | {"common_ngrams": common, "passed_over": given.passed_over, "seconds": seconds}

    def known(_: Mapping[str, Any]) -> dict[str, Any]:
        return {"input": named_files(paths), "benchmarks": named_files(benchmarks)}

    result = Result("decontamination", "decontamination", read, made_of, known, DATA, OURS)
    return once(output, result, make)[0]


def _counts(items: Sequence[Item], index: Index, done: Iterable[Written]) -> Counts:
    """What the manifest says of rows and items."""
    rows: Counter[tuple[str, str | None]] = Counter()
    cut: Counter[str] = Counter({"rows": 0, "characters": 0})
    found: Counter[int] = Counter()
    for part in done:
        rows.update(part.rows)
        cut.update(part.cut)
        found.update(part.items)
    named = [(index.items[number], texts) for number, texts in sorted(found.items(), key=lambda one: (-one[1], one[0]))]
    by_benchmark = {
        name: {"items": count, "found": sum(item.benchmark == name for item, _ in named)}
        for name, count in Counter(item.benchmark for item in items).items()
    }
    most = [{"benchmark": item.benchmark, "item": item.name, "texts": texts} for item, texts in named[:MOST_FOUND]]
    return counted(rows) | {
        "cut": dict(cut),
        "benchmarks_found": by_benchmark,
        "searched": index.searched,
        "most_found": most,
    }
