"""The stages bound to a run folder: what jobs/ and the command line call.

Each function reads what the stage before it kept, writes its own folder, and returns its manifest. A stage
whose settings and inputs have not changed is left as it is.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from classifiers.in_run import train_in_run
from skypile import config as settings
from skypile import files, schema, storage
from skypile.crawl import inputs
from skypile.errors import SkypileError
from skypile.progress import stage_progress
from skypile.stages import extraction as extraction_stage
from skypile.stages.dedup import dedup as dedup_stage
from skypile.stages.distribution_filter import distribution_filter as distribution_stage
from skypile.stages.quality_filter import quality_filter as quality_stage
from skypile.stages.shards import shards as shards_stage
from skypile.storage import Rows, Stage, read_kept
from skypile.text import page

SCRATCH = "_scratch"
MIN_PAGES_FOR_FAILURE_SHARE = 100


class TooManyFailures(SkypileError):
    """So many pages fail in extraction that the installation, not the pages, is likely at fault."""


def run(
    spark: SparkSession, paths: Sequence[str], output: str, config: settings.Config, console: Console | None = None
) -> list[dict[str, Any]]:
    """All stages over the inputs in `paths`, under `output`; their manifests, in order."""
    console = console or Console(stderr=True)
    files.write_text(files.join(output, "config.toml"), settings.dumps(config))
    manifests = [extraction(spark, paths, output, config, console)]
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
        page.prepare()  # here, before a task on every core starts to compile the same

    def wave(part: list[inputs.Split]) -> Callable[[], tuple[Rows, DataFrame]]:
        def build() -> tuple[Rows, DataFrame]:
            rows = Observation()
            documents = extraction_stage.extraction(spark, part, config.extraction)
            documents = documents.observe(rows, F.coalesce(F.sum(extraction_stage.READ), F.lit(0)).alias("rows"))
            return rows, documents.drop(extraction_stage.READ)

        return build

    return _write(
        spark,
        run,
        Stage(
            "extraction",
            config.extraction.model_dump(mode="json"),
            _input_identity(splits),
            [wave(part) for part in waves(splits, int(config.extraction.wave_mb * 2**20))],
        ),
        console,
        lambda stamp: _check_failures(stamp, config.extraction.max_failed_share),
    )


def distribution_filter(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 2: embed, cluster, thin."""
    clusters = files.join(storage.stage_dir(run, "distribution_filter"), "clusters")

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        return distribution_stage(config.distribution_filter, rows, scratch, clusters)(frame)

    return _narrow(spark, run, "distribution_filter", config.distribution_filter, stage, console)


def dedup(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 3: exact and near duplicates."""

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        return dedup_stage(config.dedup, rows, scratch)(frame)

    return _narrow(spark, run, "dedup", config.dedup, stage, console)


def quality_filter(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 4: language, rules, and the citation classifier, loaded or trained in the run."""
    section = config.quality_filter
    kept_model = files.join(storage.stage_dir(run, "quality_filter"), "classifier")
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

    return _narrow(spark, run, "quality_filter", section, stage, console, notes=lambda: notes)


def shards(spark: SparkSession, run: str, config: settings.Config, console: Console) -> dict[str, Any]:
    """Stage 5: Parquet shards per language."""

    def stage(frame: DataFrame, rows: int, scratch: str) -> DataFrame:
        return shards_stage(config.shards)(frame)

    # Read again and again for months: worth the slower compression.
    options = {"parquet.compression.codec.zstd.level": str(config.shards.compression_level)}
    return _narrow(spark, run, "shards", config.shards, stage, console, ("language",), options)


def waves(splits: Sequence[inputs.Split], wave_bytes: int) -> list[list[inputs.Split]]:
    """Splits grouped, in order, into waves of about `wave_bytes` of input."""
    groups: list[list[inputs.Split]] = [[]]
    size = 0
    for split in splits:
        if groups[-1] and size + split.end - split.start > wave_bytes:
            groups.append([])
            size = 0
        groups[-1].append(split)
        size += split.end - split.start
    return groups


def _narrow(
    spark: SparkSession,
    run: str,
    name: str,
    section: settings.Settings,
    stage: Callable[[DataFrame, int, str], DataFrame],
    console: Console,
    partition_by: tuple[str, ...] = (),
    options: dict[str, str] | None = None,
    notes: Callable[[], list[str]] = list,
) -> dict[str, Any]:
    """Write a stage that reads what the one before it kept: stage(frame, rows, scratch folder)."""
    before = schema.STAGES[schema.STAGES.index(name) - 1]
    upstream = storage.manifest(run, before)
    if upstream is None:
        raise FileNotFoundError(f"{storage.stage_dir(run, before)} has no manifest.json: run the {before} stage first")
    scratch = files.join(storage.stage_dir(run, name), SCRATCH)

    def build() -> tuple[Rows, DataFrame]:
        frame = read_kept(spark, run, before)
        return upstream["kept"], stage(frame, upstream["kept"], scratch)

    identity = {"stage": before, "fingerprint": upstream["fingerprint"], "digest": upstream["digest"]}
    plan = Stage(name, section.model_dump(mode="json"), identity, [build], partition_by, options or {}, notes)
    result = _write(spark, run, plan, console)
    files.remove_tree(scratch)
    return result


def _write(
    spark: SparkSession,
    run: str,
    stage: Stage,
    console: Console,
    check: Callable[[dict[str, Any]], None] = lambda stamp: None,
) -> dict[str, Any]:
    with stage_progress(spark, stage.name, len(stage.waves), console) as done:
        records = 0

        def on_wave(number: int, stamp: dict[str, Any]) -> None:
            nonlocal records
            records += stamp["read"]
            done(number + 1, records)
            check(stamp)

        result, fresh = storage.write_stage(spark, run, stage, on_wave)
    console.print(summary(result, fresh), soft_wrap=True)
    return result


def summary(manifest: dict[str, Any], fresh: bool = True) -> str:
    """One line on a finished stage."""
    lost = {verdict: sum(manifest[verdict].values()) for verdict in (schema.DROPPED, schema.FAILED)}
    speed = f"{manifest['read'] / manifest['seconds']:,.0f} records/s" if manifest["seconds"] else ""
    return (
        f"{manifest['stage']:<20} read {manifest['read']:>9,}  kept {manifest['kept']:>9,}  "
        f"dropped {lost['dropped']:>9,}  failed {lost['failed']:>6,}  "
        + (f"{manifest['seconds']:>7.1f} s  {speed}" if fresh else "up to date")
    )


def _check_failures(stamp: dict[str, Any], limit: float) -> None:
    failed = {
        reason: stamp["failed"].get(reason, 0) for reason in ("extraction_error", "crash", "timeout", "out_of_memory")
    }
    total = sum(failed.values())
    if stamp["read"] >= MIN_PAGES_FOR_FAILURE_SHARE and total > limit * stamp["read"]:
        raise TooManyFailures(
            f"{total} of {stamp['read']} pages failed in extraction ({failed}): a broken installation is likelier "
            "than that many broken pages; look at the evidence of one of them with `skypile why`"
        )


def _input_identity(splits: Sequence[inputs.Split]) -> dict[str, Any]:
    """What makes two inputs the same: the names and sizes of their files."""
    digest = hashlib.sha256()
    sizes = {split.source: split.size for split in splits}
    for source, size in sorted(sizes.items()):
        digest.update(f"{source}\0{size}\n".encode("utf-8", "surrogateescape"))
    return {"files": len(sizes), "bytes": sum(sizes.values()), "digest": digest.hexdigest()}
