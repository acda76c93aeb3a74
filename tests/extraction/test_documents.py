"""From splits to documents: what is read ahead of the sandbox, and in what order it comes out."""

import json
from collections import deque

import pytest

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import Split
from skypile.crawl.record import Record, record
from skypile.extraction import document, documents
from skypile.runtime import sandbox
from skypile.runtime.sandbox import Outcome

SPLIT = Split("/a.warc.gz", "a.warc.gz", "warc", 0, 1, 1)


class SlowSandbox:
    """Is ready when it has been asked often enough; drops every page."""

    def __init__(self, asked_before_ready: int) -> None:
        self.left = asked_before_ready
        self.calls = 0

    def is_ready(self) -> bool:
        self.left -= 1
        return self.left < 0

    def call(self, data: bytes) -> Outcome:
        self.calls += 1
        return Outcome("ok", b'{"verdict": "dropped", "reason": "no_text"}')


def test_records_are_read_ahead_in_bounded_groups():
    short = [record("a.jsonl", n, text="x") for n in range(450)]
    long = [record("b.warc.gz", n, body=bytes(3 << 20)) for n in range(7)]
    groups = list(documents._grouped(iter(short + long)))
    assert [len(group) for group in groups] == [200, 200, 50 + 3, 3, 1]
    assert [row for group in groups for row in group] == short + long


@pytest.mark.parametrize(("asked_before_ready", "ahead"), [(0, 1), (2, 3), (100, documents.GROUPS_AHEAD)])
def test_a_reader_goes_on_until_its_sandbox_is_ready(monkeypatch, asked_before_ready, ahead):
    pages = [record("a.warc.gz", n, body=bytes(9 << 20)) for n in range(10)]  # each a group
    box, read = SlowSandbox(asked_before_ready), deque[int]()

    def reading(split, config):
        for page in pages:
            read.append(box.calls)
            yield page

    monkeypatch.setattr(documents, "_sandbox", lambda seconds, memory_mb: box)
    monkeypatch.setattr(documents, "read_split", reading)
    found = list(documents.documents(SPLIT, ExtractionConfig()))
    assert [row for _, batch in found for row in batch["offset"].to_pylist()] == list(range(10))
    assert [count for count, _ in found] == [1] * 10
    assert list(read).count(0) == ahead  # records read before the first page was extracted


def test_input_that_is_text_needs_no_sandbox(monkeypatch):
    lines = [record("a.jsonl", n, text="An English sentence of some length. " * 9) for n in range(3)]
    monkeypatch.setattr(documents, "read_split", lambda split, config: iter(lines))
    monkeypatch.setattr(sandbox, "template", lambda function: pytest.fail("a process was started"))
    documents._sandbox.cache_clear()
    [(count, batch)] = documents.documents(SPLIT, ExtractionConfig())
    assert (count, batch["verdict"].to_pylist()) == (3, ["kept"] * 3)


def rows_of(monkeypatch, *records: Record, **settings: object) -> list[dict]:
    monkeypatch.setattr(documents, "read_split", lambda split, config: iter(records))
    config = ExtractionConfig(**settings)
    return [row for _, batch in documents.documents(SPLIT, config) for row in batch.to_pylist()]


def test_a_long_ready_text_comes_out_of_the_sandbox_as_it_would_without(monkeypatch):
    long = "Ein e\u0301 und 中文 \U0001f600 in one line.\n" * 1000 + "An English sentence of some length. " * 4000
    monkeypatch.setattr(documents, "SHORT_TEXT", len(long))
    (within,) = rows_of(monkeypatch, record("a.jsonl", 0, text=long))
    monkeypatch.setattr(documents, "SHORT_TEXT", len(long) - 1)
    (beyond,) = rows_of(monkeypatch, record("a.jsonl", 0, text=long))
    assert within == beyond and within["verdict"] == "kept" and "é" in within["text"]


def test_a_ready_text_that_costs_too_much_fails_alone(monkeypatch):
    """Whatever of its handling is slow: here all of it, by a limit that no text of that length can keep."""
    short, long = "An English sentence of some length. " * 9, "中文 and English. " * 500_000
    texts = [record("a.wet", n, text=text) for n, text in enumerate((short, long, short))]
    rows = rows_of(monkeypatch, *texts, timeout_seconds=0.05)
    assert [(row["verdict"], row["reason"]) for row in rows] == [("kept", None), ("failed", "timeout"), ("kept", None)]


def test_combining_marks_in_any_source_are_linear(monkeypatch):
    sentences = "A sentence in English, whose end goes on. " * 9
    marks = sentences + "a" + "\u0301\u0316" * 150_000  # CPython: 100 s
    page = f"<title>{'A sentence. ' * 9000}</title><article><p>{marks}</p><p>{sentences}</article>".encode()
    sources = [record("a.wet", 0, text=marks), record("a.warc", 1, body=page, content_type="text/html; charset=utf-8")]
    rows = rows_of(monkeypatch, *sources, timeout_seconds=5.0)
    assert [row["verdict"] for row in rows] == ["kept", "kept"]
    assert all("\u0316" * 150_000 + "\u0301" * 149_999 in row["text"] for row in rows)  # one makes an á
    assert len(rows[1]["title"]) < 1100 and rows[1]["title"].endswith("… (cut)")


def test_what_reading_and_cleaning_know_of_a_kept_text_stands_in_its_evidence():
    prose = "An English sentence of\u200b some length.\r\n" * 9
    row = record("a.warc.gz", 0, text=prose)._replace(evidence='{"body_broken": "gzip breaks off after 9 bytes"}')
    found = documents.document(row, ExtractionConfig())
    assert found["verdict"] == "kept" and found["text"] == prose.replace("\u200b", "").replace("\r", "").strip()
    assert json.loads(found["evidence"]) == {
        "body_broken": "gzip breaks off after 9 bytes",
        "cleaned": {"line_ends": 9, "zero_width": 9},
    }
    assert (
        documents.document(record("a.jsonl", 0, text="An English sentence. " * 9), ExtractionConfig())["evidence"]
        is None
    )


@pytest.mark.parametrize("text", [None, "", "a", "\n", "two\n\nparagraphs\n", '{"text": 1}\n', "中文 \u0085 \x1e"])
def test_columns_come_out_as_they_went_in(text):
    columns = {"title": 'a "title"\nof two lines', "score": 0.5, "threshold": None}
    given = columns if text is None else columns | {"text": text}
    assert document.unpacked(document.packed(given)) == given
    assert document.unpacked(document.packed({"title": "a\ud800", "text": "\ud800b"})) == {"title": "a?", "text": "?b"}
