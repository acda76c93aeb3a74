"""What is a page: by its declared type, and by its first bytes."""

import time

import pytest

from skypile.crawl.content import kind

HTML, PNG = b" <!-- c --><!DOCTYPE html><html>", b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/html", b"anything", "html"),
        ("TEXT/HTML;charset=gbk", b"anything", "html"),
        ("text/html, text/html", b"anything", "html"),
        ("application/xhtml+xml", b"<x>", "html"),
        ("text/html", PNG, None),
        ("text/html", b"%PDF-1.4", None),
        ("text/xml", b"<?xml version='1.0'?><html xmlns='x'>", "html"),
        ("application/xml", b"<?xml version='1.0'?><rss>", None),
        (None, HTML, "html"),
        ("application/octet-stream", b"\xef\xbb\xbf\n<HTML lang=zh>", "html"),
        ("unknown/unknown", b"<p>", "html"),
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


def test_sniffing_takes_no_exponential_time() -> None:
    start = time.process_time()
    assert kind(None, b"<!---->" * 140 + b"<xml>") is None
    assert kind(None, b"<!--" * 256) is None
    assert time.process_time() - start < 0.5
