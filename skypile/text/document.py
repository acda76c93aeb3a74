"""The verdict on a main text, wherever it came from: its length and its language."""

import json
import re
import unicodedata
from typing import Any

from skypile.config import ExtractionConfig
from skypile.schema import DROPPED, KEPT
from skypile.text import language

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def weight(text: str) -> int:
    """Length of a text where a Han character counts as 2: about what it says, compared to a Latin letter.

    >>> weight("ab 中文")
    7
    """
    return 2 * len(text) - len(_HAN.sub("", text))


def document_from_text(text: str, config: ExtractionConfig) -> dict[str, Any]:
    """Columns that follow from the main text, verdict included."""
    text = unicodedata.normalize("NFC", text).strip()
    if not text:
        return drop("no_text", 0.0, config.min_characters, {})
    found = language.identify(text)
    columns = {
        "text": text,
        "characters": len(text),
        "language": found.code,
        "language_score": found.score,
    }
    if (size := weight(text)) < config.min_characters:
        return columns | drop("too_short", size, config.min_characters, {})
    return columns | {"verdict": KEPT}


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
        "evidence": json.dumps(evidence, ensure_ascii=False) if evidence else None,
    }
