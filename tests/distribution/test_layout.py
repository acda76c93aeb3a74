"""The plane: what is alike lies close, and it is one plane."""

import numpy as np

from skypile.distribution.layout import layout


def blobs(seed=3, each=40):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, 32))
    noisy = np.repeat(centres, each, axis=0) + 0.4 * rng.normal(size=(4 * each, 32))
    return np.rint(127 * noisy / np.abs(noisy).max(axis=1, keepdims=True)).astype(np.int8), np.repeat(
        np.arange(4), each
    )


def test_neighbours_stay_neighbours():
    vectors, of = blobs()
    places = layout(vectors)
    assert places.shape == (160, 2) and places.min() == 0 and places.max() == 1
    apart = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1)[:, :5]
    assert (of[nearest] == of[:, None]).mean() > 0.98


def test_the_same_vectors_give_the_same_plane():
    vectors, _ = blobs()
    assert np.array_equal(layout(vectors), layout(vectors.copy()))


def test_a_few_alike_or_empty_vectors_are_no_trouble():
    for vectors in (np.zeros((0, 8)), np.ones((1, 8)), np.ones((2, 8)), np.ones((30, 8)), np.zeros((9, 8))):
        places = layout(vectors.astype(np.int8))
        assert places.shape == (len(vectors), 2) and np.isfinite(places).all()
        assert ((places >= 0) & (places <= 1)).all()
