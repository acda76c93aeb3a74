"""One pass of a batch of texts against the index: which hold so many n-grams of an item that they are worth a look.

Nearly every text ends here, after a hash and a bit of the filter for each of its units. What is left is small, and is
judged in ``matches``. On one core 2,000 characters take about 15 µs in English and 20 µs in Chinese.

Memory: about 34 bytes a byte of the batch's longest text, and 4 bytes for each n-gram and each form of the index.
"""

from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa

from skypile.decontamination.index import Index
from skypile.decontamination.ngrams import look_up, prefixes, unit_weight, window_key
from skypile.decontamination.units import unit_tables, unit_text
from skypile.dedup.shingles import utf8_buffers
from skypile.dedup.tokenise import MULTIPLIER

MOST_HITS = 100_000  # of one text: a page that repeats an item for ever is known by its beginning


class Hits(NamedTuple):
    """N-grams of items in texts; sorted by text and, in it, by place. ``text`` … ``exact`` are parallel arrays."""

    text: np.ndarray  # int32: row of the batch
    form: np.ndarray  # int32
    place: np.ndarray  # int32: of the n-gram in the form, in units
    unit: np.ndarray  # int32: of its first unit in the text
    units: np.ndarray  # int32: how many it has
    begin: np.ndarray  # int64: bytes of the text
    end: np.ndarray
    exact: np.ndarray  # bool: the numbers are the item's
    pair_text: np.ndarray  # int32: each n-gram once for each text that holds it
    pair_gram: np.ndarray  # int32


@numba.njit(cache=True)
def _grams(masked, kinds, count, weight, power, bits, keys, grams, sums, last, hit_unit, hit_gram):
    """Fill the last four: prefixes, ends of n-grams, where those of items begin and which they are; how many there are.

    ``prefixes`` and ``windows`` in one loop, which takes a tenth less time. A function by itself: with the arrays that
    grow beside it, it took twice the time.
    """
    value, start, held, hits = np.uint64(0), 0, 0, 0
    sums[0] = value
    for i in range(count):
        value = value * MULTIPLIER + masked[i]
        sums[i + 1] = value
        held += unit_weight(kinds[i])
        while held >= weight:
            last[start] = i + 1
            gram = look_up(window_key(sums, start, i + 1, power), bits, keys, grams)
            if gram >= 0:
                hit_unit[hits], hit_gram[hits] = start, gram
                hits += 1
            held -= unit_weight(kinds[start])
            start += 1
    return hits


@numba.njit(cache=True, nogil=True)
def _scan(
    data, offsets, table, expansions, words, numerals, weight, power, bits, keys, grams, gram_at, forms, places,
    said_keys, needed,
):  # fmt: skip
    longest = np.int64(0)
    for t in range(len(offsets) - 1):
        longest = max(longest, offsets[t + 1] - offsets[t])
    # No character folds to more units than twice its bytes.
    said, masked = np.empty(2 * longest + 2, np.uint64), np.empty(2 * longest + 2, np.uint64)
    kinds = np.empty(2 * longest + 2, np.uint8)
    begins, ends = np.empty(2 * longest + 2, np.int64), np.empty(2 * longest + 2, np.int64)
    sums, last = np.empty(2 * longest + 3, np.uint64), np.empty(2 * longest + 2, np.int32)
    hit_unit, hit_gram = np.empty(2 * longest + 2, np.int32), np.empty(2 * longest + 2, np.int32)
    seen = np.zeros(len(gram_at) - 1, np.int32)
    counts, touched = np.zeros(len(needed), np.int32), np.empty(len(needed), np.int32)
    out = np.empty((256, 8), np.int64)
    pairs = np.empty((256, 2), np.int32)
    made, paired = 0, 0
    for t in range(len(offsets) - 1):
        count = unit_text(
            data, offsets[t], offsets[t + 1], table, expansions, words, numerals, said, masked, kinds, begins, ends
        )
        hits = _grams(masked, kinds, count, weight, power, bits, keys, grams, sums, last, hit_unit, hit_gram)
        if not hits:
            continue
        touches, worth = 0, False
        for h in range(hits):
            gram = hit_gram[h]
            if seen[gram] == t + 1:
                continue
            seen[gram] = t + 1
            if paired == len(pairs):
                longer = np.empty((2 * paired, 2), np.int32)
                longer[:paired] = pairs
                pairs = longer
            pairs[paired, 0], pairs[paired, 1] = t, gram
            paired += 1
            before = np.int32(-1)  # of one form a repeated n-gram counts once
            for p in range(gram_at[gram], gram_at[gram + 1]):
                form = forms[p]
                if form == before:
                    continue
                before = form
                if counts[form] == 0:
                    touched[touches] = form
                    touches += 1
                counts[form] += 1
                worth |= counts[form] >= needed[form]
        if worth:
            prefixes(said, count, sums)
            start = made
            for h in range(hits):
                i, gram = hit_unit[h], hit_gram[h]
                key = window_key(sums, i, last[i], power)
                for p in range(gram_at[gram], gram_at[gram + 1]):
                    if counts[forms[p]] < needed[forms[p]] or made - start >= MOST_HITS:
                        continue
                    if made == len(out):
                        wider = np.empty((2 * made, 8), np.int64)
                        wider[:made] = out
                        out = wider
                    row = out[made]
                    row[0], row[1], row[2], row[3], row[4] = t, forms[p], places[p], i, last[i] - i
                    row[5], row[6] = begins[i] - offsets[t], ends[last[i] - 1] - offsets[t]
                    row[7] = key == said_keys[p]
                    made += 1
        for n in range(touches):
            counts[touched[n]] = 0
    return out[:made], pairs[:paired]


def scan(texts: pa.Array, index: Index) -> Hits:
    """Hits of a batch of texts (Arrow strings; null counts as empty). Without hits a text is not named."""
    data, offsets = utf8_buffers(texts)
    found, pairs = _scan(
        data, offsets, *unit_tables(), index.weight, index.power, *index.table, index.gram_at, index.forms,
        index.places, index.said, index.needed,
    )  # fmt: skip
    text, form, place, unit, units = (found[:, i].astype(np.int32) for i in range(5))
    return Hits(
        text, form, place, unit, units, found[:, 5], found[:, 6], found[:, 7].astype(bool), pairs[:, 0], pairs[:, 1]
    )
