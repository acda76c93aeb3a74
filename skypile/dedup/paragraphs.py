"""Cut what a site adds to its pages and extraction let through: notices, footers, appeals. Nothing an author wrote.

A paragraph is text between blank lines, known by a hash of its characters. It is cut from a page if

- it recurs: the same paragraph stands at the edge of ``boilerplate_host_pages`` pages of the host, and of
  ``boilerplate_host_share`` of all its pages. A record without a host has no site, so nothing of it is counted or cut;
- it lies at the page's edge: between it and the text's begin or end there are only paragraphs that recur as well, or
  its place is there: on half of the pages it is the very first or last, and here among the first or last ``EDGE``. What
  a site repeats in the middle of its pages are headings, captions, sentences of a manual, a poem under discussion;
- it says something: ``boilerplate_characters`` at least, or it lies between the edge and a paragraph that does. So
  "Share this:" goes with the notice before it, and a last line "Answer: 12" stays;
- it is one flowing line of words (``is_flowing``): code, lists, verse, quotations and what introduces them are an
  author's, however often they recur, and are never cut, whole or line by line;
- it stands on the page once. What a page repeats is a refrain or a table.

One page keeps it, the first in survivor order, so that no paragraph vanishes from the corpus. A page of which more than
``boilerplate_share`` is cut is dropped, unless others lean on it: it keeps a recurring paragraph, or pages were dropped
as its duplicates. ``boilerplate_hosts`` does the same for paragraphs on so many hosts, whatever their share of each
host's pages; it is off, because on 3,665 real pages all that stood on five hosts were headings ("Conclusion"), and
famous quotations are what should stand on many.

The evidence of a record lists every cut as a span of the text that came in, which minus these is the text that goes
out. Read on 3,665 real pages: the rule before this one (on ten pages of a host or on five hosts, anywhere, any length)
cut 5,329 paragraphs, of which 18 were the notice that heads two guides, 10 a box on pages under work, and all else
headings, labels and sentences of a manual. This one cuts the 18.

Only pages that deduplication keeps are counted: counted before, the paragraphs of a page with ten copies would be cut
from all of them. Cost: 40 bytes are shuffled for each of the ``EDGE`` paragraphs at a page's begin and end; those to
cut go to every worker, ``boilerplate_most`` of them at most; the text is cut where it lies. In the same shuffle the
hosts of each paragraph are counted, and as many of those on several hosts go with them: `paragraph_hosts` is a score
that decides nothing here (skypile.recurrence).
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from skypile.config import DedupConfig
from skypile.text.paragraphs import BLANK_LINES, is_flowing, paragraph_spans, weight
from skypile.text.spans import without as without_spans

EDGE = 10  # so many paragraphs at a text's begin, and at its end, are looked at
SHOWN_CHARACTERS = 2000  # of a paragraph that was cut, the evidence quotes so much

ANYWHERE = 0  # the host of a paragraph that is cut from the pages of all hosts
A_PAGE = 0  # the "paragraph" that every page counts for its host


class Recurring(NamedTuple):
    """Paragraphs to cut, sorted by key; parallel arrays."""

    keys: np.ndarray  # uint64: of paragraph and host (or ANYWHERE)
    keepers: np.ndarray  # uint64: hash of the record that keeps the paragraph
    pages: np.ndarray  # int64: pages at whose edge it stands
    host_pages: np.ndarray  # int64: pages of the host; 0 for ANYWHERE
    outermost: np.ndarray  # int64: pages of which it is the first or last paragraph
    shared: np.ndarray = np.empty(0, np.uint64)  # hashes of paragraphs on two hosts or more, long enough, sorted
    shared_hosts: np.ndarray = np.empty(0, np.int32)  # how many hosts each stands on


class Removed(NamedTuple):
    """A paragraph that was cut: text[start:end], in code points, with the blank lines that went with it."""

    start: int
    end: int
    pages: int
    host_pages: int


class Cut(NamedTuple):
    """What is left of a text and what was taken out."""

    text: str
    removed: list[Removed]
    keeper: bool  # of a recurring paragraph, which stands in no other text after the cut


def hash64(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def host_key(hashes: np.ndarray, hosts: np.ndarray) -> np.ndarray:
    """Key of paragraphs on hosts (xxh3 of their names) or ANYWHERE; uint64, of one shape or one host for all."""
    return hashes ^ hosts * np.uint64(0x9E3779B97F4A7C15)


def occurrences(batch: pa.RecordBatch, least: int = 0) -> pa.RecordBatch:
    """One row a page and paragraph at its edge (hashes as int64), and one a page for the page itself (``A_PAGE``).

    `batch` has record_id, host (of every row), rank and text. ``long``: whether it has ``least`` characters.
    """
    hashes: list[int] = []
    rows: list[int] = []
    outermost: list[int] = []
    long: list[bool] = []
    for row, text in enumerate(batch["text"].to_pylist()):
        parts = [text[start:end].strip() for start, end in paragraph_spans(text or "")]
        times = Counter(parts)
        edge = {part for part in (*parts[:EDGE], *parts[-EDGE:]) if times[part] == 1}
        own = sorted(edge)
        hashes += [A_PAGE, *map(hash64, own)]
        outermost += [0, *(int(part in (parts[0], parts[-1])) for part in own)]
        long += [False, *(weight(part) >= least for part in own)]
        rows += [row] * (len(own) + 1)
    index = pa.array(rows, pa.int64())
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.array(hashes, np.uint64).view(np.int64)),
            _hashed(batch["host"].to_pylist()).take(index),
            batch["rank"].take(index),
            _hashed(batch["record_id"].to_pylist()).take(index),
            pa.array(outermost, pa.int64()),
            pa.array(long, pa.bool_()),
        ],
        ["paragraph", "host", "rank", "record", "outermost", "long"],
    )


def _hashed(values: Iterable[str]) -> pa.Array:
    return pa.array(np.array([hash64(value) for value in values], np.uint64).view(np.int64))


def cut_text(text: str, record: str, host: str | None, recurring: Recurring, least: int) -> Cut:
    """Take what recurs out of a text's edges; ``least``: characters of a paragraph that is cut for itself."""
    spans = paragraph_spans(text) if host and len(recurring.keys) else []
    parts = [text[start:end].strip() for start, end in spans]
    last = len(parts) - 1
    edge = sorted({*range(min(EDGE, len(parts))), *range(max(0, len(parts) - EDGE), len(parts))})
    found = dict(zip(edge, _found([parts[i] for i in edge], host or "", recurring), strict=True))
    if not any(at >= 0 for at in found.values()):
        return Cut(text, [], False)
    times = Counter(parts)
    recurs = {i: at for i, at in found.items() if at >= 0 and times[parts[i]] == 1}
    keeps = {i for i, at in recurs.items() if recurring.keepers[at] == np.uint64(hash64(record))}
    placed = {i for i, at in recurs.items() if 2 * recurring.outermost[at] >= recurring.pages[at]}
    first_half = {i for i in placed if i <= last - i}
    leading = _run(range(min(EDGE, last + 1)), parts, set(recurs), first_half, least)
    trailing = _run(range(last, max(-1, last - EDGE), -1), parts, set(recurs), placed - first_half, least) - leading
    removed, end = [], 0
    for i in sorted((leading | trailing) - keeps):
        # The blank lines after a paragraph at the begin go with it, those before a paragraph at the end.
        start = max(end, spans[i - 1][1] if i in trailing and i else spans[i][0] if i else 0)
        end = spans[i + 1][0] if i in leading and i < last else spans[i][1] if i < last else len(text)
        at = recurs[i]
        removed.append(Removed(start, end, int(recurring.pages[at]), int(recurring.host_pages[at])))
    return Cut(without(text, removed), removed, bool(keeps))


def _run(order: range, parts: list[str], recurs: set[int], placed: set[int], least: int) -> set[int]:
    """The paragraphs to cut on the way inward from an edge.

    As far as all recur, up to the last that is long enough to be cut for itself; further on those whose place is at
    the edge (``placed``).
    """
    cut: set[int] = set()
    short: set[int] = set()
    unbroken = True
    for i in order:
        unbroken = unbroken and i in recurs
        if i not in recurs or not is_flowing(parts[i]):
            continue
        long = weight(parts[i]) >= least
        if unbroken:
            short.add(i)
            cut, short = (cut | short, set()) if long else (cut, short)
        elif long and i in placed:
            cut.add(i)
    return cut


def without(text: str, removed: Iterable[Removed]) -> str:
    """`text` minus the spans, which come in order and do not overlap."""
    return without_spans(text, ((span.start, span.end) for span in removed))


def _found(parts: list[str], host: str, recurring: Recurring) -> list[int]:
    """Where in ``recurring`` each paragraph stands, for its host before ANYWHERE; -1 if it does not recur."""
    hashes = np.array([hash64(part) for part in parts], np.uint64)
    result = np.full(len(parts), -1)
    if not len(recurring.keys):
        return result.tolist()
    for place in (ANYWHERE, hash64(host)):
        keys = host_key(hashes, np.array([place], np.uint64))
        at = np.minimum(np.searchsorted(recurring.keys, keys), len(recurring.keys) - 1)
        result = np.where(recurring.keys[at] == keys, at, result)
    return result.tolist()


def most_hosts(texts: Sequence[str], recurring: Recurring) -> np.ndarray:
    """The most hosts on which one of each text's ``EDGE`` first or last paragraphs stands, 1 if on no second: int64."""
    found = np.ones(len(texts), np.int64)
    if not len(recurring.shared):
        return found
    hashes: list[int] = []
    rows: list[int] = []
    for row, text in enumerate(texts):
        parts = [part for part in BLANK_LINES.split(text) if part and not part.isspace()]
        ends = parts if len(parts) <= 2 * EDGE else [*parts[:EDGE], *parts[-EDGE:]]
        hashes += [hash64(part.strip()) for part in ends]
        rows += [row] * len(ends)
    keys = np.array(hashes, np.uint64)
    at = np.minimum(np.searchsorted(recurring.shared, keys), len(recurring.shared) - 1)
    np.maximum.at(
        found, np.array(rows, np.int64), np.where(recurring.shared[at] == keys, recurring.shared_hosts[at], 1)
    )
    return found


def cut_evidence(text: str, cut: Cut) -> dict[str, Any]:
    """What the verdict's evidence says of a cut text: every span, so that ``text`` minus these is what goes on."""
    spans = []
    for start, end, pages, host_pages in cut.removed:
        part = text[start:end].strip()
        shown = part if len(part) <= SHOWN_CHARACTERS else f"{part[:SHOWN_CHARACTERS]}…"
        spans.append({"start": start, "end": end, "pages": pages, "host_pages": host_pages, "text": shown})
    return {"cut_characters": len(text) - len(cut.text), "cut": spans}


def cut_batch(batch: pa.RecordBatch, recurring: Recurring, config: DedupConfig) -> pa.RecordBatch:
    """Cut the texts of the rows that are kept; drop the pages of which too much is cut. Same columns as came in.

    Never dropped are pages that others were dropped for, or that keep a recurring paragraph for the corpus. They stay
    with what is left of them, or whole where nothing is.
    """
    kept = np.flatnonzero(pc.equal(batch["verdict"], "kept").to_numpy(zero_copy_only=False))
    columns = {name: batch[name].to_pylist() for name in _CHANGED}
    hosts, records = batch["host"].to_pylist(), batch["record_id"].to_pylist()
    shared = most_hosts([columns["text"][row] or "" for row in kept], recurring).tolist()
    columns["paragraph_hosts"] = [None] * len(batch)
    for place, most in zip(kept.tolist(), shared, strict=True):
        columns["paragraph_hosts"][place] = most
    for row in kept:
        text = columns["text"][row] or ""
        cut = cut_text(text, records[row], hosts[row], recurring, config.boilerplate_characters)
        if not cut.removed:
            continue
        needed = cut.keeper or columns["duplicates"][row] > 0
        if needed and not cut.text.strip():
            continue
        known = json.loads(columns["evidence"][row] or "{}") | cut_evidence(text, cut)
        share = 1 - len(cut.text) / len(text)
        columns["cut_paragraphs"][row] = len(cut.removed)
        columns["evidence"][row] = json.dumps(known, ensure_ascii=False)
        if not needed and (share > config.boilerplate_share or not cut.text.strip()):
            columns["verdict"][row], columns["reason"][row] = "dropped", "boilerplate"
            columns["score"][row], columns["threshold"][row] = round(share, 6), config.boilerplate_share
        else:
            columns["text"][row], columns["characters"][row] = cut.text, len(cut.text)
    for name, values in columns.items():
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(index, batch.schema.field(index), pa.array(values, batch.schema.field(index).type))
    return batch


_CHANGED = (
    *("duplicates", "text", "characters", "cut_paragraphs", "paragraph_hosts"),
    *("verdict", "reason", "score", "threshold", "evidence"),
)
