"""Stage 1 on this machine, without Spark: a process a core reads, extracts and writes.

The folder is the one that Spark would write: same rows, same verdicts, same digest, other file boundaries. Spark
takes 6 s longer over a few hundred pages, and a tenth of a page's time is the JVM's.
"""

import functools
import gc
import os
import re
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from skypile.config import Config, ExtractionConfig, SparkConfig
from skypile.crawl import inputs
from skypile.errors import SkypileError
from skypile.extraction.documents import documents
from skypile.extraction.plan import check_failures, extraction_plan, planned_splits, run_output, wave_bytes
from skypile.run_folder import stage_folder
from skypile.run_folder.outcome import check_kept
from skypile.run_folder.stamp import Stamp, Written
from skypile.run_folder.written_here import check_ids, write_part
from skypile.runtime.process import cores, keep_freed_memory
from skypile.runtime.progress import Done, stage_progress
from skypile.runtime.sandbox import PAGE_FUNCTION, end_template, template
from skypile.text.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

STAGE = "extraction"
SMALLEST_PIECE = 1 << 20  # of input; a piece costs 10 ms, and three files


class WorkerDied(SkypileError):
    """A process that extracts was killed."""


def extract_locally(
    paths: Sequence[str], run: str, config: Config, console: "Console | None" = None, limit: int | None = None
) -> dict[str, Any] | None:
    """Write stage 1 under `run`; its manifest. None, with nothing written, if that is left to Spark: where a cluster
    or spark-submit runs it, or the input has over `config.spark.local_mb`.

    Call it before the process has threads: it forks. Raises what `inputs.plan` and `stage_folder.write` do,
    TooManyFailures, NothingKept and WorkerDied. `console`: for progress and a summary; None: standard error. `limit`:
    the most records that are read.
    """
    try:
        splits = planned_splits(paths, config.extraction, limit)
        workers, most = local_cores(config.spark), config.spark.local_mb << 20
        if workers and most and sum(split.end - split.start for split in splits) <= most:
            with run_output(run, config, paths):
                return _write(splits, run, config, console, workers, limit)
        return None
    finally:
        end_template(PAGE_FUNCTION)


def _write(
    splits: Sequence[inputs.Split],
    run: str,
    config: Config,
    console: "Console | None",
    workers: int,
    limit: int | None,
) -> dict[str, Any]:
    template(PAGE_FUNCTION)  # the workers share it; it loads while they start
    plan, waves = extraction_plan(splits, config.extraction, limit)
    sizes = wave_bytes(waves)
    finished = stamped = 0  # waves, and the records in them
    running: list[tuple[int, Future[Written]]] = []  # bytes, and who extracts them
    attempt = uuid.uuid4().hex[:8]

    def write_wave(folder: str, number: int) -> Written:
        pieces = _pieces(waves[number], workers, config.extraction.split_mb << 20)
        write = functools.partial(_write_split, folder, number, attempt)
        running[:] = [
            (piece.end - piece.start, pool.submit(write, index, piece, config.extraction))
            for index, piece in enumerate(pieces)
        ]
        results = [future.result() for future in as_completed([future for _, future in running])]
        parts = {name: entry for result in results for name, entry in sorted(result.parts.items())}
        return Written(
            sum(result.read for result in results), [one for result in results for one in result.decisions], parts
        )

    def on_wave(number: int, stamp: Stamp) -> None:
        nonlocal finished, stamped
        running.clear()
        finished, stamped = number + 1, stamped + stamp["read"]
        check_failures(stamp, config.extraction.max_failed_share)

    def say(line: str) -> None:
        if console:
            console.print(line, soft_wrap=True, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr)

    def done() -> Done:
        ended = [(size, future) for size, future in list(running) if future.done() and not future.exception()]
        share = sum(sizes[:finished]) + sum(size for size, _ in ended)
        return Done(share, stamped + sum(future.result().read for _, future in ended))

    with ExitStack() as ending:
        pool = ending.enter_context(_processes(workers))
        pool.submit(os.getpid)  # forks them all, now that there are no threads
        if console is None and sys.stderr.isatty():
            from rich.console import Console  # only here, 25 ms, while the processes begin to read

            console = Console(stderr=True)
        ending.enter_context(stage_progress(done, STAGE, sum(sizes), "bytes", console))
        try:
            manifest, fresh = stage_folder.write(run, plan, write_wave, check_ids, on_wave, say)
        except BrokenProcessPool:
            raise WorkerDied(
                f"a process that extracts was killed, in wave {finished} of {len(waves)}: for want of memory? The same "
                "command goes on there; spark.local_mb = 0 leaves the stage to Spark, which tries again by itself"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    say(stage_folder.summary(manifest, fresh))
    check_kept(manifest, stage_folder.stage_dir(run, STAGE))
    for note in manifest["notes"] if fresh else ():
        say(f"  {visible(note)}")
    return manifest


def _pieces(splits: Sequence[inputs.Split], workers: int, most: int) -> Iterator[inputs.Split]:
    """The splits cut so that the workers end together: pieces of `most` bytes, towards the end smaller ones.

    Each is half of a worker's share of what is left (guided self-scheduling, Polychronopoulos and Kuck 1987).
    """
    left = sum(split.end - split.start for split in splits)
    for split in splits:
        rest: inputs.Split | None = split
        while rest is not None:
            piece, rest = inputs.cut(rest, max(SMALLEST_PIECE, min(most, left // (2 * workers))))
            left -= piece.end - piece.start
            yield piece


def local_cores(config: SparkConfig) -> int:
    """Cores of this machine that Spark would run on by itself; 0 where it would not be by itself."""
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # spark-submit has started a JVM, and told that one where to run
        return 0
    if sys.platform != "linux":  # macOS has a fork, and libraries that do not survive it
        return 0
    found = re.fullmatch(r"local(?:\[(\d+|\*)(?:,\d+)?\])?", config.master or "local[*]")
    if not found:
        return 0
    return cores() if found[1] == "*" else int(found[1] or 1)


@contextmanager
def _processes(number: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of forked processes that end when this one does, however it ends."""
    ends, life = os.pipe()  # `ends` reads nothing but the end of the process that holds `life`
    try:
        with ProcessPoolExecutor(number, get_context("fork"), functools.partial(_start_worker, ends, life)) as pool:
            yield pool
    finally:
        os.close(ends)
        os.close(life)


def _start_worker(ends: int, life: int) -> None:
    keep_freed_memory()
    gc.freeze()  # what the processes share; a collection would touch, and so copy, it
    os.close(life)
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

    def watch() -> None:
        os.read(ends, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _write_split(
    folder: str, wave: int, attempt: str, number: int, split: inputs.Split, config: ExtractionConfig
) -> Written:
    """Write a split's part of a wave."""
    read = 0

    def extracted() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for records, batch in documents(split, config):
            read += records
            yield batch

    written = write_part(folder, STAGE, wave, number, extracted(), attempt)
    return written._replace(read=read)
