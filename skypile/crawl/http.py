"""HTTP responses as crawlers store them: status line, header, and a body to undo the encodings of.

As browsers do: what a header promises and the bytes do not keep is forgiven where the page can still be read
(a body called chunked or gzip that is not, because the crawler decoded it; chunks that break off), and a
failure where it cannot. Every decoder is stopped at the limit: a zip bomb costs the limit in memory.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import brotli
import zstandard
from zlib_ng import zlib_ng

from skypile.crawl.codec import INFLATE_ERROR

MAX_HEAD = 256 << 10  # bytes of status line and header, as in Chrome
MAX_VALUE = 2048  # characters of a header value that are kept; Content-Type had 31 at most in 4,206 real records
MAX_ENCODINGS = 5  # layers of Content-Encoding; curl allows as many
_STATUS = re.compile(rb"\s*HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]{0,256})?\r?\n")
_BROTLI_STEP = 1 << 18  # bytes out
_STEP = 1 << 12  # compressed bytes decoded at once: at most 4 MB, by deflate's 1032-fold


class Response(NamedTuple):
    status: int
    headers: dict[str, str]  # lower-case names; the last of several wins, as with Content-Type in browsers
    body: bytes  # as sent


class HttpError(ValueError):
    """The response cannot be read: a reason of skypile.schema.REASONS and a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def parse(block: bytes) -> Response:
    """Split the payload of a WARC response. Raises HttpError (bad_http).

    >>> parse(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/html\\r\\n\\r\\n<p>").body
    b'<p>'
    """
    match = _STATUS.match(block)
    if match is None:
        raise HttpError("bad_http", f"no HTTP status line, but {block[:40]!r}" if block else "no bytes")
    end = _END.search(block, match.end(), MAX_HEAD)
    if end is None and len(block) > MAX_HEAD:
        raise HttpError("bad_http", f"the header block has no end within {MAX_HEAD} bytes")
    head, body = (block[: end.start()], block[end.end() :]) if end else (block, b"")
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()[:MAX_VALUE]
    return Response(int(match[1]), headers, body)


def decode_body(response: Response, limit: int, cut: bool = False) -> bytes:
    """The body with Transfer-Encoding and Content-Encoding undone, at most `limit` bytes.

    `cut`: the crawler says that it stored the beginning only, so a stream that breaks off is no error.
    Raises HttpError (bad_http_encoding, too_large).
    """
    body = response.body
    transfer = _tokens(response.headers.get("transfer-encoding", ""))
    if "chunked" in transfer:
        body = dechunk(body)
    encodings = [t for t in transfer if t != "chunked"] + _tokens(response.headers.get("content-encoding", ""))
    if len(encodings) > MAX_ENCODINGS:
        raise HttpError("bad_http_encoding", f"{len(encodings)} content encodings, more than {MAX_ENCODINGS}")
    for encoding in reversed(encodings):
        if body:
            body = _undo(encoding, body, limit, cut)
    if len(body) > limit:
        raise HttpError("too_large", f"{len(body)} bytes of body")
    return body


def dechunk(body: bytes) -> bytes:
    """Undo chunked transfer. A body that is not chunked comes back as it is, one that breaks off in part.

    >>> dechunk(b"3\\r\\nabc\\r\\n2\\r\\nde\\r\\n0\\r\\n\\r\\n")
    b'abcde'
    """
    parts: list[bytes] = []
    position = 0
    while chunk := _CHUNK.match(body, position):
        size = int(chunk[1], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[chunk.end() : chunk.end() + size])
        position = chunk.end() + size
        if body.startswith(b"\r\n", position):
            position += 2
        elif body.startswith(b"\n", position):
            position += 1
        elif position < len(body):
            # The size was wrong. Before the first sound chunk it was no chunk size at all.
            return b"".join(parts) if len(parts) > 1 else body
    return b"".join(parts) if parts else body


def _tokens(value: str) -> list[str]:
    return [token for part in value.lower().split(",") if (token := part.strip()) not in ("", "identity", "none")]


def _undo(encoding: str, body: bytes, limit: int, cut: bool) -> bytes:
    if encoding in ("gzip", "x-gzip"):
        return _bounded(_gzip(body), encoding, limit, cut) if body.startswith(b"\x1f\x8b") else body
    if encoding == "zstd":
        return _bounded(_zstd(body), encoding, limit, cut) if body.startswith(b"\x28\xb5\x2f\xfd") else body
    # Neither deflate nor brotli has a magic number: bytes that cannot be decoded but read like text were
    # decoded by the crawler, which left the header.
    attempts: list[Callable[[bytes], Iterator[bytes]]]
    if encoding == "deflate":
        attempts = [_zlib, _deflate]
    elif encoding == "br":
        attempts = [_brotli]
    else:  # a name no client asks for (utf-8, a typo): nothing to undo
        return body
    error = None
    for attempt in attempts:
        try:
            return _bounded(attempt(body), encoding, limit, cut)
        except HttpError as failure:
            if failure.reason == "too_large":
                raise
            error = failure
    if re.match(rb"(?:\xef\xbb\xbf)?\s*[<\w]", body) and not re.search(rb"[\x00-\x08\x0e-\x1a]", body[:512]):
        return body
    assert error is not None
    raise error


def _bounded(pieces: Iterator[bytes], encoding: str, limit: int, cut: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            parts.append(piece)
            size += len(piece)
            if size > limit:
                raise HttpError("too_large", f"{encoding} body grows over the limit")
    except (INFLATE_ERROR, brotli.error, zstandard.ZstdError, EOFError) as error:
        if not (cut and parts):
            raise HttpError("bad_http_encoding", f"{encoding} after {size} bytes: {error}") from None
    return b"".join(parts)


def _zlib(body: bytes) -> Iterator[bytes]:
    return _inflate(body, 15)


def _deflate(body: bytes) -> Iterator[bytes]:
    return _inflate(body, -15)  # what early servers sent as "deflate", RFC 9110, 8.4.1.2


def _gzip(body: bytes) -> Iterator[bytes]:
    return _inflate(body, 31)


def _inflate(body: bytes, wbits: int) -> Iterator[bytes]:
    decoder = zlib_ng.decompressobj(wbits=wbits)
    position = 0
    while data := body[position : position + _STEP]:
        yield decoder.decompress(data)
        position += len(data) - len(decoder.unused_data)
        if decoder.eof:
            if wbits != 31 or not body.startswith(b"\x1f\x8b\x08", position):
                return  # what follows the stream is padding, as browsers take it
            decoder = zlib_ng.decompressobj(wbits=wbits)
    raise EOFError("the stream breaks off")


def _brotli(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    yield decoder.process(body, output_buffer_limit=_BROTLI_STEP)
    while not decoder.is_finished():
        if decoder.can_accept_more_data():
            raise EOFError("the stream breaks off")
        yield decoder.process(b"", output_buffer_limit=_BROTLI_STEP)


def _zstd(body: bytes) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor().decompressobj()
    for start in range(0, len(body), 512):  # a block of 4 bytes may decode to 128 KB
        yield decoder.decompress(body[start : start + 512])
        if decoder.eof:
            return
    raise EOFError("the stream breaks off")
