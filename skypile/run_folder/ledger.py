"""The fate of every record: `why` joins a record's verdicts across the stages of a run.

Reads Parquet through pyarrow, so that asking costs no Spark session: the verdicts of a million records
take about a second.
"""

import heapq
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from skypile.run_folder.output import ALONE, MARKER
from skypile.run_folder.parts import problems, refuse
from skypile.run_folder.stage_folder import follows, stamped_parts
from skypile.runtime import files
from skypile.schema import LEDGER_COLUMNS, REASONS, STAGE_COLUMNS, STAGES, arrow_schema, names

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset


OUTDATED = "out of date: a stage before it was done anew since; run without --until to follow"


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

    A stage made from what the one before it no longer holds is not among them. `begun`: it is, and so is one without a
    finished wave. The output of one of ALONE is its own only stage, of the command's name. FileNotFoundError if `run`
    is neither, also for the folder of a single stage.
    """
    found = files.list_names(run)
    if "verdicts" in found:
        kind = (files.read_json(files.join(run, MARKER)) or {}).get("kind", "dedup")
        if kind not in ALONE or "stage" in (files.read_json(files.join(run, "manifest.json")) or {}):
            raise FileNotFoundError(f"{run} has the verdicts of one stage alone: give the folder of the run, above it")
        return {ALONE[kind]: run}
    named = {stage: f"{number:02d}_{stage}" for number, stage in enumerate(STAGES, 1)}
    if not set(found) & {"config.toml", *named.values()}:
        commands = " or ".join(f"`skypile {command} --output`" for command in ("run", *ALONE.values()))
        wanted = f"give the folder that {commands} wrote"
        raise FileNotFoundError(f"no run in {run}: {wanted}")
    folders: dict[str, str] = {}
    upstream: dict[str, Any] | None = None
    for stage, name in named.items():
        folder = files.join(run, name)
        names = files.list_names(folder) if name in found else []
        if begun:
            folders |= {stage: folder} if {"manifest.json", "plan.json"} & set(names) else {}
            continue
        done = files.read_json(files.join(folder, "manifest.json")) if "manifest.json" in names else None
        if done is not None and (upstream is None or follows(done, upstream)):
            folders[stage] = folder
            upstream = done
            continue
        if done is None and "waves" in names and files.list_names(files.join(folder, "waves")):
            folders[stage] = folder
        if names:
            break
    return folders


def dataset(folder: str, schema: pa.Schema) -> "Dataset":
    """The Parquet files of a finished stage's `documents` or `verdicts`, or those of its finished waves.

    Hive partitions kept and wave become columns. Raises DamagedParts if a file is missing or cut short.
    """
    import pyarrow.dataset as ds  # only here: it loads pandas, 0.2 s that other commands do not wait for
    from pyarrow.fs import LocalFileSystem

    fs, path = files.filesystem(folder)
    partitions = pa.schema([("kept", pa.string()), ("wave", pa.int32())])
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


def folder_of(run: str, stage: str) -> str:
    """Folder of a stage that `run` has verdicts of; FileNotFoundError if it has none."""
    folders = stage_folders(run)
    if stage not in folders:
        raise FileNotFoundError(f"{run} has no verdicts of the {stage} stage, or out of date: run that stage first")
    return folders[stage]


def verdict_files(run: str, stage: str) -> "Dataset":
    """LEDGER_COLUMNS of one stage, unread."""
    return dataset(files.join(folder_of(run, stage), "verdicts"), arrow_schema(LEDGER_COLUMNS))


def documents(run: str, stage: str) -> "Dataset":
    """STAGE_COLUMNS of one stage and `kept` ("true" or "false"), unread."""
    columns = arrow_schema(STAGE_COLUMNS[stage]).append(pa.field("kept", pa.string()))
    return dataset(files.join(folder_of(run, stage), "documents"), columns)


def verdicts(run: str, stage: str, where: pc.Expression | None = None) -> Iterator[Verdict]:
    """Verdicts of one stage, in no particular order; memory stays bounded. A record without a URL has an empty one."""
    for batch in verdict_files(run, stage).to_batches(columns=names(LEDGER_COLUMNS), filter=where):
        for row in batch.to_pylist():
            evidence = json.loads(row["evidence"]) if row["evidence"] else {}
            yield Verdict(**row | {"stage": stage, "url": row["url"] or "", "evidence": evidence})


def why(run: str, key: str) -> list[Verdict]:
    """Every verdict on the records whose id or URL is `key`: by record, then in the order of the stages."""
    return _joined(run, _exactly(key))


class Found(NamedTuple):
    """What `find` has found."""

    by: Literal["id or URL", "host", "prefix"]
    verdicts: list[Verdict]  # by record (in the order of URLs), then in the order of the stages
    more: int  # records that fit too, beyond those in `verdicts`
    similar: list[str]  # where no record has the very URL: those that differ by scheme, www., slash or fragment


def find(run: str, key: str, most: int = 20) -> Found:
    """The records that `key` names, at most `most` of them: those with this id or URL; or else those of a host
    (`example.com`, with or without www. and scheme), or those whose URL begins with `key` (which may leave out scheme
    and www.).

    Reads the verdicts of the first stage once or twice, and those of the others once: a second a million records.
    """
    ways: list[tuple[Literal["id or URL", "host", "prefix"], pc.Expression]] = [("id or URL", _exactly(key))]
    host = _SCHEME.sub("", key, count=1).removesuffix("/")
    if _HOST.fullmatch(host):
        name = host.lower().removeprefix("www.")
        ways.append(("host", _fits(rf"{_OPENING}(?i:{_literal(name)})(?::[0-9]+)?(?:[/?#]|$)")))
    if key:
        begins = pc.starts_with(pc.field("url"), key)
        ways.append(("prefix", begins if _SCHEME.match(key) else begins | _fits(_OPENING + _literal(key))))
    for by, where in ways:  # noqa: B007  (that of the way that found something, or the last)
        chosen, count = _first_records(run, where, most)
        if chosen:
            break
    similar = _similar(run, key, most) if by != "id or URL" or not chosen else []
    verdicts = _joined(run, pc.field("record_id").isin(chosen)) if chosen else []
    return Found(by, verdicts, count - len(chosen), similar)


_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"[^\s/?#@:]+\.[^\s/?#@:]+|localhost")
# What people leave out of an address, for RE2, Arrow's engine: scheme, user and www. at its beginning, ...
_OPENING = r"^(?i:(?:[a-z][a-z0-9+.-]*://)?(?:[^/?#@]*@)?(?:www\.)?)"
_ENDING = r"/*(?:#.*)?$"  # ... slashes and fragment at its end


def _exactly(key: str) -> pc.Expression:
    return (pc.field("record_id") == key) | (pc.field("url") == key)


def _fits(pattern: str) -> pc.Expression:
    return pc.match_substring_regex(pc.field("url"), pattern)


def _literal(text: str) -> str:
    """A pattern of RE2 that fits `text` and nothing else."""
    return re.sub(r"([^\w])", lambda mark: rf"\x{{{ord(mark[1]):x}}}", text)


def _similar(run: str, key: str, most: int) -> list[str]:
    """URLs of the run that are `key` but for scheme, www., slashes at the end and fragment."""
    rest = re.sub(_ENDING, "", re.sub(_OPENING, "", key))
    if not rest:
        return []
    where = _fits(f"{_OPENING}(?i:{_literal(rest)}){_ENDING}")
    chosen, _ = _first_records(run, where, most)
    return sorted({v.url for v in _joined(run, pc.field("record_id").isin(chosen))}) if chosen else []


def _first_records(run: str, where: pc.Expression, most: int) -> tuple[list[str], int]:
    """Ids of the first `most` records, by URL and id, that fit, and how many fit. Every record stands in stage 1."""
    count = 0

    def fitting() -> Iterator[tuple[str, str]]:
        nonlocal count
        first = next(iter(stage_folders(run)), None)
        if first is None:
            return
        for batch in verdict_files(run, first).to_batches(columns=["url", "record_id"], filter=where):
            count += len(batch)
            yield from ((row["url"] or "", row["record_id"]) for row in batch.to_pylist())

    return [record for _, record in heapq.nsmallest(most, fitting())], count


def _joined(run: str, where: pc.Expression) -> list[Verdict]:
    """Verdicts of all stages, by record, then in the order of the stages."""
    found = [verdict for stage in stage_folders(run) for verdict in verdicts(run, stage, where)]
    return sorted(found, key=lambda v: (v.url, v.record_id))  # stable: stages stay in their order


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
    found = [v for v in verdicts(run, "dedup", _exactly(key)) if v.verdict == "dropped" and "survivor" in v.evidence]
    wanted = {v.record_id for v in found} | {v.evidence["survivor"] for v in found}
    if not found:
        return []
    alone = stage_folders(run)["dedup"] == run
    texts = _texts_deduplicated(run, sorted(wanted)) if alone else _texts(run, wanted)
    pairs = [(v.record_id, v.evidence["survivor"]) for v in found]
    return [(texts[gone], texts[stays]) for gone, stays in pairs if gone in texts and stays in texts]


def _texts(run: str, record_ids: set[str]) -> dict[str, Text]:
    """Texts as deduplication read them, before it cut paragraphs; where they were pruned, as a later stage has them."""
    columns = pa.schema([(name, pa.string()) for name in Text._fields])
    texts: dict[str, Text] = {}
    for stage, folder in stage_folders(run).items():
        missing = sorted(record_ids - texts.keys())
        if missing and STAGES.index(stage) >= STAGES.index("distribution_filter"):
            where = pc.field("record_id").isin(missing)
            table = dataset(files.join(folder, "documents"), columns).to_table(filter=where, columns=columns.names)
            texts |= {row["record_id"]: Text(**row) for row in table.to_pylist()}
    return texts


def _texts_deduplicated(output: str, wanted: list[str]) -> dict[str, Text]:
    """Texts of records that `skypile dedup` has read, from the files it read them from."""
    import pyarrow.dataset as ds

    done = files.read_json(files.join(output, "manifest.json"))
    if done is None:
        raise FileNotFoundError(f"{output} has no manifest.json: run `skypile dedup` to its end first")
    names = done["columns"]
    texts = {}
    for path in done["paths"]:
        fs, inner = files.filesystem(path)
        roots = sorted(fs.glob(inner)) if any(mark in inner for mark in "*?[") else [inner]
        below = [name for root in roots for name in (files.visible_below(fs, root) if fs.isdir(root) else [root])]
        if not below or not all(fs.exists(name) for name in below):
            raise FileNotFoundError(f"{path}, which {output} was deduplicated from, is gone: the texts stand there")
        table = ds.dataset(below, format="parquet", filesystem=fs, partitioning="hive")
        where = pc.field(names["id"]).cast(pa.string()).isin(wanted)
        columns = {"record_id": pc.field(names["id"]).cast(pa.string()), "text": pc.field(names["text"])}
        columns |= {"url": pc.field(names["url"])} if names["url"] else {}
        for row in table.to_table(columns=columns, filter=where).to_pylist():
            texts[row["record_id"]] = Text(row["record_id"], row.get("url") or row["record_id"], row["text"] or "")
    return texts
