"""How long what goes along with a text may be: it is copied into ledgers, reports and other records' evidence.

The longest URL of 4,206 real records has 440 characters, sitemaps.org allows 2,048; the longest title of 1,005 real
pages has 131.
"""

import json
import re
from typing import Any, Final

MAX_URL: Final = 2048  # characters
MAX_TITLE: Final = 1000
MAX_FACT: Final = 2048  # of one string in the evidence

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


CUT_MARK: Final = "… (cut)"


def shortened(text: str, limit: int) -> str:
    """`text` if it has at most `limit` characters, else so much of it and a mark.

    >>> shortened("abcd", 4), shortened("abcde", 4)
    ('abcd', 'abcd… (cut)')
    """
    return text if len(text) <= limit else f"{text[:limit]}{CUT_MARK}"


def evidence_json(facts: dict[str, Any]) -> str | None:
    """Evidence as a ledger has it: a JSON object, its strings at most MAX_FACT long; None if there is none."""
    return without_surrogates(json.dumps(_bounded(facts), ensure_ascii=False)) if facts else None


def without_surrogates(text: str) -> str:
    """`text` without lone surrogates, which JSON and file names can spell and UTF-8 cannot."""
    return _SURROGATE.sub("\ufffd", text) if not text.isascii() else text


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return shortened(value, MAX_FACT)
    if isinstance(value, dict):
        return {key: _bounded(inner) for key, inner in value.items()}
    return [_bounded(inner) for inner in value] if isinstance(value, list | tuple) else value
