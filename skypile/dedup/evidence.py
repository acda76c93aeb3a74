"""Decision rows, with the evidence that a person checks them by, from what was found about each document.

Plain Arrow, so that Spark (``verdicts``) and the way without it (``files_without_spark``) write the same bytes:
evidence is a JSON object without blanks or nulls, similarities rounded half up to 6 digits. About 6 µs a row.
"""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.config import DedupConfig
from skypile.dedup.sketch import MARK
from skypile.schema import DROPPED, KEPT

FOUND = pa.schema(
    [
        pa.field("record_id", pa.string()),  # of a document to drop
        pa.field("survivor", pa.string()),
        pa.field("survivor_url", pa.string()),
        pa.field("via", pa.string()),  # the record it was equal to, if that went for the survivor's sake itself
        pa.field("reason", pa.string()),
        pa.field("copies", pa.int32()),  # records with the same text, or with the same URL and texts that agree
        pa.field("jaccard", pa.float64()),  # the measures of an equal text are null
        pa.field("containment", pa.float64()),  # of the record in the survivor; with an equal URL, of the shorter text
        pa.field("bands", pa.int32()),
        pa.field("component", pa.int32()),
    ]
)
DECISIONS = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("verdict", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("evidence", pa.string()),
        pa.field("duplicates", pa.int32()),  # records dropped in favour of this one
        pa.field("exact_copies", pa.int32()),  # of one that stays: records with its text
        pa.field("near_copies", pa.int32()),  # of one that stays: texts in its component
    ]
)
DECISION_COLUMNS = tuple(DECISIONS.names)

_DIGITS = Decimal("0.000001")
# As Java's writers of JSON have it, which wrote the evidence of corpora that exist.
_ESCAPES = {code: f"\\u{code:04X}" for code in range(32)}
_ESCAPES |= {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def dropped_decisions(found: pa.RecordBatch, config: DedupConfig) -> pa.RecordBatch:
    """Decisions (``DECISIONS``) on documents to drop; ``found`` has the columns of ``FOUND``, in any order."""
    in_corpus = pc.starts_with(found["survivor"], MARK)
    contained, same_url = (pc.equal(found["reason"], reason) for reason in ("contained", "duplicate_url"))
    measured = pc.is_valid(found["jaccard"])
    limit = pc.if_else(contained, pa.scalar(config.containment_threshold, pa.float64()), config.jaccard_threshold)
    limit = pc.if_else(same_url, pa.scalar(config.url_overlap, pa.float64()), limit)
    return pa.RecordBatch.from_arrays(
        [
            found["record_id"],
            _constant(DROPPED, len(found)),
            pc.if_else(in_corpus, "in_corpus", found["reason"]),
            pc.if_else(pc.or_(contained, same_url), found["containment"], found["jaccard"]),
            pc.if_else(measured, limit, pa.scalar(None, pa.float64())),
            _evidence(found, in_corpus),
            pa.array(np.zeros(len(found), np.int32)),
            pa.nulls(len(found), pa.int32()),
            pa.nulls(len(found), pa.int32()),
        ],
        schema=DECISIONS,
    )


def kept_decisions(survivors: pa.RecordBatch) -> pa.RecordBatch:
    """Decisions on documents that stay and have duplicates.

    `survivors`: record_id, duplicates, copies (null: none has its text), component (null: none measured).
    """
    nothing = pa.nulls(len(survivors), pa.float64())
    pairs = zip(survivors["component"].to_pylist(), survivors["duplicates"].to_pylist(), strict=True)
    return pa.RecordBatch.from_arrays(
        [
            survivors["record_id"],
            _constant(KEPT, len(survivors)),
            pa.nulls(len(survivors), pa.string()),
            nothing,
            nothing,
            pa.array([_object(component=size, duplicates=count) for size, count in pairs], pa.string()),
            survivors["duplicates"],
            pc.fill_null(survivors["copies"], 1),
            pc.fill_null(survivors["component"], 1),
        ],
        schema=DECISIONS,
    )


def _constant(word: str, rows: int) -> pa.Array:
    return pa.array([word], pa.string()).take(pa.array(np.zeros(rows, np.int32)))


def _evidence(found: pa.RecordBatch, in_corpus: pa.BooleanArray) -> pa.Array:
    columns = [found[name].to_pylist() for name in FOUND.names[1:]]
    rows = zip(*columns, in_corpus.to_pylist(), strict=True)
    return pa.array([_row_evidence(*row) for row in rows], pa.string())


def _row_evidence(survivor, url, via, reason, copies, jaccard, containment, bands, component, in_corpus) -> str:
    return _object(
        survivor=_text(survivor.rsplit(MARK, 1)[-1]),
        survivor_url=None if url is None else _text(url),
        jaccard=None if jaccard is None else _number(jaccard),
        containment=None if containment is None else _number(containment),
        bands=bands,
        component=component,
        copies=copies,
        via=None if via is None else _text(via.rsplit(MARK, 1)[-1]),
        match=_text(reason) if in_corpus else None,
        arrival=_text(survivor.split(MARK)[1]) if in_corpus else None,
    )


def _object(**members: object) -> str:
    """JSON object of values that are JSON already; None is left out.

    >>> _object(component=None, duplicates=2)
    '{"duplicates":2}'
    """
    return "{" + ",".join([f'"{name}":{value}' for name, value in members.items() if value is not None]) + "}"


def _text(value: str) -> str:
    return '"' + value.translate(_ESCAPES) + '"'


def _number(value: float) -> str:
    """A share (0 to 1), rounded half up, as Java writes it: below 0.001 with a power of ten.

    >>> _number(0.8203125), _number(1.0), _number(0.0005)
    ('0.820313', '1.0', '5.0E-4')
    """
    rounded = Decimal(repr(value)).quantize(_DIGITS, ROUND_HALF_UP)
    if rounded >= Decimal("0.001") or not rounded:
        return repr(float(rounded))
    digits, _, power = f"{rounded.normalize():E}".partition("E")
    return f"{digits}E{power}" if "." in digits else f"{digits}.0E{power}"
