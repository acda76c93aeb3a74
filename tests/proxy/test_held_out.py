"""Nothing that is judged on is trained on, in whole or in half."""

from pathlib import Path

import pytest

from skypile.config import DedupConfig
from skypile.errors import Refused
from skypile.proxy.corpora import Document
from skypile.proxy.held_out import MOST_TEXTS, held_out_sets, is_held_out, leaks, screen, screened
from tests.proxy.test_treatments import made, prose
from tests.report.run_folder import record

VALIDATION = [
    prose(1),
    prose(2),
    "今天的会议讨论了河道整治的方案，与会者认为应当先修复两岸的旧堤，再考虑新的水闸。" * 2,
]
MARKS = screen(VALIDATION, DedupConfig())


def half(text: str) -> str:
    return text[: int(0.6 * len(text))]


@pytest.mark.parametrize(
    ("text", "leaked"),
    [
        (prose(1), True),
        (prose(1).replace("village", "town", 1), True),
        (f"{prose(30)} It was said there: {half(prose(2))} {prose(31)}", True),  # a page that quotes half of one
        (f"引言。{VALIDATION[2]}以上是全文。", True),
        (prose(3), False),
        (f"{prose(30)} {prose(1)[:60]}", False),  # a sentence
        ("", False),
        ("今天", False),
    ],
)
def test_a_document_that_holds_much_of_a_text_leaks(text: str, leaked: bool):
    assert leaks(MARKS, [text]) == [leaked]


def test_a_book_is_judged_by_a_sample_of_its_shingles():
    """Of texts over max_shingles only a part of the shingles is held, here a tenth."""
    config = DedupConfig(max_shingles=1000)
    marks = screen([" ".join(prose(n) for n in range(40, 60))], config)
    other = " ".join(prose(n) for n in range(100, 220))
    assert leaks(marks, [other, f"{other} {' '.join(prose(n) for n in range(40, 55))}"]) == [False, True]


def test_either_text_of_a_document_counts_and_what_is_left_out_is_named():
    left_out: list[str] = []
    documents = [
        Document("clean", "clean", None, prose(5), prose(5)),
        Document("before", "before", None, prose(1), None),
        Document("after", "after", None, prose(6)[:50], f"{prose(6)[:50]} {prose(2)}"),
    ]
    assert [d.record_id for d in screened(documents, MARKS, left_out)] == ["clean"]
    assert left_out == ["before", "after"]


def test_held_out_pages_are_those_that_the_run_kept_of_its_held_out_hosts(tmp_path: Path):
    rows = [record(n, text=prose(n), language="en", host=f"host{n % 40}.example") for n in range(400)]
    rows.append(record(400, "quality_filter", reason="symbols", text=prose(400), language="en", host="host0.example"))
    run = made(tmp_path, rows)
    held = {row["text"] for row in rows[:400] if is_held_out(row["host"], 0.5, 3)}
    assert 100 < len(held) < 300
    (one,) = held_out_sets(run, 0.5, 3)
    assert (one.domain, one.language) == ("held-out hosts", "en") and set(one.texts) == held
    assert all(len(text) <= 50 for text in held_out_sets(run, 0.5, 3, 50)[0].texts)
    assert len(held_out_sets(run, 0.99, 3)[0].texts) == MOST_TEXTS
    assert set(held_out_sets(run, 0.5, 4)[0].texts) != held
    with pytest.raises(Refused, match="hold more out"):
        held_out_sets(run, 1e-9, 3)
    assert not is_held_out(None, 0.9, 0) and not is_held_out("a.example", 0, 0)
