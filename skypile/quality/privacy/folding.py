"""A text as the finders read it: one form of every digit, letter, dash and blank, and bars where nothing may match.

Folding keeps length, so that a place in the folded text is the same place in the text: full-width forms and styled
digits become ASCII (１３８ and 𝟏𝟑𝟖 are 138), ASCII lower case, dashes and blanks of all widths one each. A *bar* is a
character that no text holds (a non-character of Unicode, one a kind). It covers what one finder has found from the next
ones, and the placeholders of an earlier run from all: no identifier, and no word that speaks for one, is looked for
across it.
"""

import functools
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypile.config.privacy import IDENTIFIERS, Identifier
from skypile.text.characters import code_points
from skypile.text.spans import replaced

BAR: Final[dict[Identifier, str]] = {kind: chr(0xFDD0 + number) for number, kind in enumerate(IDENTIFIERS)}
OPAQUE: Final = chr(0xFDD0 + len(IDENTIFIERS))  # covers what is no identifier: an address of a page
BARS: Final = f"{chr(0xFDD0)}-{OPAQUE}"  # for a character class

_TABLE_SIZE: Final = 0x20000  # what lies above is no digit, letter or mark


@functools.cache
def _table() -> NDArray[np.uint32]:
    """Code point of the folded character, of every code point below _TABLE_SIZE."""
    table = np.arange(_TABLE_SIZE, dtype=np.uint32)
    table[0xFF01:0xFF5F] -= 0xFEE0
    table[(table >= ord("A")) & (table <= ord("Z"))] += 32
    table[0x1D7CE:0x1D800] = ord("0") + np.arange(50) % 10
    for members, folded in (
        ("\u00a0\u202f\u3000" + "".join(map(chr, range(0x2000, 0x200B))), " "),
        ("‐‑‒–—―−﹣－", "-"),
        ("•‧∙・", "·"),
        ("【〔「『", "["),
        ("】〕」』", "]"),
        ("“”", '"'),
        ("".join(map(chr, range(0xFDD0, 0xFDF0))), "\ufffd"),
    ):
        table[code_points(members)] = ord(folded)
    return table


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
    if text.isascii():
        return text.lower()
    points = code_points(text)
    low = points < _TABLE_SIZE
    folded = np.where(low, _table().take(points, mode="clip"), points)
    return folded.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


def barred(text: str, spans: Iterable[Span]) -> str:
    """`text`, of the same length, with bars over `spans`, which do not overlap."""
    return replaced(text, ((start, end, BAR[kind] * (end - start)) for start, end, kind in sorted(spans)))
