"""Cut paragraphs that recur across pages: footers, notices, teasers that extraction let through.

A paragraph is text between blank lines (between line ends in a text without a blank line), known by a
64-bit hash of its folded form. One that stands on ``boilerplate_host_pages`` pages of a host is cut from
that host's pages, one that stands on ``boilerplate_hosts`` hosts from all pages, except for one page each,
the one first in survivor order. So an article that many sites took over loses its copies, not itself. A page
of which more than ``boilerplate_share`` is cut is dropped, unless others lean on it: it keeps a recurring
paragraph, or pages were dropped as its duplicates. So no recurring paragraph vanishes from the corpus, and
every survivor that a verdict names is there.

This counts pages that deduplication keeps: counted before, the paragraphs of a page with ten copies would
be cut from all of them. Cost: 24 bytes a paragraph are shuffled after a local count; the paragraphs to cut
go to every worker, ``boilerplate_most`` of them at most; the text is cut where it lies.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from skypile.config import DedupConfig
from skypile.dedup.shingles import shingle_texts

_BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")
SHOWN, SHOWN_CHARACTERS = 5, 80  # of what is cut, the evidence quotes so much

ANYWHERE = 0  # the host of a paragraph that is cut from the pages of all hosts


class Recurring(NamedTuple):
    """Paragraphs to cut, sorted by key; parallel arrays."""

    keys: np.ndarray  # uint64: of paragraph and host (or ANYWHERE)
    keepers: np.ndarray  # uint64: hash of the record that keeps the paragraph
    pages: np.ndarray  # int64: pages it stands on


def hash64(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def paragraphs(text: str) -> list[str]:
    """Paragraphs of a text: ``"a\\nb\\n\\nc"`` -> ``["a\\nb", "c"]``, ``"a\\nb"`` -> ``["a", "b"]``."""
    parts = _BLANK_LINES.split(text)
    parts = parts if len(parts) > 1 else text.split("\n")
    return [part for part in parts if part.strip()]


def paragraph_hashes(parts: list[str]) -> np.ndarray:
    """uint64 hash of each paragraph's folded form; a paragraph without letters is hashed as it is."""
    keys = shingle_texts(pa.array(parts, pa.large_string()), 5, 5).text_keys
    return np.frombuffer(b"".join(keys), np.uint64)[::2]


def host_key(hashes: np.ndarray, host: int) -> np.ndarray:
    """Key of paragraphs on a host (xxh3 of its name) or ANYWHERE."""
    return hashes ^ np.uint64(host * 0x9E3779B97F4A7C15 % 2**64)


def occurrences(batch: pa.RecordBatch) -> pa.RecordBatch:
    """One row a page and paragraph (hashes as int64) of a batch with record_id, host, rank and text."""
    texts = [paragraphs(text or "") for text in batch["text"].to_pylist()]
    every = paragraph_hashes([part for parts in texts for part in parts])
    hashes, rows, at = [], [], 0
    for row, parts in enumerate(texts):
        own = np.unique(every[at : at + len(parts)])
        at += len(parts)
        hashes.append(own)
        rows.append(np.full(len(own), row))
    index = np.concatenate(rows) if rows else np.empty(0, np.int64)
    records = _hashed(batch["record_id"].to_pylist())
    hosts = _hashed(batch["host"].to_pylist())
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.concatenate(hashes).view(np.int64) if hashes else np.empty(0, np.int64)),
            pa.array(hosts[index]),
            batch["rank"].take(pa.array(index)),
            pa.array(records[index]),
        ],
        ["paragraph", "host", "rank", "record"],
    )


def _hashed(values: Iterable[str | None]) -> np.ndarray:
    return np.array([hash64(value or "") for value in values], np.uint64).view(np.int64)


class Cut(NamedTuple):
    """What is left of a text and what was taken out."""

    text: str
    removed: list[tuple[str, int]]  # paragraph, pages it stands on
    keeper: bool  # of a recurring paragraph, which stands in no other text after the cut


def cut_texts(texts: list[str], records: list[str], hosts: list[str | None], recurring: Recurring) -> list[Cut]:
    """Take the recurring paragraphs out of texts; a text without one comes back as it was, to the byte."""
    split = [paragraphs(text) for text in texts]
    every = paragraph_hashes([part for parts in split for part in parts])
    cuts, at = [], 0
    for text, record, host, parts in zip(texts, records, hosts, split, strict=True):
        hashes = every[at : at + len(parts)]
        at += len(parts)
        known = [_pages(host_key(hashes, place), hash64(record), recurring) for place in (ANYWHERE, hash64(host or ""))]
        found, pages = np.maximum(*known)
        keeper = bool(((found > 0) & (pages == 0)).any())
        if not pages.any():
            cuts.append(Cut(text, [], keeper))
            continue
        separator = "\n\n" if _BLANK_LINES.search(text) else "\n"
        left = separator.join(part for part, n in zip(parts, pages, strict=True) if not n)
        cuts.append(Cut(left, [(part, int(n)) for part, n in zip(parts, pages, strict=True) if n], keeper))
    return cuts


def _pages(keys: np.ndarray, record: int, recurring: Recurring) -> np.ndarray:
    """Pages each paragraph stands on if it recurs, and if it is to be cut from this record; else 0: int64[2, n]."""
    if not len(recurring.keys):
        return np.zeros((2, len(keys)), np.int64)
    at = np.minimum(np.searchsorted(recurring.keys, keys), len(recurring.keys) - 1)
    found = np.where(recurring.keys[at] == keys, recurring.pages[at], 0)
    return np.array([found, np.where(recurring.keepers[at] != np.uint64(record), found, 0)])


def cut_evidence(cut: Cut) -> dict[str, Any]:
    """What the verdict's evidence says of a cut text."""
    shown = [{"text": part[:SHOWN_CHARACTERS], "pages": pages} for part, pages in cut.removed[:SHOWN]]
    return {"cut_characters": sum(len(part) for part, _ in cut.removed), "cut": shown}


def cut_batch(batch: pa.RecordBatch, recurring: Recurring, config: DedupConfig) -> pa.RecordBatch:
    """Cut the texts of the rows that are kept; drop the pages of which too much is cut. Same columns as came in.

    Never dropped are pages that others were dropped for, or that keep a recurring paragraph for the corpus. They stay
    with what is left of them, or whole where nothing is.
    """
    kept = np.flatnonzero(pc.equal(batch["verdict"], "kept").to_numpy(zero_copy_only=False))
    columns = {name: batch[name].to_pylist() for name in _CHANGED}
    hosts, records = batch["host"].to_pylist(), batch["record_id"].to_pylist()
    texts = [columns["text"][row] or "" for row in kept]
    cuts = cut_texts(texts, [records[row] for row in kept], [hosts[row] for row in kept], recurring)
    for row, text, cut in zip(kept, texts, cuts, strict=True):
        if not cut.removed:
            continue
        needed = cut.keeper or columns["duplicates"][row] > 0
        if needed and not cut.text:
            continue
        known = json.loads(columns["evidence"][row] or "{}") | cut_evidence(cut)
        share = 1 - len(cut.text) / len(text)
        columns["cut_paragraphs"][row] = len(cut.removed)
        columns["evidence"][row] = json.dumps(known, ensure_ascii=False)
        if not needed and (share > config.boilerplate_share or not cut.text):
            columns["verdict"][row], columns["reason"][row] = "dropped", "boilerplate"
            columns["score"][row], columns["threshold"][row] = round(share, 6), config.boilerplate_share
        else:
            columns["text"][row], columns["characters"][row] = cut.text, len(cut.text)
    for name, values in columns.items():
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(index, batch.schema.field(index), pa.array(values, batch.schema.field(index).type))
    return batch


_CHANGED = ("duplicates", "text", "characters", "cut_paragraphs", "verdict", "reason", "score", "threshold", "evidence")
