"""The same numbers from every BLAS kernel and every set of vector instructions, in which processors differ."""

import os
import subprocess
import sys

import numpy as np
import pytest

from skypile.distribution import centroids, kmeans
from tests.conftest import REPOSITORY

# Everything in which floats decide: centres, their clusters and similarities, calibration and the scores it gives.
PROGRAM = """
import hashlib, numpy as np
from skypile.classifiers.evaluate import platt
from skypile.classifiers.model import calibrated
from skypile.distribution import centroids
rng = np.random.default_rng(0)
topics = rng.normal(size=(90, 192))
noisy = topics[rng.integers(0, 90, 4000)] + 1.5 * rng.normal(size=(4000, 192))
vectors = np.rint(noisy * 127 / np.abs(noisy).max(axis=1, keepdims=True)).astype(np.int8)
centres = centroids.train(vectors, 63, 9, 20, seed=0)
cluster, similarity = centroids.assign(vectors, centres)
print(*(hashlib.sha256(found.tobytes()).hexdigest() for found in (*centres, cluster, similarity)))
odds, cited = rng.normal(size=3000) * 4, rng.random(3000) < 0.2
slope, offset = platt(odds + 3 * cited, cited)
print(slope, offset, hashlib.sha256(calibrated(odds, slope, offset).tobytes()).hexdigest())
"""
PROCESSORS = (
    {},
    {"OPENBLAS_CORETYPE": "Haswell"},
    {"OPENBLAS_CORETYPE": "Prescott"},
    {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512_SKX AVX512_ICL AVX512_SPR"},
    {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX2 FMA3 AVX512F AVX512_SKX AVX512_ICL AVX512_SPR"},
)


def test_numbers_that_decide_are_the_same_on_every_processor() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM],
            cwd=REPOSITORY, env=os.environ | processor, capture_output=True, text=True, check=True,
        ).stdout
        for processor in PROCESSORS
    }  # fmt: skip
    assert len(said) == 1, said


@pytest.mark.parametrize("dim", [3, 192, 1536])
def test_training_is_done_in_whole_numbers_that_floats_hold(dim: int) -> None:
    """Against Python's own integers; the largest dot product that can be, and a sum of very many members."""
    rng = np.random.default_rng(dim)
    extreme = np.vstack([np.full(dim, 127), np.full(dim, -127), rng.integers(-127, 128, (300, dim))]).astype(np.int8)
    points = kmeans.unit(extreme)
    assert np.array_equal(points, np.rint(points)) and (points.astype(np.float64) ** 2).sum(axis=1).max() < 2**24
    exact = points.astype(np.int64) @ points[:40].astype(np.int64).T
    assert np.array_equal(kmeans.nearest(points, points[:40]), exact.argmax(axis=1))
    nearest = np.zeros(len(points), np.intp)
    sums = [sum(map(int, column)) for column in points.T.tolist()]
    assert kmeans._sums(points, nearest, 1).tolist() == [sums]
    many = np.array([[s << 20 for s in sums]])  # as of 300 million members
    assert abs(np.linalg.norm(kmeans.unit(many)) - kmeans.UNIT) < 1 + dim**0.5
    assert np.abs(kmeans.unit(many) - kmeans.unit(np.array([sums]))).max() <= 1


def test_centres_without_members_are_given_some() -> None:
    vectors = np.repeat(np.array([[127, 0, 3], [0, 127, 3]], np.int8), [50, 5], axis=0)
    centres = centroids.train(vectors, 6, 2, 20, seed=0)
    assert len(centres.clusters) == 2 and centroids.assign(vectors, centres)[1].min() > 0.99
