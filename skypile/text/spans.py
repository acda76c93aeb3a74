"""A text with other words, or none, in some of its places."""

from collections.abc import Iterable


def replaced(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """`text` with `put` in place of `text[start:end]` for each (start, end, put); in order, and none overlaps another.

    >>> replaced("abcdef", [(1, 2, "-"), (4, 6, "")])
    'a-cd'
    """
    parts, at = [], 0
    for start, end, put in spans:
        parts += [text[at:start], put]
        at = end
    return "".join([*parts, text[at:]])


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """`text` minus spans, which are in order and apart.

    >>> without("abcdef", [(1, 2), (4, 6)])
    'acd'
    """
    return replaced(text, ((start, end, "") for start, end in spans))
