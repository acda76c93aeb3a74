"""Thresholds of the quality filter moved on a finished run, from the scores that it has stored: no text is read again.

`changes` says what other settings would do; `apply` makes the run what `skypile run` with them would have made, down to
the digests in its manifests. 160,000 documents: 3 to 5 s of processor time to say; to write them and their shards anew
takes what writing takes (`python -m benchmarks.decide`).
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from rich.console import Console

from skypile import config as settings
from skypile import pipeline, schema
from skypile.errors import Refused
from skypile.plans import following_plan
from skypile.quality.decision import READ, decide_again, was_ranked
from skypile.quality.stage import decide_frame
from skypile.run_folder import ledger, stage_folder, storage
from skypile.run_folder.identity import difference
from skypile.runtime import files
from skypile.tokens.stage import tokenize_run

STAGE = "quality_filter"

_WAS = {"verdict": "was", "reason": "was_reason"}


class Change(NamedTuple):
    """Documents of a language that are kept (reason None), or dropped for a reason, before and after."""

    language: str
    reason: str | None
    before: int
    after: int


class Changes(NamedTuple):
    """All of a run. `come`: documents that would be kept and are not; `go`: the reverse."""

    rows: list[Change]
    come: int
    go: int


def changes(run: str, config: settings.Config) -> Changes:
    """What the quality filter would decide with `config`, counted against what it has decided.

    Raises:
        Refused: the scores were made with other settings, inputs or code.
        PrunedError: its documents were removed.
    """
    _check_same_scores(run, config)
    documents = ledger.documents(run, STAGE)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in documents.to_batches(columns=[*READ, "verdict", "reason"]):
            yield batch.rename_columns([_WAS.get(name, name) for name in batch.schema.names])

    before: Counter[tuple[str, str | None]] = Counter()
    after: Counter[tuple[str, str | None]] = Counter()
    come = go = 0
    for batch in decide_again(batches(), config.quality_filter, was_ranked(run, config.quality_filter)):
        languages, was, now = (batch[name].to_pylist() for name in ("language", "was", "verdict"))
        before.update(zip(languages, batch["was_reason"].to_pylist(), strict=True))
        after.update(zip(languages, batch["reason"].to_pylist(), strict=True))
        come += sum(a != schema.KEPT and b == schema.KEPT for a, b in zip(was, now, strict=True))
        go += sum(a == schema.KEPT and b != schema.KEPT for a, b in zip(was, now, strict=True))
    keys = sorted({*before, *after}, key=lambda key: (key[0] or "", key[1] is not None, key[1] or ""))
    return Changes([Change(*key, before[key], after[key]) for key in keys], come, go)


def apply(spark: SparkSession, run: str, config: settings.Config, console: Console) -> list[dict[str, Any]]:
    """Write the quality stage anew with `config`, and what is made of it if it is there; the stages' manifests.

    The documents are set aside while they are written; a process that dies meanwhile leaves an unfinished stage, which
    `skypile run` makes from what deduplication kept. What was made with the same settings is left as it is.

    Raises:
        Refused, PrunedError: as `changes`.
    """
    with pipeline.run_output(run, config):
        done = _check_same_scores(run, config)
        sharded = stage_folder.manifest(run, "shards") is not None
        files.write_text(files.join(run, "config.toml"), settings.dumps(config))
        manifests = [_decide(spark, run, config, console, done)]
        if sharded:
            manifests.append(pipeline.shards(spark, run, config, console))
            if config.tokens.enabled:
                tokenize_run(spark, run, config.tokens, console)
    return manifests


def _decide(
    spark: SparkSession, run: str, config: settings.Config, console: Console, done: dict[str, Any]
) -> dict[str, Any]:
    section = config.quality_filter
    place = stage_folder.stage_dir(run, STAGE)
    aside = files.join(place, pipeline.ASIDE)
    models = ("classifier", "perplexity")
    ranked = was_ranked(run, section)

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        for name in models:
            if files.exists(files.join(aside, name)):
                files.move_tree(files.join(aside, name), files.join(place, name))
        columns = storage.spark_schema(schema.STAGE_COLUMNS[STAGE])
        stored = storage.read_parquet(spark, columns, files.join(aside, "documents"))
        return decide_frame(stored, section, ranked, files.join(place, "judges"))

    if stage_folder.why_redo(run, following_plan(run, STAGE, config)) is not None:
        files.remove_tree(aside)
        fs, inner = files.filesystem(aside)
        fs.makedirs(inner)
        for name in ("documents", *models):
            if files.exists(files.join(place, name)):
                files.move_tree(files.join(place, name), files.join(aside, name))
    trained = done["trained"]
    notes = pipeline.quality_notes(run, section, trained)
    findings = {"trained": trained}
    result = pipeline.narrow(spark, run, STAGE, config, stage, console, notes=notes, findings=lambda: findings)
    files.remove_tree(aside)
    return result


def _check_same_scores(run: str, config: settings.Config) -> dict[str, Any]:
    """The stage's manifest; Refused if the scores in its documents are not those that `config` would give."""
    done = stage_folder.check_finished(run, STAGE)
    stage_folder.check_not_pruned(run, STAGE)
    plan = following_plan(run, STAGE, config)
    shaping = config.quality_filter.scoring
    old, new = (
        made | {"settings": {name: made["settings"].get(name) for name in sorted(shaping)}}
        for made in (done, plan.made_of)
    )
    if (differ := difference(old, new)) is not None:
        raise Refused(f"{run}: its scores are not those of today ({differ}); `skypile run` measures anew")
    return done
