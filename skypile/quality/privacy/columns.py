"""Masks in the columns of a batch of documents, and what is counted and listed of them."""

import json
from typing import Any, NamedTuple

import pyarrow as pa

from skypile.config.privacy import PrivacyConfig
from skypile.quality.privacy.masking import counted, evidence, masked_rows


class Masks(NamedTuple):
    changed: dict[str, pa.Array]  # columns with masks in them, by name: text, characters, title
    counts: list[str | None]  # a row's masks by kind, a JSON object; None if it has none
    evidence: dict[int, list[dict[str, Any]]]  # by row: what was masked and where; in: "title" where not in the text


def mask(batch: pa.RecordBatch, config: PrivacyConfig) -> Masks:
    """Mask `text` and `title` of a batch that has text, characters and title."""
    found = {name: masked_rows(batch[name], config) for name in ("text", "title")}
    changed = {
        name: _replaced(batch[name], {row: one.text for row, one in rows.items()}) for name, rows in found.items()
    }
    changed["characters"] = _replaced(batch["characters"], {row: len(one.text) for row, one in found["text"].items()})
    counts: list[str | None] = [None] * len(batch)
    listed: dict[int, list[dict[str, Any]]] = {}
    for row in sorted({*found["text"], *found["title"]}):
        parts = {name: rows[row] for name, rows in found.items() if row in rows}
        counts[row] = json.dumps(counted(span for part in parts.values() for span in part.spans))
        listed[row] = [
            spot | ({"in": name} if name != "text" else {})
            for name, part in parts.items()
            for spot in evidence(batch[name][row].as_py(), part.spans)
        ]
    return Masks(changed, counts, listed)


def _replaced(column: pa.Array, values: dict[int, Any]) -> pa.Array:
    """`column` with other values in some rows."""
    if not values:
        return column
    rows = column.to_pylist()
    for row, value in values.items():
        rows[row] = value
    return pa.array(rows, column.type)
