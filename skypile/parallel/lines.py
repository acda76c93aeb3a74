"""A page's text as the lines that are aligned, and what both languages write alike in them.

A line is what extraction puts between two line ends: a paragraph, a heading, an item of a list, a row of a table. Items
align one by one where whole lists would not.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Latin letters that say as much as one Han character: the median over 3,537 lines of documentation and their
# translations, from pages with as many lines in both languages.
HAN_WEIGHT = 3.6

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*[A-Za-z0-9]|[0-9]+(?:[.,:][0-9]+)*")
_SPACE = re.compile(r"\s+")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_GROUPED = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")


class Lines(NamedTuple):
    """One page: its lines, float64 (lines,) what each weighs in Latin letters, and what may stand in both languages."""

    texts: list[str]
    weights: NDArray[np.float64]
    tokens: list[frozenset[str]]


def lines(text: str) -> Lines:
    """The lines of a text that hold anything."""
    texts = [line for part in text.split("\n") if (line := part.strip())]
    return Lines(texts, np.array([weight(line) for line in texts], np.float64), [tokens(line) for line in texts])


def weight(line: str) -> float:
    """Length in Latin letters, at least 1; a Han character counts as HAN_WEIGHT.

    >>> weight("a b"), weight("中b")
    (3.0, 4.6)
    """
    return max(len(line) + (HAN_WEIGHT - 1) * len(_HAN.findall(line)), 1.0)


def tokens(line: str) -> frozenset[str]:
    """Numbers, and words and identifiers of two Latin letters and more, in lower case and half width.

    >>> sorted(tokens("把 /etc/Rsyslog.conf 复制１,０００次"))
    ['1000', 'etc', 'rsyslog.conf']
    """
    return frozenset(_TOKEN.findall(_GROUPED.sub("", line.translate(_FULL_WIDTH)).lower()))


def han_share(line: str) -> float:
    """Share of Han characters in a line's letters and ideographs; 0 where it has none.

    >>> han_share("用 vi 编辑"), han_share("42")
    (0.6, 0.0)
    """
    han = len(_HAN.findall(line))
    letters = sum(character.isalpha() for character in line)
    return han / letters if letters else 0.0


def joined(texts: Sequence[str]) -> str:
    """Neighbouring lines of one side as one paragraph."""
    return "\n".join(texts)


def same(one: str, other: str) -> bool:
    """Whether two lines say the same in the same words, but for white space, case and width."""
    return _plain(one) == _plain(other)


def _plain(line: str) -> str:
    return _SPACE.sub("", line.translate(_FULL_WIDTH)).casefold()
