"""Which n-grams of items are common in a corpus, and so tell nothing: a first pass over it.

An n-gram is common when `common_documents` texts of `common_sources` sources (hosts; texts, where no URL is known) have
it and *not* the rest of its item. So phrases of examiners, formulas and famous words go, and an item that was copied to
a thousand pages does not make itself common. An n-gram of an item that is found as a whole only counts wherever it is.

Counts add up and the smallest hashes of sources are kept, so the outcome depends on no order and no partition.
"""

from typing import NamedTuple

import numba
import numpy as np

from skypile.config import DecontaminationConfig
from skypile.decontamination.index import Index
from skypile.decontamination.matches import Match
from skypile.decontamination.scan import Hits

HELD = 0.95  # a text with so much of an item holds it; with less, it may quote what the item quotes
NO_SOURCE = np.uint64(2**64 - 1)


class Tally(NamedTuple):
    """For each n-gram of an index: texts that have it, and the smallest hashes of their sources, NO_SOURCE beyond."""

    texts: np.ndarray  # int64[n]
    sources: np.ndarray  # uint64[n, common_sources], sorted


def new_tally(index: Index, config: DecontaminationConfig) -> Tally:
    count = len(index.gram_keys)
    return Tally(np.zeros(count, np.int64), np.full((count, config.common_sources), NO_SOURCE, np.uint64))


def add_texts(tally: Tally, hits: Hits, found: dict[int, list[Match]], sources: np.ndarray, index: Index) -> None:
    """Count a batch; ``sources``: a hash (uint64) for each of its texts."""
    counted = np.ones(len(hits.pair_text), bool)
    for text, items in found.items():
        held = [match.item for match in items if match.share >= HELD]
        if held:
            mine = np.flatnonzero(hits.pair_text == text)
            forms = np.isin(index.item, held) & ~index.whole
            counted[mine] &= ~_of_forms(index, hits.pair_gram[mine], forms)
    _count(tally.texts, tally.sources, hits.pair_gram[counted], sources[hits.pair_text[counted]])


def _of_forms(index: Index, grams: np.ndarray, forms: np.ndarray) -> np.ndarray:
    """Which n-grams stand in one of the forms (bool)."""
    return np.array([forms[index.forms[index.gram_at[g] : index.gram_at[g + 1]]].any() for g in grams], bool)


def merge(tally: Tally, grams: np.ndarray, texts: np.ndarray, sources: np.ndarray) -> None:
    """Add what another tally says of some n-grams: their numbers, texts and rows of sources."""
    np.add.at(tally.texts, grams, texts)
    for column in sources.T:
        _count(np.zeros_like(tally.texts), tally.sources, grams, column)


@numba.njit(cache=True)
def _count(texts, sources, grams, hashes):
    most = sources.shape[1]
    for i in range(len(grams)):
        texts[grams[i]] += 1
        row, value = sources[grams[i]], hashes[i]
        at = 0
        while at < most and row[at] < value:
            at += 1
        if at == most or row[at] == value:
            continue
        for j in range(most - 1, at, -1):
            row[j] = row[j - 1]
        row[at] = value


def common_grams(tally: Tally, index: Index, config: DecontaminationConfig) -> np.ndarray:
    """Keys (uint64, sorted) of the common n-grams, as ``build_index`` takes them."""
    often = (tally.texts >= config.common_documents) & (tally.sources[:, -1] != NO_SOURCE)
    return index.gram_keys[often]
