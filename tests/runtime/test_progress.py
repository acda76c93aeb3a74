"""One measure a stage that never goes back; a line now and then where there is no terminal."""

import io
import time

import pytest
from rich.console import Console

from skypile.runtime import progress
from skypile.runtime.progress import Clock, Done, stage_progress


def test_nothing_goes_back_and_time_left_follows_the_speed():
    clock = Clock("dedup", 1000, "records", began=0.0)
    clock.see(Done(None, 0, "3 Spark stages done"), 5.0)
    assert clock.line() == "dedup: deciding on 1,000 records, 3 Spark stages done, 0:00:05 so far"
    clock.see(Done(0, 0), 10.0)
    assert clock.words() == "0 % of 1,000 records"
    clock.see(Done(200, 200), 12.0)  # 100 a second since writing began
    assert clock.words() == "20 % of 1,000 records, 200 records, 100 records/s, 0:00:08 left"
    clock.see(Done(None, 0), 13.0)  # another job, that writes something else
    clock.see(Done(120, 120), 14.0)
    assert (clock.share, clock.records) == (200, 200) and clock.seconds_left == pytest.approx(16)
    clock.see(Done(2000, 1000), 20.0)
    assert clock.share == 1000 and clock.seconds_left == 0


def test_what_an_earlier_run_did_is_in_the_share_and_not_in_the_speed():
    clock = Clock("extraction", 4_000_000, "bytes", began=0.0)
    clock.see(Done(2_000_000, 500), 0.5)
    assert clock.words() == "50 % of 4.0 MB, 500 records"
    clock.see(Done(3_000_000, 600), 10.5)
    assert clock.words() == "75 % of 4.0 MB, 600 records, 10 records/s, 0:00:10 left"


@pytest.mark.parametrize("own", [True, False])
def test_without_a_terminal_a_line_now_and_then(monkeypatch, capsys, own):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.1)
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.02)
    screen = io.StringIO()
    shares = iter(range(10, 1000))
    with stage_progress(
        lambda: Done(min(next(shares), 90), 5), "extraction", 100, "bytes", Console(file=screen) if own else None
    ):
        time.sleep(0.5)
    printed = capsys.readouterr()
    lines = (screen.getvalue() if own else printed.err).splitlines()
    assert 2 <= len(lines) <= 5 and not printed.out
    assert all(line.startswith("extraction: ") and line.endswith(" so far") for line in lines)
    shown = [int(line.split()[1]) for line in lines]
    assert shown == sorted(shown) and shown[0] >= 10


def test_a_terminal_gets_one_bar_and_a_quiet_console_nothing(monkeypatch, capsys):
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.02)
    screen = io.StringIO()
    with stage_progress(lambda: Done(40, 7), "dedup", 100, "records", Console(file=screen, force_terminal=True)):
        time.sleep(0.3)
    assert "40 % of 100 records, 7 records" in screen.getvalue()
    with stage_progress(lambda: Done(40, 7), "dedup", 100, "records", Console(quiet=True)):
        time.sleep(0.1)
    assert capsys.readouterr() == ("", "")
