"""Telephone numbers: `phonenumbers` (Google's libphonenumber) judges what is written like one.

Numbers of the plan of some country are common among all numbers of 10 digits: 2023101208 is one in Guangzhou. So the
library is asked only about what is written as a telephone number: with + or 00 and the country; a Chinese mobile number
(11 digits from 13 to 19) or one with its area (from 0), plain or in the groups people use; a service number (400, 800)
in groups; a number of another configured country from 0 in groups, or in exactly those that the library would write.
Where blanks alone part the groups, as the cells of a table, nothing else may stand in the row. After a word such as
电话, 手机, tel or call any grouping will do, a mobile number of a range that the library does not know yet, and 7 or 8
digits without an area.
"""

import functools
import re
from typing import Final, NamedTuple

import phonenumbers

from skypile.quality.privacy.folding import BAR, BARS


class Written(NamedTuple):
    """Digits as they stand in a text, `text[start:end]`."""

    start: int
    end: int
    digits: str
    parts: tuple[int, ...]  # digits of each group
    joints: tuple[str, ...]  # what stands between the groups
    before: str  # what stands before it, as far as it may speak of it
    said: bool  # whether a word before it asks for a telephone number,
    just: bool  # and next to it
    alone: bool  # whether nothing else is in its run of digits

    @property
    def blank(self) -> bool:
        """Whether blanks alone part its groups."""
        return not "".join(self.joints).strip(" ")


_CALLED: Final = (
    "(?:电话|電話|手机|手機|热线|熱線|传真|傳真|座机|固话|专线|總機|总机|联系方式|行动|行動|短信|拨打|撥打|致电|致電|来电|询电"
    r"|(?<![a-z])(?:telephone|tel|phone|mobile|mob|cell|cellphone|fax|call|calling|hotline|whatsapp|dial|dh|sj)(?![a-z]))"
)
_RELATED: Final = (
    "(?:联系|聯繫|咨询|諮詢|客服|服务台|订购|订票|报名|加盟|报警|投诉|举报|微信|薇信|扣扣|同号"
    "|(?<![a-z])(?:contact|text|sms|wx|vx|weixin|wechat|qq|ring|handphone|hp)(?![a-z]))"
)
_JUST_AFTER: Final = re.compile(rf"{_CALLED}(?:号码|號碼|号|numbers?|no)?[ :.()\-+=~是为為\[\]\"]{{0,6}}\Z")
_AFTER: Final = re.compile(rf"(?:{_CALLED}|{_RELATED})[^0-9\n。!?{BARS}]{{0,12}}\Z")
_SAID_AFTER: Final = re.compile(r" ?[(] ?(?:phone|tel|fax|mobile|cell|voice|toll|手机|电话|传真|微信|客服)")
_GOES_ON: Final = re.compile(f"[{BAR['phone']}]?[ /、,;，；或和及]{{1,3}}")

_MOBILE: Final = re.compile("1[3-9]")
_MOBILE_PARTS: Final = frozenset(
    [(11,), (3, 4, 4), (4, 3, 4), (4, 4, 3), (3, 8), (5, 6), (6, 5), (7, 4), (3, 3, 5), (1,) * 11]
)
_BLANK_PARTS: Final = frozenset([(3, 4, 4), (1,) * 11])  # of those, parted by blanks alone and without a word before
_SERVICE: Final = re.compile("[48]00")
_LOCAL: Final = frozenset([(7,), (8,), (3, 4), (4, 4)])
_EXTENSION: Final = re.compile(r" ?(?:转|轉|分机|ext\.?|extension|-|\*) ?[0-9]{1,6}(?![0-9])")
_FEWEST_NATIONAL: Final = 9  # digits of another country's number without a word before it


def is_phone(written: Written, goes_on: bool, after: str, regions: tuple[str, ...]) -> bool:
    """Whether it is a telephone number.

    `goes_on`: it follows one, as the second of 010-12345678/12345679; `after`: what follows it.
    """
    digits, parts = written.digits, written.parts
    if len(digits) > 15 or not _brackets_fit(written):
        return False
    if written.before.endswith("+"):
        return _valid("+" + digits, None)
    if min(parts[1:], default=2) < 2 and set(parts) != {1}:
        return False
    if digits.startswith("00") and parts[0] > 1:
        return len(digits) > 10 and _valid("+" + digits[2:], None)
    said = goes_on or written.said or bool(_SAID_AFTER.match(after))
    if "CN" in regions and (found := _is_chinese(written, said)) is not None:
        return found
    just = goes_on or written.just
    if parts in _LOCAL and digits[0] in "2345678" and just:
        return True
    said = said and (just or len(digits) >= _FEWEST_NATIONAL)
    if len(digits) < _FEWEST_NATIONAL and not said:
        return False
    return any(_is_of(region, written, said) for region in regions if region != "CN")


def _is_chinese(written: Written, said: bool) -> bool | None:
    """Whether it is a number of China; None where it has not the form of one."""
    digits, parts, blank = written.digits, written.parts, written.blank
    apart = not blank or written.alone or said or len(parts) == 1
    if digits.startswith("86") and (parts[0] == 2 or len(digits) == 13) and _valid("+" + digits, None):
        return True
    if len(digits) == 11 and _MOBILE.match(digits):
        fits = parts in _MOBILE_PARTS and (len(parts) == 1 or not blank or (written.alone and parts in _BLANK_PARTS))
        return said or (fits and _valid(digits, "CN"))
    area = 3 if digits[:2] in ("01", "02") else 4
    if digits[0] == "0" and (len(parts) == 1 or (parts[0] == area and min(parts) > 2)) and _valid(digits, "CN"):
        return apart
    if len(digits) == 10 and _SERVICE.match(digits) and _valid(digits, "CN"):
        return apart
    return None


def _is_of(region: str, written: Written, said: bool) -> bool:
    digits, parts = written.digits, written.parts
    if not _valid(digits, region):
        return False
    if said:
        return True
    national = digits[0] == "0" and not written.blank and len(parts) <= 3
    as_written = len(parts) > 1 and parts in _groupings(digits, region)
    return national or (as_written and (not written.blank or (digits[0] == "0" and written.alone)))


def _brackets_fit(written: Written) -> bool:
    """Whether its brackets hold an area, after its country if any: (010) 12345678, 1 (415) 555-2671, +49 (0)30."""
    opened = written.before.rstrip("+").endswith("(")
    inside = False
    for number, joint in enumerate(written.joints):
        for mark in joint:
            if mark == "(" and (opened or number):
                return False
            if mark == ")" and not opened:
                return False
            opened = mark == "(" or (opened and mark != ")")
            inside = opened and (inside or mark == "(")
    country = written.before.endswith("+") or written.digits[:2] in ("00", "86") or written.parts[0] == 1
    return not inside and (country or "(" not in "".join(written.joints))


def said(before: str) -> tuple[bool, bool]:
    """Whether a word in `before` asks for a telephone number, and whether it stands next to it."""
    return bool(_AFTER.search(before)), bool(_JUST_AFTER.search(before))


def goes_on(between: str) -> bool:
    """Whether so little stands between a telephone number and another one that they belong together."""
    return bool(_GOES_ON.fullmatch(between))


def extended(text: str, written: Written) -> int:
    """Where the number ends, with its extension: 010-12345678转801."""
    if extension := _EXTENSION.match(text, written.end):
        return extension.end()
    return written.end


def begun(text: str, written: Written) -> int:
    """Where the number begins, with its + and the bracket that is closed in it: (010) 12345678."""
    start = written.start
    opened = ")" in "".join(written.joints)
    while start and (text[start - 1] == "+" or (opened and text[start - 1] == "(")):
        opened = opened and text[start - 1] != "("
        start -= 1
    return start


@functools.lru_cache(maxsize=4096)
def _valid(number: str, region: str | None) -> bool:
    """Whether it is a number of the plan: of `region`, if it does not begin with + and its country."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(parsed))


@functools.lru_cache(maxsize=4096)
def _groupings(number: str, region: str) -> frozenset[tuple[int, ...]]:
    """Digits of each group, as the library writes a valid number within its country, and with the country's code."""
    parsed = phonenumbers.parse(number, region)
    styles = (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    written = [phonenumbers.format_number(parsed, style) for style in styles]
    found = [tuple(map(len, re.findall("[0-9]+", one))) for one in written]
    return frozenset([*found, found[1][1:]])
