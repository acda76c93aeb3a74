"""Identifiers of people as pages write them, made by chance, with the words around them: for benchmarks.privacy."""

import ipaddress
import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, NamedTuple

_MOBILE: Final = (
    *("130", "131", "132", "133", "134", "135", "136", "137", "138", "139", "145", "147", "150", "151", "152", "153"),
    *("155", "156", "157", "158", "159", "166", "170", "171", "173", "175", "176", "177", "178", "180", "181", "182"),
    *("183", "184", "185", "186", "187", "188", "189", "191", "193", "195", "198", "199"),
)
_AREAS: Final = ("010", "020", "021", "022", "023", "024", "025", "027", "028", "029", "0571", "0755", "0512", "0531")
_REGIONS: Final = ("110101", "310104", "440305", "330106", "510107", "420111", "370202", "610113", "230103", "450502")
_WORDS: Final = (
    "lihua",
    "zhangwei",
    "wang.fang",
    "chen_min",
    "info",
    "service",
    "zhaolei88",
    "sun-yan",
    "liu.yang1990",
)
_DOMAINS: Final = (
    "163.com",
    "qq.com",
    "sina.com.cn",
    "mail.example.cn",
    "gmail.com",
    "hotmail.co.uk",
    "tsinghua.edu.cn",
)
_FULL_WIDTH: Final = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


class Planted(NamedTuple):
    form: str
    kind: str  # of skypile.config.privacy.IDENTIFIERS
    before: str
    value: str
    after: str


def _digits(chance: random.Random, number: int) -> str:
    return "".join(chance.choices("0123456789", k=number))


def mobile(chance: random.Random) -> str:
    return chance.choice(_MOBILE) + _digits(chance, 8)


def landline(chance: random.Random) -> str:
    area = chance.choice(_AREAS)
    local = chance.choice("35678") + _digits(chance, 7)
    return area + "-" + local + chance.choice(["", "", "转801", "-8012"])


def email(chance: random.Random) -> str:
    return f"{chance.choice(_WORDS)}{chance.choice(['', _digits(chance, 3)])}@{chance.choice(_DOMAINS)}"


def id_number(chance: random.Random) -> str:
    born = date(1950, 1, 1) + timedelta(days=chance.randrange(20_000))
    number = chance.choice(_REGIONS) + born.strftime("%Y%m%d") + _digits(chance, 3)
    remainder = 0
    for digit in number:  # ISO 7064 MOD 11-2 as its text has it, from the left
        remainder = (remainder + int(digit)) * 2 % 11
    product = (12 - remainder) % 11
    return number + ("X" if product == 10 else str(product))


def old_id_number(chance: random.Random) -> str:
    born = date(1930, 1, 1) + timedelta(days=chance.randrange(20_000))
    return chance.choice(_REGIONS) + born.strftime("%y%m%d") + _digits(chance, 3)


def bank_card(chance: random.Random) -> str:
    prefix, length = chance.choice((("622848", 19), ("621700", 19), ("625912", 16), ("4", 16), ("53", 16), ("37", 15)))
    number = prefix + _digits(chance, length - 1 - len(prefix))
    return next(number + check for check in "0123456789" if _luhn(number + check) == 0)


def _luhn(number: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10


def ipv4(chance: random.Random) -> str:
    while True:
        found = ipaddress.IPv4Address(chance.getrandbits(32))
        if found.is_global and not found.is_multicast:
            return str(found)


def ipv6(chance: random.Random) -> str:
    return str(ipaddress.IPv6Address((0x2408 << 112) | chance.getrandbits(108)))


def parted(value: str, mark: str, *ends: int) -> str:
    """`value` with a mark after each of so many characters."""
    parts, at = [], 0
    for end in sorted({*(end for end in ends if end < len(value)), len(value)}):
        parts.append(value[at:end])
        at = end
    return mark.join(parts)


# form: kind, what stands before, the value, what stands after
_Made = tuple[str, tuple[str, ...], Callable[[random.Random], str], tuple[str, ...]]
FORMS: Final[dict[str, _Made]] = {
    "mobile, glued": ("phone", ("请联系", "电话", "手机号为", "找王经理"), mobile, ("咨询", "（微信同号）", "谢谢")),
    "mobile, 3-4-4": ("phone", ("电话：", "致电", ""), lambda c: parted(mobile(c), "-", 3, 7), ("。", "李先生")),
    "mobile, spaces": (
        "phone",
        ("手机 ", "联系人张先生 "),
        lambda c: parted(mobile(c), " ", 3, 7),
        ("。", "，谢绝中介"),
    ),
    "mobile, dots": ("phone", ("热线:", "Tel "), lambda c: parted(mobile(c), ".", 3, 7), ("，", " ")),
    "mobile, full width": ("phone", ("电话：", "咨询"), lambda c: mobile(c).translate(_FULL_WIDTH), ("，", "刘")),
    "mobile, +86": ("phone", ("电话", "call "), lambda c: c.choice(["+86 ", "+86-", "86-"]) + mobile(c), ("。", ", ")),
    "mobile after wx": ("wechat", ("wx", "vx：", "加微信"), mobile, ("备注来意", "，")),
    "landline": ("phone", ("电话", "传真：", "总机"), landline, ("。", "、")),
    "landline, bracket": (
        *("phone", ("电话：", "办公室")),
        lambda c: "(" + landline(c).replace("-", c.choice([")", ") "]), 1),
        ("。", "，"),
    ),
    "service number": (
        *("phone", ("客服热线", "拨打")),
        lambda c: "400-" + parted(c.choice("168") + _digits(c, 6), "-", 3),
        ("。", "进行咨询"),
    ),
    "e-mail, glued": ("email", ("联系邮箱", "投稿至", "邮件发到"), email, ("谢谢", "。", "或致电")),
    "e-mail, full width": ("email", ("邮箱：", "投稿"), lambda c: email(c).translate(_FULL_WIDTH), ("，", "收")),
    "e-mail, (at)": (
        "email",
        ("邮箱：", "E-mail: "),
        lambda c: email(c).replace("@", c.choice(["(at)", "[at]"])),
        ("。",),
    ),
    "identity number": ("id_number", ("身份证号", "身份证：", "证件号码为"), id_number, ("的", "，", "。")),
    "identity number, 6 8 4": ("id_number", ("身份证 ",), lambda c: parted(id_number(c), " ", 6, 14), ("，", "。")),
    "identity number, 15": ("id_number", ("身份证号", "旧证号："), old_id_number, ("，", "。")),
    "bank card": ("bank_card", ("卡号", "打款到", "银行账号："), bank_card, ("户名李华", "。")),
    "bank card, 4 4 4": ("bank_card", ("卡号：",), lambda c: parted(bank_card(c), " ", 4, 8, 12, 16), ("。", "，户名")),
    "IPv4": ("ip", ("IP地址", "来自", "服务器", "from "), ipv4, ("的访问", "。", ":8080")),
    "IPv6": ("ip", ("地址", "来自 "), ipv6, ("的访问", "。")),
    "QQ": (
        "qq",
        ("QQ：", "QQ", "qq号", "加扣扣", "QQ群："),
        lambda c: c.choice("123456789") + _digits(c, 8),
        ("，", "。"),
    ),
    "WeChat": (
        *("wechat", ("微信号：", "加V：", "微信:", "威信", "vx ")),
        lambda c: c.choice(["abc_", "li-hua", "zx", "wxid_"]) + _digits(c, 6),
        ("，", "。", "领取"),
    ),
}


def planted(form: str, chance: random.Random) -> Planted:
    kind, before, value, after = FORMS[form]
    return Planted(form, kind, chance.choice(before), value(chance), chance.choice(after))
