"""How values are written on the page."""

import re
from typing import Any

from skypile.text.visible import JOINERS, visible

_LINK = re.compile(r"https?://[^\s\x00-\x20\"'<>\\]+", re.IGNORECASE)


def clean(text: Any, limit: int = 0) -> str:
    """`text` with unseen characters made visible, cut after `limit` characters.

    >>> print(clean("a\\u202eb\\x07", 0))
    a\\u202eb\\u0007
    """
    text = visible(str(text), keep="\n\t" + JOINERS)
    return text[:limit].rstrip() + " …" if limit and len(text) > limit else text


def is_link(url: str) -> bool:
    """Whether a URL may become a link.

    >>> is_link("https://a.example/x"), is_link("javascript:alert(1)"), is_link("http://a/ onclick=b")
    (True, False, False)
    """
    return _LINK.fullmatch(url) is not None


def percent(part: float, whole: float) -> str:
    """
    >>> percent(1, 3), percent(0, 0), percent(1, 4000)
    ('33.3 %', '–', '< 0.1 %')
    """
    if not whole:
        return "–"
    share = 100 * part / whole
    return "< 0.1 %" if 0 < share < 0.1 else f"{share:.1f} %"


def size(count: int) -> str:
    """
    >>> size(38453469), size(900)
    ('38.5 MB', '900 bytes')
    """
    for unit, letters in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {letters}"
    return f"{count} bytes"


def moment(stamp: str) -> str:
    """
    >>> moment("2026-11-26T20:29:57+00:00")
    '2026-11-26, 20:29 UTC'
    """
    return f"{stamp[:10]}, {stamp[11:16]} UTC"


def number(value: float) -> str:
    """
    >>> number(1234567), number(0.98765), number(12.5)
    ('1,234,567', '0.9877', '12.5')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def place(share: float) -> str:
    """
    >>> place(12.3456789)
    '12.35%'
    """
    return f"{share:.2f}%"
