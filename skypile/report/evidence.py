"""Evidence in words. It is a JSON object for machines; the report is for people."""

from collections import Counter
from typing import Any, NamedTuple

from skypile.report.formats import number
from skypile.report.samples import OTHERS

# Keys whose own name says too little. Others are shown as they are, with blanks for underscores.
NAMES = {
    "jaccard": "Jaccard similarity",
    "bands": "bands shared",
    "component": "records in its component",
    "duplicates": "records dropped for this one",
    "copies": "records alike",
    "via": "alike to",
    "cut_characters": "characters cut",
    "core": "documents in the core",
    "size": "documents in the cluster",
    "budget": "budget of the core",
    "similarity": "similarity to the centre",
    "visible": "text of the raw page",
    "starts": "begins with",
    "at": "byte in the file",
    "min_bin": "lowest bin kept",
}
QUOTED = 80  # characters shown of a paragraph that was cut; the evidence has up to 2000
_ELSEWHERE = {key for other in OTHERS for key in other[:2]} | {"cut"}


def _masks(spans: Any) -> str:
    """
    >>> _masks([{"kind": "phone", "start": 2, "end": 13}, {"kind": "phone", "start": 20, "end": 31}, {"kind": "qq"}])
    'phone: 2; qq: 1'
    """
    if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
        return in_words(spans)
    return in_words(dict(Counter(str(span.get("kind")) for span in spans)))


class Cut(NamedTuple):
    text: str
    pages: int | None  # that the paragraph stands on


def told(evidence: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of everything in `evidence` but the other record and the cut paragraphs.

    >>> told({"cut_characters": 1221, "wanted": ["en", "zh"], "location": None})
    [('characters cut', '1,221'), ('wanted', 'en, zh'), ('location', 'none')]
    """
    return [
        (NAMES.get(key, key.replace("_", " ")), _masks(value) if key == "masked" else in_words(value))
        for key, value in evidence.items()
        if key not in _ELSEWHERE or (key == "cut" and not cuts(evidence))
    ]


def cuts(evidence: dict[str, Any]) -> list[Cut]:
    """The paragraphs that deduplication cut: how they begin."""
    found = evidence.get("cut")
    if not isinstance(found, list) or not all(isinstance(item, dict) and "text" in item for item in found):
        return []
    return [Cut(quoted_text(item), item["pages"] if isinstance(item.get("pages"), int) else None) for item in found]


def quoted_text(item: dict[str, Any]) -> str:
    """How a paragraph begins, with an ellipsis if it goes on."""
    text = str(item["text"])
    return text[:QUOTED] + "…" if len(text) > QUOTED else text


def in_words(value: Any) -> str:
    """
    >>> in_words({"a": [1, 2.5], "b": None}), in_words(True)
    ('a: 1, 2.5; b: none', 'yes')
    """
    if isinstance(value, dict):
        return "; ".join(f"{key}: {in_words(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(in_words(inner) for inner in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    return "none" if value is None else str(value)
