"""`skypile decide`: what it makes of a run is what a run with those settings would be, digest for digest."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from skypile import config, pipeline, schema
from skypile.config.change import changed
from skypile.decide import apply, changes
from skypile.dry_run import dry_run
from skypile.errors import Refused
from skypile.recurrence.in_run import moved, run_weights
from skypile.recurrence.weights import document_weights
from skypile.run_folder import ledger, stage_folder
from skypile.run_folder.prune import prune
from skypile.run_folder.stage_folder import PrunedError
from skypile.sample import write_sample
from skypile.shards import BANDS

QUIET = Console(quiet=True)
# What is the same when the same stage is made twice; parts and seconds are not.
SAME = ("settings", "inputs", "code", "read", "kept", "dropped", "failed", "digest", "fingerprint", "notes", "trained")


def settings(sample: dict[str, Any]) -> config.Config:
    quality = {
        "wikipedia": [sample["wikipedia"]],
        "trusted": [sample["wikipedia"], f"{sample['crawl']}/export.jsonl"],
        "perplexity": {"min_trusted": 1000},
        "combine": "mean",
        "min_bin": 1,
        "citations": {"min_positives": 2, "min_hosts": 2, "min_auc": 0.0, "buckets": 1000, "dimension": 8},
    }
    return config.parse({"quality_filter": quality, "distribution_filter": {"budget_min": 130}})


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def finished(spark, crawl, tmp_path_factory):
    run = str(tmp_path_factory.mktemp("finished") / "run")
    pipeline.run(spark, [crawl["crawl"]], run, settings(crawl), QUIET)
    return run


@pytest.fixture
def copy(finished, tmp_path):
    """Called, a copy of the finished run."""

    def made(name: str) -> str:
        shutil.copytree(finished, tmp_path / name)
        return str(tmp_path / name)

    return made


def corpus(run: str) -> dict[str, bytes]:
    """The shards, byte for byte."""
    folder = Path(run, "05_shards/documents/kept=true")
    return {str(p.relative_to(folder)).partition("-")[0]: p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}


@pytest.mark.parametrize(
    "moved",
    [
        ["quality_filter.combine=all", "quality_filter.bins=20", "quality_filter.min_bin=4"],
        pytest.param(["quality_filter.min_bin=3"], marks=pytest.mark.slow),
        pytest.param(["quality_filter.combine=citation", "quality_filter.rules.min_words=120"], marks=pytest.mark.slow),
    ],
)
def test_a_run_decided_anew_is_what_a_run_with_those_settings_is(spark, crawl, finished, copy, moved):
    other = changed(settings(crawl), moved, "")
    decided, ran = copy("decided"), copy("ran")
    told = changes(decided, other)
    apply(spark, decided, other, QUIET)
    pipeline.run(spark, [crawl["crawl"]], ran, other, QUIET)
    for stage in ("quality_filter", "shards"):
        mine, theirs = (stage_folder.manifest(run, stage) for run in (decided, ran))
        assert {key: mine.get(key) for key in SAME} == {key: theirs.get(key) for key in SAME}
        before = stage_folder.manifest(finished, stage)
        assert mine["digest"] != before["digest"], "the settings change nothing: the test would prove nothing"
    assert corpus(decided) == corpus(ran)
    judges = "04_quality_filter/judges/judges.json"
    assert Path(decided, judges).read_bytes() == Path(ran, judges).read_bytes()
    assert not Path(decided, "04_quality_filter/_decide").exists()
    assert {step.action for step in dry_run([crawl["crawl"]], decided, other)[1]} == {"up to date"}

    after = Counter(v.reason for v in ledger.verdicts(decided, "quality_filter"))
    assert after == Counter({reason: n for reason, n in counted(told, "after").items() if n})
    before = Counter(v.reason for v in ledger.verdicts(finished, "quality_filter"))
    assert before == Counter({reason: n for reason, n in counted(told, "before").items() if n})
    old, new = (
        {v.record_id for v in ledger.verdicts(run, "quality_filter") if v.verdict == schema.KEPT}
        for run in (finished, decided)
    )
    assert (told.come, told.go) == (len(new - old), len(old - new))


def test_keep_weights_are_set_anew_in_the_shards_alone(spark, crawl, finished, copy):
    """Strong enough, they differ from 1; Spark gives what the way without it gives, and a run with the setting too."""
    other = changed(settings(crawl), ["recurrence.strength=5", "quality_filter.low_share=0.5"], "")
    decided = copy("weighed")
    apply(spark, decided, other, QUIET)
    scored = stage_folder.manifest(decided, "quality_filter")
    weighed = run_weights(decided, other, other.recurrence)
    known = {}
    for batch in ledger.documents(decided, "quality_filter").to_batches():
        known |= dict(zip(batch["record_id"].to_pylist(), document_weights(batch, weighed).tolist(), strict=True))
    shards = (
        ledger.documents(decided, "shards")
        .to_table(columns=["record_id", "language", "shard", "keep_weight"])
        .to_pylist()
    )
    found = {row["record_id"]: row["keep_weight"] for row in shards}
    assert found == {record: known[record] for record in found} and set(found.values()) != {1.0}
    of_shard: dict[Any, list[float]] = {}
    for row in shards:
        of_shard.setdefault((row["language"], row["shard"]), []).append(row["keep_weight"])
    assert all(max(weights) <= 2 ** (1 / BANDS) * min(weights) for weights in of_shard.values())
    assert {n for name, n in of_shard if name == "en"} == set(range(sum(name == "en" for name, _ in of_shard)))
    assert moved(decided, other) == tuple(sum(sign * (w - 1) > 0 for w in found.values()) for sign in (1, -1))

    back = changed(other, ["recurrence.strength=0"], "")
    apply(spark, decided, back, QUIET)
    assert stage_folder.manifest(decided, "quality_filter") == scored
    places = ["record_id", "language", "shard", "keep_weight"]
    plain, before = (
        ledger.documents(run, "shards").to_table(columns=places).to_pylist() for run in (decided, finished)
    )
    assert {row["keep_weight"] for row in plain} == {1.0}
    assert sorted(plain, key=lambda row: row["record_id"]) == sorted(before, key=lambda row: row["record_id"])


def counted(told: Any, side: str) -> Counter[str | None]:
    found: Counter[str | None] = Counter()
    for row in told.rows:
        found[row.reason] += getattr(row, side)
    return found


def test_the_same_settings_leave_all_as_it_is(spark, crawl, copy):
    run = copy("same")
    stamps = {p: p.stat().st_mtime_ns for p in Path(run).rglob("*.parquet")}
    told = changes(run, settings(crawl))
    assert (told.come, told.go) == (0, 0) and all(row.before == row.after for row in told.rows)
    apply(spark, run, settings(crawl), QUIET)
    assert stamps == {p: p.stat().st_mtime_ns for p in Path(run).rglob("*.parquet")}


def test_scores_that_would_not_be_the_same_are_refused(crawl, copy):
    run = copy("other")
    section = settings(crawl).quality_filter
    for change in ({"perplexity": config.PerplexityConfig(min_trusted=999)}, {"trusted": (crawl["wikipedia"],)}):
        other = settings(crawl).model_copy(update={"quality_filter": section.model_copy(update=change)})
        with pytest.raises(Refused, match="its scores are not those of today"):
            changes(run, other)
    manifest = Path(run, "04_quality_filter/manifest.json")
    held = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(held | {"code": held["code"] | {"the code of the stage": "0"}}))
    with pytest.raises(Refused, match="the code of the stage changed"):
        changes(run, settings(crawl))


def test_a_pruned_run_is_refused_and_loses_nothing(spark, crawl, copy):
    run = copy("pruned")
    prune(run)
    other = changed(settings(crawl), ["quality_filter.min_bin=0"], "")
    with pytest.raises(PrunedError):
        apply(spark, run, other, QUIET)
    assert stage_folder.check_finished(run, "quality_filter")["kept"]


def test_a_process_that_died_while_deciding_leaves_a_run_that_goes_on(spark, crawl, finished, copy, monkeypatch):
    run = copy("died")
    other = changed(settings(crawl), ["quality_filter.min_bin=3"], "")
    with monkeypatch.context() as patched:
        patched.setattr("skypile.decide.decide_frame", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            apply(spark, run, other, QUIET)
    pipeline.run(spark, [crawl["crawl"]], run, settings(crawl), QUIET)
    same, was = (stage_folder.manifest(folder, "shards") for folder in (run, finished))
    assert same["digest"] == was["digest"]
    assert not Path(run, "04_quality_filter/_decide").exists()


@pytest.mark.parametrize(
    "given, said",
    [
        ("quality_filter.classifier=a", "stored scores decide anew on .*quality_filter.min_bin"),
        ("dedup.jaccard_threshold=0.5", "run again with it"),
        ("quality_filter.min_bin", "write it as"),
        ("quality_filter.min_bin=7", "drops everything"),
        ("quality_filter.combine=best", "combine"),
        ("quality_filter.high_share=0.9", "more than all"),
    ],
)
def test_what_cannot_be_moved_is_refused(given, said):
    with pytest.raises((Refused, config.ConfigError), match=said):
        changed(config.Config(), [given], "run again with it")
