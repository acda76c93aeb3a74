"""Text to judge on that nothing judged was trained on: hosts held out of a run, and near-duplicates left out.

A model that has seen a text, or half of it in a quotation, is praised for its memory. So training leaves out every page
of a held-out host, and every document that holds `LEAKED` of the shingles of a validation text or is a near-duplicate
of one by deduplication's own threshold. Shingles are deduplication's (`skypile.dedup.sketch`); validation sets are
small, so each document is held against all of their shingles, and nothing is guessed.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.config import DedupConfig
from skypile.dedup.sketch import sketch_batch, unpacked_sets
from skypile.errors import Refused
from skypile.proxy.corpora import Document, batches
from skypile.proxy.validation import Validation
from skypile.tokens.packing import is_validation

# Two texts of different authors share no such part of their 5-word (5-character) shingles; a quotation of half does.
LEAKED: Final = 0.5
MOST_TEXTS: Final = 300  # of held-out hosts in one language: the spread over documents then adds little to the interval
BATCH: Final = 256


def is_held_out(host: str | None, share: float, seed: int) -> bool:
    """Whether the pages of a host are kept from training; a page without one is not."""
    return bool(host) and share > 0 and is_validation(str(host), share, seed)


def held_out_sets(run: str, share: float, seed: int, characters: int | None = None) -> list[Validation]:
    """Pages that `run` kept of its held-out hosts, a set a language; of many those with the smallest ids.

    Raises:
        Refused: no page of the run is of a held-out host.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for batch in batches(run, "quality_filter", ["record_id", "host", "language", "text"]):
        for row in batch.to_pylist():
            if is_held_out(row["host"], share, seed):
                found.setdefault(row["language"], []).append((row["record_id"], row["text"][:characters]))
    if not found:
        raise Refused(
            f"a share of {share} of the hosts held out is no page of {run}: hold more out, or name files to validate on"
        )
    return [
        Validation("held-out hosts", language, tuple(text for _, text in sorted(pages)[:MOST_TEXTS]))
        for language, pages in sorted(found.items())
        if len(pages) > 1
    ]


class Screen(NamedTuple):
    """Shingles of validation texts.

    Attributes:
        hashes: uint32, all of them, sorted.
        texts: int64, the text that each belongs to.
        sizes: int64 [texts], shingles of each.
        config: how texts are cut into shingles, and what a near-duplicate is.
    """

    hashes: np.ndarray
    texts: np.ndarray
    sizes: np.ndarray
    config: DedupConfig


def screen(texts: Sequence[str], config: DedupConfig) -> Screen:
    """What `leaks` needs of validation texts."""
    hashes, offsets, _ = _shingles(texts, config)
    sizes = np.diff(offsets)
    belongs = np.repeat(np.arange(len(texts)), sizes)
    order = np.argsort(hashes, kind="stable")
    return Screen(hashes[order], belongs[order], sizes, config)


def leaks(screen: Screen, texts: Sequence[str]) -> list[bool]:
    """Which texts hold much of a validation text, or are its near-duplicates."""
    hashes, offsets, limits = _shingles(texts, screen.config)
    return [
        _leaks(screen, hashes[first:last], int(limit))
        for first, last, limit in zip(offsets[:-1].tolist(), offsets[1:].tolist(), limits, strict=True)
    ]


def _leaks(screen: Screen, own: np.ndarray, limit: int) -> bool:
    low = np.searchsorted(screen.hashes, own, "left")
    counts = np.searchsorted(screen.hashes, own, "right") - low
    if not counts.any():
        return False
    at = np.repeat(low - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    common = np.bincount(screen.texts[at], minlength=len(screen.sizes))
    # Of a long text only the shingles up to a limit are known: of the others as many count.
    sizes = screen.sizes if limit >= 2**32 - 1 else np.bincount(
        screen.texts[screen.hashes <= limit], minlength=len(screen.sizes)
    )  # fmt: skip
    near = common >= screen.config.jaccard_threshold * (sizes + len(own) - common)
    return bool(((common > 0) & (near | (common >= LEAKED * sizes))).any())


def screened(documents: Iterable[Document], screen: Screen, left_out: list[str]) -> Iterator[Document]:
    """The documents but those that leak; ids of these are added to `left_out`."""
    for batch in _in_batches(documents):
        longest = [max(document.before or "", document.after or "", key=len) for document in batch]
        for document, leaked in zip(batch, leaks(screen, longest), strict=True):
            if leaked:
                left_out.append(document.record_id)
            else:
                yield document


def _in_batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _shingles(texts: Sequence[str], config: DedupConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashes (uint32, sorted within each text), offsets, and up to which hash each text's are known."""
    names = pa.array([str(number) for number in range(len(texts))])
    nothing = pa.nulls(len(texts), pa.string())
    rows = pa.RecordBatch.from_arrays(
        [names, nothing, pa.array(np.zeros(len(texts))), pa.array(texts, pa.string())],
        ["record_id", "url", "rank", "text"],
    )
    made = sketch_batch(rows, config)
    hashes, offsets = unpacked_sets(made["shingles"])
    return hashes, offsets, pc.cast(made["limit"], pa.int64()).to_numpy()
