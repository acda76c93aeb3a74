"""HTTP responses as crawlers store them: status line, header, and a body to undo the encodings of.

As browsers do: what a header promises and the bytes do not keep is forgiven where the page can still be read
(a body called chunked or gzip that is not, because the crawler decoded it), and a failure where nothing of it can.
A body that breaks off, be it in its checksum, is kept as far as it decodes, and a note says how far that was; one that
is damaged is a failure, since deflate makes other text of other bytes and notices that at its checksum.
Every decoder is stopped at the limit: a zip bomb costs the limit in memory.

Interim responses (RFC 9110, 15.2) and a proxy's answer to CONNECT stand before the response that is meant. Without
a status line HTML is a response of HTTP/0.9, status 200, as in the Fetch standard.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import brotli
import zstandard
from zlib_ng import zlib_ng

from skypile.crawl.codec import INFLATE_ERROR
from skypile.crawl.mime import combined, is_html_start

MAX_HEAD = 256 << 10  # bytes of status line and header, as in Chrome
MAX_VALUE = 2048  # characters of a header value that are kept; Content-Type had 31 at most in 4,206 real records
MAX_ENCODINGS = 5  # layers of Content-Encoding; curl allows as many
MAX_RESPONSES = 16  # in one record: interim ones, and a proxy's
# As writers store HTTP/2 and 3, too, whose frames have no status line: "HTTP/2 200", or the field ":status: 200".
_STATUS = re.compile(
    rb"\s*(?:(?:HTTP(?:/\d(?:\.\d)?)?|ICY)[ \t]+|:status:[ \t]*)(\d{3})(?!\d)([^\r\n]*)", re.IGNORECASE
)
_NEXT_STATUS = re.compile(rb"\s*HTTP/\d(?:\.\d)?[ \t]+\d{3}(?!\d)", re.IGNORECASE)
_CONNECTED = re.compile(rb"\s*connection established\s*", re.IGNORECASE)
_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")  # a value that goes on in the next line is one line (RFC 9112, 5.2)
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]{0,256})?\r?\n")
_TEXT = re.compile(rb"(?:\xef\xbb\xbf)?\s*[<\w]")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a]")
_BROTLI_STEP = 1 << 18  # bytes out
_STEP = 1 << 12  # compressed bytes decoded at once: at most 4 MB, by deflate's 1032-fold


class Response(NamedTuple):
    status: int
    headers: dict[str, str]  # lower-case names; the last of several wins, Content-Type by `mime.combined`
    body: bytes  # as sent


class Body(NamedTuple):
    """`note`: where the body breaks off, in words; None if it is whole."""

    content: bytes
    note: str | None = None


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
    for _ in range(MAX_RESPONSES):
        match = _STATUS.match(block)
        if match is None:
            if is_html_start(block):
                return Response(200, {}, block)
            raise HttpError("bad_http", f"no HTTP status line, but {block[:40]!r}" if block else "no bytes")
        end = _END.search(block, match.end(), MAX_HEAD)
        if end is None and len(block) > MAX_HEAD:
            raise HttpError("bad_http", f"the header block has no end within {MAX_HEAD} bytes")
        head, body = (block[match.end() : end.start()], block[end.end() :]) if end else (block[match.end() :], b"")
        response = Response(int(match[1]), _headers(head), body)
        if not _NEXT_STATUS.match(body) or not _is_before_another(response, match[2]):
            return response
        block = body
    raise HttpError("bad_http", f"more than {MAX_RESPONSES} responses before the final one")


def _headers(head: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    types = []
    for line in _FOLD.sub(b" ", head).decode("latin-1").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            name, value = name.strip().lower(), value.strip()[:MAX_VALUE]
            headers[name] = value
            if name == "content-type":
                types.append(value)
    if len(types) > 1:
        headers["content-type"] = combined(types)
    return headers


def _is_before_another(response: Response, phrase: bytes) -> bool:
    """Whether a response whose body begins with a status line only goes before it: 1xx, or a proxy's to CONNECT."""
    if 100 <= response.status < 200:
        return True
    described = any(name.startswith("content-") or name == "transfer-encoding" for name in response.headers)
    return 200 <= response.status < 300 and (_CONNECTED.fullmatch(phrase) is not None or not described)


def decode_body(response: Response, limit: int) -> Body:
    """The body with Transfer-Encoding and Content-Encoding undone, at most `limit` bytes.

    Raises HttpError (bad_http_encoding where nothing of it decodes, too_large).
    """
    body = response.body
    notes: list[str] = []
    transfer = _tokens(response.headers.get("transfer-encoding", ""))
    if "chunked" in transfer:
        whole = body
        body, end = dechunk(body)
        if end is not None:
            notes.append(f"the chunks break off after {end} of {len(whole)} bytes")
    encodings = [t for t in transfer if t != "chunked"] + _tokens(response.headers.get("content-encoding", ""))
    if len(encodings) > MAX_ENCODINGS:
        raise HttpError("bad_http_encoding", f"{len(encodings)} content encodings, more than {MAX_ENCODINGS}")
    for encoding in reversed(encodings):
        if body:
            body, note = _undo(encoding, body, limit)
            notes += [note] if note else []
    if len(body) > limit:
        raise HttpError("too_large", f"{len(body)} bytes of body")
    return Body(body, "; ".join(notes) or None)


def dechunk(body: bytes) -> tuple[bytes, int | None]:
    """Undo chunked transfer, and where it breaks off: None if it does not. A body that is not chunked comes back as
    it is.

    >>> dechunk(b"3\\r\\nabc\\r\\n2\\r\\nde\\r\\n0\\r\\n\\r\\n")
    (b'abcde', None)
    """
    parts: list[bytes] = []
    position = 0
    while chunk := _CHUNK.match(body, position):
        size = int(chunk[1], 16)
        if size == 0:
            return b"".join(parts), None
        parts.append(body[chunk.end() : chunk.end() + size])
        position = chunk.end() + size
        if body.startswith(b"\r\n", position):
            position += 2
        elif body.startswith(b"\n", position):
            position += 1
        elif position < len(body):
            # The size was wrong. Before the first sound chunk it was no chunk size at all.
            return (b"".join(parts), position) if len(parts) > 1 else (body, None)
    return (b"".join(parts), min(position, len(body))) if parts else (body, None)


def _tokens(value: str) -> list[str]:
    return [token for part in value.lower().split(",") if (token := part.strip()) not in ("", "identity", "none")]


def _undo(encoding: str, body: bytes, limit: int) -> Body:
    attempts: list[Callable[[bytes], Iterator[bytes]]]
    if encoding in ("gzip", "x-gzip"):
        attempts = [_gzip] if body.startswith(b"\x1f\x8b") else []
    elif encoding == "zstd":
        attempts = [_zstd] if body.startswith(b"\x28\xb5\x2f\xfd") else []
    elif encoding == "deflate":
        attempts = [_zlib, _deflate]
    else:  # or a name no client asks for (utf-8, a typo): nothing to undo
        attempts = [_brotli] if encoding == "br" else []
    if not attempts:
        return Body(body)
    broken, error = Body(b""), None
    for attempt in attempts:
        try:
            found = _bounded(attempt(body), encoding, limit)
        except HttpError as failure:
            if failure.reason == "too_large":
                raise
            error = failure
            continue
        if found.note is None:
            return found
        broken = broken if broken.content else found
    # Neither deflate nor brotli has a magic number: bytes that cannot be decoded but read like text were
    # decoded by the crawler, which left the header.
    if encoding in ("deflate", "br") and _TEXT.match(body) and not _CONTROLS.search(body, 0, 512):
        return Body(body)
    if broken.content or error is None:
        return broken
    raise error


def _bounded(pieces: Iterator[bytes], encoding: str, limit: int) -> Body:
    parts: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            parts.append(piece)
            size += len(piece)
            if size > limit:
                raise HttpError("too_large", f"{encoding} body grows over the limit")
    except EOFError:
        if not size:
            raise HttpError("bad_http_encoding", f"{encoding} breaks off before its first byte") from None
        return Body(b"".join(parts), f"{encoding} breaks off after {size} bytes")
    except (INFLATE_ERROR, brotli.error, zstandard.ZstdError) as error:
        raise HttpError("bad_http_encoding", f"{encoding} after {size} bytes: {error}") from None
    return Body(b"".join(parts))


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
    raise EOFError


def _brotli(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    yield decoder.process(body, output_buffer_limit=_BROTLI_STEP)
    while not decoder.is_finished():
        if decoder.can_accept_more_data():
            raise EOFError
        yield decoder.process(b"", output_buffer_limit=_BROTLI_STEP)


def _zstd(body: bytes) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor().decompressobj()
    for start in range(0, len(body), 512):  # a block of 4 bytes may decode to 128 KB
        yield decoder.decompress(body[start : start + 512])
        if decoder.eof:
            return
    raise EOFError
