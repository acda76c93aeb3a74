"""One row of RECORD_COLUMNS."""

from typing import Any, NamedTuple

from skypile.schema import DROPPED, FAILED, KEPT, REASONS, RECORD_COLUMNS, names, record_id
from skypile.text.limits import evidence_json


class Record(NamedTuple):
    """The columns of RECORD_COLUMNS, in their order."""

    record_id: str
    url: str
    source: str
    offset: int
    date: str | None = None
    http_status: int | None = None
    content_type: str | None = None
    body: bytes | None = None
    text: str | None = None
    verdict: str = KEPT
    reason: str | None = None
    score: float | None = None
    threshold: float | None = None
    evidence: str | None = None


assert list(Record._fields) == names(RECORD_COLUMNS)


def record(source: str, offset: int, index: int = 0, url: str | None = None, **fields: Any) -> Record:
    """A kept record; without a URL of its own it is called source#offset.

    Bytes of a file name that are not UTF-8 are shown as \\xff; the id is made of the name as it is.
    """
    shown = (
        source if source.isascii() else source.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    )
    return Record(record_id(source, offset, index), url or f"{shown}#{offset}", shown, offset, **fields)


def dropped(of: Record, reason: str, score: float | None = None, **evidence: Any) -> Record:
    """`of` without its content, dropped for `reason`."""
    return _refused(of, DROPPED, reason, score, None, evidence)


def failed(
    of: Record, reason: str, score: float | None = None, threshold: float | None = None, **evidence: Any
) -> Record:
    """`of` without its content, failed for `reason`."""
    return _refused(of, FAILED, reason, score, threshold, evidence)


def _refused(
    of: Record, verdict: str, reason: str, score: float | None, threshold: float | None, evidence: dict[str, Any]
) -> Record:
    assert reason in REASONS, reason
    return of._replace(
        body=None,
        text=None,
        verdict=verdict,
        reason=reason,
        score=score,
        threshold=threshold,
        evidence=evidence_json(evidence),
    )
