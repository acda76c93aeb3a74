"""The stages bound to a run folder: what jobs/ and the command line call.

Each function reads what the stage before it kept, writes its own folder, and returns its manifest. A stage
whose settings and inputs have not changed is left as it is.
"""

import functools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from skypile import config as settings
from skypile import schema
from skypile.classifiers.in_run import train_in_run
from skypile.classifiers.model import load as load_classifier
from skypile.crawl import inputs
from skypile.dedup.distributed.recurring import cut_notes, cut_summary
from skypile.dedup.stage import dedup as dedup_stage
from skypile.distribution.centroid_files import embeddings_name
from skypile.distribution.stage import distribution_filter as distribution_stage
from skypile.distribution.without_spark import filter_here, is_small
from skypile.extraction import documents
from skypile.extraction import stage as extraction_stage
from skypile.extraction.plan import check_failures, extraction_plan, planned_splits, run_output, wave_bytes
from skypile.plans import before, following_plan
from skypile.preflight import preflight
from skypile.quality.stage import quality_filter as quality_stage
from skypile.quality.trusted import train_on_trusted
from skypile.recurrence.in_spark import with_weights
from skypile.run_folder import stage_folder, storage
from skypile.run_folder.outcome import check_kept
from skypile.run_folder.prune import prune
from skypile.run_folder.stage_folder import Stamp
from skypile.run_folder.stamp import Written
from skypile.run_folder.storage import Rows, Stage, read_kept
from skypile.run_folder.takedowns import taken_down
from skypile.runtime import files
from skypile.runtime.progress import Done, Unit, stage_progress
from skypile.runtime.session import written
from skypile.shards import shards as shards_stage
from skypile.text.visible import visible
from skypile.tokens.stage import tokenize_run

SCRATCH = "_scratch"
ASIDE = "_decide"  # in stage 4's folder: its documents and models while it is decided anew (skypile.decide)
# Not called as the column is: Spark would leave that out of the files, and Arrow refuses a name that both have.
LANGUAGE_FOLDERS = {"lang": "language"}


def run(
    spark: SparkSession,
    paths: Sequence[str],
    output: str,
    config: settings.Config,
    console: Console | None = None,
    extracted: dict[str, Any] | None = None,
    limit: int | None = None,
    until: str = schema.STAGES[-1],
) -> list[dict[str, Any]]:
    """All stages over the inputs in `paths`, under `output`; their manifests, in order.

    `extracted`: the manifest of stage 1 if that is done already (`skypile.extraction.without_spark`).
    `limit`: the most records of the input that are read, its first ones. `until`: the last stage to run.
    """
    console = console or Console(stderr=True)
    preflight(config, schema.STAGES[: schema.STAGES.index(until) + 1])
    with run_output(output, config, paths):
        files.write_text(files.join(output, "config.toml"), settings.dumps(config))
        manifests = [extracted or extraction(spark, paths, output, config, console, limit)]
        following = (distribution_filter, dedup, quality_filter, shards)[: schema.STAGES.index(until)]
        manifests += [stage(spark, output, config, console) for stage in following]
        if config.tokens.enabled and until == schema.STAGES[-1]:
            tokenize_run(spark, output, config.tokens, console)
    return manifests


def extraction(
    spark: SparkSession,
    paths: Sequence[str],
    run: str,
    config: settings.Config,
    console: Console,
    limit: int | None = None,
) -> dict[str, Any]:
    """Stage 1. `paths`: files, folders or globs of WARC, HTML, JSONL or Parquet, local or remote. `limit`: as `run`."""
    splits = planned_splits(paths, config.extraction, limit)
    if config.extraction.engine == "fast" and str(spark.sparkContext.master).startswith("local"):
        documents.prepare()  # here, before a task on every core starts to compile the same

    plan, waves = extraction_plan(splits, config.extraction, limit)

    def wave(part: list[inputs.Split]) -> tuple[Rows, DataFrame]:
        rows = Observation()
        frame = extraction_stage.extraction(spark, part, config.extraction)
        frame = frame.observe(rows, F.coalesce(F.sum(extraction_stage.READ), F.lit(0)).alias("rows"))
        return rows, frame.drop(extraction_stage.READ)

    sizes = wave_bytes(waves)
    each = [functools.partial(wave, part) for part in waves]
    stage = Stage.of(plan, each)
    with run_output(run, config, paths):
        return _write(
            spark,
            run,
            stage,
            console,
            sizes,
            "bytes",
            lambda stamp: check_failures(stamp, config.extraction.max_failed_share),
        )


def distribution_filter(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 2: embed, cluster, thin."""
    clusters = files.join(stage_folder.stage_dir(run, "distribution_filter"), "clusters")

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        section = config.distribution_filter
        kept = files.join(run, "embeddings", embeddings_name(section)) if section.model else None
        return distribution_stage(section, rows, scratch, clusters, kept)(frame)

    def here(folder: str, number: int) -> Written:
        upstream = stage_folder.check_finished(run, before("distribution_filter"))
        return filter_here(run, config.distribution_filter, upstream["kept"], clusters, folder, number)

    upstream = stage_folder.manifest(run, before("distribution_filter")) or {"kept": 0}
    alone = is_small(config.distribution_filter, upstream["kept"]) and bool(
        config.spark.local_mb and str(spark.sparkContext.master).startswith("local")
    )
    return narrow(spark, run, "distribution_filter", config, stage, console, here=here if alone else None)


def dedup(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 3: exact and near duplicates."""

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        return dedup_stage(config.dedup, rows, scratch)(frame)

    @functools.cache
    def cut() -> dict[str, Any]:
        folder = files.join(stage_folder.stage_dir(run, "dedup"), "documents")
        columns = storage.spark_schema(schema.STAGE_COLUMNS["dedup"])
        return cut_summary(storage.read_parquet(spark, columns, folder))

    said: dict[str, Any] = {"notes": lambda counts: [*cut_notes(cut())], "findings": lambda: {"cut": cut()}}
    return narrow(spark, run, "dedup", config, stage, console, **said)


def quality_filter(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 4: language, rules, and the citation classifier and perplexity models, loaded or trained in the run."""
    section = config.quality_filter
    place = stage_folder.stage_dir(run, "quality_filter")
    trained: list[str] = []

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        classifier, perplexity = section.classifier, section.perplexity_model
        if classifier is None and section.wikipedia:
            model, found = train_in_run(frame, section, scratch)
            trained.extend(found)
            if model is not None:
                classifier = files.join(place, "classifier")
                files.move_tree(model, classifier)
        if perplexity is None and section.trusted:
            perplexity = files.join(place, "perplexity")
            trained.extend(train_on_trusted(section, perplexity))
            perplexity = perplexity if files.exists(perplexity) else None
        return quality_stage(section, scratch, classifier, perplexity, files.join(place, "judges"))(frame)

    said: dict[str, Any] = {"notes": quality_notes(run, section, trained), "findings": lambda: {"trained": trained}}
    result = narrow(spark, run, "quality_filter", config, stage, console, **said)
    files.remove_tree(files.join(place, ASIDE))
    return result


def quality_notes(run: str, section: settings.QualityFilterConfig, trained: list[str]) -> Callable[[Stamp], list[str]]:
    """What is noted of stage 4: `trained`, said when its models were trained in the run, and what its models did."""
    place = stage_folder.stage_dir(run, "quality_filter")

    def said(counts: Stamp) -> list[str]:
        notes = list(trained)
        if section.classifier:
            languages = " and ".join(sorted(load_classifier(files.absolute(section.classifier)))) or "nothing"
            dropped = counts[schema.DROPPED].get("low_citation_score", 0)
            notes.append(
                f"citation classifier of {section.classifier}, trained elsewhere, for {languages}: it dropped "
                f"{dropped:,} of {counts['read']:,} documents"
            )
        elif not files.exists(files.join(place, "classifier")):
            alone = "language and rules alone", "language, rules and the ranks of the other judges"
            notes.append(f"no citation classifier: {alone[section.combine != 'citation']} decide")
        if section.combine == "citation" and (
            section.perplexity_model or files.exists(files.join(place, "perplexity"))
        ):
            notes.append("perplexity is measured and drops nothing: quality_filter.combine is citation")
        return notes

    return said


def shards(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 5: Parquet shards per language."""

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        return shards_stage(config.shards, taken_down(run))(with_weights(spark, run, config, frame))

    # Read again and again for months: worth the slower compression.
    options = {"parquet.compression.codec.zstd.level": str(config.shards.compression_level)}
    return narrow(spark, run, "shards", config, stage, console, LANGUAGE_FOLDERS, options)


def narrow(
    spark: SparkSession,
    run: str,
    name: str,
    config: settings.Config,
    stage: Callable[[DataFrame, int, str], DataFrame],
    console: Console,
    partition_by: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    notes: Callable[[Stamp], list[str]] = lambda counts: [],
    findings: Callable[[], dict[str, Any]] = dict,
    here: Callable[[str, int], Written] | None = None,
) -> dict[str, Any]:
    """Write a stage that reads what the one before it kept: stage(frame, rows, scratch folder).

    `here(folder, wave)` writes it in this process in place of `stage`.
    """
    root = files.join(stage_folder.stage_dir(run, name), SCRATCH)
    scratch = files.join(root, uuid.uuid4().hex[:8])  # what is left of an attempt that died may still be written to

    def build() -> tuple[Rows, DataFrame]:
        upstream = stage_folder.check_finished(run, before(name))
        return upstream["kept"], stage(read_kept(spark, run, before(name)), upstream["kept"], scratch)

    with run_output(run, config):
        plan = following_plan(run, name, config, notes, findings)
        upstream = stage_folder.manifest(run, before(name)) or {}
        whole = replace(Stage.of(plan, [build], partition_by, options or {}), here=here)
        result = _write(spark, run, whole, console, [upstream["kept"]], "records")
        files.remove_tree(root)
        if not config.run.keep_documents:
            prune(run)
    return result


def _write(
    spark: SparkSession,
    run: str,
    stage: Stage,
    console: Console,
    sizes: list[int],
    unit: Unit,
    check: Callable[[dict[str, Any]], None] = lambda stamp: None,
) -> dict[str, Any]:
    """Write a stage with waves of the given `sizes`, and show how far it is."""
    finished = stamped = 0  # waves, and the records in them
    steps_before = written(spark).steps

    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    def on_wave(number: int, stamp: dict[str, Any]) -> None:
        nonlocal finished, stamped
        finished, stamped = number + 1, stamped + stamp["read"]
        check(stamp)

    def done() -> Done:
        now = written(spark)
        if unit == "records":
            steps = f"{now.steps - steps_before} Spark stages done"
            return Done(now.records if now.tasks else None, now.records, steps)
        begun = sizes[finished] * now.ended // now.tasks if now.tasks and finished < len(sizes) else 0
        return Done(sum(sizes[:finished]) + begun, stamped + now.records)

    with stage_progress(done, stage.name, sum(sizes), unit, console):
        result, fresh = storage.write_stage(spark, run, stage, on_wave, say)
    console.print(stage_folder.summary(result, fresh), soft_wrap=True)
    check_kept(result, stage_folder.stage_dir(run, stage.name))
    for note in result["notes"] if fresh else ():
        console.print(f"  {visible(note)}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    return result
