"""The stages bound to a run folder: what jobs/ and the command line call.

Each function reads what the stage before it kept, writes its own folder, and returns its manifest. A stage
whose settings and inputs have not changed is left as it is.
"""

import functools
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from skypile import config as settings
from skypile import schema
from skypile.classifiers.in_run import train_in_run
from skypile.crawl import inputs
from skypile.dedup.arrivals import arrivals_seen
from skypile.dedup.stage import dedup as dedup_stage
from skypile.distribution.stage import distribution_filter as distribution_stage
from skypile.extraction import documents
from skypile.extraction import stage as extraction_stage
from skypile.extraction.plan import check_failures, extraction_plan, run_output
from skypile.quality.stage import quality_filter as quality_stage
from skypile.run_folder import stage_folder, storage
from skypile.run_folder.identity import tree_signature
from skypile.run_folder.stage_folder import Plan
from skypile.run_folder.storage import Rows, Stage, read_kept
from skypile.runtime import files
from skypile.runtime.progress import stage_progress
from skypile.runtime.session import active_tasks
from skypile.shards import shards as shards_stage

SCRATCH = "_scratch"


def run(
    spark: SparkSession,
    paths: Sequence[str],
    output: str,
    config: settings.Config,
    console: Console | None = None,
    extracted: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """All stages over the inputs in `paths`, under `output`; their manifests, in order.

    `extracted`: the manifest of stage 1 if that is done already (`skypile.extraction.without_spark`).
    """
    console = console or Console(stderr=True)
    with run_output(output, config, paths):
        files.write_text(files.join(output, "config.toml"), settings.dumps(config))
        manifests = [extracted or extraction(spark, paths, output, config, console)]
        manifests += [
            stage(spark, output, config, console) for stage in (distribution_filter, dedup, quality_filter, shards)
        ]
    return manifests


def extraction(
    spark: SparkSession, paths: Sequence[str], run: str, config: settings.Config, console: Console
) -> dict[str, Any]:
    """Stage 1. `paths`: files, folders or globs of WARC, HTML, JSONL or Parquet, local or remote."""
    splits = inputs.plan(paths, config.extraction)
    if config.extraction.engine == "fast" and str(spark.sparkContext.master).startswith("local"):
        documents.prepare()  # here, before a task on every core starts to compile the same

    plan, waves = extraction_plan(splits, config.extraction)

    def wave(part: list[inputs.Split]) -> tuple[Rows, DataFrame]:
        rows = Observation()
        frame = extraction_stage.extraction(spark, part, config.extraction)
        frame = frame.observe(rows, F.coalesce(F.sum(extraction_stage.READ), F.lit(0)).alias("rows"))
        return rows, frame.drop(extraction_stage.READ)

    stage = Stage(
        plan.stage,
        plan.settings,
        plan.inputs,
        [functools.partial(wave, part) for part in waves],
        wave_inputs=plan.waves,
        unsettled=plan.unsettled,
    )
    with run_output(run, config, paths):
        return _write(
            spark, run, stage, console, lambda stamp: check_failures(stamp, config.extraction.max_failed_share)
        )


def distribution_filter(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 2: embed, cluster, thin."""
    clusters = files.join(stage_folder.stage_dir(run, "distribution_filter"), "clusters")

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        return distribution_stage(config.distribution_filter, rows, scratch, clusters)(frame)

    return _narrow(spark, run, "distribution_filter", config, stage, console)


def dedup(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 3: exact and near duplicates."""

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        return dedup_stage(config.dedup, rows, scratch)(frame)

    return _narrow(spark, run, "dedup", config, stage, console)


def quality_filter(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 4: language, rules, and the citation classifier, loaded or trained in the run."""
    section = config.quality_filter
    kept_model = files.join(stage_folder.stage_dir(run, "quality_filter"), "classifier")
    notes: list[str] = []

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        classifier = section.classifier
        if classifier is None and section.wikipedia:
            trained, found = train_in_run(frame, section, scratch)
            notes.extend(found)
            if trained is not None:
                files.move_tree(trained, kept_model)
                classifier = kept_model
        if classifier is None:
            notes.append("no citation classifier: language and rules alone decide")
        return quality_stage(section, classifier)(frame)

    return _narrow(spark, run, "quality_filter", config, stage, console, notes=lambda: list(notes))


def shards(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 5: Parquet shards per language."""

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        return shards_stage(config.shards)(frame)

    # Read again and again for months: worth the slower compression.
    options = {"parquet.compression.codec.zstd.level": str(config.shards.compression_level)}
    return _narrow(spark, run, "shards", config, stage, console, ("language",), options)


def _narrow(
    spark: SparkSession,
    run: str,
    name: str,
    config: settings.Config,
    stage: Callable[[DataFrame, int, str], DataFrame],
    console: Console,
    partition_by: tuple[str, ...] = (),
    options: dict[str, str] | None = None,
    notes: Callable[[], list[str]] = list,
) -> dict[str, Any]:
    """Write a stage that reads what the one before it kept: stage(frame, rows, scratch folder)."""
    before = _before(name)
    root = files.join(stage_folder.stage_dir(run, name), SCRATCH)
    scratch = files.join(root, uuid.uuid4().hex[:8])  # what is left of an attempt that died may still be written to

    def build() -> tuple[Rows, DataFrame]:
        upstream = stage_folder.check_finished(run, before)
        return upstream["kept"], stage(read_kept(spark, run, before), upstream["kept"], scratch)

    with run_output(run, config):
        inputs = narrow_inputs(run, name, config)
        plan = Stage(name, getattr(config, name).deciding(), inputs, [build], partition_by, options or {}, notes)
        result = _write(spark, run, plan, console)
        files.remove_tree(root)
    return result


def narrow_inputs(run: str, name: str, config: settings.Config) -> dict[str, Any]:
    """What a stage after the first is made from: what the one before it kept, and files besides, by their content.

    FileNotFoundError if the stage before it is not finished.
    """
    before = _before(name)
    upstream = stage_folder.manifest(run, before)
    if upstream is None:
        folder = stage_folder.stage_dir(run, before)
        raise FileNotFoundError(f"{folder} has no manifest.json: run the {before} stage first")
    found: dict[str, Any] = dict(stage_folder.kept_by(before, upstream))
    quality = config.quality_filter
    if name == "distribution_filter" and config.distribution_filter.model:
        found["embedding model"] = tree_signature(config.distribution_filter.model)
    if name == "dedup" and config.dedup.against:
        seen = (stage_folder.manifest(run, "dedup") or {}).get("inputs", {}).get("index")
        found["index"] = arrivals_seen(config.dedup.against, seen if config.dedup.update_index else None)
    if name == "quality_filter":
        found |= {"word list": tree_signature(quality.bad_words)} if quality.bad_words else {}
        if quality.classifier:
            found["classifier"] = tree_signature(quality.classifier)
        else:
            for dump in quality.wikipedia:
                found[f"citations dump {dump.rstrip('/').rpartition('/')[2]}"] = tree_signature(dump)
    return found


def why_redo(run: str, paths: Sequence[str], config: settings.Config) -> dict[str, str | None]:
    """Why each stage would be made by `run`, in words; None for one that is left as it is. Starts no Spark."""
    found: dict[str, str | None] = {}
    first, _ = extraction_plan(inputs.plan(paths, config.extraction), config.extraction)
    found[first.stage] = stage_folder.why_redo(run, first)
    for name in schema.STAGES[1:]:
        if found[_before(name)] is not None:
            made = stage_folder.manifest(run, name) is not None
            found[name] = f"follows {_before(name)}" if made else "not made yet"
        else:
            plan = Plan(name, getattr(config, name).deciding(), narrow_inputs(run, name, config), [""])
            found[name] = stage_folder.why_redo(run, plan)
    return found


def _before(stage: str) -> str:
    return schema.STAGES[schema.STAGES.index(stage) - 1]


def _write(
    spark: SparkSession,
    run: str,
    stage: Stage,
    console: Console,
    check: Callable[[dict[str, Any]], None] = lambda stamp: None,
) -> dict[str, Any]:
    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    with stage_progress(functools.partial(active_tasks, spark), stage.name, len(stage.waves), console) as done:

        def on_wave(number: int, stamp: dict[str, Any]) -> None:
            done(number, stamp)
            check(stamp)

        result, fresh = storage.write_stage(spark, run, stage, on_wave, say)
    console.print(stage_folder.summary(result, fresh), soft_wrap=True)
    return result
