"""The report in a real browser: it runs nothing, asks the network for nothing and has nothing to complain of."""

import re
import shutil
import subprocess

import pytest

from skypile.report import write_report
from tests.report.run_folder import IMAGE, MARKUP, records, write_run

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed (apt-get install chromium)")


def browse(path, tmp_path):
    """The page's DOM after two seconds, what it wrote to the console, and the log of its network."""
    log = tmp_path / "net.json"
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", f"--log-net-log={log}"),
        *("--virtual-time-budget=2000", "--dump-dom", path.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True, encoding="utf-8", errors="replace")
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, console, log.read_text(encoding="utf-8", errors="replace")


def test_the_report_loads_and_nothing_in_it_acts(tmp_path):
    run = write_run(tmp_path / "run", records())
    dom, console, network = browse(run.parent / write_report(str(run)), tmp_path)
    assert re.search(r"<title>([^<]*)</title>", dom)[1] == "run, 2026-11-26 – skypile report"
    assert "What became of the records" in dom
    assert "<script" not in dom and "<img" not in dom
    assert console == []
    assert ".example" not in network


def test_this_test_would_notice(tmp_path):
    """Control: the same attacks in a page without escaping and without policy."""
    page = tmp_path / "open.html"
    page.write_text(f"<title>open</title><p>{MARKUP}{IMAGE}<script>console.error('seen')</script>", encoding="utf-8")
    dom, console, network = browse(page, tmp_path)
    assert "<title>owned</title>" in dom
    assert any("seen" in line for line in console)
    assert "tracker.example" in network


def test_the_policy_alone_stops_what_would_slip_through(tmp_path):
    """The second line of defence: the report's own policy over unescaped markup."""
    run = write_run(tmp_path / "run", records())
    report = run.parent / write_report(str(run))
    report.write_text(
        report.read_text(encoding="utf-8").replace("</header>", f"{MARKUP}{IMAGE}</header>"), encoding="utf-8"
    )
    dom, console, network = browse(report, tmp_path)
    assert "<title>owned</title>" not in dom
    assert any("Content Security Policy" in line for line in console)
    assert "tracker.example" not in network
