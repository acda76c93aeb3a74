"""`skypile parallel`: the parallel paragraphs of a finished run, as one folder.

    DIR/documents/kept=true/    PARAGRAPH_COLUMNS: pairs of paragraphs
    DIR/documents/kept=false/   the same columns, of pairs that were dropped, with the reason
    DIR/pages/                  PAGE_COLUMNS: a verdict on every pair of pages
    DIR/manifest.json           written last: settings, inputs, counts by reason

The documents are read twice, batch by batch: their addresses, then the texts of those that are in a pair. What has to
meet is brought together in files, by a hash: pages that may be one, the two texts of a pair, paragraphs that may be the
same. So memory holds a 64th of the addresses (32 bytes each; two or three a page), the pairs of pages (0.1 KB each),
one file of texts (64 MB of characters), and one pair's matrices. No Spark.
"""

import collections
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from skypile.config import ParallelConfig
from skypile.crawl.url import page_key
from skypile.errors import Refused
from skypile.parallel.pages import ENTRY, chosen, entries, halves, proposed
from skypile.parallel.paragraphs import PAGES, PARAGRAPHS, Page, paragraphs
from skypile.run_folder import ledger, stage_folder
from skypile.run_folder.identity import named_files
from skypile.run_folder.once import Result, once
from skypile.run_folder.parquet_part import part
from skypile.runtime import files
from skypile.schema import DROPPED, KEPT, STAGES

BATCH: Final = 512  # documents at once
BUCKETS: Final = 64
BUCKET_CHARACTERS: Final = 64 << 20
MOST_BUCKETS: Final = 256  # files open at once
FLUSH: Final = 1 << 20  # bytes held for a file before they are written
_DATA: Final = ("documents", "pages")
_OURS: Final = r"/(?:kept=(?:true|false)/)?part-[^/]*$"
_TEXTS: Final = pa.schema(
    [("pair", pa.int64()), ("chinese", pa.bool_())]
    + [(name, pa.large_string() if name == "text" else pa.string()) for name in Page._fields]
)


def parallel(run: str, output: str, stage: str, pairs: str | None, config: ParallelConfig) -> dict[str, Any]:
    """Write the parallel paragraphs of what `stage` of a run kept into the folder `output`; returns the manifest.

    `pairs`: a file of pairs of URLs, or None. Raises Refused, PrunedError, FileNotFoundError, OutputRefused.
    """
    run, output = files.absolute(run), files.absolute(output)
    ledger.stage_folders(run)
    if stage not in STAGES:
        raise Refused(f"{stage!r} is no stage of a run; they are {', '.join(STAGES)}")
    stage_folder.check_not_pruned(run, stage)
    done = stage_folder.check_finished(run, stage)
    given = _given(pairs) if pairs else {}
    read = [run, *([files.absolute(pairs)] if pairs else [])]
    made_of = {"run": run, "stage": stage, "pairs": pairs and files.absolute(pairs), "config": config.deciding()}

    def known(_: Any) -> dict[str, Any]:
        return stage_folder.kept_by(stage, done) | ({"pairs": named_files(read[1:])} if pairs else {})

    result = Result("parallel", "parallel", read, made_of, known, _DATA, _OURS)
    return once(output, result, lambda: _write(run, stage, output, given, config))[0]


def _given(path: str) -> dict[str, list[int]]:
    """Numbers of the pairs that each page is in, by `page_key`."""
    numbers: dict[str, list[int]] = {}
    with files.open_uri(path) as file:
        for number, line in enumerate(file, 1):
            words = line.decode("utf-8-sig", "replace").split()
            if not words or words[0].startswith("#"):
                continue
            keys = [page_key(word) for word in words]
            if len(keys) != 2 or None in keys:
                raise Refused(f"{path}, line {number}: two URLs with white space between them, and no more, are a pair")
            for key in keys:
                numbers.setdefault(str(key), []).append(number)
    return numbers


def _write(run: str, stage: str, output: str, given: dict[str, list[int]], config: ParallelConfig) -> dict[str, Any]:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="skypile-parallel-") as scratch:
        read, pairs = _pairs(run, stage, given, Path(scratch))
        pages, links = _align(run, stage, pairs, Path(scratch), output, config)
        kept, dropped = _deduplicated(Path(scratch), output)
    if sum(links.values()) != kept + sum(dropped.values()):
        raise AssertionError(f"{links} links, {kept} kept, {dropped} dropped: some were lost")
    return {
        "documents": read,
        "pages": {
            "read": sum(pages.values()),
            "kept": pages.pop(None, 0),
            "dropped": dict(sorted((str(reason), n) for reason, n in pages.items())),
        },
        "read": kept + sum(dropped.values()),
        "kept": kept,
        "dropped": dict(sorted(dropped.items())),
        "seconds": round(time.monotonic() - started, 2),
    }


def _documents(run: str, stage: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    found = ledger.documents(run, stage).filter(pc.field("kept") == "true")
    yield from found.to_batches(columns=list(columns), batch_size=BATCH, batch_readahead=1, fragment_readahead=1)


def _pairs(run: str, stage: str, given: dict[str, list[int]], scratch: Path) -> tuple[dict[str, int], NDArray[np.void]]:
    """Documents by language, and the pairs of pages (`pages.PAIR`)."""
    read: collections.Counter[str] = collections.Counter()
    columns = ["record_id", "url", "language", "script", "characters", "alternates"]
    held: list[bytearray] = [bytearray() for _ in range(BUCKETS)]
    for batch in _documents(run, stage, columns):
        rows: list[tuple[int, ...]] = []
        for record_id, url, language, script, characters, alternates in zip(
            *(batch[name].to_pylist() for name in columns), strict=True
        ):
            read[language or "und"] += 1
            linked = json.loads(alternates) if alternates else {}
            rows += entries(record_id, url, language, script, characters or 0, linked, given)
        found = np.array(rows, ENTRY)
        bucket = found["key"] % BUCKETS
        for number in np.unique(bucket).tolist():
            held[number] += found[bucket == number].tobytes()
            if len(held[number]) > FLUSH:
                _append(scratch / f"entries-{number}", held[number])
    proposals = []
    for number in range(BUCKETS):
        _append(path := scratch / f"entries-{number}", held[number])
        proposals.append(proposed(np.fromfile(path, ENTRY)))
        path.unlink()
    return dict(sorted(read.items())), chosen(proposals)


def _append(path: Path, data: bytearray) -> None:
    with path.open("ab") as file:
        file.write(data)
    data.clear()


def _align(
    run: str, stage: str, pairs: NDArray[np.void], scratch: Path, output: str, config: ParallelConfig
) -> tuple[collections.Counter[str | None], collections.Counter[str | None]]:
    """Write `pages`, and every link to files by a hash of its texts; verdicts on pairs of pages and on links."""
    buckets = int(min(MOST_BUCKETS, 1 + pairs["characters"].sum() // BUCKET_CHARACTERS))
    pages: collections.Counter[str | None] = collections.Counter()
    links: collections.Counter[str | None] = collections.Counter()
    by_hash = _Buckets(scratch, "links", PARAGRAPHS)
    _gather(run, stage, pairs, texts := _Buckets(scratch, "texts", _TEXTS), buckets)
    with part(files.join(output, "pages"), 0, PAGES) as add:
        for number in range(buckets):
            found: list[dict[str, Any]] = []
            table = texts.read(number).sort_by([("pair", "ascending"), ("chinese", "ascending")])
            for pair, english, chinese in _met(table):
                way, untranslated = int(pairs[pair]["way"]), int(pairs[pair]["untranslated"])
                page, rows = paragraphs(english, chinese, way, untranslated, config)
                pages[page["reason"]] += 1
                found.append(page)
                for row in rows:
                    links[row["reason"]] += 1
                    by_hash.add(_text_hash(row) % BUCKETS, row)
            add(pa.RecordBatch.from_pylist(found, PAGES))
    by_hash.flush()
    return pages, links


def _gather(run: str, stage: str, pairs: NDArray[np.void], texts: "_Buckets", buckets: int) -> None:
    """The texts of all pairs, both of one pair in one file."""
    sides = [(np.argsort(pairs[f"{side}_high"], kind="stable"), side) for side in ("en", "zh")]
    sorted_sides = [(order, pairs[f"{side}_high"][order], pairs[f"{side}_low"], side == "zh") for order, side in sides]
    for batch in _documents(run, stage, Page._fields):
        ids = [halves(record) for record in batch["record_id"].to_pylist()]
        highs = np.array([high for high, _ in ids], np.uint64)
        for order, known, lows, chinese in sorted_sides:
            first, last = np.searchsorted(known, highs, "left"), np.searchsorted(known, highs, "right")
            for row in np.flatnonzero(last > first).tolist():
                for pair in order[first[row] : last[row]].tolist():
                    if int(lows[pair]) == ids[row][1]:
                        page = {name: batch[name][row].as_py() for name in Page._fields}
                        texts.add(pair % buckets, {"pair": pair, "chinese": chinese} | page)
    texts.flush()


def _met(table: pa.Table) -> Iterator[tuple[int, Page, Page]]:
    """The two pages of each pair, from rows of `_TEXTS` in their order."""
    waiting: tuple[int, Page] | None = None
    for batch in table.to_batches(BATCH):
        for row in batch.to_pylist():
            pair, page = row["pair"], Page(**{name: row[name] for name in Page._fields})
            if row["chinese"] and waiting is not None and waiting[0] == pair:
                yield pair, waiting[1], page
            waiting = None if row["chinese"] else (pair, page)


def _text_hash(row: dict[str, Any]) -> int:
    return xxhash.xxh3_64_intdigest(row["text"].encode("utf-8", "surrogatepass"))


def _deduplicated(scratch: Path, output: str) -> tuple[int, dict[str, int]]:
    """Write the documents, each pair of paragraphs kept once: that of the first URLs; kept, and dropped by reason."""
    links = _Buckets(scratch, "links", PARAGRAPHS)
    counts: collections.Counter[str | None] = collections.Counter()
    order = [(name, "ascending") for name in ("text", "en_url", "zh_url", "en_line", "zh_line", "pair_id")]
    folders = [files.join(output, "documents", f"kept={kept}") for kept in ("true", "false")]
    with part(folders[0], 0, PARAGRAPHS) as keep, part(folders[1], 0, PARAGRAPHS) as drop:
        for number in range(BUCKETS):
            last = None
            for batch in links.read(number).sort_by(order).to_batches(BATCH):
                kept: list[dict[str, Any]] = []
                dropped: list[dict[str, Any]] = []
                for row in batch.to_pylist():
                    if row["reason"] is None and row["text"] == last:
                        row |= {"verdict": DROPPED, "reason": "duplicate"}
                    last = row["text"] if row["verdict"] == KEPT else last
                    counts[row["reason"]] += 1
                    (dropped if row["reason"] else kept).append(row)
                keep(pa.RecordBatch.from_pylist(kept, PARAGRAPHS))
                drop(pa.RecordBatch.from_pylist(dropped, PARAGRAPHS))
    return counts.pop(None, 0), {str(reason): n for reason, n in counts.items()}


class _Buckets:
    """Rows in files of Arrow batches, each file appended to in turn, so that none need be open meanwhile."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self._folder, self._name, self._schema = folder, name, schema
        self._held: dict[int, list[dict[str, Any]]] = {}
        self._size: collections.Counter[int] = collections.Counter()

    def add(self, number: int, row: dict[str, Any]) -> None:
        self._held.setdefault(number, []).append(row)
        self._size[number] += 200 + len(row["text"])
        if self._size[number] > FLUSH:
            self._flush(number)

    def flush(self) -> None:
        for number in list(self._held):
            self._flush(number)

    def _flush(self, number: int) -> None:
        rows, self._size[number] = self._held.pop(number), 0
        with self._path(number).open("ab") as file, pa.ipc.new_stream(file, self._schema) as stream:
            stream.write_batch(pa.RecordBatch.from_pylist(rows, self._schema))

    def read(self, number: int) -> pa.Table:
        """All rows of a file, which is then removed."""
        found: list[pa.RecordBatch] = []
        path = self._path(number)
        if path.exists():
            with path.open("rb") as file:
                while file.tell() < path.stat().st_size:
                    found += list(pa.ipc.open_stream(file))
            path.unlink()
        return pa.Table.from_batches(found, self._schema)

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number}"
