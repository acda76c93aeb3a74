"""Progress of a stage: one bar on a terminal, a plain line every half minute where there is none.

A stage knows beforehand how much it has to do: extraction the bytes of its input, the others the records that the
stage before kept. The bar is the share of that which is done and written, so it never goes back and never counts
anything twice, however many jobs Spark makes of the stage. A stage that looks at all records before it writes the
first shows how long it has been at that, and no time left, which nobody could know.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

POLL_SECONDS = 0.5
LINE_SECONDS = 30.0

Unit = Literal["bytes", "records"]


class Done(NamedTuple):
    """How far a stage is: `share` of its total in the total's unit, None before it writes; records written."""

    share: int | None
    records: int
    note: str = ""


@dataclass
class Clock:
    """What has been seen of a stage: the speed is that of what was done since its writing was first seen.

    What an earlier run had finished is in the share, and not in the speed.
    """

    stage: str
    total: int
    unit: Unit
    began: float
    share: int = 0
    records: int = 0
    note: str = ""
    since: tuple[float, int, int] | None = field(default=None)  # when writing was first seen: time, share, records
    now: float = 0.0

    def see(self, done: Done, now: float) -> None:
        """Take in what `done` says at `now` (seconds, as `began`). Nothing goes back."""
        self.now, self.note = now, done.note
        self.records = max(self.records, done.records)
        if done.share is not None:
            self.share = min(max(self.share, done.share), self.total)
            self.since = self.since or (now, self.share, self.records)

    @property
    def records_a_second(self) -> float | None:
        """None before anything was done."""
        if self.since is None or self.now <= self.since[0] or self.records == self.since[2]:
            return None
        return (self.records - self.since[2]) / (self.now - self.since[0])

    @property
    def seconds_left(self) -> float | None:
        """None before anything was done."""
        if self.since is None or self.now <= self.since[0] or self.share == self.since[1]:
            return None
        return (self.total - self.share) * (self.now - self.since[0]) / (self.share - self.since[1])

    def words(self) -> str:
        """`37 % of 3.2 GB, 12,345 records, 1,176 records/s, 0:02:10 left`, as far as it is known."""
        if self.since is None:
            return f"deciding on {_amount(self.total, self.unit)}" + (f", {self.note}" if self.note else "")
        parts = [f"{100 * self.share // max(self.total, 1)} % of {_amount(self.total, self.unit)}"]
        if self.records:
            parts.append(f"{self.records:,} records")
        if self.records_a_second is not None:
            parts.append(f"{self.records_a_second:,.0f} records/s")
        if self.seconds_left is not None:
            parts.append(f"{_time(self.seconds_left)} left")
        return ", ".join(parts)

    def line(self) -> str:
        """What stands in a log: the stage, `words`, and how long it has taken."""
        return f"{self.stage}: {self.words()}, {_time(self.now - self.began)} so far"


@contextmanager
def stage_progress(
    measure: Callable[[], Done], stage: str, total: int, unit: Unit, console: "Console | None"
) -> Iterator[None]:
    """Show how far `stage` is of its `total` while the block runs; `measure` is asked from a thread of its own.

    `console`: None is standard error without a terminal. A quiet one shows nothing.
    """
    if console is not None and console.quiet:
        yield
        return
    clock = Clock(stage, total, unit, time.monotonic())
    stop = threading.Event()
    live = console is not None and console.is_terminal
    show = _bar if live else _lines
    watcher = threading.Thread(target=show, args=(measure, clock, stop, console), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _lines(measure: Callable[[], Done], clock: Clock, stop: threading.Event, console: "Console | None") -> None:
    measured = time.monotonic()
    while not stop.wait(min(POLL_SECONDS, LINE_SECONDS)):
        clock.see(measure(), time.monotonic())  # often, so that the speed counts from the first record
        if clock.now - measured < LINE_SECONDS:
            continue
        measured = clock.now
        if console is None:
            print(clock.line(), file=sys.stderr, flush=True)
        else:
            console.print(clock.line(), soft_wrap=True, highlight=False, markup=False)


def _bar(measure: Callable[[], Done], clock: Clock, stop: threading.Event, console: "Console") -> None:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description:<20}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(clock.stage, total=None, words="")  # without a total: a bar that only moves
        while not stop.wait(POLL_SECONDS):
            clock.see(measure(), time.monotonic())
            total = None if clock.since is None else clock.total
            bar.update(task, total=total, completed=clock.share, words=clock.words())


def seldom(seconds: float) -> Callable[[], bool]:
    """A question that is answered yes when it was not for so long: whether to say again how far something is."""
    last = time.monotonic()

    def is_time() -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < seconds:
            return False
        last = now
        return True

    return is_time


def _amount(total: int, unit: Unit) -> str:
    """
    >>> _amount(3_200_000_000, "bytes"), _amount(917, "records")
    ('3,200.0 MB', '917 records')
    """
    return f"{total / 1e6:,.1f} MB" if unit == "bytes" else f"{total:,} records"


def _time(seconds: float) -> str:
    """
    >>> _time(3671.4)
    '1:01:11'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
