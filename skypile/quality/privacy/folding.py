"""A text as the finders read it: one form of every digit, letter, dash and blank, and bars where nothing may match.

Folding keeps length, so that a place in the folded text is the same place in the text: full-width forms and styled
digits become ASCII (１３８ and 𝟏𝟑𝟖 are 138), dashes and blanks of all widths one each. A *bar* is a character that no
text holds (a non-character of Unicode, one a kind). It covers what one finder has found from the next ones, and the
placeholders of an earlier run from all: no identifier, and no word that speaks for one, is looked for across it.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from skypile.config.privacy import IDENTIFIERS, Identifier

BAR: Final[dict[Identifier, str]] = {kind: chr(0xFDD0 + number) for number, kind in enumerate(IDENTIFIERS)}
OPAQUE: Final = chr(0xFDD0 + len(IDENTIFIERS))  # covers what is no identifier: an address of a page
BARS: Final = f"{chr(0xFDD0)}-{OPAQUE}"  # for a character class

_FOLDED: Final = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | {0x1D7CE + number: ord("0") + number % 10 for number in range(50)}
    | dict.fromkeys(map(ord, "\u00a0\u3000\u202f" + "".join(map(chr, range(0x2000, 0x200B)))), " ")
    | dict.fromkeys(map(ord, "‐‑‒–—―−﹣－"), "-")
    | dict.fromkeys(map(ord, "•‧・∙"), "·")
    | dict(zip(map(ord, "【】〔〕「」『』“”"), '[][][][]""', strict=True))
    | dict.fromkeys(range(0xFDD0, 0xFDF0), "\ufffd")
)
_FOLDS: Final = re.compile("[" + re.escape("".join(map(chr, _FOLDED))) + "]")


class Span(NamedTuple):
    """An identifier: `text[start:end]`."""

    start: int
    end: int
    kind: Identifier


def fold(text: str) -> str:
    """
    >>> fold("电话：１３８－００１３－８０００")
    '电话:138-0013-8000'
    """
    return text if text.isascii() or not _FOLDS.search(text) else text.translate(_FOLDED)


def barred(text: str, spans: Iterable[Span]) -> str:
    """`text`, of the same length, with bars over `spans`, which do not overlap."""
    parts, at = [], 0
    for start, end, kind in sorted(spans):
        parts += [text[at:start], BAR[kind] * (end - start)]
        at = end
    return "".join([*parts, text[at:]])
