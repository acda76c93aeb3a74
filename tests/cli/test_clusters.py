"""`skypile clusters`: the clusters of a run as a table, one of them with its pages, and both as JSON."""

import json

import pytest

from tests.report.clustered import rows, write
from tests.report.run_folder import record, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("clusters") / "run")


def test_the_table(run, terminal):
    said = terminal("clusters", run)
    assert said.code == 0 and not said.acting
    cells = [[cell.strip() for cell in line.split("│")] for line in said.out.splitlines() if "farm.example" in line]
    assert cells[0][1] == "0" and cells[0][3:7] == ["12", "52.2%", "10", "1"]
    assert "farm.example 8" in cells[0][8] and "en 100 %" in cells[0][7]
    assert "2.3 before, 2.4 after the shards stage: 21 of 23 documents kept" in said.out


def test_the_largest_alone(run, terminal):
    said = terminal("clusters", run, "--most", "1")
    assert "farm.example" in said.out and "3 more: --most 4 shows all" in said.out


def test_one_cluster_with_its_pages(run, terminal):
    said = terminal("clusters", run, "1")
    assert said.code == 0 and not said.acting
    assert r"document.title='owned'</script>\u202e\u001b[31m" in said.out
    assert "nearer than to 0 (" in said.out and "farthest from the centre" in said.out
    assert "lost       1 in distribution_filter: dense_cluster" in terminal("clusters", run, "0").out


def test_json(run, terminal):
    told = json.loads(terminal("clusters", run, "--json").out)
    assert [one["cluster"] for one in told["clusters"]] == [0, 1, None, 2]
    assert told["before"]["effective"] == pytest.approx(2.2988, abs=1e-4)
    assert "nearest" not in told["clusters"][0]
    one = json.loads(terminal("clusters", run, "0", "--json").out)["clusters"]
    assert len(one) == 1 and one[0]["lost"][0] == {
        "stage": "distribution_filter", "reason": "dense_cluster", "documents": 1,
    }  # fmt: skip
    assert one[0]["nearest"][0]["title"] == "Farm 0" and one[0]["borders"][0]["other"] in (1, 2)


def test_what_is_not_there_is_said(run, terminal, tmp_path):
    assert "has no cluster 77" in terminal("clusters", run, "77").err
    none = write_run(tmp_path / "none", [record(1, cluster=None, centroid_similarity=None)])
    assert "has no clusters" in terminal("clusters", none).err
    early = write_run(tmp_path / "early", [record(1)], stages=("extraction",))
    said = terminal("clusters", early)
    assert said.code and "no finished distribution filter" in said.err


def test_topics_have_names(terminal, tmp_path):
    grouped = [row | {"topic": None if row["cluster"] is None else row["cluster"] // 2} for row in rows()]
    run = write(tmp_path / "run", grouped)
    told = json.loads(terminal("clusters", run, "--json").out)
    assert [one["topic"] for one in told["topics"]] == [0, 1] and len(told["topics"][0]["name"]) > 3
    assert [one["topic"] for one in told["clusters"]] == [0, 0, None, 1]
    said = terminal("clusters", run, "0").out
    assert f"topic      0, {' · '.join(told['topics'][0]['name'][:4])}" in said and "--topic 0" in said
    assert f"0 {' · '.join(told['topics'][0]['name'][:2])}" in terminal("clusters", run).out
