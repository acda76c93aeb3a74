"""Bytes to text by the tables of the WHATWG Encoding standard, where Python's differ.

Python's codecs do the work, at their speed; what they leave out or decode otherwise is mended. Compared over all byte
pairs of each charset with the standard's decoders (Chromium's), GB18030 differs in 20 pairs, Big5 in 203, EUC-JP in
463, Shift_JIS in 4 bytes, EUC-KR in none; the single-byte charsets in bytes that Python leaves undefined. An invalid
pair costs its first byte where the second is ASCII, which may be markup, and both where it is not.
"""

import codecs
import functools
import re
from typing import Final

import numpy as np

# GB18030-2005 and -2022 moved characters out of private use: what Python decodes, and what it stands for. U+E5E5 is
# 0xA3A0, which editors of the nineties wrote for an ideographic blank.
_GB_MOVED: Final = str.maketrans(
    dict(
        zip(
            "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\u1e3f\ue81e\ue826\ue82b\ue82c\ue832\ue843"
            "\ue854\ue864",
            "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f\ue7c7\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9"
            "\u9fba\u9fbb",
            strict=True,
        )
    )
)
_GB_FIRST, _GB_LAST = 0xE5E5, 0xE864
_GB_CUT: Final = re.compile(rb"[\x81-\xfe](?:[0-9](?:[\x81-\xfe][0-9]?)?)?\Z")  # of four bytes, at the end

_BIG5_MOVED: Final = str.maketrans("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡")
_BIG5_SLASHES: Final = {b"\xa2\x41": "∕", b"\xa2\x42": "﹨"}  # Python makes of them what two other pairs are
_BIG5_PAIR: Final = re.compile(rb"[\x81-\xfe][\x40-\x7e\xa1-\xfe]")
# Pairs that Python's Big5-HKSCS leaves out: ETEN's, HKSCS-2008's, and the double ones of Big5; hexadecimal, character.
_BIG5_MISSING: Final = (
    "9244蔃9447浧9644靝877a㡵877b𡵓877c𣚞877d𦀡877e㻬87a1𥣞87a2㫵87a3竼87a4龗87a5𤅡87a6𨤍87a7𣇪87a8𠪊87a9𣉞87aa䌊87ab蒄87ac龖87ad鐯"
    "87ae䤰87af蘓87b0墖87b1靊87b2鈘87b3秐87b4稲87b5晠87b6権87b7袝87b8瑌87b9篅87ba枂87bb稬87bc剏87bd遆87be㓦87bf珄87c0𥶹87c1瓆87c2鿇"
    "87c3垳87c4䤯87c5呌87c6䄱87c7𣚎87c8堘87c9穲87ca𧭥87cb讏87cc䚮87cd𦺈87ce䆁87cf𥶙87d0箮87d1𢒼87d2鿈87d3𢓁87d4𢓉87d5𢓌87d6鿉87d7蔄"
    "87d8𣖻87d9䂴87da鿊87db䓡87dc𪷿87dd拁87de灮87df鿋8e69箸8e6f簆8e7e糎8eab緒8eb4縝8ecd者8ed0耨8f57菁8f69蒨8f6e萏8fcb覦8fcc覩8ffe起"
    "906d都907a銹90dc靜90f1響91bf鼖92af兙92b0兛92b1兝92b2兞92c8鍮92d1瑹94ca禛95d9邗96ed瀞96fc嬨9b76爁9b78矗9b7b纇9bc6駖9bde釔9bec惞"
    "9bf6澶9c42輶9c53侻9c62營9c68鄄9c6b鷰9c77菏9cbc尐9cbd秣9cd0婧9d57輋9d5a筑9dc4拐9ea9恢9eef痹9efd汊9f60鬮9f66鼗9fcb僭9fd8弌a063蠏"
    "a077拎a0d5瑨a0df煢a0e4牐a3c0␀a3c1␁a3c2␂a3c3␃a3c4␄a3c5␅a3c6␆a3c7␇a3c8␈a3c9␉a3ca␊a3cb␋a3cc␌a3cd␍a3ce␎a3cf␏a3d0␐"
    "a3d1␑a3d2␒a3d3␓a3d4␔a3d5␕a3d6␖a3d7␗a3d8␘a3d9␙a3da␚a3db␛a3dc␜a3dd␝a3de␞a3df␟a3e0␡a3e1€c6cf廴c6d3无c6d5癶c6d7隶"
    "c6de〃c6df仝fa5f倩fa66偽fabd包fac5卄fad5卿fb48嘅fbb8婷fbf3幵fbf9廐fc4f彘fc6c悤fcb9撐fce2晴fcf1杞fdb7沜fdb8渝fdbb港fdf1煮fe52猪"
    "fe6f瑜feaa瓩fedd砉"
)

_JIS_MOVED: Final = str.maketrans("〜‖−¢£¬", "～∥－￠￡￢")
_JIS_TILDE: Final = (b"\x8f\xa2\xb7", b"\xa1\xc1")
_JIS_SHIFT: Final = re.compile(rb"\x1b(\$[@B]|\([BIJ])")
_JIS_TO_EUC: Final = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))
_JIS_ROMAN: Final = str.maketrans("\\~", "¥‾")
_SJIS_UNDEFINED: Final = str.maketrans(dict.fromkeys("\uf8f0\uf8f1\uf8f2\uf8f3", "\ufffd"))
_KOI8_U_MOVED: Final = str.maketrans("╝╬", "ўЎ")


def decode(body: bytes, codec: str) -> str:
    """Text of `body` in the charset that the Python codec `codec` reads; U+FFFD for what it does not define.

    >>> decode(b"\\xa3\\xa0\\xb4\\xba", "gb18030"), decode(b"\\x80", "gb18030"), decode(b"\\x81", "cp1252")
    ('\\u3000春', '€', '\\x81')
    """
    if codec == "gb18030":
        return _gb18030(body)
    if codec == "big5hkscs":
        return _big5(body)
    if codec == "euc_jp":
        return _euc_jp(body)
    if codec == "iso2022_jp":
        return _iso2022_jp(body)
    if codec.startswith("utf"):
        return body.decode(codec, "replace")
    text = body.decode(codec, "whatwg_cp1255" if codec == "cp1255" else "whatwg")
    if codec == "cp932":
        return _moved(text, _SJIS_UNDEFINED)
    return _moved(text, _KOI8_U_MOVED) if codec == "koi8-u" else text


def _moved(text: str, table: dict[int, int] | dict[int, str]) -> str:
    """`text` translated, if it holds anything that the table does: a translation costs 100 times as much as a look."""
    return text.translate(table) if any(chr(point) in text for point in table) else text


def _gb18030(body: bytes) -> str:
    text = body.decode("gb18030", "whatwg")
    units = np.frombuffer(text.encode("utf-16-le"), np.uint16)
    moved = bool(((units >= _GB_FIRST) & (units <= _GB_LAST)).any()) or "\u1e3f" in text
    return text.translate(_GB_MOVED) if moved else text


def _big5(body: bytes) -> str:
    if not any(pair in body for pair in _BIG5_SLASHES):
        return _moved(body.decode("big5hkscs", "whatwg"), _BIG5_MOVED)
    parts, done = [], 0
    for pair in _BIG5_PAIR.finditer(body):
        if slash := _BIG5_SLASHES.get(pair[0]):
            parts += [_moved(body[done : pair.start()].decode("big5hkscs", "whatwg"), _BIG5_MOVED), slash]
            done = pair.end()
    return "".join([*parts, _moved(body[done:].decode("big5hkscs", "whatwg"), _BIG5_MOVED)])


def _euc_jp(body: bytes) -> str:
    body = body.replace(*_JIS_TILDE) if b"\x8f" in body else body
    return _moved(body.decode("euc_jp", "whatwg"), _JIS_MOVED)


def _iso2022_jp(body: bytes) -> str:
    """By its escapes: pairs of JIS X 0208 are those of EUC-JP without the high bit."""
    parts, mode = [], b"(B"
    for number, part in enumerate(_JIS_SHIFT.split(body)):
        if number % 2:
            mode = part
        elif mode.startswith(b"$"):
            parts.append(_euc_jp(part.translate(_JIS_TO_EUC)))
        elif mode == b"(I":
            parts.append("".join(chr(byte + 0xFF40) if 0x21 <= byte <= 0x5F else chr(byte) for byte in part))
        else:
            text = part.decode("ascii", "replace")
            parts.append(text.translate(_JIS_ROMAN) if mode == b"(J" else text)
    return "".join(parts)


@functools.cache
def _big5_missing() -> dict[bytes, str]:
    pairs = (_BIG5_MISSING[at : at + 5] for at in range(0, len(_BIG5_MISSING), 5))
    return {bytes.fromhex(pair[:4]): pair[4] for pair in pairs}


def _mended(error: UnicodeError) -> tuple[str, int]:
    """What the standard makes of the bytes at which a codec of Python's stops, and where it goes on."""
    assert isinstance(error, UnicodeDecodeError)
    at, codec = error.start, error.encoding
    pair = error.object[at : at + 2]
    lead = pair[0]
    if codec == "charmap":
        return (chr(lead) if lead < 0xA0 else "\ufffd"), at + 1
    if codec == "gb18030" and lead == 0x80:
        return "€", at + 1
    if codec == "gb18030" and _GB_CUT.match(error.object, at):
        return "\ufffd", len(error.object)
    if codec == "big5hkscs" and pair in _big5_missing():
        return _big5_missing()[pair], at + 2
    if codec == "euc_jp" and lead == 0x8F:
        third = error.object[at + 2 : at + 3]
        whole = pair[1:] >= b"\xa1" and pair[1:] != b"\xff" and third >= b"\x80"
        return "\ufffd", at + (3 if whole else 2 if pair[1:] >= b"\x80" else 1)
    if codec == "euc_jp" and len(pair) == 2 and (found := _row_of_cp932(pair)):
        return found, at + 2
    leads = _LEADS.get(codec, ())
    return "\ufffd", at + (2 if len(pair) == 2 and lead in leads and pair[1] >= 0x80 else 1)


_LEADS: Final = {
    "gb18030": range(0x81, 0xFF),
    "big5hkscs": range(0x81, 0xFF),
    "euc_jp": (0x8E, *range(0xA1, 0xFF)),
    "cp932": (*range(0x81, 0xA0), *range(0xE0, 0xFD)),
    "cp949": range(0x81, 0xFF),
}


def _row_of_cp932(pair: bytes) -> str:
    """The character of an EUC-JP pair in NEC's and IBM's rows, which windows-31J has and Python's EUC-JP has not."""
    row, cell = pair[0] - 0xA0, pair[1] - 0xA0
    if not (1 <= row <= 94 and 1 <= cell <= 94):
        return ""
    lead = (row + 1) // 2 + (0x80 if row <= 62 else 0xC0)
    trail = cell + 0x9E if row % 2 == 0 else cell + (0x3F if cell <= 63 else 0x40)
    try:
        return bytes((lead, trail)).decode("cp932")
    except UnicodeDecodeError:
        return ""


def _mended_hebrew(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return ("\u05ba", error.start + 1) if error.object[error.start] == 0xCA else _mended(error)


codecs.register_error("whatwg", _mended)
codecs.register_error("whatwg_cp1255", _mended_hebrew)
