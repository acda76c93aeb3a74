"""What stage 1 is to do, whoever does it: the waves of its input, and when too many pages fail."""

import hashlib
from collections.abc import Sequence
from typing import Any

from skypile.config import ExtractionConfig
from skypile.crawl import inputs
from skypile.crawl.inputs import Split
from skypile.crawl.read import first_records
from skypile.errors import SkypileError
from skypile.run_folder.stage_folder import Plan, Stamp

MIN_PAGES_FOR_FAILURE_SHARE = 100


class TooManyFailures(SkypileError):
    """So many pages fail in extraction that the installation, not the pages, is likely at fault."""


def planned_splits(paths: Sequence[str], config: ExtractionConfig, limit: int | None = None) -> list[Split]:
    """The splits of all files that `paths` name (`inputs.plan`), or of their first `limit` records.

    The first in the order of the files' names, and in each file that of its records: the same ones each time.
    """
    splits = inputs.plan(paths, config)
    return splits if limit is None else first_records(splits, limit, config)


def extraction_plan(
    splits: Sequence[Split], config: ExtractionConfig, limit: int | None = None
) -> tuple[Plan, list[list[Split]]]:
    """The stage's plan and the splits of each wave. `limit`: as given to `planned_splits`; stands in the manifest."""
    waves = _waves(splits, int(config.wave_mb * 2**20))
    identity, notes = _identity(splits), []
    if limit is not None:
        identity["limit"] = limit
        notes.append(f"only the first {limit:,} records of the input were read (--limit)")
    return Plan("extraction", config.model_dump(mode="json"), identity, len(waves), lambda: notes), waves


def wave_bytes(waves: Sequence[Sequence[Split]]) -> list[int]:
    """Bytes of input in each wave."""
    return [sum(split.end - split.start for split in wave) for wave in waves]


def _waves(splits: Sequence[Split], most: int) -> list[list[Split]]:
    """Splits grouped, in order, into waves of about `most` bytes of input."""
    groups: list[list[Split]] = [[]]
    size = 0
    for split in splits:
        if groups[-1] and size + split.end - split.start > most:
            groups.append([])
            size = 0
        groups[-1].append(split)
        size += split.end - split.start
    return groups


def _identity(splits: Sequence[Split]) -> dict[str, Any]:
    """What makes two inputs the same: the names and sizes of their files."""
    digest = hashlib.sha256()
    sizes = {split.source: split.size for split in splits}
    for source, size in sorted(sizes.items()):
        digest.update(f"{source}\0{size}\n".encode("utf-8", "surrogateescape"))
    return {"files": len(sizes), "bytes": sum(sizes.values()), "digest": digest.hexdigest()}


def check_failures(stamp: Stamp, limit: float) -> None:
    """TooManyFailures if a larger share than `limit` of a wave's pages failed in extraction."""
    failed = {
        reason: stamp["failed"].get(reason, 0) for reason in ("extraction_error", "crash", "timeout", "out_of_memory")
    }
    total = sum(failed.values())
    if stamp["read"] >= MIN_PAGES_FOR_FAILURE_SHARE and total > limit * stamp["read"]:
        raise TooManyFailures(
            f"{total} of {stamp['read']} pages failed in extraction ({failed}): a broken installation is likelier "
            "than that many broken pages; look at the evidence of one of them with `skypile why`"
        )
