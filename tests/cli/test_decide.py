"""`skypile decide`: what it says, and what it refuses, on the demo's run."""

import json
import shutil

import pytest

from skypile.run_folder import stage_folder
from tests.cli.test_cli import skypile

ENGLISH = 'quality_filter.languages=["en"]'


@pytest.fixture
def run(demo, tmp_path):
    shutil.copytree(demo.run, tmp_path / "run")
    return str(tmp_path / "run")


def test_a_dry_run_says_what_would_change_and_writes_nothing(run):
    before = stage_folder.manifest(run, "quality_filter")
    done = skypile("decide", run, "--set", ENGLISH, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["kept"]["before"] == before["kept"] > said["kept"]["after"]
    assert said["go"] - said["come"] == said["kept"]["before"] - said["kept"]["after"]
    rows = {(row["language"], row["reason"]): row for row in said["rows"]}
    assert rows["zh", "language"]["after"] > rows["zh", "language"]["before"] and rows["zh", None]["after"] == 0
    for side in ("before", "after"):
        assert sum(row[side] for row in said["rows"]) == before["read"]
    assert "nothing was written" in done.stderr
    assert stage_folder.manifest(run, "quality_filter") == before


@pytest.mark.slow
def test_it_prints_a_table_and_makes_the_run_what_it_says(run):
    done = skypile("decide", run, "--set", ENGLISH)
    assert done.returncode == 0, done.stderr
    after = stage_folder.manifest(run, "quality_filter")
    assert f"-> {after['kept']:,}: 0 documents come" in done.stdout and "language" in done.stdout
    assert after["settings"]["languages"] == ["en"]
    assert stage_folder.follows(stage_folder.manifest(run, "shards"), after)
    again = skypile("decide", run, "--set", ENGLISH, "--dry-run")
    assert "0 documents come, 0 go" in again.stdout


def test_what_it_cannot_do_is_one_sentence(run, tmp_path):
    for given, words in (
        (["--set", "dedup.jaccard_threshold=0.5"], "for any other setting run again with it"),
        (["--set", "quality_filter.min_bin=9"], "drops everything"),
        ([], "--set"),
    ):
        done = skypile("decide", run, *given)
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    done = skypile("decide", str(tmp_path / "none"), "--set", "quality_filter.min_bin=2")
    assert done.returncode == 2 and "no run" in done.stderr
