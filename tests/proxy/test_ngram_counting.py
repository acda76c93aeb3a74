"""Counts as sorted runs: whatever the blocks, files and ranges, they are those of a plain dictionary."""

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from skypile.errors import Refused
from skypile.proxy import ngram
from skypile.proxy.ngram import counting, estimation
from skypile.proxy.ngram.sorting import BEGIN, END, SPECIAL, WORD_BITS
from tests.proxy.test_ngram import batch


def texts(seed, many=60, words=50, longest=120):
    chance = random.Random(seed)
    return [[int(chance.paretovariate(0.8)) % words for _ in range(chance.randrange(longest))] for _ in range(many)]


def windows(given, order):
    """Counts of all windows, by the definition."""
    found = Counter()
    for text in given:
        words = [BEGIN, *(word + SPECIAL for word in text), END]
        found.update(tuple(words[i : i + order]) for i in range(len(words)))
    return found


def unpacked(pieces):
    mask = (1 << WORD_BITS) - 1
    found = {}
    for high, low, count in np.concatenate(list(pieces)).tolist():
        words = [(key >> shift) & mask for key in (high, low) for shift in (2 * WORD_BITS, WORD_BITS, 0)]
        ngram_words = tuple(word for word in words if word)
        assert ngram_words not in found
        found[ngram_words] = count
    return found


@pytest.mark.parametrize("order", range(2, 7))
def test_counts_are_those_of_a_dictionary(order):
    given = [*texts(order), [counting.MAX_ID, 0, counting.MAX_ID], []]
    counts = ngram.count([batch(given, np.uint32)], order)
    assert unpacked(counting.merged(counts)) == windows(given, order)
    assert (counts.texts, counts.words) == (len(given), sum(map(len, given)))


@pytest.mark.parametrize("block", [150, 1000])
@pytest.mark.parametrize("memory", [0, 3000, 1 << 30])
def test_blocks_files_and_ranges_change_nothing(monkeypatch, tmp_path, block, memory):
    """Texts longer than a block, runs in files, and merging in ranges far smaller than the whole."""
    monkeypatch.setattr(counting, "BLOCK", block)
    given = [*texts(5), [3] * 500]
    batches = [batch(given[:20]), batch(given[20:])]
    counts = ngram.count(batches, 5, memory, tmp_path)
    filed = [run for run in counts.runs if isinstance(run, np.memmap)]
    assert sum(run.nbytes for run in counts.runs if not isinstance(run, np.memmap)) <= memory
    assert bool(filed) == (memory < 1 << 30)
    pieces = list(counting.merged(counts, entries=300))
    assert max(map(len, pieces)) <= 300 and len(pieces) > 5
    keys = [tuple(row) for piece in pieces for row in piece[:, :2].tolist()]
    assert keys == sorted(set(keys))
    assert unpacked(pieces) == windows(given, 5)
    assert list(tmp_path.iterdir()) == []  # the files have no names


def test_a_model_built_of_ranges_is_the_same(monkeypatch):
    """An n-gram whose windows lie in two ranges is one n-gram, with the counts of both."""
    given = [*texts(5), *[[1]] * 90]
    counts = ngram.add(ngram.count([batch(given[:20])], 3), ngram.count([batch(given[20:])], 3))
    whole = ngram.estimate(counts, prune=(0, 2, 2))
    monkeypatch.setattr(estimation, "merged", lambda counts: counting.merged(counts, entries=40))
    apart = ngram.estimate(counts, prune=(0, 2, 2))
    for name in ("words", "logs", "suffixes", "backoffs", "children", "starts"):
        assert getattr(apart, name).tobytes() == getattr(whole, name).tobytes(), name


def test_words_of_all_sizes_sort():
    random_ids = np.random.default_rng(2).integers(0, counting.MAX_ID, 5000) >> np.arange(5000) % 21
    counts = ngram.count([(random_ids, np.array([0, 2000, 5000]))], 6)
    given = [random_ids[:2000].tolist(), random_ids[2000:].tolist()]
    assert unpacked(counting.merged(counts)) == windows(given, 6)
    keys = list(map(tuple, counts.runs[0][:, :2].tolist()))
    assert keys == sorted(set(keys))


def test_counts_add_and_subtract():
    common, gone, new = texts(1), texts(2, many=5), texts(3, many=5)
    shared = ngram.count([batch(common)])
    both = ngram.add(shared, ngram.count([batch(gone)]))
    moved = ngram.add(ngram.subtract(both, ngram.count([batch(gone)])), ngram.count([batch(new)]))
    assert unpacked(counting.merged(moved)) == windows(common + new, 5)
    assert (moved.texts, moved.words) == (len(common + new), sum(map(len, common + new)))
    model, apart = ngram.estimate(moved), ngram.train([batch(common + new)])
    assert model.logs.tobytes() == apart.logs.tobytes() and model.words.tobytes() == apart.words.tobytes()


def test_subtracting_what_is_not_there_is_refused():
    counts = ngram.subtract(ngram.count([batch([[1, 2, 3]])]), ngram.count([batch([[1, 2, 4]])]))
    with pytest.raises(Refused, match="subtracted"):
        ngram.estimate(counts)


def test_counts_of_two_orders_do_not_add():
    with pytest.raises(Refused, match="order 3 and 4"):
        ngram.add(ngram.count([], 3), ngram.count([], 4))


@pytest.mark.parametrize(
    ("ids", "offsets", "said"),
    [
        (np.array([1.0]), np.array([0, 1]), "float64"),
        (np.array([[1]]), np.array([0, 1]), "one dimension"),
        (np.array([-1]), np.array([0, 1]), "-1"),
        (np.array([counting.MAX_ID + 1]), np.array([0, 1]), str(counting.MAX_ID + 1)),
        (np.array([1, 2]), np.array([0, 3]), "offsets"),
        (np.array([1, 2]), np.array([0, 2, 1, 2]), "offsets"),
        (np.array([1, 2]), np.array([-1, 2]), "offsets"),
    ],
)
def test_ids_and_offsets_that_do_not_fit_are_refused(ids, offsets, said):
    with pytest.raises(Refused, match=said):
        ngram.count([(ids, offsets)])
    with pytest.raises(Refused, match=said):
        ngram.score(ngram.train([batch([[1]])]), ids, offsets)


def test_orders_out_of_range_are_refused():
    for order in (1, 7):
        with pytest.raises(Refused, match="2 to 6"):
            ngram.count([], order)


def test_characters_are_code_points():
    ids, offsets = ngram.characters(["a中", "", "\ud800\U0001f600"])
    assert ids.tolist() == [0x61, 0x4E2D, 0xD800, 0x1F600]
    assert offsets.tolist() == [0, 2, 2, 4]
    assert ngram.characters([])[1].tolist() == [0]


@pytest.mark.parametrize("piece", [1, 2, 3, 4, 5, 7, 100])
def test_a_stream_is_cut_at_its_end_of_document(monkeypatch, piece):
    monkeypatch.setattr("skypile.proxy.ngram.texts._PIECE", piece)
    stream = np.array([5, 6, 0, 0, 7, 0, 8, 9], np.uint16)
    found = [ids[a:b].tolist() for ids, offsets in ngram.cut(stream, 0) for a, b in pairwise(offsets)]
    assert found == [[5, 6], [7], [8, 9]]
    assert list(ngram.cut(stream[:0], 0)) == []
