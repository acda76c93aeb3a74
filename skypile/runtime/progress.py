"""Progress of long work on a terminal; silence elsewhere.

Spark's own console bar knows tasks only. This one asks whoever does the work, and shows the stage of the pipeline,
tasks, records done and records a second.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

POLL_SECONDS = 0.5

Tasks = Callable[[], tuple[int, int, int]]  # tasks finished, tasks in all, records they have written so far


@contextmanager
def stage_progress(
    tasks: Tasks, stage: str, waves: int, console: "Console | None"
) -> Iterator[Callable[[int, dict[str, Any]], None]]:
    """Show a live line for `stage` while the block runs; yields `done(number, stamp)`, called after each wave.

    `tasks()` tells of the wave at work.
    """
    state = {"waves": 0, "records": 0}

    def done(number: int, stamp: dict[str, Any]) -> None:
        state["waves"] = number + 1
        state["records"] += stamp["read"]

    if console is None or not console.is_terminal:
        yield done
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

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
        watcher = threading.Thread(target=_watch, args=(tasks, bar, task, state, waves, stop), daemon=True)
        watcher.start()
        try:
            yield done
        finally:
            stop.set()
            watcher.join()


def _watch(
    tasks: Tasks, bar: "Progress", task: "TaskID", state: dict[str, int], waves: int, stop: threading.Event
) -> None:
    began = time.monotonic()
    while not stop.wait(POLL_SECONDS):
        ended, total, written = tasks()
        records = state["records"] + written
        share = ended / total if total else 0.0
        rate = records / (time.monotonic() - began)
        note = f"{ended}/{total} tasks" + (f"  {records:,} records  {rate:,.0f}/s" if records else "")
        if waves > 1:
            note = f"wave {state['waves'] + 1}/{waves}  " + note
        bar.update(task, completed=(state["waves"] + share) / waves, note=note)
