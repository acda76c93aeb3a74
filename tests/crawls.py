"""Write small WARC files for tests."""

import gzip
from pathlib import Path


def response(url: str, body: bytes, headers: str = "Content-Type: text/html", status: str = "200 OK") -> bytes:
    """One WARC response record, uncompressed."""
    http = f"HTTP/1.1 {status}\r\n{headers}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def write_warc(path: Path, pages: dict[str, bytes]) -> Path:
    """A .warc.gz with one gzip member a record: URL -> HTML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(gzip.compress(response(url, body), 1, mtime=0) for url, body in pages.items()))
    return path


def article(topic: str, sentences: int = 12) -> bytes:
    """A sound English page."""
    text = " ".join(
        f"The {topic} was described by several visitors in the year {1900 + n}, and their notes agree."
        for n in range(sentences)
    )
    html = (
        f"<html><head><title>{topic}</title></head><body><article><h1>{topic}</h1><p>{text}</p></article></body></html>"
    )
    return html.encode()
