"""Progress of long work on a terminal; silence elsewhere.

Spark's own console bar knows tasks only. This one reads the status store of the running session (which
exists without the web UI) and shows the stage of the pipeline, tasks, records done and records a second.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

POLL_SECONDS = 0.5


@contextmanager
def stage_progress(
    spark: SparkSession, stage: str, waves: int, console: Console
) -> Iterator[Callable[[int, int], None]]:
    """Show a live line for `stage` while the block runs; yields `done(waves, records)`, called after each wave."""
    state = {"waves": 0, "records": 0}

    def done(finished_waves: int, records: int) -> None:
        state["waves"], state["records"] = finished_waves, records

    if not console.is_terminal:
        yield done
        return
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description:<20}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    stop = threading.Event()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(stage, total=1.0, note="starting")
        watcher = threading.Thread(target=_watch, args=(spark, bar, task, state, waves, stop), daemon=True)
        watcher.start()
        try:
            yield done
        finally:
            stop.set()
            watcher.join()


def _watch(
    spark: SparkSession, bar: Progress, task: TaskID, state: dict[str, int], waves: int, stop: threading.Event
) -> None:
    began = time.monotonic()
    while not stop.wait(POLL_SECONDS):
        tasks_done, tasks, written = active_tasks(spark)
        records = state["records"] + written
        share = tasks_done / tasks if tasks else 0.0
        rate = records / (time.monotonic() - began)
        note = f"{tasks_done}/{tasks} tasks" + (f"  {records:,} records  {rate:,.0f}/s" if records else "")
        if waves > 1:
            note = f"wave {state['waves'] + 1}/{waves}  " + note
        bar.update(task, completed=(state["waves"] + share) / waves, note=note)


def active_tasks(spark: SparkSession) -> tuple[int, int, int]:
    """Tasks finished, tasks in all, and records written so far, over Spark's running stages."""
    finished = total = written = 0
    try:
        stages = spark._jsparkSession.sparkContext().statusStore().activeStages()  # type: ignore[union-attr]
        for index in range(stages.size()):
            stage = stages.apply(index)
            finished += stage.numCompleteTasks()
            total += stage.numTasks()
            written += stage.outputRecords()
    except (Py4JError, ConnectionError):  # the session is going down
        return 0, 0, 0
    return finished, total, written
