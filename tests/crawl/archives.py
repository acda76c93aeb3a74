"""WARC files of our own making, record by record and member by member."""

import gzip
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import lz4.frame
import zstandard

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import plan
from skypile.crawl.read import read_split

Compress = Callable[[bytes], bytes]


# With checksums, which gzip always has and these may: without one, damage can pass for data.
def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def lz4_frame(data: bytes) -> bytes:
    return lz4.frame.compress(data, content_checksum=True, block_checksum=True)


COMPRESSIONS: dict[str, Compress] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": zstd,
    ".lz4": lz4_frame,
}


def response(
    url: str = "http://a.example/",
    body: bytes = b"<html><p>page</p></html>",
    status: str = "200 OK",
    headers: Sequence[str] = ("Content-Type: text/html",),
    warc: Sequence[str] = (),
    length: int | None = None,
) -> bytes:
    """A response record; `length` overrides its Content-Length."""
    block = "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body
    return record(url, block, "response", ["Content-Type: application/http; msgtype=response", *warc], length)


def record(url: str, block: bytes, sort: str, warc: Sequence[str] = (), length: int | None = None) -> bytes:
    fields = [
        "WARC/1.0",
        f"WARC-Type: {sort}",
        f"WARC-Target-URI: {url}",
        "WARC-Date: 2024-01-02T03:04:05Z",
        *warc,
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return "\r\n".join([*fields, "", ""]).encode() + block + b"\r\n\r\n"


def read(paths: str | Path | Iterable[str], **settings: object) -> list[dict]:
    """Rows of all splits of the paths."""
    config = ExtractionConfig(**settings)
    names = [str(paths)] if isinstance(paths, str | Path) else list(paths)
    return [row._asdict() for split in plan(names, config) for row in read_split(split, config)]


def outcomes(rows: Iterable[dict]) -> list[tuple[str, str | None]]:
    return [(row["verdict"], row["reason"]) for row in rows]
