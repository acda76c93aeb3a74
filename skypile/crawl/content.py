"""Is a response a page? By its Content-Type, and by its first bytes where that says nothing or lies.

The sniffing rules are those of the WHATWG MIME Sniffing standard, section 7.1, for HTML (`skypile.crawl.mime`), and the
signatures of the formats that servers most often send as text/html. A value that is no MIME type says nothing.
"""

import re
from typing import Literal

from skypile.crawl.charset import decode
from skypile.crawl.mime import is_html_start, mime_type
from skypile.crawl.record import Record, dropped

Kind = Literal["html", "text"]

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
XML_TYPES = frozenset({"text/xml", "application/xml"})
TEXT_TYPES = frozenset({"text/plain"})
# Types that say nothing: what servers send when they do not know, when they hand out the source's type, and typos.
UNKNOWN_TYPES = frozenset(
    {
        "", "application/octet-stream", "binary/octet-stream", "unknown/unknown", "application/unknown", "text/unknown",
        "application/x-unknown-content-type", "x-unknown/x-unknown", "content/unknown", "application/force-download",
        "application/html", "application/x-html", "text/htm", "text/x-html", "text/x-server-parsed-html", "text/shtml",
        "application/x-httpd-php", "text/x-php", "text/asp", "text/*", "www/unknown", "httpd/unix-directory",
    }
)  # fmt: skip

_HEAD = 1024
_TAG = re.compile(rb"<[a-z!][^<>]*>", re.IGNORECASE)
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
    return mime_type(content_type).essence


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
    if declared in UNKNOWN_TYPES or "html" in declared:
        if is_html_start(body):
            return "html"
        meant = "" if declared else (content_type or "").strip().lower()  # "text/html charset=gbk": no MIME type
        if meant.startswith(tuple(HTML_TYPES)) and _TAG.search(head):
            return "html"
        return "text" if meant.startswith(tuple(TEXT_TYPES)) and _is_text(head) else None
    if declared in TEXT_TYPES:
        if is_html_start(body):
            return "html"
        return "text" if _is_text(head) else None
    return None


def _is_text(head: bytes) -> bool:
    return not _BINARY.search(head) or _UTF16.match(head) is not None


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
