"""Centres and assignment, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skypile.distribution import centroids
from skypile.distribution.centroids import Centroids
from skypile.distribution.quantized import EXACT_DIM, quantize

int8 = st.integers(-127, 127)


@settings(deadline=None, max_examples=50)
@given(arrays(np.int8, (7, 16), elements=int8), arrays(np.int8, (5, 16), elements=int8))
def test_assign_equals_brute_force_in_exact_arithmetic(vectors: np.ndarray, centres: np.ndarray) -> None:
    cluster, similarity = centroids.assign_flat(vectors, centres)
    for vector, found, cosine in zip(vectors.tolist(), cluster, similarity, strict=True):
        # Python integers: dot / |c| compared as sign * dot^2 / |c|^2 without rounding.
        def key(centre: list[int], vector: list[int] = vector) -> float:
            dot = sum(a * b for a, b in zip(vector, centre, strict=True))
            return dot / max(sum(c * c for c in centre), 1) ** 0.5

        keys = [key(centre) for centre in centres.tolist()]
        assert keys[found] == pytest.approx(max(keys), rel=1e-12, abs=1e-12)
        assert cosine == pytest.approx(max(keys) / max(sum(v * v for v in vector), 1) ** 0.5, abs=1e-6)


def test_ties_go_to_the_lower_index() -> None:
    vectors = np.full((3, 8), 5, np.int8)
    assert centroids.assign_flat(vectors, np.full((4, 8), 9, np.int8))[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("dim", [192, EXACT_DIM, 1536])
def test_assignment_does_not_depend_on_the_batch(dim: int) -> None:
    rng = np.random.default_rng(0)
    vectors, centres = rng.integers(-127, 128, (500, dim), np.int8), rng.integers(-127, 128, (40, dim), np.int8)
    searched = Centroids(centres[::4], centres, np.repeat(np.arange(10, dtype=np.int32), 4))
    whole = centroids.assign(vectors, searched)
    for step in (1, 7, 64):
        parts = [centroids.assign(vectors[i : i + step], searched) for i in range(0, 500, step)]
        for column in (0, 1):
            assert np.array_equal(np.concatenate([part[column] for part in parts]), whole[column])


def test_the_largest_dot_product_is_exact_in_float32() -> None:
    extreme = np.full((1, EXACT_DIM), 127, np.float32)
    assert int((extreme @ extreme.T)[0, 0]) == 127 * 127 * EXACT_DIM < 2**24


def blobs(rng: np.random.Generator, sizes: list[int], spread: float) -> tuple[np.ndarray, np.ndarray]:
    """int8 points round random directions, and which direction each belongs to."""
    directions = rng.normal(size=(len(sizes), 64))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    label = np.repeat(np.arange(len(sizes)), sizes)
    points = directions[label] + spread * rng.normal(size=(len(label), 64)) / 8
    return np.rint(points / np.abs(points).max(axis=1, keepdims=True) * 127).astype(np.int8), label


def test_separate_blobs_are_found() -> None:
    vectors, label = blobs(np.random.default_rng(1), [60] * 6, 0.3)
    centres = centroids.train(vectors, 12, 6, 20, seed=0)
    cluster, similarity = centroids.assign(vectors, centres)
    assert all(len(set(label[cluster == c])) == 1 for c in set(cluster.tolist()))
    assert similarity.min() > 0.8


def test_a_dominant_blob_is_one_cluster_whatever_k() -> None:
    vectors, label = blobs(np.random.default_rng(2), [2000, *[5] * 40], 0.2)
    for k in (8, 50, 200):
        centres = centroids.train(vectors, k, centroids.count_topics(k), 10, seed=0)
        cluster, _ = centroids.assign(vectors, centres)
        assert len(set(cluster[label == 0].tolist())) == 1


def same(one: Centroids, other: Centroids) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_training_is_repeatable_and_follows_the_seed() -> None:
    vectors, _ = blobs(np.random.default_rng(3), [50] * 10, 1.0)
    first = centroids.train(vectors, 10, 4, 5, seed=0)
    assert same(first, centroids.train(vectors, 10, 4, 5, seed=0))
    assert not same(first, centroids.train(vectors, 10, 4, 5, seed=1))


def test_no_vectors_give_no_centres() -> None:
    found = centroids.train(np.zeros((0, 16), np.int8), 0, 0, 5, seed=0)
    assert (found.topics.shape, found.clusters.shape, found.parents.shape) == ((0, 16), (0, 16), (0,))


def lumps(random: np.random.Generator) -> np.ndarray:
    """Vectors as pages have them: 60 subjects of ever smaller sizes, each in eight parts, and strays."""
    subjects = random.normal(size=(60, 64))
    parts = subjects[:, None] + 0.8 * random.normal(size=(60, 8, 64))
    at = np.repeat(np.arange(60), [3000 // (i + 1) for i in range(60)])
    points = parts[at, random.integers(8, size=len(at))] + 0.7 * random.normal(size=(len(at), 64))
    strays = random.normal(size=(60, 64))
    return random.permutation(quantize(np.concatenate([points, strays])))


def test_topics_are_balanced() -> None:
    vectors = lumps(np.random.default_rng(0))
    found = centroids.train(vectors, 150, 40, 20, seed=0)
    sizes = np.bincount(found.parents[centroids.assign(vectors, found)[0]], minlength=len(found.topics))
    assert 35 <= len(sizes) <= 40
    assert sizes.max() <= 10 * sizes.min()
    assert sizes.max() <= 0.05 * len(vectors)


@pytest.mark.parametrize("seed", range(3))
def test_large_topics_are_split_and_small_ones_dissolved(seed: int) -> None:
    random = np.random.default_rng(seed)
    parents = np.repeat(np.arange(12), [30, 10, 10, 10, 5, 5, 5, 5, 5, 5, 1, 1]).astype(np.int32)
    tops = random.normal(size=(12, 64))
    clusters = quantize(tops[parents] + 0.8 * random.normal(size=(len(parents), 64)))
    sizes = random.integers(50, 150, len(parents))
    sizes[:30] *= 3  # the first topic has more than half of all
    sizes[-2] = 20_000  # a template: it is large, and one cluster
    sizes[-1] = 3
    given = Centroids(quantize(tops), clusters, parents)
    found = centroids._evened(given, sizes, 12, random)
    assert sorted(map(bytes, found.clusters)) == sorted(map(bytes, clusters))
    size_of = dict(zip(map(bytes, clusters), sizes.tolist(), strict=True))
    by_topic = np.bincount(found.parents, [size_of[bytes(cluster)] for cluster in found.clusters])
    assert len(found.topics) == len(by_topic) <= 12 and (np.diff(found.parents) >= 0).all()
    total = int(np.minimum(sizes, sizes.sum() // 12).sum())  # a template makes no other topic small
    assert by_topic.min() * len(by_topic) >= centroids.SMALL * total * 0.99
    template = found.parents[[bytes(cluster) for cluster in found.clusters].index(bytes(clusters[-2]))]
    assert np.delete(by_topic, template).max() <= centroids.LARGE * total / 12
    assert by_topic[template] < 20_000 + 3 * 150


def test_clusters_lie_in_their_topics() -> None:
    vectors = lumps(np.random.default_rng(5))
    found = centroids.train(vectors, 150, 20, 10, seed=0)
    assert (np.diff(found.parents) >= 0).all()
    assert set(found.parents.tolist()) == set(range(len(found.topics)))
    nearest = centroids.assign_flat(found.clusters, found.topics)[0]
    assert (nearest == found.parents).mean() > 0.9


def test_search_by_topics_finds_what_a_flat_search_finds() -> None:
    vectors = lumps(np.random.default_rng(6))
    found = centroids.train(vectors, 300, 40, 10, seed=0)
    cluster, similarity = centroids.assign(vectors, found)
    flat, best = centroids.assign_flat(vectors, found.clusters)
    assert (cluster == flat).mean() > 0.98
    assert np.array_equal(similarity[cluster == flat], best[cluster == flat]) and (similarity <= best).all()


def leaders_by_pairs(centres: np.ndarray, sizes: np.ndarray) -> list[int]:
    staying: list[int] = []
    for index in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        a = centres[index].astype(float)
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in centres[staying].astype(float)]
        if not any(cosine >= centroids.MERGE for cosine in cosines):
            staying.append(index)
    return sorted(staying)


def test_centres_are_merged_by_size_in_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(7)
    centres = blobs(random, [9] * 12, 0.36)[0]
    sizes = random.integers(1, 50, len(centres))
    wanted = leaders_by_pairs(centres, sizes)
    assert 12 < len(wanted) < len(centres) - 12
    for pairs in (1, 500, 1 << 24):
        monkeypatch.setattr(centroids, "PAIRS", pairs)
        assert centroids.leaders(centres, sizes).tolist() == wanted


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=50), st.integers(0, 3000))
def test_centres_are_shared_out_by_size(sizes: list[int], k: int) -> None:
    given = centroids._shares(np.array(sizes), k).tolist()
    held = sum(size > 0 for size in sizes)
    assert sum(given) == min(max(k, held), sum(sizes))
    assert all((0 < share <= size) if size else share == 0 for share, size in zip(given, sizes, strict=True))


@given(st.integers(0, 10**9), st.integers(0, 65536), st.integers(0, 5000))
def test_there_are_never_more_centres_than_the_sample_bears(documents: int, sampled: int, wanted: int) -> None:
    k = centroids.count(documents, sampled, wanted)
    assert 0 <= k <= (wanted or 4096)
    assert k <= -(-sampled // centroids.MIN_MEMBERS)
    assert k > 0 or sampled == 0
