"""`skypile recurrence` on a run folder written by hand."""

import json

import pytest
from typer.testing import CliRunner

from skypile.cli import app
from skypile.config import Config, dumps
from skypile.errors import Refused
from tests.report.run_folder import record, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> str:
    """A hundred pages that occur once, half of them broken, and forty near-copies that are all sound."""
    folder = tmp_path_factory.mktemp("recurrence") / "run"
    bad = [record(n, "quality_filter", reason="symbols", language="en", near_copies=1) for n in range(50)]
    good = [record(n, language="en", near_copies=1 if n < 100 else 3, topic=0) for n in range(50, 140)]
    write_run(folder, [*bad, *good])
    (folder / "config.toml").write_text(dumps(Config()), encoding="utf-8")
    return str(folder)


def test_the_curve_as_json(run):
    told = json.loads(CliRunner().invoke(app, ["recurrence", run, "--json"]).stdout)
    whole = next(curve for curve in told["curves"] if curve["language"] is None and curve["topic"] is None)
    points = [one for one in whole["points"] if one["signal"] == "near_copies"]
    seen = [tuple(one[key] for key in ("judge", "least", "most", "documents", "rejected", "share")) for one in points]
    assert seen == [("rules", 1, 1, 100, 50, 0.5), ("rules", 3, 4, 40, 0, 0.0)]
    assert points[1]["low"] == 0 and 0.08 < points[1]["high"] < 0.09
    (factor,) = told["factors"]
    assert (factor["language"], factor["signal"]) == ("en", "near_copies")
    assert factor["factors"] == pytest.approx([1, 1, 1.82], abs=0.01) and told["strength"] == 0


def test_the_curve_as_a_table(run):
    lines = CliRunner().invoke(app, ["recurrence", run], env={"COLUMNS": "200"}).stdout.splitlines()
    (row, again) = [line for line in lines if "3-4" in line]
    assert "0.0% (0.0% to 8.8%)" in row and "1.82" not in row  # a factor is a language's
    assert "1.82" in again


def test_a_topic_that_is_not_there_is_named_with_those_that_are(run):
    refused = CliRunner().invoke(app, ["recurrence", run, "--topic", "7"]).exception
    assert isinstance(refused, Refused) and "--topic 7" in str(refused) and str(refused).endswith("these are none")
