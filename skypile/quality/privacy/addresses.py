"""E-mail and IP addresses, and the addresses of pages, in which numbers are not looked for.

*E-mail*: RFC 5321's dot-atom in ASCII, bounded by what is no ASCII letter or digit, so that Chinese beside it is no
part of it; `(at)` and `[dot]` stand for the marks, and blanks around the @ are forgiven after a word such as 邮箱. What
does not end in a top-level domain (`icon@2x.png`, `a@b.shape`) is none, nor is the user of a repository
(`git@host:path`).

*IP*: what `ipaddress` calls global, as datatrove masks; private, documentation, multicast and other reserved ranges are
nobody's, and public resolvers (8.8.8.8) everybody's: both stay. Version and section numbers look like IPv4 addresses:
four numbers of at most 31, as 0.02 % of all addresses have, count only where the text speaks of an address, and none
does after a word such as 版本, version, v or §, or in a longer dotted number. Of IPv6 the part in use is looked for,
2000::/3.
"""

import functools
import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from tld import is_tld

from skypile.config.privacy import PrivacyConfig
from skypile.quality.privacy.folding import BARS, OPAQUE, Span

_AT: Final = re.compile(r"@|[\[({<] ?(?:at|@) ?[\])}>]")
_NAME: Final = re.compile(r"(?<![a-z0-9_%+@-])[a-z0-9_%+-](?:[a-z0-9._%+-]{0,62}[a-z0-9_%+-])?\Z")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOT: Final = r"(?:\.| ?[\[({<] ?(?:dot|\.) ?[\])}>] ?)"
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}{_DOT}){{1,8}}([a-z]{{2,24}})(?![a-z0-9-])")
_MAIL_WORD: Final = re.compile(rf"(?:邮箱|邮件|邮址|郵箱|郵件|信箱|mail)[^a-z0-9\n{BARS}]{{0,6}}\Z")
_LONGEST_NAME: Final = 64
# Reserved for examples (RFC 2606) and home networks (RFC 6762): in no list of domains, and in many addresses.
_RESERVED: Final = frozenset(["example", "test", "invalid", "localhost", "local"])

# From where it can only be a page's address, to where it ends.
_REST: Final = rf"[a-zA-Z0-9._~:/?#@!$&*+=%|{BARS}-]*"
_PAGES: Final = tuple(re.compile(start + _REST) for start in ("://", r"www\.", r"\.[a-zA-Z]{2,24}/"))

_IPV4: Final = re.compile(r"\d(?<![\w.-]\d)\d{0,2}(?:\.\d{1,3}){3}(?![\w-]|\.\d)", re.A)
_IPV6: Final = re.compile(
    r"[23](?<![\w.-][23])(?<![0-9a-f:]:[23])[0-9a-f]{3}:[0-9a-f:]{1,34}[0-9a-f](?:::)?(?![\w:])", re.I | re.A
)
_VERSION: Final = re.compile(
    r"(?:第|版|版本号?|章节?|节|条|编号|固件|内核|\b(?:v|ver|versions?|rev|releases?|r|build|firmware|kernel|chapter|ch"
    r"|sections?|sec|clause|table|figure|fig|appendix|oid|patch|update|driver)\.?|§|[a-z0-9]/)[ :#=-]{0,3}\Z",
)
_ADDRESS: Final = re.compile(
    r"(?:地址|服务器|主机|网关|代理|\b(?:ips?|ipv4|addr|address|addresses|host|hosts|server|proxy|gateway|client|from"
    r"|ping|peer|remote)\b)[^\d\n]{0,12}\Z|://\Z|@\Z",
)
_PART: Final = re.compile(r" ?(?:版|章|节|節|条|款)")
_PORT: Final = re.compile(r":\d{1,5}\b|/\d{1,2}\b")
_SMALL: Final = 31
_RESOLVERS: Final = frozenset(
    (
        *("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "114.114.114.114", "114.114.115.115", "119.29.29.29"),
        *("223.5.5.5", "223.6.6.6", "180.76.76.76", "208.67.222.222", "208.67.220.220", "4.2.2.1", "4.2.2.2"),
        *("2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111", "2606:4700:4700::1001"),
        *("2400:3200::1"),
    )
)
_BEFORE: Final = 32  # characters before a number that may say what it is


def emails(text: str, config: PrivacyConfig) -> Iterator[Span]:
    """Of a folded text.

    >>> text = "联系邮箱abc@example.cn谢谢"
    >>> [text[start:end] for start, end, _ in emails(text, PrivacyConfig())]
    ['abc@example.cn']
    """
    last = 0
    for mark in _AT.finditer(text):
        start = mark.start() - text.startswith(" ", mark.start() - 1)
        end = mark.end() + text.startswith(" ", mark.end())
        name = _NAME.search(text, max(last, start - _LONGEST_NAME - 1), start)
        domain = _DOMAIN.match(text, end)
        if not name or not domain or not _is_domain(domain[1]):
            continue
        if name[0] == "git" and text[domain.end() : domain.end() + 1] in (":", "/"):
            continue
        blanks = mark[0] == "@" and end - start > 1
        if blanks and not _MAIL_WORD.search(text, max(0, name.start() - _BEFORE), name.start()):
            continue
        last = domain.end()
        yield Span(name.start(), last, "email")


@functools.lru_cache(maxsize=1024)
def _is_domain(last: str) -> bool:
    """Whether it is a top-level domain; icon@2x.png and a@b.shape have none."""
    return last in _RESERVED or is_tld(last)


def ip_addresses(text: str, config: PrivacyConfig) -> Iterator[Span]:
    """Of a folded text.

    >>> text = "版本1.2.3.4，IP：47.96.1.2:80"
    >>> [text[start:end] for start, end, _ in ip_addresses(text, PrivacyConfig())]
    ['47.96.1.2']
    """
    for found in _IPV4.finditer(text):
        before = text[max(0, found.start() - _BEFORE) : found.start()]
        parts = [int(part) for part in found[0].split(".")]
        if max(parts) > 255 or _VERSION.search(before) or _PART.match(text, found.end()) or not _is_somebodys(found[0]):
            continue
        named = _ADDRESS.search(before) or _PORT.match(text, found.end())
        if named or max(parts) > _SMALL:
            yield Span(found.start(), found.end(), "ip")
    for found in _IPV6.finditer(text):
        if _is_somebodys(found[0]):
            yield Span(found.start(), found.end(), "ip")


def _is_somebodys(address: str) -> bool:
    """Whether `address` is one that some machine on the internet may have, and not a public resolver."""
    try:
        found = ipaddress.ip_address(address)
        return address not in _RESOLVERS and found.is_global and not found.is_multicast
    except ValueError:
        return False


def without_pages(text: str) -> str:
    """`text`, of the same length, with bars over addresses of pages: numbers in them are names of pages.

    >>> without_pages("见http://a.cn/13812345678.html。").rstrip("。") == "见http" + 24 * OPAQUE
    True
    """
    for pattern in _PAGES:  # one by one: the search for what begins with a constant is ten times as fast
        text = pattern.sub(lambda found: OPAQUE * len(found[0]), text)
    return text
