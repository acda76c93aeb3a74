"""Compiled code is loaded without getting ready to compile, and compiled where it must be."""

import os
import subprocess
import sys

import pytest

from skypile.extraction import page
from skypile.runtime.optional_import import without
from tests.conftest import REPOSITORY

# A page of each kind of path, extracted by a process in which Numba must not get ready to compile.
PROGRAM = """
import sys
from numba.core.base import BaseContext
ready = BaseContext.refresh
def refuse(context):
    raise AssertionError("Numba gets ready to compile")
BaseContext.refresh = refuse
from skypile.extraction import page
from tests.crawls import article
page.prepare()
settings = page.PageSettings("fast", ("en", "zh"), 10)
for html in (article("lighthouse"), article("\u706f\u5854\u7684\u5386\u53f2") * 3, b"", b"<p>short"):
    print(page.document_from_html(html, "http://a.example/", None, settings)["verdict"])
print([name for name in sys.modules if name.startswith("scipy.")][:3] if "scipy.linalg" in sys.modules else "no SciPy")
BaseContext.refresh = ready
import numba
print(numba.njit(lambda x: x + 1)(1))
"""


def test_a_page_is_extracted_without_what_compiling_needs():
    page.prepare()  # so that everything is compiled
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:6] == ["kept", "kept", "dropped", "dropped", "no SciPy", "2"], done.stderr[-2000:]


def test_what_was_never_compiled_is_compiled_and_then_found(tmp_path):
    (tmp_path / "kernel.py").write_text(
        "import numba\nimport numpy as np\n\n@numba.njit(cache=True)\ndef smallest(x):\n    return np.sort(x)[0]\n"
    )
    program = """
import numpy, kernel
from skypile.extraction.fast.compiling import quick_loading
with quick_loading():
    print(kernel.smallest(numpy.array([3.0, 2.0])), sum(kernel.smallest.stats.cache_hits.values()))
print(kernel.smallest(numpy.array([3, 1])))
"""
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", program]
    for hits in ("0", "1"):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.stdout.split() == ["2.0", hits, "1"], done.stderr[-2000:]


def test_a_module_is_absent_in_the_block_alone():
    assert "wave" not in sys.modules
    with without("wave"), pytest.raises(ModuleNotFoundError, match="wave is not looked for"):
        import wave
    import wave

    with without("wave"):
        import wave

    assert wave.Error
    del sys.modules["wave"]
