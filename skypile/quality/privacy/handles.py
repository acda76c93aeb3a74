"""QQ numbers and WeChat handles given as contacts: `QQ：12345678`, `微信号abc_123`, `加V：abc123`, `vx wx扣扣…`.

A handle has no form of its own that would tell it from a word or a number, so the word before it speaks for it. QQ
numbers have 5 to 12 digits; a WeChat handle is a letter and 5 to 19 letters, digits, - or _ (Tencent's rule), a mobile
number or a QQ number. Letters alone may be a word ("微信 Android"): they count only after a word that asks for a handle
(微信号, 加微) or a colon, and if no other Latin word follows. Official accounts (公众号) are publications, and stay.
"""

import re
from collections.abc import Iterator
from typing import Final

from skypile.config.privacy import PrivacyConfig
from skypile.quality.privacy.folding import Span

# Each word begins with a constant, and looks behind it: so the search skips what no word begins with.
_QQ: Final = r"(?:q(?<![a-z0-9]q) ?q|扣扣|叩叩|企鹅号?|加q(?!q)|\+q(?!q)|q(?<![a-z]q)群)"
_SHORT: Final = "(?:微|薇|威|v(?!ip|pn|ideo|er|alue))"
_WECHAT: Final = (
    r"(?:微 ?信|微❤|薇信|威信|徽信|维信|围信|v信|v❤|w(?<![a-z]w)e ?chat|w(?<![a-z]w)eixin"
    rf"|v(?<![a-z]v) ?x|w(?<![a-z]w) ?x|加(?:我|个|下)?{_SHORT}|\+{_SHORT})"
)
_OTHER: Final = rf"(?:[/、和或及与&,| ]{{0,2}}(?:{_QQ}|{_WECHAT}|手机|电话|同号|同步|同)(?![a-z]))"
_IS: Final = r"[ :：=\-–~\"'()\[\]<>|.,，、→是为为：号]"
_UNIT: Final = r"(?![a-z0-9_%]|[.-][a-z0-9]| ?[年月日万亿千百个名位人次元块分秒款台部家条用版倍])"
_QQ_NUMBER: Final = re.compile(
    rf"{_QQ}{_OTHER}{{0,3}}(?:交流|咨询|客服|联系|讨论|官方|粉丝|在线)* ?(?:群号?|号码?|number|no\.?|id)?{_IS}{{0,4}}"
    rf"(?:{_OTHER}{_IS}{{0,4}})?([1-9][0-9]{{4,11}}){_UNIT}",
)
_WECHAT_HANDLE: Final = re.compile(
    rf"({_WECHAT}){_OTHER}{{0,3}}( ?(?:联系|咨询|客服|搜索?|添加|加)*(?:账号|帐号|号码?|群号?|id|account)?)"
    rf"({_IS}{{0,4}})([a-z][a-z0-9_-]{{5,19}}|[1-9][0-9]{{5,11}}){_UNIT}",
)
_NEXT: Final = re.compile(rf"[/、,，或和; ]{{1,2}}([1-9][0-9]{{4,11}}){_UNIT}")
_LETTERS: Final = re.compile("[a-z]+")
_WORD_FOLLOWS: Final = re.compile(r" [a-z]")
# What stands after the name of the programme, and is no handle.
_WORDS: Final = frozenset(
    (
        *("wechat", "weixin", "android", "iphone", "windows", "official", "account", "accounts", "payment", "moments"),
        *("miniprogram", "mini-program", "messenger", "international", "version", "platform", "tencent", "alipay"),
        *("taobao", "facebook", "twitter", "whatsapp", "telegram", "instagram", "linkedin", "youtube", "google"),
        *("mobile", "qrcode", "qr-code", "scan_code", "follow", "contact", "public", "channel", "channels", "system"),
        *("server", "client", "openid", "unionid", "request", "number", "please"),
    )
)
_ASKS: Final = re.compile("号|id|account|加")


def handles(text: str, config: PrivacyConfig) -> Iterator[Span]:
    """Of a folded text.

    >>> text = "qq:12345678 微信号abc_123 加v:zhang2020"
    >>> [text[start:end] for start, end, _ in handles(text, PrivacyConfig())]
    ['12345678', 'abc_123', 'zhang2020']
    """
    for found in _QQ_NUMBER.finditer(text):
        yield Span(*found.span(1), "qq")
        end = found.end(1)
        while following := _NEXT.match(text, end):
            yield Span(*following.span(1), "qq")
            end = following.end(1)
    for found in _WECHAT_HANDLE.finditer(text):
        if _is_handle(found, text):
            yield Span(*found.span(4), "wechat")


def _is_handle(found: re.Match[str], text: str) -> bool:
    trigger, asked, between, handle = found.groups()
    if not _LETTERS.fullmatch(handle):
        return True
    if handle in _WORDS or _WORD_FOLLOWS.match(text, found.end(4)):
        return False
    before = text[max(0, found.start() - 2) : found.start()]
    return bool(_ASKS.search(before + trigger + asked) or ":" in between)
