"""What goes along with a text is bounded, cut where one can see it, and never lost."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skypile.config import ExtractionConfig
from skypile.crawl.inputs import plan
from skypile.crawl.read import read_split
from skypile.crawl.url import page_key
from skypile.schema import RECORD_COLUMNS, arrow_schema, record_id
from skypile.text.limits import MAX_FACT, MAX_URL, evidence_json, shortened
from tests.crawl.archives import record, response

LONG = "http://a.example/" + "x" * (1 << 20)


def test_evidence_is_bounded_json_however_deep():
    facts = {
        "a": "y" * 10_000,
        "b": ["z" * 10_000, {"c": "\udcff" + "w" * 10_000}],
        "n": 1.5,
        "short": "é",
        "none": None,
    }
    text = evidence_json(facts)
    assert len(text) < 4 * MAX_FACT and text.encode()
    assert json.loads(text)["b"][0] == "z" * MAX_FACT + "… (cut)"
    assert {name: json.loads(text)[name] for name in ("n", "short", "none")} == {"n": 1.5, "short": "é", "none": None}
    assert evidence_json({}) is None


@pytest.mark.parametrize("limit", [5, 6])
def test_only_what_is_too_long_is_cut(limit):
    assert shortened("abcdef", limit) == ("abcde… (cut)" if limit == 5 else "abcdef")


def test_no_reader_lets_a_long_url_date_or_type_through(tmp_path):
    """From every source; the id stays that of the place in the file."""
    kind = "Content-Type: text/html;" + " x" * 9000
    (tmp_path / "a.warc").write_bytes(
        record(LONG[:60_000], b"<html><p>x", "resource", [kind, f"WARC-Date: {'1' * 9000}"])
        + response(status="301 Moved", headers=(f"Location: {LONG[:60_000]}",))
        + record("http://b.example/", b"x", "revisit", [f"WARC-Refers-To-Target-URI: {LONG[:60_000]}"])
        + response(warc=(f"WARC-Truncated: {'t' * 9000}",))
    )
    (tmp_path / "b.jsonl").write_text(
        json.dumps({"text": "x", "url": LONG, "date": LONG}) + "\n" + json.dumps({"k" * 100_000: 1})
    )
    pq_table = pa.table({"text": ["x"], "url": [LONG]})
    pq.write_table(pq_table, tmp_path / "c.parquet")
    config = ExtractionConfig()
    rows = [row for split in plan([str(tmp_path)], config) for row in read_split(split, config)]
    assert len(rows) == 7
    for row in rows:
        for name in ("url", "date", "content_type", "evidence"):
            assert len(getattr(row, name) or "") < 3 * MAX_FACT, (name, row.source)
    pa.Table.from_pylist([row._asdict() for row in rows], schema=arrow_schema(RECORD_COLUMNS))
    (line, _), (cell,) = ([row for row in rows if row.source == name] for name in ("b.jsonl", "c.parquet"))
    assert line.url == cell.url == LONG[:MAX_URL] + "… (cut)"
    assert line.record_id == record_id("b.jsonl", 0)


def test_addresses_that_were_cut_are_never_the_same_page():
    one, other = (shortened(LONG + end, MAX_URL) for end in ("a", "b"))
    assert one == other and page_key(one) is None
    assert page_key(LONG[:MAX_URL]) == LONG[:MAX_URL].replace("http:", "https:")
