"""Host and comparison key of a URL, without a request.

RFC 3986, section 6.2 (case, percent-encoding and port normalisation) plus what crawls need: many addresses
lead to one page. The price of every fold is that two different pages may share a key, so only folds that
practically never change the page are made; path case, parameter values and `m.` hosts stay as they are.
About 6 µs a URL.
"""

import re
from contextlib import suppress
from urllib.parse import quote

from skypile.text.limits import CUT_MARK

_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?", re.DOTALL)
_STRIPPED = re.compile(r"[\t\n\r]")  # WHATWG URL: these are dropped wherever they stand
_C0 = "".join(map(chr, range(33)))
_SPACE = re.compile(r"[\x00-\x20]")  # in a host: a slip of the pen
_HOST = re.compile(r"[a-z0-9._-]+")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SAFE = "%!$&'()*+,-./:;=@_~[]|?"
_INDEX = re.compile(r"/(?:index\.(?:x?html?|s?html|php|aspx?|jsp)|default\.(?:html?|aspx?))$", re.IGNORECASE)
_SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_MAX_NAME = 253  # characters of a DNS name; longer ones are none, and IDNA takes quadratic time
_WEB = re.compile(r"\s*https?://[^/?#\s]", re.IGNORECASE)
_HASHBANG = re.compile(r"#![^\s]*")
_DEFAULT_PORTS = (":80", ":443")

# Parameters that say how a reader came to the page and never which page it is: campaign tags and click ids
# of the advertising networks, and the share tags of Chinese platforms (spm and scm: Alibaba; vd_source:
# Bilibili; hm..: Baidu). Names that some sites do use for content (id, from, source, ref, sid) stay out.
_TRACKING = re.compile(
    r"(?:utm_\w+|mtm_\w+|pk_\w+|_hs\w+|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|li_fat_id"
    r"|igshid|igsh|mc_cid|mc_eid|_ga|_gl|ref_src|ref_url|cmpid|ncid|wt\.mc_id|spm|scm|vd_source|share_token"
    r"|share_source|share_from|hmsr|hmpl|hmcu|hmkw|hmci|phpsessid|jsessionid|aspsessionid\w*)",
    re.IGNORECASE,
)


def host(url: str) -> str:
    """Lower-case host without user, port, leading `www.` and final dot; empty if the URL names none.

    >>> host("https://user@WWW.Example.com:8080/a")
    'example.com'
    """
    return _host(_split(url)[1])[0]


def canonical(url: str) -> str:
    """Key under which addresses of one page compare equal: a key, not an address to fetch.

    http and https are one scheme, `www.` is no part of the host; gone are the default port, the fragment (but
    for `#!`, by which some sites select the page), tracking and session parameters, the index file's name and
    the slash at the end; the query is sorted.
    URLs of other schemes (dns:, urn:, file:) only lose their fragment and outer white space.

    >>> canonical("HTTP://www.Example.com:80/a/index.html?b=2&utm_source=x&a=1#top")
    'https://example.com/a?a=1&b=2'
    """
    scheme, authority, path, query = _split(url)
    if authority is None or scheme not in ("http", "https", ""):
        return url.strip(_C0).split("#", 1)[0].rstrip(_C0)
    name, port = _host(authority)
    path = _INDEX.sub("/", _SESSION.sub("", _percent(path))).rstrip("/")
    # A parameter without a value keeps its form: some sites route on "?123" alone.
    pairs = sorted(
        pair for pair in _percent(query).split("&") if pair and not _TRACKING.fullmatch(pair.split("=", 1)[0])
    )
    state = _HASHBANG.search(url)  # the one fragment that selects a page
    return f"https://{name}{port}{path}" + ("?" + "&".join(pairs) if pairs else "") + (state[0] if state else "")


def page_key(url: str | None) -> str | None:
    """canonical() of a web address, None for everything else: what names no page is never the same page, nor is
    what was cut when it was read.

    >>> page_key("http://example.com/#top"), page_key("part-0.jsonl#17")
    ('https://example.com', None)
    """
    return canonical(url) if url and not url.endswith(CUT_MARK) and _WEB.match(url) else None


def _split(url: str) -> tuple[str, str | None, str, str]:
    """Scheme (lower case), authority (None if there is no `//`), path, query. Never raises, unlike urlsplit."""
    match = _PARTS.match(_STRIPPED.sub("", url.strip(_C0)))
    assert match is not None  # every part is optional
    scheme, authority, path, query = match.groups()
    return (scheme or "").lower(), authority, path, query or ""


def _host(authority: str | None) -> tuple[str, str]:
    """Host as host() gives it, and the port with its colon, empty for a default port."""
    name = _SPACE.sub("", (authority or "").rsplit("@", 1)[-1].lower())
    port = ""
    if match := re.search(r":(\d*)$", name):
        name = name[: match.start()]
        port = match[0] if match[1] and match[0] not in _DEFAULT_PORTS else ""
    if not name.isascii() and len(name) <= _MAX_NAME:
        with suppress(UnicodeError):  # no valid name, yet the same one each time
            encoded = name.encode("idna").decode()
            name = encoded if _HOST.fullmatch(encoded) else name  # ℀ becomes a/c
    name = name.rstrip(".")
    return (name[4:] if name.startswith("www.") and "." in name[4:] else name), port


def _percent(part: str) -> str:
    """One spelling of every character: unreserved ones plain, all others as upper-case %XX of UTF-8."""
    if "%" in part:
        part = _PERCENT.sub(lambda m: c if (c := chr(int(m[1], 16))) in _UNRESERVED else m[0].upper(), part)
    return quote(part, safe=_SAFE, errors="replace")
