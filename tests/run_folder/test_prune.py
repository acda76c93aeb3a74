"""Pruned documents: what is left answers as before, and nothing is removed that could not be made again."""

import json
import re
import shutil
from pathlib import Path

import pytest
from rich.console import Console

import skypile
from skypile import config, pipeline
from skypile.report import write_report
from skypile.report.collect import collect
from skypile.run_folder import ledger, stage_folder
from skypile.run_folder.prune import NOTE, prune
from skypile.run_folder.stage_folder import PrunedError
from skypile.run_folder.storage import read_kept
from skypile.schema import STAGES

QUIET = Console(quiet=True)


def parquet(run, stage, kept):
    return list((run / stage / "documents" / f"kept={kept}").rglob("*.parquet"))


@pytest.fixture(scope="module")
def pruned(demo, tmp_path_factory):
    """A copy of the demo's run with its documents pruned, and its bytes given back."""
    folder = tmp_path_factory.mktemp("pruned") / "run"
    shutil.copytree(demo.run, folder)
    return folder, prune(str(folder))


def test_only_what_a_later_stage_holds_goes(pruned):
    folder, freed = pruned
    assert list(freed) == list(STAGES[:-1]) and all(size > 0 for size in freed.values())
    for number, stage in enumerate(STAGES[:-1], 1):
        assert not parquet(folder, f"{number:02d}_{stage}", "true")
        assert parquet(folder, f"{number:02d}_{stage}", "false")
    assert parquet(folder, "05_shards", "true")
    assert prune(str(folder)) == {}


def test_the_ledger_and_the_report_answer_as_before(pruned, demo):
    folder, _ = pruned
    assert sorted(map(repr, ledger.fates(str(folder)))) == sorted(map(repr, ledger.fates(str(demo.run))))
    assert ledger.why(str(folder), demo.near_duplicate) == ledger.why(str(demo.run), demo.near_duplicate)
    assert ledger.duplicate_pairs(str(folder), demo.near_duplicate)
    before, after = collect(str(demo.run)), collect(str(folder))
    for name in ("tally", "samples"):
        found, wanted = (re.sub(r"(?<=at )0x\w+", "", repr(getattr(facts, name))) for facts in (after, before))
        assert found.replace(str(folder), str(demo.run)) == wanted, name
    assert (after.clusters, after.duplicates, after.judged) == (None, None, None), "of all documents, or none"
    assert "was pruned" in Path(write_report(str(folder))).read_text(encoding="utf-8")


def test_what_is_gone_is_not_taken_for_nothing(pruned, demo):
    folder, _ = pruned
    run, whole = skypile.open_run(str(folder)), skypile.open_run(str(demo.run))
    assert run.documents("dedup", kept=False).count_rows() == whole.documents("dedup", kept=False).count_rows() > 0
    assert run.documents().count_rows() == whole.documents().count_rows() > 0
    for ask in (lambda: run.documents("dedup"), lambda: run.decide(whole.config.quality_filter)):
        with pytest.raises(PrunedError, match="kept were removed"):
            ask()


@pytest.mark.slow
def test_a_run_that_keeps_no_documents_is_finished_and_refuses_what_it_cannot_redo(spark, demo, tmp_path):
    def small_run(settings):
        crawl = str(demo.folder / "sample" / "crawl" / "saved")
        return pipeline.run(spark, [crawl], str(tmp_path / "run"), config.parse(settings), QUIET)

    lean = {"run": {"keep_documents": False}}
    first = small_run(lean)
    run = tmp_path / "run"
    assert [bool(parquet(run, f"{n:02d}_{stage}", "true")) for n, stage in enumerate(STAGES, 1)] == [False] * 4 + [True]
    assert [done["seconds"] for done in small_run(lean)] == [done["seconds"] for done in first], (
        "nothing was made again"
    )

    with pytest.raises(PrunedError, match="distribution_filter kept were removed"):
        small_run(lean | {"dedup": {"seed": 2}})
    stands = stage_folder.manifest(str(run), "dedup")
    left = {name: entry for name, entry in first[2]["parts"].items() if "kept=true" not in name}
    assert stands == first[2] | {"pruned": True, "notes": [NOTE], "parts": left}, (
        "the stage that cannot be redone must stand"
    )
    with pytest.raises(PrunedError):
        read_kept(spark, str(run), "extraction")

    again = small_run(lean | {"extraction": {"min_characters": 101}})
    assert [done["kept"] for done in again] == [done["kept"] for done in first]


def test_a_stage_whose_next_was_made_from_other_documents_stays(demo, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(demo.run, folder)
    manifest = folder / "02_distribution_filter" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"digest": "0" * 16}))
    (folder / "05_shards" / "manifest.json").unlink()
    assert list(prune(str(folder))) == ["extraction", "dedup"]
