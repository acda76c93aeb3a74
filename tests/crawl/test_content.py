"""What is a page: by its declared type, and by its first bytes."""

import time

import pytest

from skypile.crawl.content import kind
from skypile.crawl.mime import mime_type

HTML, PNG = b" <!-- c --><!DOCTYPE html><html>", b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/html", b"anything", "html"),
        ("TEXT/HTML;charset=gbk", b"anything", "html"),
        ("text/html, text/html", b"anything", "html"),
        ("image/png, text/html;charset=gbk", b"anything", "html"),  # the last one counts
        ("text/html, nonsense", b"anything", "html"),
        ("text/html, */*", b"anything", "html"),
        ("text/html, application/pdf", HTML, None),
        ('text/html; title="a, b/c; d"', b"anything", "html"),
        ("text/html charset=gbk", b"<center>", "html"),  # no MIME type
        ("text/html charset=gbk", b"{}", None),
        ("text/html:charset=gbk", HTML, "html"),
        ("html", HTML, "html"),
        ("charset=utf-8", b"\n<body>", "html"),
        (";", HTML, "html"),
        ("", HTML, "html"),
        ("text/plain charset=utf-8", b"plain words", "text"),
        ("Application/Octet-Stream", HTML, "html"),
        ("application/x-httpd-php", HTML, "html"),
        (None, b"<!--" + b"licence " * 500 + b"--><html>", "html"),
        (None, b"<!--" + b"licence " * 500 + b"--><rss>", None),
        ("application/xhtml+xml", b"<x>", "html"),
        ("text/html", PNG, None),
        ("text/html", b"%PDF-1.4", None),
        ("text/xml", b"<?xml version='1.0'?><html xmlns='x'>", "html"),
        ("application/xml", b"<?xml version='1.0'?><rss>", None),
        (None, HTML, "html"),
        ("application/octet-stream", b"\xef\xbb\xbf\n<HTML lang=zh>", "html"),
        ("unknown/unknown", b"<p>", "html"),
        ("text/html5", HTML, "html"),
        ("application/html+xml", HTML, "html"),
        ("text/xhtml", b"plain words", None),
        (None, b"<pre>", None),
        (None, b"plain words", None),
        (None, b"", None),
        ("text/plain", b"plain words", "text"),
        ("text/plain", HTML, "html"),
        ("text/plain", b"\0\1\2", None),
        ("text/plain", "文".encode("utf-16"), "text"),
        ("image/png", HTML, None),
        ("text/css", b"p {}", None),
    ],
)
def test_kind(content_type: str | None, body: bytes, expected: str | None) -> None:
    assert kind(content_type, body) == expected


@pytest.mark.parametrize(
    ("value", "charset"),
    [
        ("text/html; charset=gbk", "gbk"),
        ("text/html; charset=gbk, text/html", "gbk"),  # Fetch, 2.2.2: of one type
        ("text/html; charset=gbk, text/html; charset=big5", "big5"),
        ("text/html; charset=gbk, text/plain", None),
        ("text/html, charset=gbk", "gbk"),
        ("text/html charset='gbk'", "gbk"),
        ('text/html; Charset = "gbk"', "gbk"),
        ("text/html", None),
        (None, None),
    ],
)
def test_the_charset_that_a_content_type_names(value: str | None, charset: str | None) -> None:
    assert mime_type(value).charset == charset


def test_sniffing_takes_no_exponential_time() -> None:
    start = time.process_time()
    assert kind(None, b"<!---->" * 140 + b"<xml>") is None
    assert kind(None, b"<!--" * 256) is None
    assert time.process_time() - start < 0.5
