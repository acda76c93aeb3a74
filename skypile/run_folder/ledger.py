"""The fate of every record: `why` joins a record's verdicts across the stages of a run.

Reads Parquet through pyarrow, so that asking costs no Spark session: the verdicts of a million records
take about a second.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from skypile.run_folder.parts import problems, refuse
from skypile.run_folder.stage_folder import follows, stamped_parts
from skypile.runtime import files
from skypile.schema import LEDGER_COLUMNS, REASONS, STAGE_COLUMNS, STAGES, arrow_schema, names

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset


@dataclass(frozen=True)
class Verdict:
    record_id: str
    url: str
    stage: str
    verdict: str
    reason: str | None
    score: float | None
    threshold: float | None
    evidence: dict[str, Any]

    @property
    def meaning(self) -> str | None:
        """The reason in words."""
        return REASONS.get(self.reason) if self.reason else None


def stage_folders(run: str, begun: bool = False) -> dict[str, str]:
    """Folders of the stages that `run` has verdicts of, in order: finished ones and, last, one with finished waves.

    A stage made from what the one before it no longer holds is not among them. `begun`: one without a finished wave is.
    """
    found = files.list_names(run)
    if not found:
        raise FileNotFoundError(f"no run in {run}: give the folder that `skypile run --output` wrote")
    named = {stage: f"{number:02d}_{stage}" for number, stage in enumerate(STAGES, 1)}
    folders: dict[str, str] = {}
    upstream: dict[str, Any] | None = None
    for stage, name in named.items():
        folder = files.join(run, name)
        names = files.list_names(folder) if name in found else []
        done = files.read_json(files.join(folder, "manifest.json")) if "manifest.json" in names else None
        if done is not None and (upstream is None or follows(done, upstream)):
            folders[stage] = folder
            upstream = done
            continue
        if done is None and ("plan.json" in names if begun else bool(files.list_names(files.join(folder, "waves")))):
            folders[stage] = folder
        if done is not None or names:
            break
    return folders


def dataset(folder: str, schema: pa.Schema) -> "Dataset":
    """The Parquet files of a finished stage's `documents` or `verdicts`, or those of its finished waves.

    Hive partitions (kept, wave, language) become columns. Raises DamagedParts if a file is missing or cut short.
    """
    import pyarrow.dataset as ds  # only here: it loads pandas, 0.2 s that other commands do not wait for
    from pyarrow.fs import LocalFileSystem

    fs, path = files.filesystem(folder)
    partitions = pa.schema([("kept", pa.string()), ("wave", pa.int32()), ("language", pa.string())])
    partitioning = ds.partitioning(partitions, flavor="hive")
    stage, _, place = folder.rstrip("/").rpartition("/")
    parts = stamped_parts(stage)
    if parts is None:
        return ds.dataset(path, schema=schema, format="parquet", filesystem=fs, partitioning=partitioning)
    refuse(stage, problems(stage, parts, (place,), contents=False, surplus=False))
    root = path.rstrip("/")[: -len(place)]
    paths = sorted(f"{root}{name}" for name in parts if name.startswith(f"{place}/"))
    if not paths:
        whole = pa.schema([*schema, *(field for field in partitions if field.name not in schema.names)])
        return ds.FileSystemDataset.from_paths(
            [], schema=whole, format=ds.ParquetFileFormat(), filesystem=LocalFileSystem()
        )
    return ds.dataset(
        paths, schema=schema, format="parquet", filesystem=fs, partitioning=partitioning, partition_base_dir=path
    )


def verdict_files(run: str, stage: str) -> "Dataset":
    """LEDGER_COLUMNS of one stage, unread."""
    return dataset(files.join(stage_folders(run)[stage], "verdicts"), arrow_schema(LEDGER_COLUMNS))


def documents(run: str, stage: str) -> "Dataset":
    """STAGE_COLUMNS of one stage and `kept` ("true" or "false"), unread."""
    columns = arrow_schema(STAGE_COLUMNS[stage]).append(pa.field("kept", pa.string()))
    return dataset(files.join(stage_folders(run)[stage], "documents"), columns)


def verdicts(run: str, stage: str, where: pc.Expression | None = None) -> Iterator[Verdict]:
    """Verdicts of one stage, in no particular order; memory stays bounded."""
    for batch in verdict_files(run, stage).to_batches(columns=names(LEDGER_COLUMNS), filter=where):
        for row in batch.to_pylist():
            yield Verdict(**row | {"evidence": json.loads(row["evidence"]) if row["evidence"] else {}})


def why(run: str, key: str) -> list[Verdict]:
    """Every verdict on the records whose id or URL is `key`: by record, then in the order of the stages."""
    where = (pc.field("record_id") == key) | (pc.field("url") == key)
    found = [verdict for stage in stage_folders(run) for verdict in verdicts(run, stage, where)]
    return sorted(found, key=lambda v: (v.url, v.record_id, STAGES.index(v.stage)))


def fates(run: str) -> Iterator[Verdict]:
    """The last verdict on every record: what dropped or failed it, or its kept row in the last stage."""
    stages = list(stage_folders(run))
    for stage in stages:
        where = None if stage == stages[-1] else pc.field("verdict") != "kept"
        yield from verdicts(run, stage, where)


def example(run: str, reason: str) -> str | None:
    """URL of a record dropped or failed for `reason`, the first in alphabetical order; None if there is none."""
    where = pc.field("reason") == reason
    urls = [v.url for stage in stage_folders(run) for v in verdicts(run, stage, where)]
    return min(urls, default=None)


class Text(NamedTuple):
    record_id: str
    url: str
    text: str


def duplicate_pairs(run: str, key: str) -> list[tuple[Text, Text]]:
    """Texts of the records `key` (id or URL) that dedup dropped, each with that of its survivor in this run."""
    where = (pc.field("record_id") == key) | (pc.field("url") == key)
    found = [v for v in verdicts(run, "dedup", where) if v.verdict == "dropped" and "survivor" in v.evidence]
    wanted = {v.record_id for v in found} | {v.evidence["survivor"] for v in found}
    # The texts as deduplication read them: before it cut paragraphs.
    folder = files.join(stage_folders(run)["distribution_filter"], "documents")
    columns = pa.schema([(name, pa.string()) for name in Text._fields])
    table = dataset(folder, columns).to_table(
        filter=pc.field("record_id").isin(sorted(wanted)), columns=list(Text._fields)
    )
    texts = {row["record_id"]: Text(**row) for row in table.to_pylist()}
    pairs = [(v.record_id, v.evidence["survivor"]) for v in found]
    return [(texts[gone], texts[stays]) for gone, stays in pairs if gone in texts and stays in texts]
