"""`skypile citations dataset`: examples from a run's texts and the pages that Wikipedia cites. See `examples`."""

import time
import uuid
from typing import Any, Final

from pyspark.sql import SparkSession

from skypile.classifiers import cited_in_spark
from skypile.classifiers.examples import Choice, examples
from skypile.classifiers.from_dataset import EXAMPLES
from skypile.errors import Refused
from skypile.run_folder import stage_folder
from skypile.run_folder.identity import named_files
from skypile.run_folder.once import Result, once
from skypile.run_folder.storage import read_kept
from skypile.runtime import files

STAGES: Final = ("dedup", "distribution_filter", "extraction")  # whose texts are taken: the first that is finished


class DatasetError(Refused):
    """There is nothing to make examples of."""


def dataset(
    spark: SparkSession, run: str, citations: str, output: str, choice: Choice, lists: list[str]
) -> tuple[dict[str, Any], bool]:
    """Write examples of the run's kept texts and the pages of `citations` below `output`; the manifest.

    `lists`: the files that `choice.reliable` and `choice.deprecated` were read from. False beside the manifest: it was
    there already. DatasetError where no text of the run is cited.
    """
    run, citations, output = (files.absolute(path) for path in (run, citations, output))
    stage = next((stage for stage in STAGES if stage_folder.manifest(run, stage) is not None), None)
    if stage is None:
        raise DatasetError(f"no finished stage in {run}: give the folder that `skypile run --output` wrote")
    if (made := files.read_json(files.join(citations, "manifest.json"))) is None or "articles" not in made:
        raise DatasetError(f"{citations} holds no citations: give the folder of `skypile citations extract --output`")

    def work() -> dict[str, Any]:
        began = time.monotonic()
        scratch = files.join(output, f"_scratch_{uuid.uuid4().hex[:8]}")
        documents, cited = read_kept(spark, run, stage), cited_in_spark.cited_frame(spark, citations)
        rows, counts = examples(documents, cited, choice, scratch)
        if not any(found["pairs"] for sources in counts.values() for found in sources.values()):
            raise DatasetError(
                f"no text of {run} is cited in {citations} and has a counterpart: --host-citations 1 takes hosts that "
                "are cited for pages, and --reliable a list of hosts"
            )
        rows.write.parquet(files.join(output, EXAMPLES))
        files.remove_tree(scratch)
        return {"stage": stage, "counts": counts, "seconds": round(time.monotonic() - began, 2)}

    settings = choice._asdict() | {"reliable": sorted(choice.reliable), "deprecated": sorted(choice.deprecated)}
    made_of = {"run": run, "citations": citations, "choice": settings | {"languages": list(choice.languages)}}

    def known(done: Any) -> dict[str, Any]:
        done_stage = stage_folder.manifest(run, stage) or {}
        return {"citations": made["parts"], "run": done_stage.get("parts"), "lists": named_files(lists)}

    inputs = [run, citations, *lists]
    result = Result("citation examples", "citations", inputs, made_of, known, (EXAMPLES,), r"/part-[^/]*$")
    return once(output, result, work)
