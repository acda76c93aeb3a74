"""Stage folders: write a stage so that it is whole or absent, and read what it kept.

    <run>/<nn_stage>/
      documents/kept=true/wave=0/…parquet    rows for the next stage
      documents/kept=false/wave=0/…parquet   the same columns, dropped and failed rows
      verdicts/wave=0/…parquet               LEDGER_COLUMNS, no text
      plan.json                              written first: what this folder is being made from
      waves/00000.json                       one stamp per finished wave
      manifest.json                          written last: settings, inputs, counts, digest, seconds, versions

Extraction, the long stage, is written in many waves, the others in one. A wave replaces its own partition
of `documents` and `verdicts` and is then stamped; a run that finds the same plan goes on at the first wave
without a stamp, any other plan starts the folder afresh. Verdicts are projected from the documents just
written, so the expensive work runs once and the two cannot disagree.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from skypile import __version__, files, schema
from skypile.errors import SkypileError

PACKAGES = (
    "skypile",
    "pyspark",
    "pyarrow",
    "trafilatura",
    "resiliparse",
    "faiss-cpu",
    "fasttext-community",
    "eldc",
)


class ConservationError(SkypileError):
    """kept + dropped + failed != read, a record id appears twice, or a reason is not in the vocabulary."""


# Number of rows a wave reads: known, or observed, under the name `rows`, while they are read.
Rows = int | Observation


@dataclass(frozen=True)
class Stage:
    """What to write. `waves[i]()` gives wave i: how many rows it reads and the frame with their verdicts."""

    name: str
    settings: dict[str, Any]
    inputs: dict[str, Any]
    waves: Sequence[Callable[[], tuple[Rows, DataFrame]]]
    partition_by: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    notes: Callable[[], list[str]] = list


def stage_dir(run: str, stage: str) -> str:
    """`runs/a`, `dedup` -> `runs/a/03_dedup`."""
    return files.join(run, f"{schema.STAGES.index(stage) + 1:02d}_{stage}")


def manifest(run: str, stage: str) -> dict[str, Any] | None:
    """The manifest of a finished stage, else None."""
    return files.read_json(files.join(stage_dir(run, stage), "manifest.json"))


def spark_schema(columns: tuple[schema.Column, ...]) -> StructType:
    """Spark's schema of `columns`; comments travel with it."""
    return from_arrow_schema(schema.arrow_schema(columns))


def read_kept(spark: SparkSession, run: str, stage: str) -> DataFrame:
    """The rows `stage` kept, without its verdict: the next stage's input, straight from a Parquet scan."""
    if manifest(run, stage) is None:
        raise FileNotFoundError(f"{stage_dir(run, stage)} has no manifest.json: run the {stage} stage first")
    columns = schema.STAGE_COLUMNS[stage]
    documents = files.join(stage_dir(run, stage), "documents")
    frame = spark.read.schema(spark_schema(columns).add("kept", "boolean")).parquet(documents)
    carried = [c.name for c in columns if c not in schema.VERDICT_COLUMNS]
    return frame.where(F.col("kept")).select(*carried)


def stored(frame: DataFrame, folder: str, compression: str = "zstd") -> DataFrame:
    """`frame` written to Parquet in `folder` and read back: computed once, used several times."""
    frame.write.mode("overwrite").option("compression", compression).parquet(folder)
    return frame.sparkSession.read.schema(frame.schema).parquet(folder)


def write_stage(
    spark: SparkSession,
    run: str,
    stage: Stage,
    on_wave: Callable[[int, dict[str, Any]], None] = lambda number, stamp: None,
) -> tuple[dict[str, Any], bool]:
    """Write `stage` under `run`. Returns its manifest and whether any work was done (False: up to date)."""
    folder = stage_dir(run, stage.name)
    plan = {"stage": stage.name, "skypile": __version__, "waves": len(stage.waves), "settings": stage.settings}
    fingerprint = _fingerprint(plan | {"inputs": stage.inputs})
    done = manifest(run, stage.name)
    if done is not None and done["fingerprint"] == fingerprint:
        return done, False
    if (files.read_json(files.join(folder, "plan.json")) or {}).get("fingerprint") != fingerprint:
        files.remove_tree(folder)
        files.write_json(files.join(folder, "plan.json"), plan | {"fingerprint": fingerprint})
    stamps = []
    for number, wave in enumerate(stage.waves):
        path = files.join(folder, "waves", f"{number:05d}.json")
        stamp = files.read_json(path)
        if stamp is None:
            stamp = _write_wave(spark, folder, stage, number, wave)
            files.write_json(path, stamp)
        stamps.append(stamp)
        on_wave(number, stamp)
    _check_ids_unique(spark, folder)
    totals = _add_up(stamps)
    result = (
        plan
        | totals
        | {"fingerprint": fingerprint, "inputs": stage.inputs, "notes": stage.notes(), "versions": versions()}
    )
    files.write_json(files.join(folder, "manifest.json"), result)
    return result, True


def versions() -> dict[str, str]:
    """Python's and the main packages' versions, for the manifest."""
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except ModuleNotFoundError:
            continue
    return found


def _fingerprint(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _write_wave(
    spark: SparkSession, folder: str, stage: Stage, number: int, build: Callable[[], tuple[Rows, DataFrame]]
) -> dict[str, Any]:
    began = time.monotonic()
    documents, verdicts = files.join(folder, "documents"), files.join(folder, "verdicts")
    for leftover in (f"{documents}/kept=true", f"{documents}/kept=false", verdicts):
        files.remove_tree(files.join(leftover, f"wave={number}"))  # of an attempt that died before its stamp
    rows, frame = build()
    columns = schema.STAGE_COLUMNS[stage.name]
    _check_schema(stage.name, frame, columns)
    frame = frame.withColumns({"kept": F.col("verdict") == schema.KEPT, "wave": F.lit(number)})
    writer = frame.write.mode("overwrite").partitionBy("kept", "wave", *stage.partition_by).options(**stage.options)
    writer.parquet(documents)

    written = spark.read.schema(spark_schema(columns).add("wave", "integer")).parquet(documents)
    ledger = written.where(F.col("wave") == number).withColumn("stage", F.lit(stage.name))
    ledger = ledger.select(*schema.names(schema.LEDGER_COLUMNS), "wave")
    ledger.write.mode("overwrite").partitionBy("wave").parquet(verdicts)

    read = rows if isinstance(rows, int) else int(rows.get["rows"])
    stamp = {"read": read, **_count(read_verdicts(spark, folder).where(F.col("wave") == number))}
    _check_conservation(stage.name, number, stamp)
    return stamp | {"seconds": round(time.monotonic() - began, 2)}


def read_verdicts(spark: SparkSession, folder: str) -> DataFrame:
    """LEDGER_COLUMNS and wave of all verdicts in a stage folder."""
    ledger = spark_schema(schema.LEDGER_COLUMNS).add("wave", "integer")
    return spark.read.schema(ledger).parquet(files.join(folder, "verdicts"))


def _check_schema(stage: str, frame: DataFrame, columns: tuple[schema.Column, ...]) -> None:
    """A stage's columns must be exactly those of skypile.schema, in order."""
    wanted = [(field.name, field.dataType) for field in spark_schema(columns)]
    given = [(field.name, field.dataType) for field in frame.schema]
    if given != wanted:
        missing = [f"{n} {t.simpleString()}" for n, t in wanted if (n, t) not in given]
        surplus = [f"{n} {t.simpleString()}" for n, t in given if (n, t) not in wanted]
        raise TypeError(f"stage {stage}: missing columns {missing}, unexpected {surplus}; see skypile/schema.py")


def _count(verdicts: DataFrame) -> dict[str, Any]:
    """Counts by verdict and reason, and a digest of all decisions that no row order can change."""
    decision = F.xxhash64(*schema.names(schema.LEDGER_COLUMNS))
    rows = (
        verdicts.groupBy("verdict", "reason")
        .agg(F.count("*").alias("n"), F.bit_xor(decision).alias("digest"))
        .collect()
    )
    result: dict[str, Any] = {"kept": 0, "dropped": {}, "failed": {}}
    digest = 0
    for row in rows:
        digest ^= row["digest"] & (2**64 - 1)
        if row["verdict"] == schema.KEPT and row["reason"] is None:
            result["kept"] += row["n"]
        elif row["verdict"] in (schema.DROPPED, schema.FAILED) and row["reason"] in schema.REASONS:
            result[row["verdict"]][row["reason"]] = row["n"]
        else:
            raise ConservationError(
                f"{row['n']} rows have verdict {row['verdict']!r} with reason {row['reason']!r}; "
                "a kept row has none, every other one of skypile.schema.REASONS"
            )
    for verdict in (schema.DROPPED, schema.FAILED):
        result[verdict] = dict(sorted(result[verdict].items()))
    return result | {"digest": f"{digest:016x}"}


def _check_conservation(stage: str, number: int, stamp: dict[str, Any]) -> None:
    written = stamp["kept"] + sum(stamp["dropped"].values()) + sum(stamp["failed"].values())
    if written != stamp["read"]:
        raise ConservationError(
            f"stage {stage}, wave {number}: read {stamp['read']} rows but wrote {written} verdicts "
            f"(kept {stamp['kept']}, dropped {stamp['dropped']}, failed {stamp['failed']})"
        )


def _check_ids_unique(spark: SparkSession, folder: str) -> None:
    twice = read_verdicts(spark, folder).groupBy("record_id").count().where("count > 1").take(1)
    if twice:
        raise ConservationError(f"record {twice[0]['record_id']} has {twice[0]['count']} verdicts in {folder}")


def _add_up(stamps: list[dict[str, Any]]) -> dict[str, Any]:
    """The stage's totals from its waves' stamps."""
    total: dict[str, Any] = {"read": 0, "kept": 0, "dropped": {}, "failed": {}, "seconds": 0.0}
    digest = 0
    for stamp in stamps:
        digest ^= int(stamp["digest"], 16)
        for key in ("read", "kept", "seconds"):
            total[key] += stamp[key]
        for verdict in (schema.DROPPED, schema.FAILED):
            for reason, n in stamp[verdict].items():
                total[verdict][reason] = total[verdict].get(reason, 0) + n
    total["seconds"] = round(total["seconds"], 2)
    return total | {"digest": f"{digest:016x}"}
