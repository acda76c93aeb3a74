"""The table that `benchmarks.pipeline` prints."""

import pytest

from benchmarks.pipeline import print_table

ONCE = {"seconds": 2.0, "read": 100, "kept": 80}


@pytest.mark.parametrize(("copies", "between"), [(1, None), (3, "100")])
def test_rate_between_two_runs(copies, between, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    often = {"seconds": 4.0, "read": 100 * copies, "kept": 80 * copies}
    print_table({"datatrove": (ONCE, often), "skypile fast": (ONCE, often)}, copies)
    cells = [line.strip("│ ").split("│") for line in capsys.readouterr().out.splitlines() if "skypile fast" in line]
    found = [cell.strip() for cell in cells[0]]
    assert found[:6] == ["skypile fast", "100", "80", "2.0", "1.00", "4.0"]
    assert found[7:] == ([] if between is None else [between, "1.00"])
