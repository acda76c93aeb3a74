"""From splits to documents: what is read ahead of the sandbox, and in what order it comes out."""

from collections import deque

import pytest

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import Split
from skypile.crawl.record import record
from skypile.extraction import documents
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
