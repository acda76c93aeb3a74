"""Whose forms of the Han characters a text is written in: simplified, traditional, or Japanese.

A character tells by the national standards that have it: in GB 2312 and not in Big5 it is a simplified form, in Big5
and not in GB 2312 a traditional one, and in JIS X 0208 and in neither of them it is Japanese (発, 駅, 労). What JIS X
0208 does not have (这, 們, 你) no Japanese text has. Of the Han characters of 764 Chinese pages, traditional ones among
them, at most 1.2 % are Japanese forms, and at least 2.6 % are unknown in Japan; of 30 Japanese pages without their kana
4 to 22 % are Japanese forms, and none is unknown there.
"""

import functools
from typing import Final, NamedTuple

import numpy as np

SIMPLIFIED: Final = "Hans"  # ISO 15924
TRADITIONAL: Final = "Hant"
# Share of the Han characters that are Japanese forms, from which a text without kana is Japanese; and so many.
LEAST_JAPANESE: Final = 0.02
FEWEST_JAPANESE: Final = 2

_FIRST, _LAST = 0x4E00, 0x9FFF
# Codec, lead bytes and trail bytes of the ideographs of each standard.
_STANDARDS: Final = (
    ("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF)),
    ("big5", range(0xA4, 0xFA), range(0x40, 0xFF)),
    ("euc_jp", range(0xB0, 0xF5), range(0xA1, 0xFF)),
)


_HAS: Final = np.arange(16)[:, None] >> np.arange(4) & 1  # whether a set of kinds, given as bits, has each of the four


class Forms(NamedTuple):
    """How many Han characters of a text are of each kind; one may be of two."""

    simplified: int
    traditional: int
    japanese: int
    unknown_in_japan: int


def forms(points: np.ndarray) -> Forms:
    """Counts of the code points of a text (uint32).

    >>> forms(np.frombuffer("这発們".encode("utf-32-le"), np.uint32))
    Forms(simplified=1, traditional=1, japanese=1, unknown_in_japan=1)
    """
    kinds = _kinds().take(points - np.uint32(_FIRST), mode="clip")  # what lies before _FIRST wraps to beyond the table
    return Forms(*(np.bincount(kinds, minlength=len(_HAS)) @ _HAS).tolist())


def is_japanese(found: Forms, han: int) -> bool:
    """Whether a text with `han` Han characters, written without kana, is Japanese."""
    least = max(FEWEST_JAPANESE, LEAST_JAPANESE * han)
    return found.japanese >= least and 2 * found.unknown_in_japan <= found.japanese


def script(found: Forms) -> str | None:
    """SIMPLIFIED or TRADITIONAL, whichever has more of the characters that tell; None if none does."""
    if found.simplified == found.traditional:
        return None
    return SIMPLIFIED if found.simplified > found.traditional else TRADITIONAL


@functools.cache
def _kinds() -> np.ndarray:
    """A bit a kind, in the order of Forms, for each code point from U+4E00 on; the last entry is for all others."""
    mainland, taiwan, japan = (_ideographs(*standard) for standard in _STANDARDS)
    kinds = (mainland & ~taiwan, taiwan & ~mainland, japan & ~mainland & ~taiwan, (mainland | taiwan) & ~japan)
    return np.append(sum(kind.astype(np.uint8) << bit for bit, kind in enumerate(kinds)), 0).astype(np.uint8)


def _ideographs(codec: str, leads: range, trails: range) -> np.ndarray:
    """Which code points from _FIRST to _LAST a standard has: bool."""
    pairs = [bytes((lead, trail)).decode(codec, "ignore") for lead in leads for trail in trails]
    found = np.array([ord(character) for character in pairs if len(character) == 1])
    table = np.zeros(_LAST - _FIRST + 1, bool)
    table[found[(found >= _FIRST) & (found <= _LAST)] - _FIRST] = True
    return table
