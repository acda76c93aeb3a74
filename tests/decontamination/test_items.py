"""Benchmarks as people have them, and what is wrong with those that cannot be read."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.decontamination.items import Item, read_items
from skypile.errors import Refused


def test_json_lines(tmp_path):
    rows = [
        {"id": "k-1", "question": "Which bird cannot fly?", "choices": ["kiwi", "kite"], "answer": 0},
        {"Question": "几只？", "A": "一", "B": "二", "C": 3, "Answer": "B"},
        {"question": "Why?", "answer": "Because.", "subject": "rhetoric"},
        {"question": "Which?", "choices": {"label": ["A", "B"], "text": ["ash", "oak"]}, "answer": "Z"},
    ]
    text = "\ufeff" + "\n\n".join(json.dumps(row) for row in rows) + "\n"
    (tmp_path / "birds.jsonl").write_text(text, encoding="utf-8")
    assert read_items([str(tmp_path / "birds.jsonl")]) == [
        Item("birds", "k-1", "Which bird cannot fly?", ("kiwi", "kite"), "kiwi"),
        Item("birds", "1", "几只？", ("一", "二", "3"), "二"),
        Item("birds", "2", "Why?", (), "Because."),
        Item("birds", "3", "Which?", ("ash", "oak"), "Z"),
    ]


def test_parquet_and_a_folder_of_files(tmp_path):
    rows = [{"question": "Which?", "choices": ["ash", "oak"], "answer": 1, "picture": b"\0"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "trees.parquet")
    with gzip.open(tmp_path / "days.jsonl.gz", "wt") as file:
        file.write('{"question": "When?"}\n')
    (tmp_path / "README.md").write_text("two benchmarks")
    assert read_items([str(tmp_path)]) == [
        Item("days", "0", "When?"),
        Item("trees", "0", "Which?", ("ash", "oak"), "oak"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"question": "a"}\n["b"]\n', ["line 2", "a JSON list"]),
        ('{"question": "a"}\n{"question": \n', ["line 2", "no JSON object"]),
        ('{"question": "a"}\n{"query": "b"}\n', ["row 1", "no question", "query"]),
        ('{"question": "  "}\n', ["row 0", "no question"]),
        (json.dumps({"question": "x" * 100_001}), ["100,001 characters"]),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, words):
    (tmp_path / "b.jsonl").write_text(content)
    with pytest.raises(Refused) as refused:
        read_items([str(tmp_path / "b.jsonl")])
    assert all(word in str(refused.value) for word in [*words, "b.jsonl"])


def test_two_files_of_one_name_and_none_at_all(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "b.jsonl").write_text('{"question": "a"}\n')
    with pytest.raises(Refused, match="two benchmarks are named b"):
        read_items([str(tmp_path / "x"), str(tmp_path / "y")])
    (tmp_path / "c.csv").write_text("question\na\n")
    with pytest.raises(Refused, match=r"no \.jsonl or \.parquet file"):
        read_items([str(tmp_path / "c.csv")])
    (tmp_path / "d.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(Refused, match="no readable Parquet"):
        read_items([str(tmp_path / "d.parquet")])
