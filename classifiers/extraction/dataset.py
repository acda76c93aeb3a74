"""Labelled pages, cut into blocks by the engine's own scanner and ready for training."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType

from skypile.classifiers.extraction.labels import (
    agreed_labels,
    character_f1,
    gold_labels,
    is_chinese,
    snippet_labels,
)
from skypile.crawl import charset
from skypile.extraction.engines import Engine, extract
from skypile.extraction.fast.block_text import WORDS, first_tokens
from skypile.extraction.fast.blocks import NAMES, block_texts, cut
from skypile.extraction.fast.page_type import page_slots, page_words
from skypile.extraction.fast.structure import structure_features
from skypile.extraction.fast.window import Page

WITNESSES: tuple[Engine, ...] = ("trafilatura-fast", "resiliparse")
AGREEMENT, MIN_AGREED = 0.8, 150  # character F1; characters


@dataclass(frozen=True)
class LabelledPage:
    """One page: its blocks, their features that need no training, and what is known of them."""

    id: str
    set_name: str
    host: str
    page_type: str | None
    gold: str | None
    must: list[str]
    must_not: list[str]
    page: Page
    structure: np.ndarray  # float32 [B, N_STRUCTURE]
    statistics: np.ndarray  # float32 [B, 12]
    slots: np.ndarray  # of all words of the page (page type)
    named_slots: np.ndarray  # of URL, og and schema words
    labels: np.ndarray  # float32 [B], UNKNOWN = -1

    @property
    def words(self) -> np.ndarray:
        return np.maximum(self.statistics[:, WORDS], 0.5)


def read_pages(path: Path) -> Iterator[dict]:
    """Rows of an evaluation file, a few at a time (pages are large)."""
    for batch in pq.ParquetFile(path).iter_batches(64):
        yield from batch.to_pylist()


def label_page(row: dict, set_name: str) -> LabelledPage:
    """Cut one page and label its blocks from its `gold` text or its `must` and `must_not` snippets."""
    html = charset.decode(row["html"], None).text.encode("utf-8", "replace")
    page, title, description = cut(html)
    structure, statistics = structure_features(page, first_tokens(page), title, description, NAMES.flags)
    named = page_words(html, page, row["url"])
    blocks = block_texts(page)
    gold = row.get("gold")
    must, must_not = row.get("must") or [], row.get("must_not") or []
    if "witnesses" in row:
        labels = agreed_labels([gold_labels(blocks, text) for text in row["witnesses"]])
    elif gold is None:
        labels = snippet_labels(blocks, must, must_not)
    else:
        labels = gold_labels(blocks, gold)
    return LabelledPage(
        id=row["id"], set_name=set_name, host=urlsplit(row["url"]).netloc.lower().removeprefix("www."),
        page_type=row.get("page_type"), gold=gold, must=must, must_not=must_not,
        page=page,
        structure=structure, statistics=statistics, slots=page_slots(page.words, page.tag, NAMES, named),
        named_slots=page_slots(page.words[:0], page.tag[:0], NAMES, named), labels=labels,
    )  # fmt: skip


def load_set(path: Path) -> list[LabelledPage]:
    """All pages of one evaluation file (wcxb_dev, zh_dev, mixed_dev, snippets_990)."""
    return [label_page(row, path.stem) for row in read_pages(path)]


def load_crawl(path: Path) -> list[LabelledPage]:
    """Chinese pages of a WARC file on which trafilatura and resiliparse agree (character F1 of AGREEMENT or more):
    their blocks get a label where both engines say the same. They add Chinese sites to the few with gold text."""
    pages = []
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            html, url = record.reader.read(), record.headers.get("WARC-Target-URI")
            witnesses = [extract(html, url, engine=engine).text for engine in WITNESSES]
            if is_chinese(witnesses[0]) and len(witnesses[0]) >= MIN_AGREED and character_f1(*witnesses) >= AGREEMENT:
                row = {"id": url, "url": url, "html": html, "witnesses": witnesses}
                pages.append(label_page(row, "crawl"))
    return pages
