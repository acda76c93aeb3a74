"""Verdicts on a batch of texts: dropped, or cut and kept, each with the items, the passages and the shares.

Spans in the evidence are code points of the text that came in; a text that was cut is that text minus its `cut`.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from skypile.config import DecontaminationConfig
from skypile.decontamination.index import Index
from skypile.decontamination.matches import Match, joined_spans, matches
from skypile.decontamination.scan import scan
from skypile.schema import DROPPED, KEPT
from skypile.text.limits import evidence_json, shortened
from skypile.text.spans import without

REASON = "contaminated"
SHOWN_ITEMS, SHOWN_SPANS = 20, 20  # of one text
SHOWN_CHARACTERS = 300  # of a passage
_OPENING, _CLOSING = ("Ps", "Pi", "Sc"), ("Pe", "Pf", "Po")


class Verdict(NamedTuple):
    """What becomes of a text in which items were found."""

    verdict: str
    score: float
    threshold: float
    evidence: str
    text: str | None  # what is left of it; None where it is dropped
    items: list[int]  # of ``Index.items``


def judge(texts: pa.Array, index: Index, config: DecontaminationConfig) -> dict[int, Verdict]:
    """Verdicts on the texts of a batch (Arrow strings) in which items stand, by row."""
    found = matches(scan(texts, index), texts, index, config)
    return {row: _verdict(texts[row].as_py(), found[row], index.items, config) for row in sorted(found)}


def _verdict(text: str, found: list[Match], items: Sequence[Any], config: DecontaminationConfig) -> Verdict:
    raw = np.frombuffer(text.encode(), np.uint8)
    points = np.concatenate([[0], np.cumsum((raw & 0xC0) != 0x80)])  # code points before each byte
    passages = [[(int(points[begin]), int(points[end])) for begin, end in match.spans] for match in found]
    cut = joined_spans([widened(text, *span) for spans in passages for span in spans])
    best = max(found, key=lambda match: (match.score, -match.item))
    size = sum(end - begin for begin, end in cut)
    shown = [_shown(text, match, spans, items) for match, spans in zip(found, passages, strict=True)]
    facts: dict[str, Any] = {"items": shown[:SHOWN_ITEMS], "found": len(found), "characters": size}
    whole = text.strip()
    keeps = config.action == "cut" and bool(whole) and size <= config.most_cut * len(whole)
    if keeps:
        facts["cut"] = [{"start": start, "end": end} for start, end in cut]
    elif config.action == "cut":
        facts["cut_share"] = round(min(1.0, size / max(len(whole), 1)), 4)
    verdict = KEPT if keeps else DROPPED
    left = without(text, cut) if keeps else None
    evidence = evidence_json(facts) or ""
    return Verdict(verdict, best.score, best.threshold, evidence, left, [match.item for match in found])


def _shown(text: str, match: Match, spans: list[tuple[int, int]], items: Sequence[Any]) -> dict[str, Any]:
    item = items[match.item]
    return {
        "benchmark": item.benchmark,
        "item": item.name,
        "match": match.how,
        "share": round(match.share, 4),
        "exact_share": round(match.exact_share, 4),
        "spans": [list(span) for span in spans[:SHOWN_SPANS]],
        "text": shortened(text[spans[0][0] : spans[0][1]], SHOWN_CHARACTERS),
    }


def widened(text: str, begin: int, end: int) -> tuple[int, int]:
    """A passage with the punctuation on it; and with its line ends, where it is whole lines.

    >>> widened("He asked: (What is it?) Then", 11, 21)
    (10, 23)
    """
    while begin and unicodedata.category(text[begin - 1]) in _OPENING:
        begin -= 1
    while end < len(text) and unicodedata.category(text[end]) in _CLOSING:
        end += 1
    before, after = begin, end
    while before and text[before - 1] in " \t":
        before -= 1
    while after < len(text) and text[after] in " \t":
        after += 1
    if (before == 0 or text[before - 1] == "\n") and (after == len(text) or text[after] == "\n"):
        while after < len(text) and text[after] == "\n":
            after += 1
        while after == len(text) and before and text[before - 1] == "\n":
            before -= 1
        return before, after
    return begin, end
