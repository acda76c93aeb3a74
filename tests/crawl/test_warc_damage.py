"""Lying lengths and hostile damage in WARC files: what is sound is read, what is passed over is counted."""

import gzip
import json
import time
from pathlib import Path

import pytest

from tests.crawl.archives import COMPRESSIONS, response
from tests.crawl.test_warc import LIMIT, page, rows_of

LIES = (10, 400, 900, 3000, 30_000, LIMIT + 1, LIMIT + 5_000, 10**15)


@pytest.mark.parametrize("suffix", ["", *COMPRESSIONS])
@pytest.mark.parametrize("length", LIES)
def test_a_lying_length_costs_its_record_however_the_file_is_cut(tmp_path: Path, suffix: str, length: int) -> None:
    """All records in one member, each in its own, or none compressed; shorter than the file, longer, over the limit."""
    compress = COMPRESSIONS.get(suffix, bytes)
    liar = response("http://a.example/1", b"<html>" + b"y" * 700, length=length)
    records = [page(0), liar, *map(page, range(2, 8)), *([page(8, 6000)] * 3)]
    for layout in ([b"".join(records)], records):
        path = tmp_path / f"a.warc{suffix}"
        path.write_bytes(b"".join(map(compress, layout)))
        rows = rows_of(path)
        assert [(r.url[-2:], r.verdict) for r in rows] == [
            (f"/{min(n, 8)}", "failed" if n == 1 else "kept") for n in range(11)
        ]
        assert rows[1].reason in ("bad_warc_header", "truncated")
        assert json.loads(rows[1].evidence or "")["skipped"] == len(liar)


def test_many_lies_cost_one_look_back(tmp_path: Path) -> None:
    """Lengths over the limit, right ones among them: each liar is a row, each right one too, all else is read."""
    big = response("http://a.example/b", b"<p>" + page(9) + bytes(LIMIT))  # with what looks like a record in it
    liar = response("http://a.example/l", b"<html>", length=3 * LIMIT)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(
        gzip.compress(b"".join([page(0), big, page(1), *[liar, page(2)] * 500, response(body=bytes(LIMIT))]))
    )
    began = time.process_time()
    rows = rows_of(path)
    assert time.process_time() - began < 3  # to decode anew for each liar: a minute
    found = [(r.url.rpartition("/")[2], r.reason) for r in rows]
    wrong = [("l", "truncated"), ("2", None)] * 500
    assert found == [("0", None), ("b", "too_large"), ("1", None), *wrong, ("", "too_large")]


@pytest.mark.parametrize(
    "line", [b"WARC/1.0\r\n", b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 5\r\n", b"\nWARC/1.1 \nA: b\n c\n"]
)
def test_header_lines_without_an_end_are_read_in_linear_time(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(page(0) + line * (400_000 // len(line)) + page(1))
    began = time.process_time()
    rows = rows_of(path)
    assert time.process_time() - began < 5  # 50 s or more when each was looked through for 64 KB
    assert rows[0].verdict == rows[-1].verdict == "kept" and {r.reason for r in rows[1:-1]} == {"bad_warc_header"}


@pytest.mark.parametrize("bait", [b"\x1f\x8b\x08\x08" + b"a" * 6, b"\x1f\x8b\x08\0" + bytes(6) + b"\0\0\0\xff\xff" * 3])
def test_looking_for_a_member_costs_little_at_each_bait(tmp_path: Path, bait: bytes) -> None:
    """What a page can have a crawler store: headers whose name never ends, members without a byte in them."""
    path = tmp_path / "a.warc.gz"
    path.write_bytes(
        gzip.compress(page(0)) + b"\x1f\x8b\x08\xff" + bait * (1_000_000 // len(bait)) + gzip.compress(page(1))
    )
    began = time.process_time()
    rows = rows_of(path)
    assert time.process_time() - began < 8  # 40 s when each header without an end was read to the end
    assert [(r.url[-2:], r.verdict) for r in (rows[0], rows[-1])] == [("/0", "kept"), ("/1", "kept")]
