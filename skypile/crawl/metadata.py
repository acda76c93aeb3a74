"""What a user's record says beside its text: one JSON object, which travels with the record to the shards.

Numbers, truth values, text, lists and objects stay what they are. What JSON has no word for is text: times in
ISO 8601, decimals digit for digit, NaN and infinities by name, bytes in Base64. The object is bounded, since every
stage carries it along: where it would be longer, the longest values are cut, and `_cut` names them.
"""

import base64
import datetime
import decimal
import json
import math
import uuid
from typing import Any, Final

from skypile.text.limits import without_surrogates

MOST_BYTES: Final = 16 << 10  # of an object: four times the median text, so that it never outweighs what is kept
SHOWN: Final = 200  # characters that are left of a text that is cut
MARK: Final = "_cut"


def metadata(fields: dict[str, Any], unread: tuple[str, ...] = ()) -> str | None:
    """JSON object of `fields`, of at most MOST_BYTES bytes of UTF-8; None if there are none.

    `unread`: names of fields too long to have been read, which `_cut` lists too. A text that is cut keeps its first
    SHOWN characters and an ellipsis, any other value becomes null, and of too many fields the last are left out.

    >>> metadata({"id": 7, "tags": ["a"], "body": "b" * 20000})[-40:]
    'bbbbbbbbbbbbbbbbbbb…", "_cut": ["body"]}'
    """
    if not fields and not unread:
        return None
    sure = {without_surrogates(name): _written(value) for name, value in fields.items()}
    cut = [without_surrogates(name) for name in unread]
    parts = {json.dumps(name, ensure_ascii=False): value for name, value in sure.items()}

    def over() -> bool:
        return size + _length(_mark(cut, 10**9)) > MOST_BYTES

    size = 2 + sum(_length(name) + _length(value) + 4 for name, value in parts.items())
    for name in sorted(parts, key=lambda name: (-_length(parts[name]), name)) if over() else ():
        shorter = _shortened(parts[name])
        if not over() or _length(shorter) >= _length(parts[name]):
            break
        size -= _length(parts[name]) - _length(shorter)
        parts[name] = shorter
        cut.append(json.loads(name))
    left_out = 0
    while over() and parts:
        name = next(reversed(parts))
        size -= _length(name) + _length(parts.pop(name)) + 4
        left_out += 1
    mark = _mark(cut, left_out)
    members = [f"{name}: {value}" for name, value in parts.items()] + ([mark] if mark else [])
    return "{" + ", ".join(members) + "}"


def _mark(cut: list[str], left_out: int) -> str:
    """The member that says what was cut; of many names the first.

    >>> _mark(["a", "b"], 3)
    '"_cut": ["a", "b", "and 3 fields left out"]'
    """
    if not cut and not left_out:
        return ""
    shown = [name[:SHOWN] for name in cut[:10]]
    more = len(cut) - len(shown)
    shown += [f"and {more} more"] if more else []
    shown += [f"and {left_out} fields left out"] if left_out else []
    return f'"{MARK}": {json.dumps(shown, ensure_ascii=False)}'


def _shortened(written: str) -> str:
    if not written.startswith('"'):
        return "null"
    value = json.loads(written)
    return json.dumps(value[:SHOWN] + "…", ensure_ascii=False) if len(value) > SHOWN else "null"


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _written(value: Any) -> str:
    try:
        return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)
    except RecursionError:  # nested deeper than anything a reader takes
        return '"…"'


def _plain(value: Any) -> Any:
    """A value of JSON for one of Python, as a JSON line or Arrow gives them."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, dict):
        return {without_surrogates(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if hasattr(value, "item"):  # a number of NumPy
        return _plain(value.item())
    return str(value) if isinstance(value, decimal.Decimal | uuid.UUID) else without_surrogates(str(value))
