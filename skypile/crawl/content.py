"""Is a response a page? By its Content-Type, and by its first bytes where that says nothing or lies.

The sniffing rules are those of the WHATWG MIME Sniffing standard, section 7.1, for HTML, and the signatures
of the formats that servers most often send as text/html.
"""

import re
from typing import Literal

from skypile.crawl.charset import decode
from skypile.crawl.record import Record, dropped

Kind = Literal["html", "text"]

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
XML_TYPES = frozenset({"text/xml", "application/xml"})
TEXT_TYPES = frozenset({"text/plain"})
# Types that say nothing: what servers send when they do not know.
UNKNOWN_TYPES = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "unknown/unknown", "application/unknown", "*/*"}
)

_HEAD = 1024
# Atomic (?>…) and possessive *+, else a row of comments could be divided in exponentially many ways.
_HTML_START = re.compile(
    rb"(?>\xef\xbb\xbf|\s|<!--.*?-->|<\?xml[^>]*>)*+<(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|a"
    rb"|style|title|b|body|br|p|meta|link)(?:[\s/>]|$)",
    re.IGNORECASE | re.DOTALL,
)
_HTML_ELEMENT = re.compile(rb"<html[\s>]", re.IGNORECASE)
_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff|(?:\s\0)*<\0|(?:\0\s)*\0<")
_SIGNATURES = (
    b"%PDF-", b"%!PS-", b"\x89PNG\r\n", b"GIF87a", b"GIF89a", b"\xff\xd8\xff", b"RIFF", b"PK\x03\x04",
    b"\x1f\x8b\x08", b"Rar!\x1a", b"7z\xbc\xaf", b"\xd0\xcf\x11\xe0", b"OggS", b"ID3", b"wOFF", b"wOF2",
    b"\x00\x00\x01\x00", b"\x7fELF",
)  # fmt: skip
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def media_type(content_type: str | None) -> str:
    """Type and subtype in lower case, without parameters.

    >>> media_type("Text/HTML; charset=gb2312")
    'text/html'
    """
    return (content_type or "").split(";", 1)[0].split(",", 1)[0].strip().lower()


def kind(content_type: str | None, body: bytes) -> Kind | None:
    """html, text, or None for what is no page. A server that calls HTML text/plain is not believed."""
    declared = media_type(content_type)
    head = body[:_HEAD]
    if head.startswith(_SIGNATURES):
        return None
    if declared in HTML_TYPES:
        return "html"
    if declared in XML_TYPES:
        return "html" if _HTML_ELEMENT.search(head) else None
    if declared in UNKNOWN_TYPES:
        return "html" if _HTML_START.match(head) else None
    if declared in TEXT_TYPES:
        if _HTML_START.match(head):
            return "html"
        return None if _BINARY.search(head) and not _UTF16.match(head) else "text"
    return None


def with_content(row: Record, body: bytes) -> Record:
    """`row` with its page: HTML as bytes, plain text decoded; dropped if it is empty or no page."""
    if not body:
        return dropped(row, "empty_body")
    sort = kind(row.content_type, body)
    if sort is None:
        return dropped(row, "not_html", content_type=row.content_type, starts=repr(body[:16])[2:-1])
    if sort == "html":
        return row._replace(body=body)
    return row._replace(text=decode(body, row.content_type).text)
