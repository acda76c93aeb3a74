"""The crawl's containers: WARC records, each a gzip member of its own as crawlers write them, and damage.

A record is bytes; a file is their concatenation. Writing by hand, not through a library, because what is
planted here (a member that breaks off, a header without a status) is what a library refuses to write.
"""

import gzip
import json
import uuid
import zlib
from collections.abc import Mapping, Sequence
from random import Random

_CRLF = "\r\n"
DATE = "2024-03-15T08:00:00Z"


def http(body: bytes, content_type: str | None, status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP/1.1 response; `headers` with _ for -.

    >>> http(b"hi", "text/html")
    b'HTTP/1.1 200 OK\\r\\nContent-Type: text/html\\r\\nContent-Length: 2\\r\\n\\r\\nhi'
    """
    fields = {"Content-Type": content_type} | {k.replace("_", "-"): v for k, v in headers.items()}
    if "Transfer-Encoding" not in fields:
        fields["Content-Length"] = str(len(body))
    head = _CRLF.join([f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in fields.items() if v is not None)])
    return (head + _CRLF * 2).encode() + body


def chunked(body: bytes, size: int = 4000) -> bytes:
    """Chunked transfer coding of `body`."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def warc_record(sort: str, url: str | None, block: bytes, random: Random, **headers: str) -> bytes:
    """One uncompressed WARC/1.0 record; `sort` is its WARC-Type, `headers` with _ for -."""
    media = {
        "response": "application/http; msgtype=response",
        "revisit": "application/http; msgtype=response",
        "conversion": "text/plain",
        "warcinfo": "application/warc-fields",
        "request": "application/http; msgtype=request",
    }[sort]
    fields = {
        "WARC-Type": sort,
        "WARC-Record-ID": f"<urn:uuid:{uuid.UUID(int=random.getrandbits(128), version=4)}>",
        "WARC-Date": DATE,
        "WARC-Target-URI": url,
        "Content-Type": media,
        "Content-Length": str(len(block)),
    } | {k.replace("_", "-"): v for k, v in headers.items()}
    head = _CRLF.join(["WARC/1.0", *(f"{k}: {v}" for k, v in fields.items() if v is not None)])
    return (head + _CRLF * 2).encode() + block + b"\r\n\r\n"


def warcinfo(name: str, random: Random) -> bytes:
    """The record that opens a WARC file."""
    block = f"software: skypile sample\r\nformat: WARC File Format 1.0\r\nfilename: {name}\r\n"
    return member(warc_record("warcinfo", None, block.encode(), random, WARC_Filename=name))


def member(record: bytes) -> bytes:
    """`record` as one gzip member, without a time stamp so that equal input gives equal bytes."""
    return gzip.compress(record, compresslevel=6, mtime=0)


def break_member(compressed: bytes) -> bytes:
    """The member with four bytes overwritten, so that decoding stops with an error in its second half.

    Most overwritten bytes still decode, to other text, and only the check sum at the end tells; the first
    place is taken where the decoder notices at once.
    """
    for start in range(len(compressed) // 2, len(compressed) - 12):
        broken = compressed[:start] + b"\xff" * 4 + compressed[start + 4 :]
        try:
            zlib.decompress(broken, 31)
        except zlib.error as error:
            if "check" not in str(error):
                return broken
    raise ValueError(f"a member of {len(compressed)} bytes decodes whatever is overwritten; take a longer one")


def concatenate(parts: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """All parts in one, and the offset of each."""
    offsets, position = [], 0
    for part in parts:
        offsets.append(position)
        position += len(part)
    return b"".join(parts), offsets


def json_line(row: Mapping[str, str]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"
