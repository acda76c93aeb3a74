"""Where two texts differ, for a person who checks a verdict.

Compared token by token (words, single Han characters, punctuation) with Python's difflib; texts are cut at
``MOST_TOKENS``, because difflib needs quadratic time on repetitive texts (about 2 s at this length).
"""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

MOST_TOKENS = 4_000
CONTEXT = 6  # tokens shown before and after a difference

_TOKEN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\W\u2e80-\u9fff\uf900-\ufaff]+|\s+|[^\w\s]")


class Passage(NamedTuple):
    """A difference: what stands in the one text and in the other, with the common tokens around it."""

    before: str
    left: str
    right: str
    after: str


def differing_passages(left: str, right: str) -> list[Passage]:
    """Differences in order.

    >>> differing_passages("the cat sat", "the dog sat")
    [Passage(before='the ', left='cat', right='dog', after=' sat')]
    """
    a, b = _TOKEN.findall(left)[:MOST_TOKENS], _TOKEN.findall(right)[:MOST_TOKENS]
    found = []
    for tag, a_start, a_end, b_start, b_end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag != "equal":
            before, after = a[max(0, a_start - CONTEXT) : a_start], a[a_end : a_end + CONTEXT]
            found.append(Passage(*("".join(part) for part in (before, a[a_start:a_end], b[b_start:b_end], after))))
    return found
