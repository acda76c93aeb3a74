"""The kernels for a GPU, in Numba's simulator and, where there is one, on it; what is said where there is none."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numba
import numpy as np
import pytest

from skypile.tokens import cuda_encoder
from skypile.tokens.encoder import Encoder
from skypile.tokens.piece_model import pair_slot
from skypile.tokens.scanning import pair_place

CHECKS = Path(__file__).with_name("cuda_checks.py")

no_cuda = pytest.mark.skipif(find_spec("numba.cuda") is None, reason="neither Numba nor numba-cuda has CUDA here")


def gpu_here() -> bool:
    if find_spec("numba_cuda") is None:
        return False
    from numba import cuda

    return cuda.is_available()


def run_checks(**environment: str) -> None:
    """In a process of its own: Numba chooses between simulator and GPU when it is imported."""
    command = [sys.executable, "-m", "pytest", "-x", "--noconftest", "-p", "no:cacheprovider", str(CHECKS)]
    repository = str(CHECKS.parents[2])
    paths = os.pathsep.join(filter(None, [repository, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, cwd=repository, env=os.environ | {"PYTHONPATH": paths} | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


@no_cuda
def test_the_kernels_in_the_simulator():
    run_checks(NUMBA_ENABLE_CUDASIM="1")


@pytest.mark.skipif(not gpu_here(), reason="no GPU, or no numba-cuda")
def test_the_kernels_on_a_gpu():
    run_checks()


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(cuda_encoder, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'"cuda:0" needs numba-cuda: pip install "skypile\[gpu\]"'):
        Encoder.load(device="cuda:0")


@no_cuda
@pytest.mark.skipif(gpu_here(), reason="there is a GPU")
def test_a_missing_device_is_named(monkeypatch):
    monkeypatch.setattr(cuda_encoder, "find_spec", lambda name: True)
    with pytest.raises(ValueError, match="finds no CUDA device"):
        Encoder.load(device="cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:one", "torch:cpu", "cuda:-1"])
def test_a_device_that_is_none(device):
    with pytest.raises(ValueError, match=f'device="{device}" is none of'):
        Encoder.load(device=device)


def test_what_the_kernels_share_is_the_models_own():
    """They run the compiled encoder's functions; of these, the filter's bit is also written in NumPy."""
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 0x110000, (2, 1000))
    assert [pair_place.py_func(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True)] == pair_slot(
        left, right
    ).tolist()
    assert not numba.config.ENABLE_CUDASIM
