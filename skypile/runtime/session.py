"""The only place that builds a SparkSession.

Embedded (`skypile run`, tests) it starts `local[*]` in this process; under spark-submit it takes the
master that was given and adds only what correctness needs.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyspark
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from skypile.config import SparkConfig
from skypile.runtime.java import check_java, described, java
from skypile.runtime.jvm import JAVA_OPTIONS, end_on_interrupt, start_jvm
from skypile.runtime.process import ONE_COMMAND, ONE_THREAD, cores

# Needed for correct or bounded behaviour wherever Spark runs.
REQUIRED = {
    # Documents reach 10 MB: 200 rows or 16 MB a batch keep a Python worker near 320 MB, 64 MB doubles that.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "200",
    "spark.sql.execution.arrow.maxBytesPerBatch": "16m",
    # mapInArrow matches columns by position and never casts; a mismatch must be an error.
    "spark.sql.execution.arrow.pyspark.validateSchema.enabled": "true",
    # The vectorised reader would hold 4,096 documents at once; 8 of the largest have 128 MB. Java's time
    # to read 3 times 3,815 documents of 3,900 characters and hand them to Python: 0.23 s by 8, 0.25 s by 64.
    "spark.sql.parquet.columnarReaderBatchSize": "8",
    # The writer looks at its bytes after every row: by default after 100 to 10,000, of which 100 may have 1.6 GB. Pages
    # are compressed then, and a row group is closed by what they have after that. Java's time to write those 3,815:
    # 0.245 s, by default 0.25 s (medians of 8; the least of them 0.24 s and 0.21 s).
    "spark.hadoop.parquet.block.size": str(16 << 20),
    "spark.hadoop.parquet.page.size.row.check.min": "1",
    "spark.hadoop.parquet.page.size.row.check.max": "1",
    "spark.sql.parquet.compression.codec": "zstd",
    # A flipped bit ends the stage instead of becoming text: every page has a CRC-32, which takes 1 s for 10 GB.
    "spark.hadoop.parquet.page.verify-checksum.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # A wave that is redone replaces its own folder and no other.
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
    # A worker silent for this long hangs for good: pages have their own, much shorter limits.
    "spark.python.worker.idleTimeoutSeconds": "3600",
    "spark.python.worker.killOnIdleTimeout": "true",
    "spark.python.worker.faulthandler.enabled": "true",
    # One task, one core.
    **{f"spark.executorEnv.{name}": value for name, value in ONE_THREAD.items()},
}

WRITING = "documents of a stage"

QUIET_ARCHIVE = "-Xlog:cds*=off"  # a class archive that does not fit, after an update of Java, is no news

# Only for a session of our own in this process.
EMBEDDED = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.catalogImplementation": "in-memory",
    # Serial GC and C1 start faster and hold less memory; the heavy work is in Python and native code.
    JAVA_OPTIONS: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}",
}


def archive_path() -> Path:
    """Where `skypile prepare` puts the class archive for the Java and the Spark at hand (see `skypile.prepare`)."""
    key = hashlib.sha256(f"{described(java())}\0{pyspark.__file__}\0{pyspark.__version__}".encode()).hexdigest()
    return Path(sys.prefix, "share", "skypile", f"spark-{key[:16]}.jsa")


def start(config: SparkConfig, name: str = "skypile", extra: dict[str, str] | None = None) -> SparkSession:
    """A session: embedded unless spark-submit or `config.master` names a cluster.

    `config.conf`, then `extra`, win over every default of this module.
    """
    check_java()
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # under spark-submit the JVM runs already, and knows its settings
        SparkContext._ensure_initialized()
    submitted = SparkConf()
    master = config.master or submitted.get("spark.master", None) or f"local[{cores()},4]"  # 4 attempts a task
    settings: dict[str, Any] = dict(REQUIRED)
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        for name, value in ONE_THREAD.items():
            os.environ.setdefault(name, value)
        settings |= EMBEDDED | {"spark.driver.memory": config.driver_memory}
        if (archive := archive_path()).exists():
            settings[JAVA_OPTIONS] += f" -XX:SharedArchiveFile={archive} {QUIET_ARCHIVE}"
        settings["spark.sql.shuffle.partitions"] = config.shuffle_partitions or 2 * cores()
    else:
        settings["spark.log.level"] = "WARN"  # under spark-submit, by default a line a task
        if config.shuffle_partitions:
            settings["spark.sql.shuffle.partitions"] = config.shuffle_partitions
    for key in list(settings):
        if key not in REQUIRED and submitted.contains(key):
            del settings[key]
    settings |= config.conf | (extra or {})
    given = {key: str(value) for key, value in settings.items()} | {"spark.app.name": name, "spark.master": master}
    start_jvm(given)
    builder = SparkSession.builder
    for key, value in given.items():
        builder = builder.config(key, value)
    running = builder.getOrCreate()
    if ONE_COMMAND.is_set():
        end_on_interrupt()
    return running


class Written(NamedTuple):
    """What Spark's running stages of the jobs described as `WRITING` have done. `tasks` is 0 where there are none."""

    ended: int
    tasks: int
    records: int
    steps: int  # stages of any job that have ended, since the session began


def written(spark: SparkSession) -> Written:
    """What is written at this moment, from the status store, which exists without the web UI."""
    ended = tasks = records = steps = 0
    try:
        store = spark._jsparkSession.sparkContext().statusStore()  # type: ignore[union-attr]
        steps = store.appSummary().numCompletedStages()
        stages = store.activeStages()
        for index in range(stages.size()):
            stage = stages.apply(index)
            if stage.description().isDefined() and stage.description().get() == WRITING:
                ended += stage.numCompleteTasks()
                tasks += stage.numTasks()
                records += stage.outputRecords()
    except (Py4JError, ConnectionError):  # the session is going down
        return Written(0, 0, 0, 0)
    return Written(ended, tasks, records, steps)


@contextmanager
def writing(spark: SparkSession) -> Iterator[None]:
    """Jobs begun in the block are described as `WRITING`."""
    spark.sparkContext.setJobDescription(WRITING)
    try:
        yield
    finally:
        spark.sparkContext.setJobDescription(None)  # type: ignore[arg-type]
