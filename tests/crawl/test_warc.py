"""WARC reading: against FastWARC on sound files, against planted damage, and against itself in pieces."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.crawl.warc import warc_records
from tests.crawl.archives import COMPRESSIONS, outcomes, read, record, response

LIMIT = 1 << 20


def rows_of(path: Path, start: int = 0, end: int | None = None, limit: int = LIMIT) -> list:
    size = path.stat().st_size
    with path.open("rb") as file:
        return list(warc_records(file, path.name, start, size if end is None else end, size, limit))


def page(number: int, filler: int = 300) -> bytes:
    """A response with content that deflate cannot shrink away."""
    noise = "".join(chr(97 + (number * 31 + i * i * 7 + i // 3) % 26) for i in range(filler))
    return response(f"http://a.example/{number}", f"<html><p>{number} {noise}</p></html>".encode())


@pytest.mark.parametrize("name", ["zh-web", "en-web", "archive-en", "commoncrawl-zh", "commoncrawl-en-0"])
def test_sound_files_read_as_fastwarc_reads_them(shared_data: Path, name: str) -> None:
    path = shared_data / "crawl" / f"{name}.warc.gz"
    wanted = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.revisit
    expected = []
    for item in ArchiveIterator(str(path), record_types=wanted, parse_http=True, auto_decode="all"):
        status = item.http_headers.status_code if item.http_headers else None
        url = item.headers["WARC-Target-URI"].strip("<>")
        if not url.startswith("metadata:"):
            expected.append((url, item.stream_pos, status, item.reader.read()))
    rows = rows_of(path, limit=16 << 20)
    assert [(r.url, r.offset, r.http_status) for r in rows] == [e[:3] for e in expected]
    for row, (*_, body) in zip(rows, expected, strict=True):
        assert row.verdict != "failed"
        if row.body is not None:
            assert row.body == body


def test_every_record_of_the_edge_cases(shared_data: Path) -> None:
    """What each file holds was read off its bytes: (url ending, verdict, reason, bytes of content)."""
    rows = read(shared_data / "crawl-edge")
    found: dict[str, list] = {}
    for row in rows:
        content = len(row["body"] or b"") or len((row["text"] or "").encode())
        found.setdefault(row["source"], []).append((row["verdict"], row["reason"], content))
    kept, lz4_pages = "kept", found.pop("warcfile.warc.lz4")
    assert found == {
        "Evil-Warc-Headers.warc": [("failed", "truncated", 0)],
        "clipped.warc.gz": [("failed", "truncated", 0)],
        "example-bad-non-chunked.warc.gz": [(kept, None, 1270), ("dropped", "revisit", 0)],
        "example-bad.warc.gz.bad": [(kept, None, 1270), ("dropped", "revisit", 0), ("dropped", "http_status", 0)],
        "example-iana.org-chunked.warc": [(kept, None, 7223)],
        "example-space-in-target-uri.warc.gz": [("dropped", "not_html", 0)],
        "example-trunc.warc": [("failed", "bad_warc_header", 0)],
        "example-wget-1-14.warc.gz": [(kept, None, 1270)],
        "example-wrong-chunks.warc.gz": [(kept, None, 1270)],
        "example.arc.gz": [("failed", "unreadable_file", 0)],
        "missing-http.warc.gz": [("failed", "bad_http", 0)],
        "transfer_compression_brotli.warc.gz": [(kept, None, 246)],
        "transfer_compression_gzip_chunked.warc.gz": [(kept, None, 72442)],
        "transfer_compression_none_truncated.warc.gz": [("failed", "truncated", 0)],
        "whirlwind.warc.gz": [(kept, None, 72848)],
        "whirlwind.warc.wat.gz": [("dropped", "not_html", 0)],
        "whirlwind.warc.wet.gz": [(kept, None, 4456)],
    }  # block-sized-records and gzip_extra_sl hold no page, only descriptions
    assert len(lz4_pages) == 16 and {p[:2] for p in lz4_pages} == {(kept, None)}


def test_a_wrong_length_costs_one_record(tmp_path: Path) -> None:
    short, long = response("http://a.example/s", length=30), response("http://a.example/l", length=9999)
    path = tmp_path / "a.warc"
    path.write_bytes(page(0) + short + page(1) + long + page(2) + b"WARC/1.0 garbage\r\n\r\n" + page(3))
    assert [(r.url[-2:], r.reason) for r in rows_of(path)] == [
        ("/0", None), ("/s", "bad_warc_header"), ("/1", None), ("/l", "truncated"), ("/2", None),
        ("24", "bad_warc_header"), ("/3", None),
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("layout", ["aligned", "one member", "unaligned"])
def test_compressions_and_layouts(tmp_path: Path, suffix: str, layout: str) -> None:
    records = [page(i) for i in range(7)]
    stream = b"".join(records)
    cuts = {
        "aligned": records,
        "one member": [stream],
        "unaligned": [stream[i : i + 333] for i in range(0, len(stream), 333)],
    }[layout]
    path = tmp_path / f"a.warc{suffix}"
    path.write_bytes(b"".join(map(COMPRESSIONS[suffix], cuts)))
    rows = rows_of(path)
    assert [r.url for r in rows] == [f"http://a.example/{i}" for i in range(7)]
    assert {r.verdict for r in rows} == {"kept"} and len({r.record_id for r in rows}) == 7
    assert all(r.body in records[i] for i, r in enumerate(rows))


def test_zstd_dictionary_in_front(tmp_path: Path) -> None:
    import zstandard

    samples = [page(i) for i in range(300)]
    dictionary = zstandard.train_dictionary(4096, samples)
    data = COMPRESSIONS[".zst"](dictionary.as_bytes())
    head = b"\x5d\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data
    frames = [zstandard.ZstdCompressor(dict_data=dictionary).compress(s) for s in samples[:50]]
    path = tmp_path / "a.warc.zst"
    path.write_bytes(head + b"".join(frames))
    assert len(rows_of(path)) == 50
    half = path.stat().st_size // 2
    assert rows_of(path, 0, half) + rows_of(path, half) == rows_of(path)


def test_every_flipped_byte_costs_its_record_alone(tmp_path: Path) -> None:
    members = [gzip.compress(page(i), mtime=0) for i in range(3)]
    path = tmp_path / "a.warc.gz"
    for position in range(len(members[1])):
        damaged = bytearray(members[1])
        damaged[position] ^= 0x55
        path.write_bytes(members[0] + damaged + members[2])
        rows = rows_of(path)
        assert rows[0].url.endswith("/0") and rows[0].verdict == "kept"
        assert rows[-1].url.endswith("/2") and rows[-1].verdict == "kept"
        middle = rows[1:-1]
        if 4 <= position < 8 or position in (8, 9):  # time, flags and system of the gzip header: no damage
            assert outcomes(r._asdict() for r in middle) == [("kept", None)]
        else:
            assert [r.verdict for r in middle] == ["failed"], position
            assert json.loads(middle[0].evidence or "")["at"] == len(members[0])


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_every_cut_keeps_the_records_before_it(tmp_path: Path, suffix: str) -> None:
    members = [COMPRESSIONS[suffix](page(i, 60)) for i in range(3)]
    whole = b"".join(members)
    ends = [len(members[0]), len(members[0]) + len(members[1]), len(whole)]
    path = tmp_path / f"a.warc{suffix}"
    for cut in range(4, len(whole)):
        path.write_bytes(whole[:cut])
        rows = rows_of(path)
        sound = sum(end <= cut for end in ends)
        assert [r.verdict for r in rows][:sound] == ["kept"] * sound
        assert [r.verdict for r in rows][sound:] == ([] if cut in ends else ["failed"]), cut


def test_records_before_damage_in_the_same_member_are_read(tmp_path: Path) -> None:
    member = bytearray(gzip.compress(b"".join(page(i) for i in range(30)), mtime=0))
    member[len(member) * 2 // 3] ^= 0xFF
    path = tmp_path / "a.warc.gz"
    path.write_bytes(bytes(member) + gzip.compress(page(30)))
    rows = rows_of(path)
    bad = [r for r in rows if r.verdict == "failed"]
    assert len(bad) == 1 and rows[-1].url.endswith("/30") and rows[-1].verdict == "kept"
    before = rows[: rows.index(bad[0])]
    assert len(before) >= 15 and {r.verdict for r in before} == {"kept"}


def test_each_damage_in_one_member_has_its_row(tmp_path: Path) -> None:
    member = gzip.compress(page(0) + b"WARC/1.0 garbage\r\n\r\n" + page(1) + page(2))
    path = tmp_path / "a.warc.gz"
    path.write_bytes(member[:-12] + gzip.compress(page(3)))
    assert [r.reason for r in rows_of(path)] == [None, "bad_warc_header", None, "bad_compression", None]


LAYOUTS = st.lists(
    st.tuples(st.sampled_from(["page", "page", "two", "continued", "garbage", "flip", "cut", "nul"]), st.integers(0)),
    min_size=1,
    max_size=9,
)


@settings(max_examples=200, deadline=None)
@given(LAYOUTS, st.sampled_from(sorted(COMPRESSIONS)), st.integers(1, 700))
def test_ranges_together_give_the_whole(tmp_path_factory, layout, suffix: str, step: int) -> None:
    compress = COMPRESSIONS[suffix]
    parts = []
    for number, (sort, seed) in enumerate(layout):
        one = page(number, 80)
        member = compress(one)
        if sort == "two":
            member = compress(one + page(number + 100, 50))
        elif sort == "continued":
            member = compress(one[:60]) + compress(one[60:])
        elif sort == "garbage":
            member += bytes([seed % 255 + 1]) * (seed % 50 + 1)
        elif sort == "flip":
            at = seed % len(member)
            member = member[:at] + bytes([member[at] ^ 0x3C]) + member[at + 1 :]
        elif sort == "cut":
            member = member[: seed % len(member)]
        elif sort == "nul":
            member += bytes(seed % 30)
        parts.append(member)
    path = tmp_path_factory.mktemp("ranges") / f"a.warc{suffix}"
    # A first member that does not look like the format makes the file another one: the layout begins sound.
    path.write_bytes(compress(page(999, 20)) + b"".join(parts))
    size = path.stat().st_size
    whole = rows_of(path)
    pieces = [row for start in range(0, size, step) for row in rows_of(path, start, min(size, start + step))]
    assert pieces == whole
    assert len({row.record_id for row in whole}) == len(whole)


def test_ranges_of_real_files_give_the_whole(shared_data: Path) -> None:
    path = shared_data / "crawl" / "commoncrawl-en-0.warc.gz"
    whole = rows_of(path)
    for step in (1_000, 10_007, 65_536, 1 << 20):
        size = path.stat().st_size
        assert [r for s in range(0, size, step) for r in rows_of(path, s, min(size, s + step))] == whole


def test_too_large_is_failed_and_passed_over(tmp_path: Path) -> None:
    big = response("http://a.example/big", b"<p>" + b"x" * 5000)
    for suffix, join in ((".warc", b"".join), (".warc.gz", lambda r: b"".join(map(gzip.compress, r)))):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(join([page(0), big, page(1)]))
        rows = rows_of(path, limit=2000)
        assert [(r.verdict, r.reason) for r in rows] == [("kept", None), ("failed", "too_large"), ("kept", None)]
        assert rows[1].url == "http://a.example/big" and rows[1].threshold == 2000 and rows[1].score > 5000


def test_bombs_do_not_fill_memory(tmp_path: Path) -> None:
    """100 MB of zeros behind 400 kB: as a record, as a gzip body, as a record of undeclared length."""
    zeros = bytes(100 << 20)
    body = gzip.compress(zeros, 1)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(
        gzip.compress(response("http://a.example/1", zeros), 1)
        + gzip.compress(response("http://a.example/2", body, headers=("Content-Encoding: gzip",)))
        + gzip.compress(response("http://a.example/3", zeros, length=10), 1)
        + gzip.compress(page(4))
    )
    del zeros
    tracemalloc.start()
    rows = rows_of(path, limit=4 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [r.reason for r in rows] == ["too_large", "too_large", "bad_warc_header", None]
    assert peak < 60 << 20, peak


def test_record_types_and_content(tmp_path: Path) -> None:
    records = [
        record("http://a.example/", b"software: x", "warcinfo"),
        record("http://a.example/", b"GET / HTTP/1.0\r\n\r\n", "request"),
        record("http://a.example/", b"fetchTimeMs: 1", "metadata", ["Content-Type: application/warc-fields"]),
        record("metadata://gnu.org/wget.log", b"log", "resource", ["Content-Type: text/plain"]),
        record("http://a.example/", b"{}", "metadata", ["Content-Type: application/json"]),
        record("http://a.example/", b"", "revisit", ["WARC-Refers-To-Target-URI: http://b.example/"]),
        record("http://a.example/", "文本".encode(), "conversion", ["Content-Type: text/plain"]),
        record("http://a.example/", b"<html>", "resource", ["Content-Type: text/html"]),
        record("dns:a.example", b"1.2.3.4", "response", ["Content-Type: text/dns"]),
        response(status="404 Not Found"),
        response(body=b""),
        response(headers=()),
        response(headers=(), body=b"\x89PNG\r\n\x1a\n"),
        response(headers=("Content-Type: text/plain; charset=gbk",), body="纯文本".encode("gbk")),
        response(headers=("Content-Type: text/plain",), body=b"<!DOCTYPE html><html>"),
        response(headers=("Content-Type: text/html",), body=b"%PDF-1.7"),
        response(headers=("Content-Type: image/gif",)),
        response(warc=("WARC-Truncated: length",)),
        response(warc=("WARC-Segment-Number: 1",)),
        record("http://a.example/", b"no status line", "response", ["Content-Type: application/http"]),
        response(
            body=gzip.compress(b"<p>page</p>")[:-8], headers=("Content-Type: text/html", "Content-Encoding: gzip")
        ),
        record("http://a.example/", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n<p>", "response"),
    ]
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(records))
    rows = rows_of(path)
    assert [(r.verdict, r.reason) for r in rows] == [
        ("dropped", "not_html"), ("dropped", "revisit"), ("kept", None), ("kept", None), ("dropped", "not_html"),
        ("dropped", "http_status"), ("dropped", "empty_body"), ("kept", None), ("dropped", "not_html"),
        ("kept", None), ("kept", None), ("dropped", "not_html"), ("dropped", "not_html"),
        ("kept", None), ("failed", "truncated"), ("failed", "bad_http"), ("kept", None), ("kept", None),
    ]  # fmt: skip
    assert rows[2].text == "文本" and rows[9].text == "纯文本" and rows[9].body is None
    assert rows[10].body == b"<!DOCTYPE html><html>" and rows[13].evidence == '{"warc_truncated": "length"}'
    assert rows[5].http_status == 404 and rows[5].score == 404
    assert rows[16].body == b"<p>page</p>" and rows[16].evidence == '{"body_broken": "gzip breaks off after 11 bytes"}'
    assert rows[17].body == b"<p>" and rows[17].evidence is None


def test_offsets_point_at_the_record(tmp_path: Path) -> None:
    records = [page(i) for i in range(4)]
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(records))
    for row, one in zip(rows_of(path), records, strict=True):
        assert path.read_bytes()[row.offset :].startswith(one)
