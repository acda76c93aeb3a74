"""What the commands that read a run say of its evidence."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.schema import KEPT, LEDGER_COLUMNS, arrow_schema
from tests.cli.test_cli import skypile

EVIDENCE = """{"duplicates": 1, "cut_characters": 37, "cut": [
    {"start": 0, "end": 20, "pages": 12, "host_pages": 14, "text": "[bold]Ask the editor."},
    {"start": 900, "end": 917, "pages": 60, "host_pages": 0, "text": "All rights kept."}
]}"""


def test_why_shows_every_paragraph_that_was_cut(tmp_path: Path) -> None:
    row = {"record_id": "0" * 32, "url": "http://a.example/1", "stage": "dedup", "verdict": KEPT, "evidence": EVIDENCE}
    folder = tmp_path / "03_dedup" / "verdicts" / "wave=0"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row], arrow_schema(LEDGER_COLUMNS)), folder / "part.parquet")
    shown = skypile("why", "http://a.example/1", "--run", str(tmp_path), COLUMNS="60").stdout.splitlines()
    assert [line.strip() for line in shown[-4:]] == [
        "duplicates: 1",
        "cut_characters: 37",
        "cut 0-20, stands on 12 of 14 pages of its host: [bold]Ask the editor.",
        "cut 900-917, stands on 60 pages: All rights kept.",
    ]
