"""Once an installation: kernels compiled, and the classes Spark loads archived, so that sessions start sooner.

A JVM that runs Spark loads, parses and verifies some 15,000 classes, 3 of the 8 s of processor time that a small
run takes it. Java can map them into memory ready-made instead (JEP 350, dynamic class data sharing). The archive,
190 MB, holds what a run of all stages over a few pages has loaded; `session.start` uses it where it is.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyspark import SparkContext
from rich.console import Console

from skypile import pipeline
from skypile.config import Config, SparkConfig
from skypile.decontamination import kernels as decontamination_kernels
from skypile.dedup import kernels as dedup_kernels
from skypile.errors import SkypileError
from skypile.extraction import page
from skypile.runtime import session
from skypile.runtime.java import java
from skypile.sample import write_sample

EXIT_SECONDS = 300  # the JVM writes the archive when it ends: 10 s


def prepare() -> Path:
    """Compile all kernels, and archive the classes; the archive's path. About a minute."""
    page.prepare()
    dedup_kernels.prepare()
    decontamination_kernels.prepare()
    return write_archive()


def write_archive() -> Path:
    """Write the archive for the Java and the Spark at hand; its path.

    Needs a process without a Spark session. Raises SkypileError where this Java writes none.
    """
    if SparkContext._gateway is not None:
        raise SkypileError("the class archive is written by a JVM of its own, but this process has started one")
    path = session.archive_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder, path.name)
        options = f"{session.EMBEDDED[session.JAVA_OPTIONS]} -XX:ArchiveClassesAtExit={written} {session.QUIET_ARCHIVE}"
        sample = write_sample(Path(folder, "sample"))
        spark = session.start(SparkConfig(), "skypile prepare", {session.JAVA_OPTIONS: options})
        pipeline.run(spark, [f"{sample['crawl']}/export.jsonl"], f"{folder}/run", Config(), Console(quiet=True))
        spark.stop()
        gateway: Any = SparkContext._gateway
        SparkContext._gateway = SparkContext._jvm = None
        gateway.shutdown()
        gateway.proc.stdin.close()  # on which PySpark's JVM ends
        gateway.proc.wait(EXIT_SECONDS)
        if not written.exists():
            raise SkypileError(f"{java()} wrote no class archive; runs work without it, and start 3 s later")
        written.replace(path)  # a JVM that maps half an archive crashes
    return path
