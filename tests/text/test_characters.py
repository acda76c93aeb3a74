"""The table of character classes against the rules it is made by, code point by code point."""

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skypile.extraction.document import weight
from skypile.text import characters as c

SCRIPTS = {
    c.LATIN: [(0, 0x24F), (0x1E00, 0x1EFF), (0xFF21, 0xFF5A)],
    c.HAN: [(0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x3100, 0x312F), (0x3005, 0x3005)],
    c.KANA: [(0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)],
    c.HANGUL: [(0xAC00, 0xD7AF), (0x1100, 0x11FF), (0x3130, 0x318F)],
}
MARKS = [
    (c.NEWLINES, c.NEWLINE), (c.SENTENCE_ENDS, c.SENTENCE_END), (c.CLOSINGS, c.CLOSING), (c.BULLETS, c.BULLET),
    (c.CODE_MARKS, c.CODE), ("\t", c.SPACE), ("#", c.SYMBOL),
]  # fmt: skip
CATEGORIES = {"N": c.DIGIT, "P": c.PUNCTUATION, "S": c.PUNCTUATION, "Z": c.SPACE}


def expected(character: str) -> int:
    for members, kind in MARKS:
        if character in members:
            return kind
    category = unicodedata.category(character)
    if category == "So":
        return c.SYMBOL
    if category[0] == "L":
        found = [kind for kind, spans in SCRIPTS.items() if any(a <= ord(character) <= b for a, b in spans)]
        return found[0] if found else c.LETTER
    return CATEGORIES.get(category[0], c.OTHER)


def test_every_code_point_of_two_planes_has_its_class():
    found = c.classes(np.arange(0x20000, dtype=np.uint32)).tolist()
    wrong = [(hex(point), kind) for point, kind in enumerate(found) if kind != expected(chr(point))]
    assert not wrong
    assert c.classes(np.array([0x20001, 0x2FA1F], np.uint32)).tolist() == [c.HAN, c.HAN]


@given(st.text(alphabet=st.characters() | st.sampled_from("\u33ff\u3400\u4dbf\u4dc0\u4e00\u9fff\ua000\uf900\ufb00")))
def test_a_han_character_weighs_two(text):
    def han(ch: str) -> bool:
        return "\u3400" <= ch <= "\u4dbf" or "\u4e00" <= ch <= "\u9fff" or "\uf900" <= ch <= "\ufaff"

    assert weight(text) == sum(2 if han(ch) else 1 for ch in text)
