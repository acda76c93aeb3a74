"""The verdict on a main text, wherever it came from: its length and its language."""

import json
from typing import Any

import numpy as np

from skypile.text import characters, language
from skypile.text.cleaning import cleaned
from skypile.text.limits import evidence_json
from skypile.text.nfc import nfc
from skypile.verdict import DROPPED, KEPT

_HAN = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))


def weight(text: str) -> int:
    """Length of a text where a Han character counts as 2: about what it says, compared to a Latin letter.

    >>> weight("ab 中文")
    7
    """
    points = characters.code_points(text)
    if points.max(initial=0) < _HAN[0][0]:
        return len(text)
    han = sum(int(np.count_nonzero(points - np.uint32(first) <= last - first)) for first, last in _HAN)
    return len(text) + han


def document_from_text(text: str, min_characters: int, known: dict[str, Any] | None = None) -> dict[str, Any]:
    """Columns that follow from the main text, verdict included. `min_characters`: of `weight`, for it to be kept.
    `known`: evidence on where the text comes from.

    Whatever the text comes from, it is cleaned here, and the evidence counts what went (`skypile.text.cleaning`).
    `known`: what else the evidence says.
    """
    text, gone = cleaned(text)
    text = nfc(text).strip()
    facts = (known or {}) | ({"cleaned": gone} if gone else {})
    if not text:
        return drop("no_text", 0.0, min_characters, facts)
    found = language.identify(text)
    columns = {
        "text": text,
        "characters": len(text),
        "language": found.code,
        "language_score": found.score,
        "script": language.script(text) if found.code == "zh" else None,
    }
    if (size := weight(text)) < min_characters:
        return columns | drop("too_short", size, min_characters, facts)
    return columns | {"verdict": KEPT, "evidence": evidence_json(facts)}


def drop(reason: str, score: float, threshold: float | None, evidence: dict[str, Any]) -> dict[str, Any]:
    """Verdict columns of a dropped document."""
    return lost(DROPPED, reason, score, threshold, evidence)


def lost(verdict: str, reason: str, score: float, threshold: float | None, evidence: dict[str, Any]) -> dict[str, Any]:
    """Verdict columns of a document that is dropped or has failed."""
    return {
        "verdict": verdict,
        "reason": reason,
        "score": float(score),
        "threshold": None if threshold is None else float(threshold),
        "evidence": evidence_json(evidence),
    }


def packed(columns: dict[str, Any]) -> bytes:
    """Columns of a document, to pass from one process to another: all but the text as a line of JSON, and the text as
    it is, which as JSON would take a twentieth of all the time that a page takes.

    >>> packed({"verdict": "kept", "text": "a\\nb"})
    b'{"verdict": "kept"}\\na\\nb'
    """
    line = json.dumps({name: value for name, value in columns.items() if name != "text"}, ensure_ascii=False)
    text = columns.get("text")
    return (line if text is None else f"{line}\n{text}").encode("utf-8", "replace")


def unpacked(answer: bytes) -> dict[str, Any]:
    """The columns that `packed` made `answer` of."""
    line, has_text, text = answer.partition(b"\n")
    columns: dict[str, Any] = json.loads(line)
    return columns | {"text": text.decode()} if has_text else columns
