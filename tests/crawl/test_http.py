"""HTTP bodies: what browsers forgive, what no one can read, and bombs."""

import gzip
import random
import tracemalloc
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from skypile.crawl.http import Body, HttpError, Response, dechunk, decode_body, parse

PAGE = b"<!DOCTYPE html><html><body>" + b"<p>some text</p>" * 50 + b"</body></html>"
LIMIT = 1 << 20


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


ENCODERS = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "Deflate": raw_deflate,
    "br": brotli.compress, "zstd": zstd,
}  # fmt: skip


def decoded(body: bytes, limit: int = LIMIT, **headers: str) -> Body:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return decode_body(Response(200, fields, body), limit)


def body_of(body: bytes, limit: int = LIMIT, **headers: str) -> bytes:
    """A body of which nothing is missing."""
    found = decoded(body, limit, **headers)
    assert found.note is None
    return found.content


def chunked(body: bytes, size: int = 100) -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("block", "status", "content_type", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: a\r\n\r\nbody", 200, "a", b"body"),
        (b"HTTP/1.0 404\nCONTENT-TYPE:b\n\nbody\n\nmore", 404, "b", b"body\n\nmore"),
        (b"HTTP/2 200 \r\nContent-Type: a\r\ncontent-type: b\r\n\r\n", 200, "a, b", b""),
        (b"HTTP/3 200\r\n\r\nx", 200, None, b"x"),
        (b"HTTP 200 OK\nContent-Type: a\n\nx", 200, "a", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: a;\r\n\tb\r\nX: y\n z: a\r\n\r\nx", 200, "a; b", b"x"),
        (b":status: 200\r\ncontent-type: a\r\n\r\nx", 200, "a", b"x"),
        (b"ICY 200 OK\r\n\r\nx", 200, None, b"x"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Gone\r\nContent-Type: a\r\n\r\nx", 404, "a", b"x"),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: a"
            b"\r\n\r\nx",
            200,
            "a",
            b"x",
        ),
        (b"HTTP/1.0 200 Connection established\r\nVia: p\r\n\r\nHTTP/1.1 301 x\r\n\r\ny", 301, None, b"y"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 203 x\r\n\r\ny", 203, None, b"y"),
        # A page about HTTP, and a switch of protocols after which nothing follows.
        (b"HTTP/1.1 200 OK\r\nContent-Type: a\r\n\r\nHTTP/1.1 404 x\r\n\r\ny", 200, "a", b"HTTP/1.1 404 x\r\n\r\ny"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 100, None, b""),
        (b"<!doctype html><p>HTTP/0.9", 200, None, b"<!doctype html><p>HTTP/0.9"),
        (b"HTTP/1.1 301 Moved\r\nLocation: x", 301, None, b""),
        (b"\r\nHTTP/1.1 200 OK\r\nnonsense\r\n: x\r\n\r\n<p>", 200, None, b"<p>"),
    ],
)
def test_parse(block: bytes, status: int, content_type: str | None, body: bytes) -> None:
    response = parse(block)
    assert (response.status, response.headers.get("content-type"), response.body) == (status, content_type, body)


def test_a_header_without_end_is_an_error() -> None:
    with pytest.raises(HttpError, match="no end"):
        parse(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000)


@pytest.mark.parametrize(
    "block", [b"", b"<rss>", b"words", b"HTTP/1.1", b"HTTP/1.1 OK", b"HTTP/1.1 2000 OK", b"\xff" * 50]
)
def test_no_status_line_is_an_error(block: bytes) -> None:
    with pytest.raises(HttpError) as caught:
        parse(block)
    assert caught.value.reason == "bad_http"


@pytest.mark.parametrize("encoding", ENCODERS)
def test_content_encodings(encoding: str) -> None:
    body = ENCODERS[encoding](PAGE)
    assert body_of(body, content_encoding=encoding) == PAGE
    assert body_of(chunked(body), content_encoding=encoding, transfer_encoding="chunked") == PAGE
    assert body_of(PAGE, content_encoding=encoding) == PAGE  # decoded by the crawler, header left
    assert body_of(ENCODERS["gzip"](body), content_encoding=f"{encoding}, gzip") == PAGE
    assert body_of(chunked(body), transfer_encoding=f"{encoding}, chunked") == PAGE


def test_responses_without_end_are_an_error() -> None:
    with pytest.raises(HttpError, match="16 responses"):
        parse(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000 + b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize("encoding", ENCODERS)
def test_what_a_cut_stream_decodes_to_is_kept_with_a_note(encoding: str) -> None:
    noise = random.Random(0).randbytes(50_000)
    part, note = decoded(ENCODERS[encoding](noise)[:-2000], content_encoding=encoding)
    assert len(part) > 30_000 and noise.startswith(part)
    assert note is not None and note.lower() == f"{encoding.lower()} breaks off after {len(part)} bytes"


@pytest.mark.parametrize(("encoding", "most"), [("gzip", 8), ("deflate", 4), ("br", 1)])
def test_a_stream_that_lost_its_last_bytes_is_nearly_whole(encoding: str, most: int) -> None:
    lines = b"".join(b"<p>line %d of the page</p>" % number for number in range(2000))
    for missing in range(1, most + 1):
        content, note = decoded(ENCODERS[encoding](lines)[:-missing], content_encoding=encoding)
        assert lines.startswith(content) and note
        assert content == lines or encoding == "br"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_damaged_stream_is_an_error(encoding: str) -> None:
    lines = b"".join(b"<p>line %d of the page</p>" % number for number in range(2000))
    body = bytearray(ENCODERS[encoding](lines))
    body[len(body) // 2] ^= 16
    with pytest.raises(HttpError, match="Error -3") as caught:
        decoded(bytes(body), content_encoding=encoding)
    assert caught.value.reason == "bad_http_encoding"


def test_a_stream_of_which_nothing_decodes_is_an_error() -> None:
    for encoding, body in (("gzip", b"\x1f\x8b" + b"\xff" * 50), ("br", b"\xff" * 50), ("deflate", b"\xff" * 50)):
        with pytest.raises(HttpError) as caught:
            decoded(body, content_encoding=encoding)
        assert caught.value.reason == "bad_http_encoding"


@pytest.mark.parametrize("encoding", ENCODERS)
def test_bombs_stop_at_the_limit(encoding: str) -> None:
    bomb = ENCODERS[encoding](bytes(64 << 20))
    tracemalloc.start()
    with pytest.raises(HttpError) as caught:
        body_of(bomb, content_encoding=encoding, limit=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.reason == "too_large" and peak < 40 << 20, peak
    with pytest.raises(HttpError):
        body_of(PAGE, content_encoding=", ".join([encoding] * 6))


def test_names_no_client_asks_for_are_passed_over() -> None:
    assert body_of(PAGE, content_encoding="UTF-8") == PAGE
    assert body_of(PAGE, content_encoding="identity") == PAGE


def test_several_gzip_members_are_one_body() -> None:
    assert body_of(gzip.compress(PAGE) + gzip.compress(PAGE) + b"padding", content_encoding="gzip") == PAGE * 2


@given(st.binary(max_size=500), st.integers(1, 100))
def test_dechunk_undoes_chunks(body: bytes, size: int) -> None:
    assert dechunk(chunked(body, size)) == (body, None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (PAGE, PAGE),  # called chunked, is not
        (b"add<html>", b"add<html>"),
        (b"a\r\n<html>no chunk", b"a\r\n<html>no chunk"),  # looks like a size, is none
        (b"3\r\nabc\r\n", b"abc"),  # last chunk missing
        (b"3\r\nabc\r\nff\r\nde", b"abcde"),  # breaks off
        (b"3\r\nabc\r\nzz\r\nde", b"abc"),  # bad size line
        (b"3;name=value\r\nabc\r\n 2 \r\nde\r\n0\r\nTrailer: x\r\n\r\n", b"abcde"),
        (b"3\nabc\n0\n\n", b"abc"),
        (b"0\r\n\r\n", b""),
        (b"", b""),
    ],
)
def test_dechunk_is_as_lenient_as_browsers(body: bytes, expected: bytes) -> None:
    assert dechunk(body)[0] == expected


@pytest.mark.parametrize(
    ("body", "end"),
    [
        (b"3\r\nabc\r\n", 8),
        (b"3\r\nabc\r\nff\r\nde", 14),
        (b"3\r\nabc\r\nzz\r\nde", 8),
        (PAGE, None),
        (b"3\nabc\n0\n", None),
    ],
)
def test_chunks_that_break_off_say_where(body: bytes, end: int | None) -> None:
    assert dechunk(body)[1] == end
    note = decoded(body, transfer_encoding="chunked").note
    assert (note is None) == (end is None) and (end is None or f"after {end} of {len(body)} bytes" in str(note))
