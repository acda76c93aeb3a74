"""The tables of the Encoding standard, pair by pair, and what becomes of pairs that it does not have."""

import hashlib
from collections.abc import Iterable

import pytest

from skypile.crawl.charset import codec_of
from skypile.crawl.whatwg import decode


def digest(pairs: Iterable[bytes], codec: str) -> str:
    """Of the code points that each pair alone decodes to, in hexadecimal, a line a pair."""
    lines = (" ".join(f"{ord(character):x}" for character in decode(pair, codec)) for pair in pairs)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        ("gb18030", "621328801365626b"),
        ("big5hkscs", "d3951d4581251ad9"),
        ("euc_jp", "40d2b509655193aa"),
        ("cp932", "29b94c82cdae432b"),
        ("cp949", "3c93ad021b1fe219"),
    ],
)
def test_every_pair_is_what_a_browser_makes_of_it(codec: str, expected: str) -> None:
    """Digests of what Chromium's TextDecoder gives for 0x8140 to 0xFEFE, U+FFFD for what is undefined included; but for
    0xA1A1 of EUC-JP and the four pairs of Big5 with combining marks, which are the standard's."""
    assert digest((bytes((a, b)) for a in range(0x81, 0xFF) for b in range(0x40, 0xFF)), codec) == expected


def test_every_character_of_jis_x_0212_is_what_a_browser_makes_of_it() -> None:
    triples = (bytes((0x8F, a, b)) for a in range(0xA1, 0xFF) for b in range(0xA1, 0xFF))
    assert digest(triples, "euc_jp") == "2b87b99dcee9e4a4"


@pytest.mark.parametrize(
    ("codec", "body", "text"),
    [
        ("gb18030", b"\xa3\xa0\xa3\xa0\xb4\xba", "\u3000\u3000春"),
        ("gb18030", b"\x80 5 \xa8\xbc", "€ 5 ḿ"),
        ("gb18030", b"\x81\x35\xf4\x37 \x84\x31\x82\x36", "\ue7c7 ︐"),  # in four bytes
        ("gb18030", b"\x81<p> \xb4\xff \xb4", "\ufffd<p> \ufffd \ufffd"),
        ("gb18030", b"x\x81\x30\x81", "x\ufffd"),
        ("big5hkscs", b"\xa2\x41\xa1\xfe\xa2\x42\xa4\xa4", "∕／﹨中"),
        ("big5hkscs", b"\xa1\x45\x92\x44\xf9\xd6", "‧蔃碁"),
        ("big5hkscs", b"\x88\x62\xa4<", "Ê̄\ufffd<"),
        ("euc_jp", b"\xad\xa1\xa1\xc1\xfc\xfc", "①～￤"),  # rows of NEC and IBM
        ("euc_jp", b"\x8f\xa2\xb7\x8f\xb0\xa1\x8e\xb1\x8f<", "～丂ｱ\ufffd<"),
        ("cp932", b"\x87\x40\xa0\xb1\x81<", "①\ufffdｱ\ufffd<"),
        ("iso2022_jp", b"a\x1b$B-!0!\x1b(Bb\x1b(I1\x1b(J\\~", "a①亜bｱ¥‾"),
        ("cp1255", b"\xca\x81\xd9", "\u05ba\x81\ufffd"),
        ("koi8-u", b"\xae\xbe\xc1", "ўЎа"),
        ("cp874", b"\xa1\x81\xdb", "ก\x81\ufffd"),
        ("utf-8", b"\xe4\xbb\xe4\xbb\x8a\xf0\x9f", "\ufffd今\ufffd"),
    ],
)
def test_single_cases(codec: str, body: bytes, text: str) -> None:
    assert decode(body, codec) == text


def test_labels_of_the_standard_have_a_codec() -> None:
    for label, codec in (
        ("csiso58gb231280", "gb18030"), ("x-x-big5", "big5hkscs"), ("ms_kanji", "cp932"), ("x-euc-jp", "euc_jp"),
        ("ksc5601", "cp949"), ("iso-8859-8-i", "iso8859-8"), ("dos-874", "cp874"), ("tis-620", "cp874"),
        ("x-mac-cyrillic", "mac-cyrillic"), ("x-user-defined", "cp1252"), ("unicode-1-1-utf-8", "utf-8"),
        ("koi8-ru", "koi8-u"), ("l9", "iso8859-15"), ("us-ascii", "cp1252"), ("latin5", "cp1254"),
    ):  # fmt: skip
        assert codec_of(label) == codec, label
