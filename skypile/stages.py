"""The stages as functions of any Spark DataFrame, for jobs that are not a run of skypile.

    import skypile
    documents = spark.read.parquet("my/corpus")                       # record_id, text, and what else there is
    judged = skypile.stages.dedup(config.dedup)(documents)            # the same rows and columns, with a verdict
    judged.where("verdict = 'kept'")

Each takes the stage's settings (without them the defaults) and gives a function from DataFrame to DataFrame: the rows
that came in, their columns, the stage's own (`skypile.schema`), and verdict, reason, score, threshold, evidence.
Verdict columns of an earlier stage are replaced: choose the kept rows before the next. `record_id` is any unique text.

Intermediate tables are Parquet in `scratch`, a folder that must outlive the returned frame and that all workers reach;
on a single machine a temporary one is made, and removed when Python ends. The frame itself is written there first: one
copy of it, and a shuffle to put columns that skypile does not know back beside the rest.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile import schema
from skypile.config import (
    DecontaminationConfig,
    DedupConfig,
    DistributionFilterConfig,
    ExtractionConfig,
    QualityFilterConfig,
)
from skypile.crawl.record import Record
from skypile.decontamination.items import read_items
from skypile.decontamination.stage import decontamination as decontamination_stage
from skypile.dedup.stage import dedup as dedup_stage
from skypile.distribution.stage import distribution_filter as distribution_stage
from skypile.extraction.documents import from_records
from skypile.quality.stage import quality_filter as quality_stage
from skypile.run_folder.storage import spark_schema, stored
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow

Stage = Callable[[DataFrame], DataFrame]

ID = "record_id"


def extraction(config: ExtractionConfig | None = None, *, scratch: str | None = None) -> Stage:
    """Main text, title, charset and language of pages.

    Needs record_id (string), and `html` (binary or string) or `text` (string: ready text); reads `url`, `date` and
    `content_type` (string) where they are. A row with neither html nor text fails as `missing_field`.
    """
    settings = config or ExtractionConfig()

    def stage(frame: DataFrame) -> DataFrame:
        _check(frame, "extraction", {ID: ("string",)})
        if not {"html", "text"} & set(frame.columns):
            raise ValueError(f"extraction needs a column html or text; the frame has {frame.columns}")
        _check(frame, "extraction", {"html": ("binary", "string"), "text": ("string",)}, needed=False)
        held = stored(frame, _folder(frame, scratch))
        fields = [name for name in (ID, "url", "date", "content_type", "html", "text") if name in frame.columns]

        def extract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for _, documents in from_records(_records(batches), settings):
                yield documents

        documents = map_arrow(held.select(*fields), extract, spark_schema(schema.DOCUMENT_COLUMNS))
        made = [name for name in schema.names(schema.DOCUMENT_COLUMNS) if name != "metadata"]  # the frame's own stay
        return _with_own(documents, held.drop("html"), made)

    return stage


def _records(batches: Iterator[pa.RecordBatch]) -> Iterator[Record]:
    for batch in batches:
        for row in batch.to_pylist():
            html = row.pop("html", None)
            text = row.pop("text", None) if html is None else None
            body = html.encode("utf-8", "surrogatepass") if isinstance(html, str) else html
            found = Record(row[ID], row.get("url") or row[ID], "", 0, row.get("date"), None, row.get("content_type"))
            if body is None and text is None:
                found = found._replace(verdict=schema.FAILED, reason="missing_field")
            yield found._replace(body=body, text=text)


def distribution_filter(config: DistributionFilterConfig | None = None, *, scratch: str | None = None) -> Stage:
    """Cluster the documents, and drop what is over budget in dense cores.

    Needs record_id and text (string); reads `url` for the evidence. Centroids and clusters are left in
    `scratch`/clusters.
    """
    settings = config or DistributionFilterConfig()
    return _after(
        "distribution_filter",
        {},
        scratch,
        lambda rows, folder: distribution_stage(settings, rows, folder, files.join(folder, "clusters")),
    )


def dedup(config: DedupConfig | None = None, *, scratch: str | None = None) -> Stage:
    """Drop exact and near duplicates, and cut paragraphs that recur across pages.

    Needs record_id and text (string), and the column that the survivor rule reads; compares `url` and counts
    paragraphs by `host` (string) where they are.
    """
    settings = config or DedupConfig()
    needed: dict[str, tuple[str, ...]] = {settings.survivor_column: ()} if settings.survivor_column else {}
    return _after("dedup", needed, scratch, lambda rows, folder: dedup_stage(settings, rows, folder))


def quality_filter(
    config: QualityFilterConfig | None = None,
    *,
    classifier: str | None = None,
    perplexity: str | None = None,
    scratch: str | None = None,
) -> Stage:
    """Judge language, heuristics, and what models are given for.

    `classifier`: folder of a trained one, for whether Wikipedia would cite it; `perplexity`: of language models.

    Needs record_id, text and language (string: ISO 639-1), language_score (double: 0 to 1), as `extraction` gives them.
    """
    settings = config or QualityFilterConfig()
    needed: dict[str, tuple[str, ...]] = {"language": ("string",), "language_score": ("double",)}
    return _after(
        "quality_filter", needed, scratch, lambda rows, folder: quality_stage(settings, folder, classifier, perplexity)
    )


def decontamination(benchmarks: Sequence[str], config: DecontaminationConfig | None = None) -> Stage:
    """Drop pages that hold items of benchmarks (files of them, as `skypile decontaminate` reads), or cut the passages.

    Needs record_id and text (string); reads `url` for the sources of common n-grams. The frame is read twice.
    """
    items = read_items(benchmarks)

    def stage(frame: DataFrame) -> DataFrame:
        _check(frame, "decontamination", {ID: ("string",), "text": ("string",)})
        return decontamination_stage(items, config or DecontaminationConfig())(frame)

    return stage


def _after(
    name: str, needed: dict[str, tuple[str, ...]], scratch: str | None, stage: Callable[[int, str], Stage]
) -> Stage:
    """A stage on documents of a user's own: `stage(rows, folder)` on the columns that it knows, the others put back."""
    before = schema.STAGES[schema.STAGES.index(name) - 1]
    known = [column for column in schema.STAGE_COLUMNS[before] if column not in schema.VERDICT_COLUMNS]

    def on_frame(frame: DataFrame) -> DataFrame:
        _check(frame, name, {ID: ("string",), "text": ("string",)} | needed)
        folder = _folder(frame, scratch)
        held = stored(frame, files.join(folder, "input"))
        rows = held.count()
        if held.select(ID).distinct().count() != rows:
            raise ValueError(f"{name} needs a unique record_id, and some of the {rows:,} rows share one, or have none")
        absent = {c.name: F.lit(None) for c in known if c.name not in held.columns}
        fields = [(field.name, field.dataType) for field in spark_schema(tuple(known))]
        filled = held.withColumns(absent) if absent else held
        documents = filled.select(*[F.col(column).cast(kind).alias(column) for column, kind in fields])
        judged = stage(rows, folder)(documents)
        own = [c.name for c in schema.STAGE_COLUMNS[name] if c not in known or c.name in held.columns]
        return _with_own(judged, held, own)

    return on_frame


def _with_own(judged: DataFrame, held: DataFrame, columns: list[str]) -> DataFrame:
    """`columns` of `judged`, and beside them those of the user's frame that are none of them."""
    theirs = [name for name in held.columns if name not in columns and name not in schema.names(schema.VERDICT_COLUMNS)]
    judged = judged.select(ID, *[name for name in columns if name != ID])
    return judged.join(held.select(ID, *theirs), ID) if theirs else judged


def _check(frame: DataFrame, stage: str, wanted: dict[str, tuple[str, ...]], needed: bool = True) -> None:
    """ValueError for a column that is missing, or has none of the types in `wanted` (none named: any will do)."""
    types = dict(frame.dtypes)
    missing = [name for name in wanted if name not in types]
    if needed and missing:
        raise ValueError(f"{stage} needs the column(s) {', '.join(missing)}; the frame has {', '.join(types)}")
    for name, kinds in wanted.items():
        if name in types and kinds and types[name] not in kinds:
            raise ValueError(f"{stage} needs {name} as {' or '.join(kinds)}, and the frame has it as {types[name]}")


def _folder(frame: DataFrame, scratch: str | None) -> str:
    """A folder for intermediate tables."""
    if scratch is not None:
        return files.absolute(scratch)
    master = str(frame.sparkSession.sparkContext.master)
    if not master.startswith("local"):
        raise ValueError(f"on a cluster ({master}) a stage needs scratch: a folder that every worker reaches")
    folder = tempfile.mkdtemp(prefix="skypile-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
