"""Stage folders (see `skypile.run_folder.stage_folder`) as Spark writes them, and what it reads of them.

Verdicts are projected from the documents just written, so the expensive work runs once and the two cannot
disagree.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from skypile import schema
from skypile.run_folder import parts as part_files
from skypile.run_folder import stage_folder, written_here
from skypile.run_folder.identity import content_digest
from skypile.run_folder.parts import Parts
from skypile.run_folder.stage_folder import Plan, stage_dir
from skypile.run_folder.stamp import Decisions, Stamp, Written, two_verdicts
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow
from skypile.runtime.session import writing

# Number of rows a wave reads: known, or observed, under the name `rows`, while they are read.
Rows = int | Observation

GLOB_PATHS = "__globPaths__"  # org.apache.spark.sql.execution.datasources.DataSource.GLOB_PATHS_KEY


@dataclass(frozen=True)
class Stage:
    """What to write. `waves[i]()` gives wave i: how many rows it reads and the frame with their verdicts."""

    name: str
    settings: dict[str, Any]
    inputs: dict[str, Any]
    waves: Sequence[Callable[[], tuple[Rows, DataFrame]]]
    partition_by: dict[str, str] = field(default_factory=dict)  # folder's name -> column, which stays in the files
    options: dict[str, str] = field(default_factory=dict)
    notes: Callable[[Stamp], list[str]] = lambda counts: []
    wave_inputs: Sequence[str] | None = None  # what each wave's part of the input is known by; None: `inputs` say it
    unsettled: Callable[[int], list[str]] = lambda number: []
    findings: Callable[[], dict[str, Any]] = dict
    # Writes wave `number` to `folder` in this process, in their place.
    here: Callable[[str, int], Written] | None = None

    @classmethod
    def of(
        cls,
        plan: Plan,
        waves: Sequence[Callable[[], tuple[Rows, DataFrame]]],
        partition_by: dict[str, str] | None = None,
        options: dict[str, str] | None = None,
    ) -> "Stage":
        """The stage of a plan."""
        made = (plan.stage, plan.settings, plan.inputs, waves, partition_by or {}, options or {}, plan.notes)
        return cls(*made, wave_inputs=plan.waves, unsettled=plan.unsettled, findings=plan.findings)

    @property
    def plan(self) -> Plan:
        every = json.dumps(self.inputs, sort_keys=True)
        waves = self.wave_inputs or [f"{number} {every}" for number in range(len(self.waves))]
        return Plan(self.name, self.settings, self.inputs, waves, self.notes, self.unsettled, self.findings)


def spark_schema(columns: tuple[schema.Column, ...]) -> StructType:
    """Spark's schema of `columns`; comments travel with it."""
    return from_arrow_schema(schema.arrow_schema(columns))


def read_kept(spark: SparkSession, run: str, stage: str) -> DataFrame:
    """The rows `stage` kept, without its verdict: the next stage's input, straight from a Parquet scan."""
    if stage_folder.manifest(run, stage) is None:
        raise FileNotFoundError(f"{stage_dir(run, stage)} has no manifest.json: run the {stage} stage first")
    stage_folder.check_not_pruned(run, stage)
    columns = schema.STAGE_COLUMNS[stage]
    documents = files.join(stage_dir(run, stage), "documents")
    frame = read_parquet(spark, spark_schema(columns).add("kept", "boolean"), documents)
    carried = [c.name for c in columns if c not in schema.VERDICT_COLUMNS]
    return frame.where(F.col("kept")).select(*carried)


def stored(frame: DataFrame, folder: str, compression: str = "zstd") -> DataFrame:
    """`frame` written to Parquet in `folder` and read back: computed once, used several times."""
    frame.write.mode("overwrite").option("compression", compression).parquet(folder)
    return read_parquet(frame.sparkSession, frame.schema, folder)


def read_parquet(spark: SparkSession, schema: StructType | str, *paths: str, **options: str) -> DataFrame:
    """Parquet below folders whose names are taken as they are: Spark reads brackets, braces and stars as patterns."""
    return spark.read.schema(schema).options(**{GLOB_PATHS: "false"} | options).parquet(*paths)


def write_stage(
    spark: SparkSession,
    run: str,
    stage: Stage,
    on_wave: Callable[[int, Stamp], None] = lambda number, stamp: None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, Any], bool]:
    """Write `stage` under `run`. Returns its manifest and whether any work was done (False: up to date)."""

    def write_wave(folder: str, number: int) -> Written:
        if stage.here:
            return stage.here(folder, number)
        rows, frame = stage.waves[number]()
        _write_wave(spark, folder, stage, number, frame)
        read = rows if isinstance(rows, int) else int(rows.get["rows"])
        return Written(read, _decisions(spark, folder, stage, number), _parts(spark, folder, number))

    def check_ids(folder: str) -> None:
        if stage.here:
            written_here.check_ids(folder)
        else:
            _check_ids_unique(spark, folder)

    return stage_folder.write(run, stage.plan, write_wave, check_ids, on_wave, say)


def _write_wave(spark: SparkSession, folder: str, stage: Stage, number: int, frame: DataFrame) -> None:
    columns = schema.STAGE_COLUMNS[stage.name]
    _check_schema(stage.name, frame, columns)
    documents = files.join(folder, "documents")
    folders = {name: F.col(column) for name, column in stage.partition_by.items()}
    frame = frame.withColumns({"kept": F.col("verdict") == schema.KEPT, "wave": F.lit(number)} | folders)
    writer = frame.write.mode("overwrite").partitionBy("kept", "wave", *folders).options(**stage.options)
    with writing(spark):
        writer.parquet(documents)

    written = read_parquet(spark, spark_schema(columns).add("wave", "integer"), documents)
    ledger = written.where(F.col("wave") == number).withColumn("stage", F.lit(stage.name))
    ledger = ledger.select(*schema.names(schema.LEDGER_COLUMNS), "wave")
    ledger.write.mode("overwrite").partitionBy("wave").parquet(stage_folder.verdicts_dir(folder))


def read_verdicts(spark: SparkSession, folder: str) -> DataFrame:
    """LEDGER_COLUMNS and wave of all verdicts in a stage folder."""
    ledger = spark_schema(schema.LEDGER_COLUMNS).add("wave", "integer")
    return read_parquet(spark, ledger, stage_folder.verdicts_dir(folder))


def _check_schema(stage: str, frame: DataFrame, columns: tuple[schema.Column, ...]) -> None:
    """A stage's columns must be exactly those of skypile.schema, in order."""
    wanted = [(field.name, field.dataType) for field in spark_schema(columns)]
    given = [(field.name, field.dataType) for field in frame.schema]
    if given != wanted:
        missing = [f"{n} {t.simpleString()}" for n, t in wanted if (n, t) not in given]
        surplus = [f"{n} {t.simpleString()}" for n, t in given if (n, t) not in wanted]
        raise TypeError(f"stage {stage}: missing columns {missing}, unexpected {surplus}; see skypile/schema.py")


def _decisions(spark: SparkSession, folder: str, stage: Stage, number: int) -> Iterator[Decisions]:
    """Counts by verdict and reason, and digests, that no row order can change, of the decisions and of what is kept."""
    verdicts = read_verdicts(spark, folder).where(F.col("wave") == number)
    decided = verdicts.select("verdict", "reason", F.lit(1).alias("n"), _hash(schema.names(schema.LEDGER_COLUMNS)))
    columns = schema.STAGE_COLUMNS[stage.name]
    written = spark_schema(columns).add("kept", "boolean").add("wave", "integer")
    documents = read_parquet(spark, written, files.join(folder, "documents"))
    kept = documents.where(F.col("kept") & (F.col("wave") == number))
    passed = kept.select("verdict", "reason", F.lit(0).alias("n"), _hash(stage_folder.passed_on(columns)))
    rows = decided.union(passed).groupBy("verdict", "reason").agg(F.sum("n").alias("n"), F.bit_xor("hash").alias("xor"))
    for row in rows.collect():
        yield Decisions(row["verdict"], row["reason"], row["n"], row["xor"] & (2**64 - 1))


def _hash(columns: Sequence[str]) -> Column:
    return F.xxhash64(*columns).alias("hash")


def _parts(spark: SparkSession, folder: str, number: int) -> Parts:
    """The files of a wave that Spark has written. Read back by this process, or if they are many by the workers."""
    below = stage_folder.places_of(number)
    sizes = part_files.listed(folder, below)
    if sum(sizes.values()) <= part_files.CHECKED_BYTES:
        return part_files.summed(folder, below)
    names = sorted(sizes)

    def digests(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            wanted = [names[index] for index in batch["id"].to_pylist()]
            found = [content_digest(files.join(folder, name)) for name in wanted]
            yield pa.RecordBatch.from_arrays([pa.array(wanted), pa.array(found)], ["name", "digest"])

    tasks = min(len(names), 4 * spark.sparkContext.defaultParallelism)
    read = map_arrow(spark.range(0, len(names), 1, tasks), digests, "name string, digest string")
    return {row["name"]: [sizes[row["name"]], row["digest"]] for row in read.collect()}


def _check_ids_unique(spark: SparkSession, folder: str) -> None:
    twice = read_verdicts(spark, folder).groupBy("record_id").count().where("count > 1").take(1)
    if twice:
        raise two_verdicts(twice[0]["record_id"], twice[0]["count"], folder)
