"""JSON Lines: every line a row, in any pieces."""

import gzip
import json
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.config import ExtractionConfig
from skypile.crawl.jsonl import jsonl_records
from tests.crawl.archives import COMPRESSIONS, outcomes, read

CONFIG = ExtractionConfig(max_record_bytes=1024)


def rows_of(data: bytes, start: int = 0, end: int | None = None, config: ExtractionConfig = CONFIG) -> list:
    return list(jsonl_records(BytesIO(data), "a.jsonl", start, len(data) if end is None else end, config))


LINES = [
    (b'{"text": "\xe4\xb8\xad\xe6\x96\x87", "url": "http://a.example/"}', "kept", None),
    (b'{"html": "<p>\xe4\xb8\xad"}', "kept", None),
    (b'{"text": "", "html": "<p>"}', "kept", None),
    (b'{"text": "\\ud83d half a pair"}', "kept", None),
    (b'\xef\xbb\xbf{"text": "behind a byte order mark"}', "kept", None),
    (b'{"text": ""}', "dropped", "empty_body"),
    (b'{"text": "broken', "failed", "bad_json"),
    (b'["text"]', "failed", "bad_json"),
    (b'{"text": 5}', "failed", "missing_field"),
    (b'{"other": "x"}', "failed", "missing_field"),
    (b'{"text": "\xd6\xd0"}', "failed", "bad_json"),
    (b"[" * 1000, "failed", "bad_json"),
    (b'{"n": ' + b"9" * 900 + b"}", "failed", "missing_field"),
    (b'{"text": "' + b"x" * 2000 + b'"}', "failed", "too_large"),
]


def test_every_kind_of_line() -> None:
    data = b"\n".join(line for line, *_ in LINES)
    rows = rows_of(data)
    assert [(r.verdict, r.reason) for r in rows] == [(v, r) for _, v, r in LINES]
    assert rows[0].url == "http://a.example/" and rows[0].text == "中文"
    assert rows[1].body == "<p>中".encode() and rows[1].url == f"a.jsonl#{rows[1].offset}"
    assert rows[3].text == "\ufffd half a pair"
    assert all(data[r.offset :].startswith(line) for r, (line, *_) in zip(rows, LINES, strict=True))


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([line for line, *_ in LINES] + [b"", b"  ", b"\r"])),
    st.integers(1, 500),
    st.booleans(),
)
def test_ranges_together_give_the_whole(lines: list[bytes], step: int, ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    whole = rows_of(data)
    assert len(whole) == sum(bool(line.strip()) for line in lines)
    assert [r for s in range(0, len(data), step) for r in rows_of(data, s, min(len(data), s + step))] == whole


def test_a_line_is_never_held_beyond_the_limit() -> None:
    import tracemalloc

    class Endless(BytesIO):
        left = 200 << 20

        def read(self, size: int = -1) -> bytes:
            self.left -= size
            return b"x" * size if self.left > 0 else b""

        def seek(self, *_: int) -> int:
            return 0

    tracemalloc.start()
    rows = list(jsonl_records(Endless(), "a.jsonl", 0, 1 << 40, CONFIG))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [r.reason for r in rows] == ["too_large"] and peak < 2 << 20


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_compressed(tmp_path: Path, suffix: str) -> None:
    data = b"".join(json.dumps({"text": f"text {i}"}).encode() + b"\n" for i in range(5000))
    path = tmp_path / f"a.jsonl{suffix}"
    half = data.index(b"\n", len(data) // 2) + 5
    path.write_bytes(COMPRESSIONS[suffix](data[:half]) + COMPRESSIONS[suffix](data[half:]))
    rows = read(path)
    assert [r["text"] for r in rows] == [f"text {i}" for i in range(5000)]
    assert all(data[r["offset"] :].startswith(b'{"text": "' + r["text"].encode()) for r in rows)


def test_damage_in_a_compressed_file_costs_what_follows_it(tmp_path: Path) -> None:
    data = b"".join(json.dumps({"text": f"text {i * i * i}"}).encode() + b"\n" for i in range(20000))
    packed = bytearray(gzip.compress(data))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    rows = read(path)
    assert outcomes(rows[-1:]) == [("failed", "truncated")] and len(rows) > 5000
    assert set(outcomes(rows[:-1])) == {("kept", None)}
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    rows = read(path)
    assert outcomes(rows)[-1] == ("failed", "bad_compression") or ("failed", "bad_json") in outcomes(rows)
    assert outcomes(rows)[:5000] == [("kept", None)] * 5000
