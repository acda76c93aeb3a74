"""Content-Type values, as the WHATWG reads them: Fetch, 2.2.2 (extract a MIME type), and MIME Sniffing, 4.4 and 7.1.

A header may be there several times, or hold several types with commas between them: the last valid one counts. It
keeps the charset of the one before if both are of one type and it has none. A value that is no MIME type (a blank
where the semicolon should be, a word alone) names none.
"""

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART = re.compile(r'(?:[^,"]++|"(?:[^"\\]++|\\.)*+"?)++')  # up to a comma that stands in no quotes
_ESSENCE = re.compile(rf"[ \t\r\n]*({_TOKEN}/{_TOKEN})[ \t\r\n]*(?:;|\Z)")
# Possessive where blanks may stand on both sides of a quote: 60 KB of them would be divided in 2 * 10^9 ways.
_CHARSET = re.compile(r"charset\s*+=\s*+[\"']?\s*+([^\s\"';,]+)", re.IGNORECASE)

# Atomic (?>…) and possessive *+, else a row of comments could be divided in exponentially many ways.
_HTML_START = re.compile(
    rb"(?>\xef\xbb\xbf|\s|<!--.*?-->|<\?xml[^>]*>)*+<(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|a"
    rb"|style|title|b|body|br|p|meta|link)(?:[\s/>]|$)",
    re.IGNORECASE | re.DOTALL,
)
_COMMENT_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<!--")
_ROOT = re.compile(rb"<html[\s>]", re.IGNORECASE)
_HEAD = 1024  # bytes, as browsers look at
_LONG_HEAD = 1 << 16  # where a comment fills these: licences, a copy of the server's log


class MimeType(NamedTuple):
    """`essence`: type and subtype in lower case, empty if the value names none. `charset`: label as sent, or None."""

    essence: str
    charset: str | None


@functools.lru_cache(1024)
def mime_type(value: str | None) -> MimeType:
    """The MIME type that a Content-Type value means.

    A charset that stands beside no valid type is taken all the same: what it is worth, the bytes show.

    >>> mime_type("Text/HTML; charset=gb2312"), mime_type("text/html charset=gbk").essence
    (MimeType(essence='text/html', charset='gb2312'), '')
    """
    essence, charset, stray = "", None, None
    for part in _PART.findall(value or ""):
        label = _CHARSET.search(part)
        if not (found := _ESSENCE.match(part)):
            stray = label[1] if label else stray
        elif found[1] != "*/*":
            same = found[1].lower() == essence
            essence, charset = found[1].lower(), label[1] if label else charset if same else None
    return MimeType(essence, charset or stray)


def combined(values: Sequence[str]) -> str:
    """The value of a header that was sent several times (Fetch, "get, decode, and split")."""
    return ", ".join(values)


def is_html_start(body: bytes) -> bool:
    """Whether the first bytes are HTML's: one of the tags that MIME Sniffing lists, after blanks and comments."""
    head = body[:_HEAD]
    if _HTML_START.match(head):
        return True
    long = len(body) > _HEAD and _COMMENT_START.match(head) and b"-->" not in head
    return bool(long and _ROOT.search(body, 0, _LONG_HEAD))
