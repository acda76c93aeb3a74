"""Stage folders: written so that a stage is whole or absent, whoever writes the Parquet in them.

  <run>/<nn_stage>/
    documents/kept=true/wave=0/…parquet    rows for the next stage
    documents/kept=false/wave=0/…parquet   the same columns, dropped and failed rows
    verdicts/wave=0/…parquet               LEDGER_COLUMNS, no text
    plan.json                              written first: what this folder is being made from
    waves/00000.json                       one stamp per finished wave
    manifest.json                          written last: settings, inputs, counts, digest, seconds, versions

Extraction, the long stage, is written in many waves, the others in one. A wave replaces its own partition
of `documents` and `verdicts` and is then stamped; a run that finds the same plan goes on at the first wave
without a stamp, any other plan starts the folder afresh.

`skypile.run_folder.storage` has Spark write a wave, `skypile.extraction.without_spark` writes one without it.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple

from skypile import schema
from skypile.errors import SkypileError
from skypile.run_folder.outcome import warnings
from skypile.runtime import files
from skypile.version import __version__

PACKAGES = (
    "skypile",
    "pyspark",
    "pyarrow",
    "trafilatura",
    "resiliparse",
    "fasttext-community",
    "eldc",
)

Stamp = dict[str, Any]  # read, kept, dropped: {reason: rows}, failed: {reason: rows}, digest, seconds


class ConservationError(SkypileError):
    """kept + dropped + failed != read, a record id appears twice, or a reason is not in the vocabulary."""


class PrunedError(SkypileError):
    """A stage is to be made from documents that were removed; the message says what can be done."""


class Plan(NamedTuple):
    """What a stage folder is made from, in how many waves; `notes(counts)` and `findings()`: asked when it is done."""

    stage: str
    settings: dict[str, Any]
    inputs: dict[str, Any]
    waves: int
    notes: Callable[[Stamp], list[str]] = lambda counts: []
    findings: Callable[[], dict[str, Any]] = dict


class Decisions(NamedTuple):
    """Verdicts that are alike, of a wave as it was written. `digest`: the XOR of `decision` hashes of 64 bits."""

    verdict: str
    reason: str | None
    rows: int
    digest: int


def stage_dir(run: str, stage: str) -> str:
    """`runs/a`, `dedup` -> `runs/a/03_dedup`."""
    return files.join(run, f"{schema.STAGES.index(stage) + 1:02d}_{stage}")


def manifest(run: str, stage: str) -> dict[str, Any] | None:
    """The manifest of a finished stage, else None."""
    return files.read_json(files.join(stage_dir(run, stage), "manifest.json"))


def check_not_pruned(run: str, stage: str) -> None:
    """PrunedError if the documents that `stage` kept were removed."""
    if (manifest(run, stage) or {}).get("pruned"):
        raise PrunedError(
            f"the documents that {stage} kept were removed from {run} (skypile prune or keep_documents = false); "
            "what reads them cannot be made again: restore the settings that the later stages were made with, or run "
            "into another folder"
        )


def write(
    run: str,
    plan: Plan,
    write_wave: Callable[[str, int], tuple[int, Iterable[Decisions]]],
    check_ids: Callable[[str], None],
    on_wave: Callable[[int, Stamp], None] = lambda number, stamp: None,
) -> tuple[dict[str, Any], bool]:
    """Bring the folder of `plan` under `run` to its end. Returns its manifest and whether any work was done.

    `write_wave(folder, number)` writes a wave and gives the rows it has read and what was decided on them;
    `check_ids(folder)` raises ConservationError if a record has two verdicts in the finished folder.
    """
    folder = stage_dir(run, plan.stage)
    described = _described(plan)
    fingerprint = fingerprint_of(plan)
    done = manifest(run, plan.stage)
    if done is not None and done["fingerprint"] == fingerprint:
        return done, False
    if (number := schema.STAGES.index(plan.stage)) > 0:
        check_not_pruned(run, schema.STAGES[number - 1])  # before anything is removed that could not be made again
    if (files.read_json(files.join(folder, "plan.json")) or {}).get("fingerprint") != fingerprint:
        files.remove_tree(folder)
        files.write_json(files.join(folder, "plan.json"), described | {"fingerprint": fingerprint})
    stamps = []
    for number in range(plan.waves):
        path = files.join(folder, "waves", f"{number:05d}.json")
        stamp = files.read_json(path)
        if stamp is None:
            began = time.monotonic()
            _remove_wave(folder, number)
            stamp = _checked(plan.stage, number, *write_wave(folder, number))
            stamp["seconds"] = round(time.monotonic() - began, 2)
            files.write_json(path, stamp)
        stamps.append(stamp)
        on_wave(number, stamp)
    check_ids(folder)
    counts = _add_up(stamps)
    notes = plan.notes(counts) + warnings(counts, folder)
    result = described | counts | plan.findings()
    result |= {"fingerprint": fingerprint, "inputs": plan.inputs, "notes": notes, "versions": versions()}
    result |= {"finished": datetime.now(UTC).isoformat(timespec="seconds")}
    files.write_json(files.join(folder, "manifest.json"), result)
    return result, True


def documents_dir(folder: str, kept: bool) -> str:
    """Where in a stage folder the documents are that stay, or those that go."""
    return files.join(folder, "documents", f"kept={str(kept).lower()}")


def verdicts_dir(folder: str) -> str:
    return files.join(folder, "verdicts")


def of_wave(folder: str, number: int) -> str:
    """The partition of a wave in a folder of documents or verdicts."""
    return files.join(folder, f"wave={number}")


def versions() -> dict[str, str]:
    """Python's and the main packages' versions, for the manifest."""
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except ModuleNotFoundError:
            continue
    return found


def summary(manifest: dict[str, Any], fresh: bool = True) -> str:
    """One line on a finished stage."""
    lost = {verdict: sum(manifest[verdict].values()) for verdict in (schema.DROPPED, schema.FAILED)}
    speed = f"{manifest['read'] / manifest['seconds']:,.0f} records/s" if manifest["seconds"] else ""
    return (
        f"{manifest['stage']:<20} read {manifest['read']:>9,}  kept {manifest['kept']:>9,}  "
        f"dropped {lost['dropped']:>9,}  failed {lost['failed']:>6,}  "
        + (f"{manifest['seconds']:>7.1f} s  {speed}" if fresh else "up to date")
    )


def two_verdicts(record: str, verdicts: int, folder: str) -> ConservationError:
    """What `check_ids` raises."""
    return ConservationError(f"record {record} has {verdicts} verdicts in {folder}")


def following_plan(
    stage: str,
    settings: dict[str, Any],
    upstream: dict[str, Any],
    notes: Callable[[Stamp], list[str]] = lambda counts: [],
) -> Plan:
    """Plan of a stage that reads what the one before it kept, whose manifest is `upstream`, in one wave."""
    inputs = {name: upstream[name] for name in ("stage", "fingerprint", "digest")}
    return Plan(stage, settings, inputs, 1, notes)


def fingerprint_of(plan: Plan) -> str:
    """What differs where a stage would be made from something else."""
    value = _described(plan) | {"inputs": plan.inputs}
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _described(plan: Plan) -> dict[str, Any]:
    return {"stage": plan.stage, "skypile": __version__, "waves": plan.waves, "settings": plan.settings}


def _remove_wave(folder: str, number: int) -> None:
    """What an attempt has left that died before its stamp."""
    for place in (documents_dir(folder, True), documents_dir(folder, False), verdicts_dir(folder)):
        files.remove_tree(of_wave(place, number))


def _checked(stage: str, number: int, read: int, decided: Iterable[Decisions]) -> Stamp:
    """The stamp of a wave. Raises ConservationError for a verdict that cannot be, or too many or too few of them."""
    stamp: Stamp = {"read": read, "kept": 0, "dropped": {}, "failed": {}}
    digest = 0
    for verdict, reason, rows, hashes in decided:
        digest ^= hashes
        if verdict == schema.KEPT and reason is None:
            stamp["kept"] += rows
        elif verdict in (schema.DROPPED, schema.FAILED) and reason in schema.REASONS:
            stamp[verdict][reason] = stamp[verdict].get(reason, 0) + rows
        else:
            raise ConservationError(
                f"{rows} rows have verdict {verdict!r} with reason {reason!r}; "
                "a kept row has none, every other one of skypile.schema.REASONS"
            )
    for verdict in (schema.DROPPED, schema.FAILED):
        stamp[verdict] = dict(sorted(stamp[verdict].items()))
    written = stamp["kept"] + sum(stamp["dropped"].values()) + sum(stamp["failed"].values())
    if written != read:
        raise ConservationError(
            f"stage {stage}, wave {number}: read {read} rows but wrote {written} verdicts "
            f"(kept {stamp['kept']}, dropped {stamp['dropped']}, failed {stamp['failed']})"
        )
    return stamp | {"digest": f"{digest:016x}"}


def _add_up(stamps: list[Stamp]) -> Stamp:
    """The stage's totals from its waves' stamps."""
    total: Stamp = {"read": 0, "kept": 0, "dropped": {}, "failed": {}, "seconds": 0.0}
    digest = 0
    for stamp in stamps:
        digest ^= int(stamp["digest"], 16)
        for key in ("read", "kept", "seconds"):
            total[key] += stamp[key]
        for verdict in (schema.DROPPED, schema.FAILED):
            for reason, n in stamp[verdict].items():
                total[verdict][reason] = total[verdict].get(reason, 0) + n
    total["seconds"] = round(total["seconds"], 2)
    return total | {"digest": f"{digest:016x}"}
