import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.dedup.similarity import FULL, compare_pairs, compare_sets, limit_sets, overlap_pairs, shared_bands

SETS = st.lists(st.tuples(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40))), max_size=5)


def packed(sets: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    return np.array([v for s in sets for v in sorted(s)], np.uint32), offsets


@settings(deadline=None)
@given(SETS)
def test_measures_are_those_of_python_sets(pairs: list[tuple[set[int], set[int]]]) -> None:
    full = np.full(len(pairs), FULL, np.uint32)
    jaccard, containment = compare_pairs(*packed([a for a, _ in pairs]), full, *packed([b for _, b in pairs]), full)
    for (a, b), j, c in zip(pairs, jaccard, containment, strict=True):
        assert j == (len(a & b) / len(a | b) if a | b else 0)
        assert c == (len(a & b) / len(b) if b else 0)
    jaccard, overlap = overlap_pairs(*packed([a for a, _ in pairs]), full, *packed([b for _, b in pairs]), full)
    for (a, b), j, o in zip(pairs, jaccard, overlap, strict=True):
        assert j == (len(a & b) / len(a | b) if a | b else 0)
        assert o == (len(a & b) / min(len(a), len(b)) if a and b else 0)


def test_a_sample_of_a_large_set_measures_within_its_error() -> None:
    rng = np.random.default_rng(0)
    common, left, right = (rng.integers(0, 2**32, n, dtype=np.uint32) for n in (80_000, 10_000, 10_000))
    small = np.unique(rng.choice(common, 2_000))
    sets = [np.unique(np.r_[common, left]), np.unique(np.r_[common, right]), small]
    hashes = np.concatenate(sets)
    offsets = np.cumsum([0, *map(len, sets)])
    kept, bounds, limits = limit_sets(hashes, offsets, 5_000)
    assert np.diff(bounds).tolist() == [5000, 5000, len(small)]
    assert limits[2] == FULL and limits[0] < FULL / 10

    def pair(i: int, j: int) -> tuple[float, float]:
        sides = [
            (kept[bounds[k] : bounds[k + 1]], np.array([0, bounds[k + 1] - bounds[k]]), limits[k : k + 1])
            for k in (i, j)
        ]
        jaccard, containment = compare_pairs(*sides[0], *sides[1])
        return float(jaccard[0]), float(containment[0])

    assert abs(pair(0, 1)[0] - 0.8) < 4 * (0.8 * 0.2 / 5_000) ** 0.5
    assert pair(0, 2)[1] == 1.0  # the small set lies in the large one, whatever was left out of the sample


def test_a_sample_goes_up_to_its_limit() -> None:
    kept, bounds, limits = limit_sets(*packed([{1, 3, 5, 7, 9}, {2, 4}, {6, 8, 10}]), 3)
    assert kept.tolist() == [1, 3, 5, 2, 4, 6, 8, 10] and bounds.tolist() == [0, 3, 5, 8]
    assert limits.tolist() == [5, FULL, FULL]


@settings(deadline=None)
@given(SETS, st.integers(1, 10))
def test_sets_by_number_measure_as_pairs_do(pairs: list[tuple[set[int], set[int]]], most: int) -> None:
    """Of samples too: only hashes up to the smaller limit count."""
    hashes, offsets, limits = limit_sets(*packed([s for pair in pairs for s in pair]), most)
    left, right = np.arange(0, 2 * len(pairs), 2), np.arange(1, 2 * len(pairs), 2)
    measured = compare_sets(hashes, offsets, limits, left, right)
    for (a, b), i, jaccard, containment in zip(pairs, left, *measured, strict=True):
        limit = min(limits[i], limits[i + 1])
        a, b = ({value for value in s if value <= limit} for s in (a, b))
        assert jaccard == (len(a & b) / len(a | b) if a | b else 0)
        assert containment == (len(a & b) / len(b) if b else 0)


def test_bands_in_common() -> None:
    left = np.array([1, 2, 3, 4, 5, 6])
    assert shared_bands(left, np.array([1, 0, 3, 0, 0, 0]), 2).tolist() == [2, 0]
    assert shared_bands(left[:0], left[:0], 0).tolist() == []
