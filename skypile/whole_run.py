"""Every stage and the report, stage 1 without Spark where that is quicker: what `skypile run` and `skypile.run` do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skypile import schema
from skypile.config import Config, dumps
from skypile.extraction.plan import run_output
from skypile.extraction.without_spark import extract_locally
from skypile.preflight import preflight
from skypile.runtime import files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from rich.console import Console


def whole_run(
    paths: Sequence[str],
    output: str,
    config: Config,
    console: "Console | None" = None,
    limit: int | None = None,
    until: str = schema.STAGES[-1],
    spark: "SparkSession | None" = None,
    forks: bool = True,
    stop: bool = False,
) -> str:
    """All stages as far as `until`, and the report; returns the report's path.

    `limit`: the most records that are read. `spark`: the session to work in; without one it is started when it is
    needed, and with `stop` stopped at the end. `forks`: whether this process may (it must have but one thread).
    """
    java = spark is None and until != schema.STAGES[0]
    preflight(config, schema.STAGES[: schema.STAGES.index(until) + 1], java, paths)
    with run_output(output, config, paths):
        extracted = extract_locally(paths, output, config, console, limit) if forks and spark is None else None
        if extracted and until == schema.STAGES[0]:  # nothing is left that needs Spark
            files.write_text(files.join(output, "config.toml"), dumps(config))
        else:
            from skypile import pipeline  # only here: the processes that extract are forked without it
            from skypile.runtime import session

            working = spark or session.start(config.spark)
            try:
                pipeline.run(working, paths, output, config, console, extracted, limit, until)
            finally:
                if stop and spark is None:
                    working.stop()
        from skypile.report import write_report

        return str(write_report(output))
