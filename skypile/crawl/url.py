"""Host and comparison key of a URL, without a request.

RFC 3986, section 6.2 (case, percent-encoding and port normalisation) plus what crawls need: many addresses
lead to one page. The price of every fold is that two different pages may share a key, so only folds that
practically never change the page are made; path case, parameter values and `m.` hosts stay as they are. A fragment that
begins as a path (`#/guide`, `#!news`) selects the page of a site that scripts draw, so it is part of the key. Where
keys are equal, deduplication compares the texts, too. About 6 µs a URL.
"""

import re
from contextlib import suppress
from urllib.parse import quote

from skypile.text.limits import CUT_MARK

_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_STRIPPED = re.compile(r"[\t\n\r]")  # WHATWG URL: these are dropped wherever they stand
_C0 = "".join(map(chr, range(33)))
_SPACE = re.compile(r"[\x00-\x20]")  # in a host: a slip of the pen
_HOST = re.compile(r"[a-z0-9._-]+")
# Half of all addresses: a host in lower case, no port, no query, nothing to decode. Told in a quarter of the time.
_PLAIN_HOST = re.compile(r"https?://(?:www\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?=[/?#]|\Z)")
_PLAIN = re.compile(r"https?://(?:www\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[A-Za-z0-9._~-]+)*)/?")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SAFE = "%!$&'()*+,-./:;=@_~[]|?"
_SPELLED = re.compile(rf"[A-Za-z0-9{re.escape(_SAFE.replace('%', ''))}]*")  # every character is what it stays
_INDEX = re.compile(r"/(?:index\.(?:x?html?|s?html|php|aspx?|jsp)|default\.(?:html?|aspx?))$", re.IGNORECASE)
_SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_MAX_NAME = 253  # characters of a DNS name; longer ones are none, and IDNA takes quadratic time
_WEB = re.compile(r"\s*https?://[^/?#\s]", re.IGNORECASE)
_ROUTE = re.compile(r"(!?/?)([^?]*)(?:\?(.*))?", re.DOTALL)
_DIRECTIVE = ":~:"  # of a browser: a text to scroll to
_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # surrogates that stand for no byte
_BYTES = re.compile("[\udc80-\udcff]")
_DEFAULT_PORTS = (":80", ":443")

# Parameters that say how a reader came to the page and never which page it is. Analytics: Google, Matomo (which
# documents pk_campaign, pk_kwd and so on: other names that begin so are content), HubSpot, Marketo, Openstat, Baidu
# (hm..). Click ids of the advertising networks; Mailchimp; share tags of Chinese platforms (spm and scm: Alibaba;
# vd_source: Bilibili). Names that some sites do use for content (id, from, source, ref, sid, cmpid) stay out.
_MATOMO = "campaign|kwd|keyword|source|medium|content|cid|group|placement"
_TRACKING = re.compile(
    rf"(?:utm_\w+|(?:mtm|pk|piwik|matomo)_(?:{_MATOMO})|_hs(?:enc|mi)|__hs(?:tc|sc|fp)|hsctatracking|mkt_tok|_openstat"
    r"|fbclid|gclid|gclsrc|gad_source|gad_campaignid|srsltid|dclid|gbraid|wbraid|msclkid|yclid|ysclid|twclid|ttclid"
    r"|li_fat_id|igshid|igsh|mc_cid|mc_eid|_ga|_gl|ref_src|ref_url|wt\.mc_id|spm|scm|vd_source|share_token|share_source"
    r"|share_from|hmsr|hmpl|hmcu|hmkw|hmci|phpsessid|jsessionid|aspsessionid\w*)",
    re.IGNORECASE,
)


def host(url: str) -> str:
    """Lower-case host without user, port, leading `www.` and final dot; empty if the URL names none.

    >>> host("https://user@WWW.Example.com:8080/a")
    'example.com'
    """
    if plain := _PLAIN_HOST.match(url):
        return plain[1]
    return _host(_split(url)[1])[0]


def spelled(url: str) -> str:
    """A URL whose raw bytes were decoded as UTF-8 with `surrogateescape`: one that is no UTF-8 has them as %XX.

    Crawlers store addresses in the charset of the page that they stood in. As U+FFFD, all of one length would be one.

    >>> spelled(b"http://a.cn/\\xc4\\xa3\\xb0\\xe5".decode("utf-8", "surrogateescape"))
    'http://a.cn/%C4%A3%B0%E5'
    """
    if url.isascii():
        return url
    url = _NO_BYTES.sub("\ufffd", url)
    if not _BYTES.search(url):
        return url
    return "".join(chr(byte) if byte < 128 else f"%{byte:02X}" for byte in url.encode("utf-8", "surrogateescape"))


def canonical(url: str) -> str:
    """Key under which addresses of one page compare equal: a key, not an address to fetch.

    http and https are one scheme, `www.` is no part of the host; gone are the default port, the fragment (but
    for a route, `#/` or `#!`), tracking and session parameters, the index file's name and the slash at the end; the
    query is sorted.
    URLs of other schemes (dns:, urn:, file:) only lose their fragment and outer white space.

    >>> canonical("HTTP://www.Example.com:80/a/index.html?b=2&utm_source=x&a=1#top")
    'https://example.com/a?a=1&b=2'
    >>> canonical("https://example.com/#/guide/?b=2&utm_source=x")
    'https://example.com#/guide?b=2'
    """
    if plain := _PLAIN.fullmatch(url):
        return "https://" + (plain[1] if url[-1] == "/" else _INDEX.sub("", plain[1]))
    scheme, authority, path, query, fragment = _split(url)
    if authority is None or scheme not in ("http", "https", ""):
        return url.strip(_C0).split("#", 1)[0].rstrip(_C0)
    name, port = _host(authority)
    path = _INDEX.sub("/", _SESSION.sub("", _percent(path))).rstrip("/")
    return f"https://{name}{port}{path}{_query(query)}{_route(fragment)}"


def _query(query: str) -> str:
    # A parameter without a value keeps its form: some sites route on "?123" alone.
    pairs = sorted(
        pair for pair in _percent(query).split("&") if pair and not _TRACKING.fullmatch(pair.split("=", 1)[0])
    )
    return "?" + "&".join(pairs) if pairs else ""


def _route(fragment: str) -> str:
    """The fragment if it selects a page, in one spelling, else nothing.

    >>> _route("top"), _route("/"), _route("/a/:~:text=b"), _route("!a/")
    ('', '', '#/a', '#!a')
    """
    if not fragment.startswith(("/", "!")):
        return ""
    found = _ROUTE.fullmatch(fragment.partition(_DIRECTIVE)[0])
    assert found is not None  # every part is optional
    sort, path, query = found.groups()
    path, query = _percent(path).rstrip("/"), _query(query or "")
    return f"#{sort}{path}{query}" if path or query else ""


def page_key(url: str | None) -> str | None:
    """canonical() of a web address, None for everything else: what names no page is never the same page, nor is
    what was cut when it was read.

    >>> page_key("http://example.com/#top"), page_key("part-0.jsonl#17")
    ('https://example.com', None)
    """
    return canonical(url) if url and not url.endswith(CUT_MARK) and _WEB.match(url) else None


def _split(url: str) -> tuple[str, str | None, str, str, str]:
    """Scheme (lower case), authority (None without `//`), path, query, fragment. Never raises, unlike urlsplit."""
    match = _PARTS.match(_STRIPPED.sub("", url.strip(_C0)))
    assert match is not None  # every part is optional
    scheme, authority, path, query, fragment = match.groups()
    return (scheme or "").lower(), authority, path, query or "", fragment or ""


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
    if _SPELLED.fullmatch(part):
        return part
    if "%" in part:
        part = _PERCENT.sub(lambda m: c if (c := chr(int(m[1], 16))) in _UNRESERVED else m[0].upper(), part)
    return quote(part, safe=_SAFE, errors="replace")
