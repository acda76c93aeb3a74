"""A few records of every outcome, with their texts and evidence.

A sample is the few records of a reason whose hashed ids are smallest: drawn at random, yet the same on every run and
at any partitioning. Ids are drawn while the rows stream by; texts are read afterwards, of the drawn alone.
"""

import heapq
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import xxhash

from skypile.classifiers.nearest import Near, nearest
from skypile.report.documents import documents, records
from skypile.schema import KEPT

SAMPLES = 4  # a reason; enough to see what a rule does, few enough to read
KEPT_SAMPLES = 6  # a language
MOST_NEAR = 3  # cited pages named of a sample
# Evidence keys under which a stage names another record: id, URL, and what that record is to this one.
OTHERS = (
    ("survivor", "survivor_url", "kept instead"),
    ("example", "example_url", "kept as the example"),
    ("exemplar", "exemplar_url", "kept, and says nearly the same"),
)

Draws = dict[tuple[str, str, str | None], list[tuple[int, str, str]]]  # stage, verdict, reason -> -hash, id, path


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
    near: list[Near] = field(default_factory=list)  # cited pages that it is most like


def draw(draws: Draws, stage: str, path: str, batch: pa.RecordBatch) -> None:
    """Keep, for each verdict and reason (kept: language), the records with the smallest hashes as (-hash, id)."""
    columns = [batch[name].to_pylist() for name in ("record_id", "verdict", "reason", "language")]
    for record_id, verdict, reason, language in zip(*columns, strict=True):
        chosen = draws[stage, verdict, language if verdict == KEPT else reason]
        entry = (-xxhash.xxh64_intdigest(record_id.encode()), record_id, path)
        if len(chosen) < (KEPT_SAMPLES if verdict == KEPT else SAMPLES):
            heapq.heappush(chosen, entry)
        elif entry > chosen[0]:
            heapq.heapreplace(chosen, entry)


def drawn(draws: Draws) -> list[Sample]:
    """The records drawn, without what `fill` reads."""
    return [
        Sample(record_id, stage, verdict, None if verdict == KEPT else reason, path)
        for (stage, verdict, reason), chosen in draws.items()
        for _, record_id, path in sorted((-h, r, p) for h, r, p in chosen)
    ]


def fill(samples: list[Sample], stage: str, folders: dict[str, str]) -> None:
    """Read what the samples of a stage show: their own row, and the text of the record that their evidence names.

    That text is read where deduplication read it, before it cut paragraphs: the two are compared. Where it was pruned,
    a later stage has it.
    """
    found = documents(stage, folders[stage])
    own = {fragment.path: fragment for fragment in found.get_fragments()}
    by_path = defaultdict(list)
    for sample in samples:
        by_path[sample.path].append(sample)
    columns = ["record_id", "url", "title", "text", "language", "score", "threshold", "evidence"]
    for path, wanted in by_path.items():
        rows = {
            row["record_id"]: row
            for row in records(found, own[path], folders[stage], [s.record_id for s in wanted], columns)
        }
        for sample in wanted:
            _take(sample, rows[sample.record_id])
    before = "distribution_filter" if stage == "dedup" and "distribution_filter" in folders else stage
    texts: dict[str, str] = {}
    for name in list(folders)[list(folders).index(before) :]:
        missing = sorted({s.other_id for s in samples if s.other_id} - texts.keys())
        texts |= _texts(name, folders[name], missing)
    for sample in samples:
        sample.other_text = texts.get(sample.other_id) if sample.other_id else None


def liken(samples: list[Sample], classifier: str | None) -> None:
    """Name the cited pages that the samples are most like, where the folder of a classifier keeps some."""
    for sample in samples if classifier else ():
        if sample.text and sample.language:
            sample.near = nearest(str(classifier), sample.text, sample.language, sample.record_id)[:MOST_NEAR]


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


def _texts(stage: str, folder: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    """(id, text) of the records named."""
    found = documents(stage, folder)
    for fragment in found.get_fragments() if ids else ():
        yield from (
            (row["record_id"], row["text"]) for row in records(found, fragment, folder, ids, ["record_id", "text"])
        )
