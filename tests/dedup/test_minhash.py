"""Signatures against datasketch itself."""

import numpy as np
import pytest
from datasketch import MinHash

from skypile.dedup.minhash import band_keys, candidate_probability, permutations, signatures


def batch(sets: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    return np.concatenate(sets).astype(np.uint32), offsets


@pytest.mark.parametrize("count, seed", [(128, 1), (112, 42), (1, 7), (256, 0)])
def test_signatures_are_datasketchs(count: int, seed: int) -> None:
    rng = np.random.default_rng(5)
    sizes = (0, 1, 2, 500, 10_000)
    sets = [rng.integers(0, 2**32, size, dtype=np.uint32) for size in sizes]
    sets += [np.array([0, 2**32 - 1], np.uint32), np.arange(1000, dtype=np.uint32)]
    ours = signatures(*batch(sets), *permutations(count, seed))
    for own, row in zip(sets, ours, strict=True):
        theirs = MinHash(count, seed=seed, hashfunc=int, scheme="affine32")
        theirs.update_batch(own.tolist())
        assert np.array_equal(row, theirs.hashvalues)


def test_agreement_estimates_jaccard() -> None:
    rng = np.random.default_rng(1)
    shared, left, right = (rng.integers(0, 2**32, n, dtype=np.uint32) for n in (800, 100, 100))
    a, b = signatures(*batch([np.r_[shared, left], np.r_[shared, right]]), *permutations(4096))
    assert abs(np.mean(a == b) - 0.8) < 0.02


def test_buckets_agree_exactly_where_bands_do() -> None:
    rng = np.random.default_rng(2)
    first = rng.integers(0, 2**32, (1, 12), dtype=np.uint32)
    second = first.copy()
    second[0, 5] ^= 1  # second of four bands of three rows
    keys = band_keys(np.vstack([first, second]), 4, 3)
    assert (keys[0] == keys[1]).tolist() == [True, False, True, True]
    same_rows = band_keys(np.tile(first[:, :3], (1, 4)), 4, 3)
    assert len(set(same_rows[0].tolist())) == 4  # equal rows in other bands are other buckets


def test_too_few_permutations_are_named() -> None:
    with pytest.raises(ValueError, match="126 permutations, the signatures have 100"):
        band_keys(np.zeros((1, 100), np.uint32), 21, 6)


def test_the_s_curve_is_what_happens() -> None:
    rng = np.random.default_rng(3)
    multipliers, increments = permutations(126)
    shared = 0
    for _ in range(400):
        common, left, right = (rng.integers(0, 2**32, n, dtype=np.uint32) for n in (60, 20, 20))
        keys = band_keys(
            signatures(*batch([np.r_[common, left], np.r_[common, right]]), multipliers, increments), 21, 6
        )
        shared += bool((keys[0] == keys[1]).any())
    expected = candidate_probability(0.6, 21, 6)
    assert abs(shared / 400 - expected) < 4 * (expected * (1 - expected) / 400) ** 0.5
