"""`skypile rules`: a table of a run's rules by language, and the same as JSON."""

import json

import pytest

from tests.report.run_folder import MEASURED, record, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    bad = json.dumps(MEASURED | {"gambling": 0.5, "repeated_lines": 0.5})
    dropped = {"reason": "repeated_lines", "rules": bad}
    write_run(folder, [record(1), record(2), record(3), record(4, "quality_filter", **dropped)])
    return str(folder)


def test_rules_by_language(run, terminal):
    told = json.loads(terminal("rules", run, "--json").out)["languages"]
    assert {of_one["language"]: (of_one["pages"], of_one["broken"]) for of_one in told} == {"en": (2, 1), "zh": (2, 0)}
    english = next(of_one for of_one in told if of_one["language"] == "en")
    rates = {rate["measure"]: (rate["alone"], rate["only"], rate["first"]) for rate in english["rules"]}
    assert (rates["repeated_lines"], rates["gambling"], rates["words"]) == ((1, 0, 1), (1, 0, 0), (0, 0, 0))
    shown = terminal("rules", run).out
    assert "en: 2 pages, 1 break a rule" in shown
    assert next(line for line in shown.splitlines() if "repeated_lines" in line).split("│")[4].strip() == "1"


def test_a_run_without_a_quality_filter(tmp_path, terminal):
    write_run(tmp_path, [record(1)], stages=("extraction",))
    said = terminal("rules", tmp_path)
    assert said.code and "no finished quality filter" in said.err
