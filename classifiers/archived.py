"""The address that a copy in a web archive was taken from.

Archives that follow Wayback's and Memento's form name the original behind a time (`/20121107221404/http://…`), on
whatever host they are; archive.today, WebCite and those that Wayback lets leave the scheme out are known by name.
"""

import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from skypile.crawl.url import host

_TIMED: Final = re.compile(r"/(?:[0-9*]{4,14}|\*)(?:[a-z]{2}_)?/(https?:/.+)", re.IGNORECASE | re.DOTALL)
_WAYBACK: Final = re.compile(r"/web/[0-9*]{1,14}[a-z_]{0,4}/(.+)", re.IGNORECASE | re.DOTALL)
_ARCHIVE_TODAY: Final = re.compile(r"/(?:[0-9.-]{8,20}|o/\w{4,8}|newest|oldest)/(.+)", re.IGNORECASE | re.DOTALL)
_ARCHIVE_TODAY_HOSTS: Final = {f"archive.{top}" for top in ("today", "is", "ph", "li", "vn", "fo", "md")}
_OPAQUE: Final = {"perma.cc", "freezepage.com"}  # their addresses never say of what they are copies


def original_url(url: str) -> str | None:
    """The address a copy in a web archive was taken from; `url` itself if it is none; None if it does not say.

    >>> original_url("https://web.archive.org/web/20121107221404/http://example.org/a")
    'http://example.org/a'
    """
    lower = url.lower()
    if not ("/http" in lower or "archive." in lower or "webcitation" in lower or any(n in lower for n in _OPAQUE)):
        return url  # nearly all
    for _ in range(3):  # archives of archives occur, endless ones need not be followed
        name = host(url)
        if name in ("web.archive.org", "archive.org"):
            inner = _WAYBACK.search(url)
            if inner is None:
                return url if name == "archive.org" else None
            found = inner[1]
        elif name in _ARCHIVE_TODAY_HOSTS:
            inner = _ARCHIVE_TODAY.search(url, url.find(name) + len(name))
            if inner is None:
                return None
            found = inner[1]
        elif name == "webcitation.org":
            try:
                query = parse_qs(urlsplit(url).query)
            except ValueError:
                return None
            if not (inside := query.get("url")):
                return None
            found = inside[0]
        elif name in _OPAQUE:
            return None
        elif timed := _TIMED.search(url, 8):
            found = timed[1]
        else:
            return url
        if not re.match(r"https?:/", found, re.IGNORECASE):
            found = "http://" + unquote(found) if not re.match(r"https?%3A", found, re.IGNORECASE) else unquote(found)
        url = re.sub(r"^(https?):/+", r"\1://", found, count=1, flags=re.IGNORECASE)
    return None
