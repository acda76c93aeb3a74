"""What a wave's stamp says, and that it can be: kept + dropped + failed = read, by reasons of the vocabulary."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from skypile import schema
from skypile.errors import SkypileError
from skypile.run_folder.parts import Parts

# read, kept, dropped and failed ({reason: rows}), digest, parts, made_from, unsettled, notes, findings, seconds
Stamp = dict[str, Any]


class ConservationError(SkypileError):
    """kept + dropped + failed != read, a record id appears twice, or a reason is not in the vocabulary."""


class Decisions(NamedTuple):
    """Verdicts that are alike, of a wave as it was written. `digest`: the XOR of `decision` hashes of 64 bits."""

    verdict: str
    reason: str | None
    rows: int
    digest: int


class Written(NamedTuple):
    """A wave as it was written: rows read, what was decided on them, and its files below the stage folder."""

    read: int
    decisions: Iterable[Decisions]
    parts: Parts


def two_verdicts(record: str, verdicts: int, folder: str) -> ConservationError:
    """What `check_ids` raises."""
    return ConservationError(f"record {record} has {verdicts} verdicts in {folder}")


def checked(stage: str, number: int, written: Written) -> Stamp:
    """The stamp of a wave. Raises ConservationError for a verdict that cannot be, or too many or too few of them."""
    read = written.read
    stamp: Stamp = {"read": read, "kept": 0, "dropped": {}, "failed": {}}
    digest = 0
    for verdict, reason, rows, hashes in written.decisions:
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
    rows = stamp["kept"] + sum(stamp["dropped"].values()) + sum(stamp["failed"].values())
    if rows != read:
        raise ConservationError(
            f"stage {stage}, wave {number}: read {read} rows but wrote {rows} verdicts "
            f"(kept {stamp['kept']}, dropped {stamp['dropped']}, failed {stamp['failed']})"
        )
    return stamp | {"digest": f"{digest:016x}", "parts": written.parts}


def add_up(stamps: Sequence[Stamp]) -> Stamp:
    """The stage's totals from its waves' stamps."""
    total: Stamp = {"read": 0, "kept": 0, "dropped": {}, "failed": {}, "seconds": 0.0, "unsettled": []}
    digest = 0
    for stamp in stamps:
        digest ^= int(stamp["digest"], 16)
        for key in ("read", "kept", "seconds", "unsettled"):
            total[key] += stamp[key]
        for verdict in (schema.DROPPED, schema.FAILED):
            for reason, n in stamp[verdict].items():
                total[verdict][reason] = total[verdict].get(reason, 0) + n
    total["seconds"] = round(total["seconds"], 2)
    total["notes"] = list(dict.fromkeys(note for stamp in stamps for note in stamp["notes"]))
    return total | {"digest": f"{digest:016x}"}
