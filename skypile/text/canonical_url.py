"""One spelling for the addresses that lead to one page.

Lower-cases scheme and host, drops ``www.``, default ports, user names, fragments (but not ``#!``, which selects a
page), tracking parameters and a trailing slash, sorts the query, treats http and https as one, and spells percent
escapes in one way. Everything that may select another page (path case, other parameters) stays. Escapes of reserved
or non-ASCII bytes are never decoded: a query in GBK is not UTF-8, and decoding would make different pages one.

    HTTP://www.Example.com:80/a/?utm_source=x&b=2&a=1#top -> example.com/a?a=1&b=2
"""

import re
from urllib.parse import quote, urlsplit

# Parameters that trackers append and servers ignore: analytics (utm, ga, Baidu's hm), ad clicks, Alibaba's spm,
# newsletter and share marks. Session identifiers are named here too: each visit has its own.
_TRACKING = re.compile(
    r"utm_\w+|hmsr|hmpl|hmcu|hmkw|hmci|gclid|dclid|fbclid|msclkid|yclid|igshid|mc_[ce]id|_ga|_gl|spm|scm|"
    r"share_(?:token|source|from)|phpsessid|jsessionid|aspsessionid\w*",
    re.IGNORECASE,
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical_url(url: str | None) -> str | None:
    """Canonical form without a scheme, or None for what is no http(s) address (such a URL is never collapsed).

    >>> canonical_url("https://Example.com/%7Euser/?spm=1")
    'example.com/~user'
    """
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host:
        return None
    host = host.removeprefix("www.") if host.count(".") > 1 else host
    place = f"{host}:{port}" if port and port != _DEFAULT_PORTS[parts.scheme] else host
    path = _spell(_SESSION_IN_PATH.sub("", parts.path)).rstrip("/")
    query = sorted(pair for pair in _spell(parts.query).split("&") if pair and not _TRACKING.fullmatch(pair.split("=")[0]))
    state = "#" + _spell(parts.fragment) if parts.fragment.startswith("!") else ""
    return place + path + ("?" + "&".join(query) if query else "") + state


def _spell(text: str) -> str:
    """Percent escapes in capitals, none for unreserved characters, all for non-ASCII: ``%7e体`` -> ``~%E4%BD%93``."""
    return _ESCAPE.sub(_unescape, quote(text, safe="/?~:@!$&'()*+,;=%", errors="replace"))


def _unescape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else match[0].upper()
