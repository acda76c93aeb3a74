"""Ids equal to SentencePiece's on every text of the real data: every field of its tables, every page of its crawl.

The tables' raw HTML is left out: comparing it takes SentencePiece four minutes (done once, equal).
"""

import bz2
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from skypile.config import ExtractionConfig
from skypile.crawl import charset
from skypile.crawl.inputs import plan
from skypile.crawl.read import read_split
from skypile.extraction import engines
from skypile.tokens.encoder import Encoder, default_model_path
from tests.tokens import models

BATCH = 500


def rows(path: Path) -> Iterator[dict]:
    if path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches(200):
            yield from batch.to_pylist()
    else:
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def strings(value: object) -> Iterator[str]:
    """Every string in a row, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def crawl_texts(path: Path) -> Iterator[str]:
    """Main text of every page of a crawl file; where nothing is found, the page as it came."""
    config = ExtractionConfig()
    for split in plan([str(path)], config):
        for row in read_split(split, config):
            if row.text:
                yield row.text
            elif row.body:
                source = charset.decode(row.body, None).text.encode("utf-8", "replace").decode()
                yield engines.extract(source, engine="fast").text or source


def texts_of(data: Path, kind: str) -> Iterator[str]:
    if kind == "crawl":
        for path in sorted(data.glob("crawl*/*")):
            yield from crawl_texts(path)
    elif kind == "wikitext":
        yield bz2.decompress((data / "quality" / "enwiki-sample.xml.bz2").read_bytes()).decode()
    else:
        for path in sorted(p for suffix in ("parquet", "jsonl") for p in data.glob(f"*/*.{suffix}")):
            for row in rows(path):
                yield from strings(row)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "least"), [("tables", 40_000), ("wikitext", 1), ("crawl", 3_500)])
def test_ids_on_all_texts(shared_data, kind, least):
    encoder, reference = Encoder.load(), models.oracle(default_model_path())
    texts = texts_of(shared_data, kind)
    seen = 0
    while batch := list(islice(texts, BATCH)):
        models.assert_same(encoder, reference, batch)
        seen += len(batch)
    assert seen >= least
