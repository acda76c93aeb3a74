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


def test_fields_as_other_tools_write_them(tmp_path):
    """Objects with text and label, numbers that pandas made floats of, NaN for what is missing, labels that are none of
    A, B, C: never Python's spelling of an object, which stands in no page."""
    trees = [{"label": "1", "text": "ash"}, {"label": "2", "text": "oak"}]
    rows = [
        {"question": {"stem": "Which?", "topic": "trees"}, "choices": trees, "answer": "2"},
        {"question": ["Two and", "two?"], "choices": {"x": 4.0, "y": None, "z": 5}, "answer": "Z"},
        {"question": "Which?", "A": float("nan"), "B": "ash", "C": "oak", "answer": 2.0},
        {"question": "Which?", "A": None, "B": "ash", "answer": "b"},
        {"question": "Which?", "choices": ["", "ash"], "answer": {"text": ["ash"], "start": [4]}},
        {"question": "Which?", "options": "(a) ash (b) oak", "choices": None, "answer": True},
        {"question": "How many?", "answer": 300.0},
        {"question": "Which?", "choices": [tree | {"label": "A"} for tree in trees], "answer": "B"},
    ]
    (tmp_path / "odd.jsonl").write_bytes(
        b"\xef\xbb\xbf\r\n" + "\r\n".join(map(json.dumps, rows)).encode() + b"\r\n \r\n"
    )
    assert [item[2:] for item in read_items([str(tmp_path / "odd.jsonl")])] == [
        ("Which?", ("ash", "oak"), "oak"),
        ("Two and two?", ("4", "5"), "5"),
        ("Which?", ("ash", "oak"), "oak"),
        ("Which?", ("ash",), "ash"),
        ("Which?", ("ash",), "ash"),
        ("Which?", ("(a) ash (b) oak",), "True"),
        ("How many?", (), "300"),
        ("Which?", ("ash", "oak"), "oak"),
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
        ('{"question": NaN}\n', ["row 0", "no question"]),
        ('{"question": "a", "choices": [{"en": "b", "zh": "c"}]}\n', ["row 0", "a choice is an object with en, zh"]),
        ("", ["holds no item"]),
        ("\ufeff\n  \n", ["holds no item"]),
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
    pq.write_table(pa.table({"prompt": ["a"], "target": ["b"]}), tmp_path / "e.parquet")
    with pytest.raises(Refused, match="no column question; its columns are prompt, target"):
        read_items([str(tmp_path / "e.parquet")])


def test_a_file_that_is_named_twice_is_one_benchmark(tmp_path):
    (tmp_path / "b.jsonl").write_text('{"question": "a"}\n')
    assert read_items([str(tmp_path / "b.jsonl"), str(tmp_path)]) == [Item("b", "0", "a")]
