"""What stages of a run dropped, and what they cut from the texts that they kept, by their verdicts."""

from collections.abc import Callable, Iterable

import pyarrow.compute as pc

from skypile.dedup.paragraphs import Removed
from skypile.run_folder import ledger
from skypile.schema import KEPT


def by_dedup(run: str) -> tuple[dict[str, tuple[str, str]], dict[str, list[Removed]]]:
    """{dropped record: (reason, survivor)}, {kept record: what was cut from its text}."""
    dropped: dict[str, tuple[str, str]] = {}
    cut: dict[str, list[Removed]] = {}
    for verdict in ledger.verdicts(run, "dedup", pc.field("evidence").is_valid() | (pc.field("verdict") != KEPT)):
        if verdict.verdict != KEPT:
            dropped[verdict.record_id] = (verdict.reason or "", verdict.evidence.get("survivor", verdict.record_id))
        elif verdict.evidence.get("cut"):
            spans = verdict.evidence["cut"]
            cut[verdict.record_id] = [Removed(s["start"], s["end"], s["pages"], s["host_pages"]) for s in spans]
    return dropped, cut


def by_distribution_filter(run: str) -> tuple[dict[str, str], dict[str, list[Removed]]]:
    """{record that the distribution filter dropped: reason}, {record it kept: what it cut from its text}."""
    dropped: dict[str, str] = {}
    cut: dict[str, list[Removed]] = {}
    wanted = (pc.field("verdict") != KEPT) | pc.match_substring(pc.field("evidence"), '"cut"')
    for verdict in ledger.verdicts(run, "distribution_filter", wanted):
        if verdict.verdict != KEPT:
            dropped[verdict.record_id] = verdict.reason or ""
        elif spans := verdict.evidence.get("cut"):
            cut[verdict.record_id] = [Removed(s["start"], s["end"], s["pages"], 0) for s in spans]
    return dropped, cut


def kept_ids(run: str, stage: str) -> set[str]:
    """Records that a stage kept."""
    found = ledger.verdict_files(run, stage).to_batches(columns=["record_id"], filter=pc.field("verdict") == KEPT)
    return {record for batch in found for record in batch["record_id"].to_pylist()}


def units_of(dropped: Iterable[dict[str, tuple[str, str]]]) -> Callable[[str], str]:
    """The unit of a record where several runs deduplicated: duplicates in any of them are together, whoever survived.

    It is the smallest id of those that belong together.
    """
    above: dict[str, str] = {}

    def unit(record: str) -> str:
        while (higher := above.get(record, record)) != record:
            above[record] = above.get(higher, higher)  # halves the path
            record = higher
        return record

    for of_one in dropped:
        for record, (_, survivor) in of_one.items():
            low, high = sorted((unit(record), unit(survivor)))
            if low != high:
                above[high] = low
    return unit
