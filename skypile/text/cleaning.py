"""What no text keeps, wherever it comes from: characters that act, hide or stand for nothing.

One rule for pages, for ready text and for what an engine returns. Line ends become line feeds (Unicode, 5.8, "Newline
Guidelines"); escape sequences of terminals go whole (ECMA-48), what a backspace strikes over goes with it, other
controls, marks of direction, zero-width spaces, soft hyphens, byte order marks, non-characters, language tags and
place-holders of objects (U+FFFC) one by one. The joiners U+200C and U+200D stay where writing needs them: beside
letters of Arabic, Indic and related scripts, and in emoji. Characters for private use go where they stand alone
between blanks, as bullets and icons of a font do; within words they stay, as they may be characters of a name. U+FFFD
stays: it says that something is missing. Tabs, blanks and blank lines stay as they are.

Text of which nothing goes costs 2 ns a character, the search for it.
"""

import functools
import re
from collections import Counter
from typing import Final

import numpy as np

from skypile.text.characters import code_points

LINE_ENDS: Final = "line_ends"
ESCAPES: Final = "escape_sequences"
# What goes, by the name under which evidence counts it.
_GONE: Final = {
    "controls": "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f",
    "zero_width": "\u00ad\u180e\u200b\u2060-\u2064\ufeff",
    "direction_marks": "\u061c\u200e\u200f\u202a-\u202e\u2065-\u206f",
    "non_characters": "\ufdd0-\ufdef\ufff0-\ufffc\ufffe\uffff\ud800-\udfff"
    + "".join(f"{chr((plane << 16) + 0xFFFE)}{chr((plane << 16) + 0xFFFF)}" for plane in range(1, 17)),
}
_LINE_END: Final = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# CSI, control strings (OSC, DCS, …) and designations of character sets (ISO 2022), of bounded length: an escape that
# none of these follows goes alone.
_ESCAPE: Final = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b[\]PX^_][^\x07\x1b\n]{0,2048}(?:\x07|\x1b\\)|\x1b[(-/][0-9A-Z<=>@]"
    r"|\x9b[0-9;]{1,64}[HJKm]"
)
# As typewriters, and manual pages since, print bold and underlined: a character over another, which it replaces.
_STRUCK_OVER: Final = re.compile(r"[^\x08\n]\x08(?=[^\x08\n])")
_JOINED: Final = (
    "\u0590-\u1dff\u20e3\u2190-\u2bff\ua800-\ua8ff\ua980-\ua9ff\uaa00-\uaaff\uabc0-\uabff\ufb1d-\ufdcf\ufdf0-\ufdff"
    "\ufe0f\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f\U0001f000-\U0001faff"
)
_JOINER: Final = re.compile(f"(?<![{_JOINED}])[\u200c\u200d]")
_TAG: Final = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+")  # but those of a flag
_PRIVATE: Final = re.compile("(?<!\\S)[\ue000-\uf8ff\U000f0000-\U0010fffd]+(?!\\S)")
_KINDS: Final = {name: re.compile(f"[{members}]+") for name, members in _GONE.items()}
_SUSPECT: Final = re.compile(
    f"[\r\x0b\x0c\x85\u2028\u2029\u200c\u200d\ue000-\uf8ff{_GONE['controls']}{_GONE['zero_width']}"
    f"{_GONE['direction_marks']}{_GONE['non_characters']}]"
)
_TABLE_END: Final = 0x1FFFF  # beyond, all are suspects: tags, private use, rare ideographs
_REPLACED: Final = "\ufffd"
_OBJECT: Final = "\ufffc"  # the one that goes of those that Python calls printable


def cleaned(text: str) -> tuple[str, dict[str, int]]:
    r"""`text` without what no text keeps, and how many characters went or, of line ends, changed, by kind; only kinds
    that are there. `replacement_characters`: how many U+FFFD it has, which stay.

    >>> cleaned("a\u200b\r\nb\x00")
    ('a\nb', {'line_ends': 1, 'controls': 1, 'zero_width': 1})
    """
    found: Counter[str] = Counter()
    if _REPLACED in text:  # which is ten times as fast as to count none
        found["replacement_characters"] = text.count(_REPLACED)
    # All that goes but one is what Python calls not printable, as it does line feeds, tabs and wide blanks.
    if text.replace("\n", "").replace("\t", "").isprintable() and _OBJECT not in text:
        return text, dict(found)
    points = code_points(text)
    # `take` with "clip", which puts all points beyond the table in its last place, is twice as fast as indexing.
    suspect = _suspects().take(points, mode="clip")
    if not suspect.any():
        return text, dict(found)
    # Each kind of suspect once, where its neighbours do not save it: a pattern that finds nothing here finds nothing.
    there = " ".join(map(chr, np.unique(points[suspect])))
    text = _without(_ESCAPE, text, ESCAPES, found) if "\x1b" in text or "\x9b" in text else text
    text = _without(_STRUCK_OVER, text, "struck_over", found) if "\x08" in text else text
    if _LINE_END.search(there):
        text, ends = _LINE_END.subn("\n", text)
        if ends:  # none where an escape sequence took them along
            found[LINE_ENDS] = ends
    for name, pattern in (*_KINDS.items(), ("zero_width", _JOINER), ("tags", _TAG), ("private_use", _PRIVATE)):
        if pattern.search(there):
            text = _without(pattern, text, name, found)
    return text, dict(found)


def _without(pattern: re.Pattern[str], text: str, name: str, found: Counter[str]) -> str:
    shorter = pattern.sub("", text)
    if len(shorter) < len(text):
        found[name] += len(text) - len(shorter)
    return shorter


@functools.cache
def _suspects() -> np.ndarray:
    """Whether a code point may have to go: bool, shape (0x20000,)."""
    points = "".join(map(chr, range(_TABLE_END)))
    table = np.zeros(_TABLE_END + 1, bool)
    table[[ord(found) for found in _SUSPECT.findall(points)]] = True
    table[_TABLE_END] = True
    return table
