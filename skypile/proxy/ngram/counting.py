"""N-gram counts as sorted runs: what can be counted apart, added and subtracted.

Every text is `<s>`, its words, `</s>`; a window of `order` words begins at each of these, cut short by the text's end.
The counts of windows hold those of all shorter n-grams, as the counts of their prefixes. Blocks of windows are sorted
(`sorting`) and equal ones counted: a run. Runs beyond `memory` go to files without a name, gone when closed; they are
merged range by range when they are read (`merged`), so that only a range of each is held at a time.

Because texts do not share windows, counts add: the model of a corpus that differs from another in a few texts needs
only those to be counted (`add`, `subtract`).

Cost: 4 to 7 million words a CPU second; 24 bytes a distinct window.
"""

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from skypile.errors import Refused
from skypile.proxy.ngram.sorting import (
    SPECIAL,
    WORD_BITS,
    count_equal,
    cut_windows,
    lower_bound,
    merge,
    sort_windows,
)

ORDERS: Final = range(2, 7)
MAX_WORDS: Final = (1 << 32) - 1  # of a corpus, `<s>` and `</s>` among them: counts and nodes have 32 bits
MAX_ID: Final = (1 << WORD_BITS) - 1 - SPECIAL

# Windows sorted at once: 64 MB and as much to sort into. Not tuned; smaller blocks leave more runs to merge.
BLOCK: Final = 1 << 22

# Entries of all runs that are merged at once: 192 MB, and as much for the result.
RANGE: Final = 1 << 23

MEMORY: Final = 2 << 30

# Texts as `Encoder.encode_batch` gives them: ids of all, and offsets [texts + 1].
Texts = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Counts:
    """Counts of the n-grams of some texts.

    Attributes:
        order: words in the longest n-gram.
        runs: int64 [n, 3] each, sorted: a window in two words (see `sorting`), and its count, negative where
            texts were subtracted. In memory or mapped from a file.
        texts, words: how many there are, `<s>` and `</s>` not counted.
    """

    order: int
    runs: tuple[np.ndarray, ...]
    texts: int
    words: int


def count(batches: Iterable[Texts], order: int = 5, memory: int = MEMORY, folder: str | Path | None = None) -> Counts:
    """Count the n-grams of texts given as batches of ids and offsets.

    Args:
        batches: ids (any integer type, 0 to MAX_ID) and int64 offsets [texts + 1], as `Encoder.encode_batch`,
            `characters` and `cut` give them.
        order: words in the longest n-gram, 2 to 6.
        memory: bytes of runs to keep in memory; those beyond go to files.
        folder: where those files lie; None: the system's folder for temporary files.

    Raises:
        Refused: an order or an id out of range, or offsets that do not fit their ids.
    """
    if order not in ORDERS:
        raise Refused(f"order={order} must be {ORDERS[0]} to {ORDERS[-1]}: the words in the longest n-gram")
    runs: list[np.ndarray] = []
    block, filled = np.empty((0, 2), np.int64), 0
    texts = words = 0
    for ids, offsets in batches:
        check_texts(ids, offsets)
        texts += len(offsets) - 1
        words += int(offsets[-1] - offsets[0])
        text, first = 0, 0
        while text < len(offsets) - 1:
            block = _with_room(block, filled, int(offsets[-1] - offsets[text]) + 2 * (len(offsets) - 1 - text) - first)
            text, first, filled = cut_windows(ids, offsets, text, first, order, block, filled)
            if filled == BLOCK:
                _keep(_run(block), runs, memory, folder)
                filled = 0
    if filled:
        _keep(_run(block[:filled]), runs, memory, folder)
    return Counts(order, tuple(runs), texts, words)


def add(left: Counts, right: Counts) -> Counts:
    """The counts of both's texts together; nothing is copied.

    Raises:
        Refused: they are of different orders.
    """
    if left.order != right.order:
        raise Refused(f"counts of order {left.order} and {right.order} do not add: count both with one order")
    return Counts(left.order, left.runs + right.runs, left.texts + right.texts, left.words + right.words)


def subtract(left: Counts, right: Counts) -> Counts:
    """The counts of `left`'s texts without `right`'s, all of which must be among them (found when they are read)."""
    negative = tuple(run * np.array([1, 1, -1]) for run in right.runs)
    return add(left, replace(right, runs=negative, texts=-right.texts, words=-right.words))


def merged(counts: Counts, entries: int = RANGE) -> Iterator[np.ndarray]:
    """All windows once, in order, with their counts: pieces int64 [n, 3] of at most `entries` entries of the runs.

    Raises:
        Refused: more was subtracted than was there, or there are more than `MAX_WORDS` words.
    """
    if counts.words + 2 * counts.texts > MAX_WORDS:
        raise Refused(f"{counts.words} words in {counts.texts} texts: one model can be made of 2^32 at most")
    for parts in _ranges(counts.runs, entries):
        pieces = [part for part in parts if len(part)]
        while len(pieces) > 1:
            pairs = [pieces[at : at + 2] for at in range(0, len(pieces), 2)]
            pieces = [_merged_pair(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
        if pieces and len(pieces[0]):
            if int(pieces[0][:, 2].min()) < 0:
                raise Refused("a text was subtracted that is not among those counted: subtract only what was added")
            yield pieces[0]


def check_texts(ids: np.ndarray, offsets: np.ndarray) -> None:
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise Refused(f"ids are {ids.dtype}{list(ids.shape)}, they must be integers of one dimension")
    if len(offsets) < 1 or offsets[0] < 0 or offsets[-1] > len(ids) or (np.diff(offsets) < 0).any():
        raise Refused(f"offsets do not rise from 0 to the {len(ids)} ids: give where each text begins, and the end")
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) > MAX_ID):
        raise Refused(f"ids reach from {ids.min()} to {ids.max()}; an n-gram's words must be 0 to {MAX_ID}")


def _with_room(block: np.ndarray, filled: int, more: int) -> np.ndarray:
    """`block` with room for `more` windows, a whole block at most: small inputs never touch the memory of one."""
    if filled + more <= len(block) or len(block) == BLOCK:
        return block
    larger = np.empty((min(BLOCK, max(filled + more, 2 * len(block))), 2), np.int64)
    larger[:filled] = block[:filled]
    return larger


def _run(block: np.ndarray) -> np.ndarray:
    spare = np.empty_like(block)
    ordered = spare if sort_windows(block, spare) else block
    out = np.empty((len(block), 3), np.int64)
    return out[: count_equal(ordered, out)].copy()


def _keep(run: np.ndarray, runs: list[np.ndarray], memory: int, folder: str | Path | None) -> None:
    if sum(kept.nbytes for kept in runs if not isinstance(kept, np.memmap)) + run.nbytes > memory:
        with tempfile.TemporaryFile(dir=folder) as file:  # the mapping keeps the file open
            run.tofile(file)
            file.flush()
            run = np.memmap(file, np.int64, "r", shape=run.shape)
    runs.append(run)


def _ranges(runs: tuple[np.ndarray, ...], entries: int) -> Iterator[list[np.ndarray]]:
    """The runs cut at the same windows, so that a range of all holds at most `entries`."""
    total = sum(map(len, runs))
    if total <= entries:
        yield list(runs)
        return
    # every step-th window of each run stands for the step behind it; a range may hold one step of each run more
    step = max(1, entries // (4 * len(runs)))
    samples = np.concatenate([run[::step, :2] for run in runs])
    samples = samples[np.lexsort((samples[:, 1], samples[:, 0]))]
    stride = max(1, entries // step - len(runs))
    bounds = [0] * len(runs)
    for high, low in samples[stride::stride].tolist():
        ends = [int(lower_bound(run, high, low)) for run in runs]
        yield _copied(runs, bounds, ends)
        bounds = ends
    yield _copied(runs, bounds, list(map(len, runs)))


def _copied(runs: tuple[np.ndarray, ...], begins: list[int], ends: list[int]) -> list[np.ndarray]:
    parts = [np.array(run[begin:end]) for run, begin, end in zip(runs, begins, ends, strict=True)]
    for run in runs:
        if isinstance(run.base, mmap.mmap):
            run.base.madvise(mmap.MADV_DONTNEED)  # what was read is not read again
    return parts


def _merged_pair(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    out = np.empty((len(left) + len(right), 3), np.int64)
    return out[: merge(left, right, out)]
