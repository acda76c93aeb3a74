"""What a run's report shows, gathered from its folders through pyarrow: no Spark session needed.

Every record is counted where its way ended: among the rows a stage did not keep, or among all rows of the last
stage. So one pass over those files counts each record once. Only narrow columns are read in it (about 0.5 s a
million rows); texts are read afterwards, for the samples alone. A sample is the few records of a reason whose
hashed ids are smallest: drawn at random, yet the same on every run and at any partitioning.

Memory: one file's narrow columns, and one counter a language, charset and length class. Hosts may be too many
to count exactly; beyond MAX_HOSTS the smallest are forgotten, see `forget`.
"""

import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import xxhash

from skypile.run_folder import ledger
from skypile.runtime import files
from skypile.schema import KEPT, STAGE_COLUMNS, arrow_schema

SAMPLES = 4  # a reason; enough to see what a rule does, few enough to read
KEPT_SAMPLES = 6  # a language
MAX_HOSTS = 200_000  # about 40 MB
# Evidence keys under which a stage names another record: id, URL, and what that record is to this one.
OTHERS = (("survivor", "survivor_url", "kept instead"), ("example", "example_url", "kept as the example"))
NARROW = ("record_id", "host", "charset", "charset_rung", "replacements", "characters", "language")


@dataclass
class Sample:
    record_id: str
    stage: str
    verdict: str
    reason: str | None
    path: str  # file that holds its row
    url: str = ""
    title: str | None = None
    text: str = ""
    language: str | None = None
    score: float | None = None
    threshold: float | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    other_id: str | None = None
    other_url: str | None = None
    other_role: str = ""
    other_text: str | None = None


@dataclass
class Tally:
    """Counts over the last verdicts. Pairs are [kept, lost]."""

    languages: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    hosts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    hosts_forgotten: bool = False
    charsets: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    lengths: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    citation: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))


@dataclass
class Facts:
    run: str
    manifests: list[dict[str, Any]]
    unfinished: list[str]
    tally: Tally
    samples: list[Sample]
    config: str


def collect(run: str) -> Facts:
    """Everything the report of `run` shows. Raises FileNotFoundError if it holds no stage with verdicts."""
    folders = ledger.stage_folders(run)
    if not folders:
        raise FileNotFoundError(f"{run} holds no finished wave of any stage yet; there is nothing to report")
    manifests, unfinished = [], []
    for stage, folder in ledger.stage_folders(run, begun=True).items():
        manifest = files.read_json(files.join(folder, "manifest.json"))
        if manifest is None:
            unfinished.append(stage)
        else:
            manifests.append(manifest)
    tally = Tally()
    draws: dict[tuple[str, str | None, str | None], list[tuple[int, str, str]]] = defaultdict(list)
    last = list(folders)[-1]
    for stage, folder in folders.items():
        for path, table in narrow_tables(stage, folder, lost_only=stage != last):
            count(tally, table)
            draw(draws, stage, path, table)
    samples = [
        Sample(record_id, stage, *_verdict_of(key), path)
        for (stage, *key), drawn in draws.items()
        for _, record_id, path in sorted((-h, r, p) for h, r, p in drawn)
    ]
    for stage, folder in folders.items():
        fill([s for s in samples if s.stage == stage], stage, folder)
    config = _config(run)
    return Facts(run.rstrip("/").rpartition("/")[2] or run, manifests, unfinished, tally, samples, config)


def narrow_tables(stage: str, folder: str, lost_only: bool) -> Iterator[tuple[str, pa.Table]]:
    """Path and narrow columns of every documents file of a stage, in the order of their paths."""
    documents = _documents(stage, folder)
    columns = [*NARROW, "verdict", "reason"]
    if "citation_score" in documents.schema.names:
        columns.append("citation_score")
    where = pc.field("kept") == "false" if lost_only else None
    for fragment in sorted(documents.get_fragments(filter=where), key=lambda f: f.path):
        yield fragment.path, fragment.to_table(schema=documents.schema, columns=columns)


def count(tally: Tally, table: pa.Table) -> None:
    """Add the rows of `table` to the counts."""
    kept = pc.equal(table["verdict"], KEPT)
    table = table.append_column("is_kept", kept)
    characters = pc.if_else(pc.greater(table["characters"], 0), table["characters"], None)
    table = table.append_column(
        "size", pc.cast(pc.floor(pc.multiply(pc.log2(pc.cast(characters, "float64")), 2)), "int32")
    )
    for row in _groups(table, ["language", "is_kept"], [("characters", "sum")]):
        if row["language"] is not None:
            entry = tally.languages[row["language"]]
            entry[0 if row["is_kept"] else 1] += row["count_all"]
            entry[2] += (row["characters_sum"] or 0) if row["is_kept"] else 0
    for row in _groups(table, ["host", "is_kept"]):
        if row["host"]:
            tally.hosts[row["host"]][0 if row["is_kept"] else 1] += row["count_all"]
    if len(tally.hosts) > MAX_HOSTS:
        forget(tally)
    damaged = table.append_column("damaged", pc.greater(pc.fill_null(table["replacements"], 0), 0))
    for row in _groups(damaged, ["charset", "charset_rung", "is_kept", "damaged"]):
        if row["charset"]:
            entry = tally.charsets[row["charset"], row["charset_rung"] or ""]
            entry[0 if row["is_kept"] else 1] += row["count_all"]
            entry[2] += row["count_all"] if row["damaged"] else 0
    for row in _groups(table, ["size", "is_kept"]):
        if row["size"] is not None:
            tally.lengths[row["size"]][0 if row["is_kept"] else 1] += row["count_all"]
    if "citation_score" in table.column_names:
        score = table["citation_score"]  # a null stays null in arithmetic, but not in min_element_wise
        bins = pc.cast(pc.floor(pc.multiply(pc.if_else(pc.less(score, 1), score, 0.9999), 20)), "int32")
        for row in _groups(table.append_column("bin", bins), ["bin", "is_kept"]):
            if row["bin"] is not None:
                tally.citation[row["bin"]][0 if row["is_kept"] else 1] += row["count_all"]


def forget(tally: Tally) -> None:
    """Keep the larger half of MAX_HOSTS hosts. Counts of what comes back later are too low: a lower bound."""
    largest = heapq.nsmallest(MAX_HOSTS // 2, tally.hosts.items(), key=lambda item: (-sum(item[1]), item[0]))
    tally.hosts.clear()
    tally.hosts.update(largest)
    tally.hosts_forgotten = True


def draw(draws: dict[Any, list[tuple[int, str, str]]], stage: str, path: str, table: pa.Table) -> None:
    """Keep, for each verdict and reason (kept: language), the records with the smallest hashes as (-hash, id)."""
    columns = [table[name].to_pylist() for name in ("record_id", "verdict", "reason", "language")]
    for record_id, verdict, reason, language in zip(*columns, strict=True):
        chosen = draws[stage, verdict, language if verdict == KEPT else reason]
        entry = (-xxhash.xxh64_intdigest(record_id.encode()), record_id, path)
        if len(chosen) < (KEPT_SAMPLES if verdict == KEPT else SAMPLES):
            heapq.heappush(chosen, entry)
        elif entry > chosen[0]:
            heapq.heapreplace(chosen, entry)


def fill(samples: list[Sample], stage: str, folder: str) -> None:
    """Read what the samples show: their own row, and the text of the record that their evidence names."""
    documents = _documents(stage, folder)
    fragments = {fragment.path: fragment for fragment in documents.get_fragments()}
    columns = ["record_id", "url", "title", "text", "language", "score", "threshold", "evidence"]
    by_path = defaultdict(list)
    for sample in samples:
        by_path[sample.path].append(sample)
    for path, wanted in by_path.items():
        where = pc.field("record_id").isin([s.record_id for s in wanted])
        rows = fragments[path].to_table(schema=documents.schema, columns=columns, filter=where).to_pylist()
        found = {row["record_id"]: row for row in rows}
        for sample in wanted:
            _take(sample, found[sample.record_id])
    others = {s.other_id for s in samples if s.other_id}
    texts = dict(_texts(documents, fragments.values(), sorted(others)))
    for sample in samples:
        sample.other_text = texts.get(sample.other_id) if sample.other_id else None


def _take(sample: Sample, row: dict[str, Any]) -> None:
    sample.url, sample.title, sample.text = row["url"] or "", row["title"], row["text"] or ""
    sample.language, sample.score, sample.threshold = row["language"], row["score"], row["threshold"]
    try:
        evidence = json.loads(row["evidence"] or "{}")
    except ValueError:
        evidence = {"evidence": row["evidence"]}
    sample.evidence = evidence if isinstance(evidence, dict) else {"evidence": evidence}
    for id_key, url_key, role in OTHERS:
        if isinstance(sample.evidence.get(id_key), str):
            sample.other_id, sample.other_role = sample.evidence[id_key], role
            sample.other_url = str(sample.evidence.get(url_key) or "")


def _texts(documents: ds.Dataset, fragments: Iterable[Any], ids: list[str]) -> Iterator[tuple[str, str]]:
    """(id, text) of the records named. Ids are searched first, so that text is read from few files."""
    if not ids:
        return
    where = pc.field("record_id").isin(ids)
    for fragment in fragments:
        if fragment.to_table(schema=documents.schema, columns=["record_id"], filter=where).num_rows:
            rows = fragment.to_table(schema=documents.schema, columns=["record_id", "text"], filter=where)
            yield from zip(rows["record_id"].to_pylist(), rows["text"].to_pylist(), strict=True)


def _documents(stage: str, folder: str) -> ds.Dataset:
    schema = arrow_schema(STAGE_COLUMNS[stage])
    return ledger.dataset(files.join(folder, "documents"), schema.append(pa.field("kept", pa.string())))


def _groups(table: pa.Table, keys: list[str], sums: list[tuple[str, str]] | None = None) -> list[dict[str, Any]]:
    return table.group_by(keys).aggregate([*(sums or []), ([], "count_all")]).to_pylist()


def _verdict_of(key: list[str | None]) -> tuple[str, str | None]:
    verdict, reason = key
    return str(verdict), None if verdict == KEPT else reason


def _config(run: str) -> str:
    path = files.join(run, "config.toml")
    if not files.exists(path):
        return ""
    with files.open_uri(path) as file:
        return file.read().decode("utf-8", "replace")
