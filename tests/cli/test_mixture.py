"""`skypile mixture`: from a catalogue to a plan, its picture, and the sequences of a step."""

import json
import xml.dom.minidom

import pytest
from typer.testing import CliRunner

from skypile.cli import app
from skypile.mixture.catalogue import write_catalogue
from tests.mixture.catalogues import ENOUGH, shards


def skypile(*arguments: object):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_plan_picture_and_order(tmp_path):
    small = {what: size / 5_000 for what, size in ENOUGH.items()} | {"zh/encyclopedia": 0.0001}
    listed = shards(small, 60)
    listed[0] = listed[0]._replace(shard="/data/\x1b[31mweb")
    write_catalogue(str(tmp_path / "c.jsonl"), listed)
    plan = ("mixture", "plan", "--catalogue", tmp_path / "c.jsonl", "--output", tmp_path / "plan")
    small_run = ("--tokens", 130_000 * 4096, "--batch-sequences", 8)
    done = skypile(*plan, *small_run)
    assert done.exit_code == 0, done.output
    assert "39.47%" in done.output and done.output.count(" is short") == 1 and "12 blends" in done.output
    assert "zh-encyclopedia is short" in done.output
    again = skypile(*plan, *small_run, "--json")
    manifest = json.loads(again.stdout)
    assert manifest["steps"] * 8 == manifest["sequences"] == sum(one["drawn"] for one in manifest["sources"])
    assert max(one["epochs"] for one in manifest["sources"]) <= 5

    drawing = xml.dom.minidom.parse(str(tmp_path / "plan" / "phases.svg"))
    (curve,) = drawing.getElementsByTagName("polyline")
    heights = [float(point.split(",")[1]) for point in curve.getAttribute("points").split()]
    assert heights[0] == max(heights) and len(set(heights[-60:])) == 1  # from nought; the last phase is constant
    says = [node.firstChild.data for node in drawing.getElementsByTagName("title")]
    stem = [float(one.split(": ")[1].split("%")[0]) for one in says if one.startswith("stem")]
    assert len(stem) == 10 and stem == sorted(stem) and 10 < stem[0] < 11 and 36 < stem[-1] < 40

    done = skypile("mixture", "order", tmp_path / "plan", "--from", 3, "--to", 5)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(int(row[0]), int(row[1])) for row in rows] == [(step, at) for step in (3, 4) for at in range(8)]
    assert "\x1b" not in done.stdout and "/data/\\u001b[31mweb\t" in done.stdout
    refused = skypile("mixture", "order", tmp_path / "plan", "--from", manifest["steps"])
    assert refused.exit_code and "the plan has steps 0 to" in str(refused.exception)


def test_another_curriculum_does_not_overwrite_a_plan(tmp_path):
    write_catalogue(str(tmp_path / "c.jsonl"), shards(ENOUGH, 30))
    plan = ("mixture", "plan", "--catalogue", tmp_path / "c.jsonl", "--output", tmp_path / "plan")
    assert skypile(*plan).exit_code == 0
    refused = skypile(*plan, "--tokens", 10**12)
    assert refused.exit_code and "made from something else" in str(refused.exception)


@pytest.mark.parametrize("given", ["web", "web="])
def test_a_folder_without_its_kind_is_what_is_wrong(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = skypile("mixture", "catalogue", given, "--output", "c.jsonl")
    assert refused.exit_code and str(refused.exception).startswith(f"'{given}' is not KIND=FOLDER")
