"""`skypile code`: the source code of repositories, as one folder.

    DIR/documents/      what stays: DOCUMENT_COLUMNS
    DIR/verdicts/       VERDICT_COLUMNS of every file
    DIR/manifest.json   written last: settings, inputs, counts by reason, and by format what was read and kept

Files are read once and judged each by itself; those that pass are written aside with their texts, deduplicated as any
Parquet files are (`skypile.dedup`), and read again: formats with a share give their best files, up to it, and the rest
is written. Memory holds what the deduplication takes, 0.2 KB for each duplicate and for each file of a format with a
share, and the licences of folders, but no texts.
"""

import collections
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from skypile.code import rules
from skypile.code.licences import declared, identified, is_licence
from skypile.code.names import format_by_content, format_of
from skypile.code.read import SourceFile, known, source_files
from skypile.code.rules import Lost, decoded, evidence_of, judged, quality
from skypile.code.shares import Ranked, budgets, fitting
from skypile.config import Config
from skypile.dedup.columns import Columns
from skypile.dedup.files import dedup_input
from skypile.dedup.parquet_input import batches, parquet_input, pieces
from skypile.run_folder.once import Result, once
from skypile.run_folder.parquet_part import part
from skypile.runtime import files
from skypile.schema import DROPPED, FAILED, KEPT, Column, arrow_schema, names
from skypile.schema import REASONS as OF_STAGES
from skypile.schema import VERDICT_COLUMNS as VERDICT

BATCH: Final = 256
BATCH_BYTES: Final = 8 << 20
REASONS: Final = rules.REASONS | {
    name: OF_STAGES[name] for name in ("duplicate_text", "near_duplicate", "contained", "in_corpus")
}

_OF_FILE: Final = (
    Column("record_id", pa.string(), "32 hex characters: of the repository and path, or of the input file and row"),
    Column("repo", pa.string(), "the repository: its folder's name, or what the input says; empty if it says nothing"),
    Column("path", pa.string(), "path in the repository"),
    Column("format", pa.string(), "language or data format, by name and content; null if none of code"),
    Column("bytes", pa.int64(), "size: of the file, and of what is kept of the text in UTF-8"),
)
DOCUMENT_COLUMNS: Final = (
    *_OF_FILE,
    Column("license", pa.string(), "SPDX id of the file's own line, the input's column or the LICENSE above; or null"),
    Column("quality", pa.float64(), "of formats with a share: what its best files go by, 0 to 1; null of others"),
    Column("text", pa.large_string(), "the file's text"),
)
VERDICT_COLUMNS: Final = (*_OF_FILE, *VERDICT)
_DOCUMENTS, _VERDICTS = arrow_schema(DOCUMENT_COLUMNS), arrow_schema(VERDICT_COLUMNS)


class Fate(NamedTuple):
    """What became of a file that passed the rules: the columns of a verdict."""

    reason: str
    score: float | None
    threshold: float | None
    evidence: str | None


def code(paths: Sequence[str], output: str, config: Config) -> dict[str, Any]:
    """Write the code of `paths` (folders, JSON lines, Parquet) into the folder `output`; returns the manifest.

    Raises Refused, InputError, FileNotFoundError, OutputRefused.
    """
    paths, output = [files.absolute(path) for path in paths], files.absolute(output)
    settings = {"code": config.code.deciding()} | ({"dedup": config.dedup.deciding()} if config.code.dedup else {})
    made_of = {"paths": sorted(paths), "config": settings}
    result = Result("code", "code", paths, made_of, lambda _: {"input": known(paths)}, ("documents", "verdicts"), _OURS)
    return once(output, result, lambda: _write(paths, output, config))[0]


_LOST: Final = "lost: "  # and a reason, in counts by format
_OURS: Final = r"/part-[^/]*$"


def _write(paths: Sequence[str], output: str, config: Config) -> dict[str, Any]:
    started = time.monotonic()
    scratch = files.join(output, "_scratch")
    files.remove_tree(scratch)
    counts: collections.Counter[tuple[str, str | None]] = collections.Counter()
    formats: dict[str, collections.Counter[str]] = {}
    candidates, licences = files.join(scratch, "candidates"), _Licences()
    with part(files.join(output, "verdicts"), 1, _VERDICTS) as verdict:
        _read(source_files(paths, config.code), candidates, verdict, config, licences, counts, formats)
    fates = _duplicates(candidates, files.join(scratch, "dedup"), config) if config.code.dedup else {}
    _in_proportion(candidates, fates, config)
    with (
        part(files.join(output, "verdicts"), 0, _VERDICTS) as verdict,
        part(files.join(output, "documents"), 0, _DOCUMENTS) as keep,
    ):
        for batch in _held(candidates):
            stays, rows = [], []
            for row in batch.to_pylist():
                fate = fates.get(row["record_id"])
                counted = formats.setdefault(row["format"], collections.Counter())
                if fate is None:
                    row["license"] = row["license"] or licences.of(row["repo"], row["path"])
                    stays.append(row)
                    counted += collections.Counter({"kept": 1, "kept_bytes": row["bytes"]})
                verdicts = fate._asdict() if fate else dict.fromkeys(Fate._fields)
                state = DROPPED if fate else KEPT
                counted += collections.Counter({f"{_LOST}{fate.reason}": 1} if fate else {})
                counts[state, verdicts["reason"]] += 1
                rows.append({name: row[name] for name in names(_OF_FILE)} | {"verdict": state} | verdicts)
            keep(pa.RecordBatch.from_pylist(stays, _DOCUMENTS))
            verdict(pa.RecordBatch.from_pylist(rows, _VERDICTS))
    files.remove_tree(scratch)
    ordered = sorted(counts.items(), key=str)
    return {
        "read": sum(counts.values()),
        "kept": counts[KEPT, None],
        "dropped": {str(reason): n for (state, reason), n in ordered if state == DROPPED},
        "failed": {str(reason): n for (state, reason), n in ordered if state == FAILED},
        "formats": _shown(formats, config),
        "seconds": round(time.monotonic() - started, 2),
    }


class _Licences:
    """SPDX ids of the licence texts of folders."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[str, str]] = {}

    def see(self, repo: str, path: str, text: str) -> None:
        folder, _, name = path.rpartition("/")
        if is_licence(path) and (spdx := identified(text)) is not None:
            known = self._found.get((repo, folder), (name, spdx))
            self._found[repo, folder] = min(known, (name, spdx))  # of several in a folder, the first by name

    def of(self, repo: str, path: str) -> str | None:
        """That of the nearest folder above with one."""
        while path:
            path = path.rpartition("/")[0]
            if found := self._found.get((repo, path)):
                return found[1]
        return None


def _read(
    found: Iterator[SourceFile],
    candidates: str,
    verdict: Any,
    config: Config,
    licences: _Licences,
    counts: collections.Counter[tuple[str, str | None]],
    formats: dict[str, collections.Counter[str]],
) -> None:
    """Judge every file by itself: those that pass to `candidates`, verdicts on the others."""
    passed: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
    size = 0
    with part(candidates, 0, _DOCUMENTS) as add:
        for file in found:
            row, why = _judged(file, config, licences)
            counted = formats.setdefault(row["format"] or "none", collections.Counter())
            counted["read"] += 1
            if why is None:
                passed.append(row)
                size += row["bytes"]
            else:
                state = FAILED if file.failed else DROPPED
                counts[state, why.reason] += 1
                counted[f"{_LOST}{why.reason}"] += 1
                facts = {"reason": why.reason, "score": why.score, "threshold": why.threshold}
                lost.append(
                    {name: row[name] for name in names(_OF_FILE)}
                    | {"verdict": state, "evidence": evidence_of(why)}
                    | facts
                )
            if len(passed) >= BATCH or size > BATCH_BYTES:
                add(pa.RecordBatch.from_pylist(passed, _DOCUMENTS))
                passed, size = [], 0
            if len(lost) >= BATCH:
                verdict(pa.RecordBatch.from_pylist(lost, _VERDICTS))
                lost = []
        add(pa.RecordBatch.from_pylist(passed, _DOCUMENTS))
        verdict(pa.RecordBatch.from_pylist(lost, _VERDICTS))


def _judged(file: SourceFile, config: Config, licences: _Licences) -> tuple[dict[str, Any], Lost | None]:
    """DOCUMENT_COLUMNS of a file, and why it is dropped, if it is."""
    row: dict[str, Any] = {
        "record_id": file.record_id,
        "repo": file.repo,
        "path": file.path,
        "format": format_of(file.path),
        "bytes": file.size,
        "license": file.licence,
        "quality": None,
        "text": None,
    }
    if file.lost is not None or file.body is None:
        return row, file.lost
    text = decoded(file.body) if isinstance(file.body, bytes) else file.body
    if isinstance(text, Lost):
        return row, text
    row["format"] = form = format_by_content(row["format"], text)
    licences.see(file.repo, file.path, text)
    if form is None or is_licence(file.path):
        return row, Lost("not_code", evidence={"name": file.path.rpartition("/")[2][:200]})
    if (lost := judged(text, config.code)) is not None:
        return row, lost
    row |= {"bytes": len(text.encode()), "license": declared(text) or file.licence, "text": text}
    row["quality"] = quality(text, form) if form in config.code.shares else None
    return row, None


def _held(candidates: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """What passed the rules, in its order, in batches of bounded bytes."""
    import pyarrow.parquet as pq

    from skypile.runtime.parquet_rows import open_parquet, row_batches

    for name in files.list_names(candidates):
        with files.open_uri(files.join(candidates, name)) as source:
            parquet: pq.ParquetFile = open_parquet(source)
            for group in range(parquet.metadata.num_row_groups):
                yield from row_batches(parquet, group, list(columns) if columns else None, BATCH, BATCH_BYTES)


def _duplicates(candidates: str, scratch: str, config: Config) -> dict[str, Fate]:
    """Fates of duplicates among what passed the rules, by record id."""
    section, columns = config.dedup, Columns("record_id", "text")
    given = parquet_input([candidates], columns, section)
    if not given.rows():
        return {}
    dedup_input(given, scratch, columns, section, config.spark)
    found: dict[str, Fate] = {}
    done = parquet_input([files.join(scratch, "verdicts")], Columns("record_id", "record_id"), section)
    for piece in pieces(done):
        for batch in batches(done, piece, ["record_id", "verdict", *Fate._fields]):
            for row in batch.filter(pc.not_equal(batch["verdict"], KEPT)).to_pylist():
                found[row["record_id"]] = Fate(*(row[name] for name in Fate._fields))
    return found


def _in_proportion(candidates: str, fates: dict[str, Fate], config: Config) -> None:
    """Add the fates of what is over its format's share."""
    shares = config.code.shares
    ranked: dict[str, list[Ranked]] = {form: [] for form in shares}
    other = 0
    for batch in _held(candidates, ["record_id", "format", "bytes", "quality"]):
        for row in batch.to_pylist():
            if row["record_id"] in fates:
                continue
            if row["format"] in ranked:
                ranked[row["format"]].append(Ranked(round(1 - row["quality"], 3), row["record_id"], row["bytes"]))
            else:
                other += row["bytes"]
    wanted = budgets(other, {form: sum(file.size for file in found) for form, found in ranked.items()}, shares)
    for form, budget in wanted.items():
        stay = fitting(ranked[form], budget)
        for file in ranked[form]:
            if file.record_id not in stay:
                facts = {
                    "format": form,
                    "quality": round(1 - file.worse, 3),
                    "bytes": file.size,
                    "budget": round(budget),
                }
                fates[file.record_id] = Fate("over_share", round(1 - file.worse, 3), shares[form], json.dumps(facts))


def _shown(formats: dict[str, collections.Counter[str]], config: Config) -> dict[str, dict[str, Any]]:
    """By format: files read and kept, bytes kept, their share, the share that is allowed, files lost by reason."""
    whole = sum(counts["kept_bytes"] for counts in formats.values())
    return {
        form: {
            "read": counts["read"],
            "kept": counts["kept"],
            "kept_bytes": counts["kept_bytes"],
            "share": round(counts["kept_bytes"] / whole, 6) if whole else 0.0,
            "wanted": config.code.shares.get(form),
            "lost": {key.removeprefix(_LOST): n for key, n in sorted(counts.items()) if key.startswith(_LOST)},
        }
        for form, counts in sorted(formats.items())
    }
