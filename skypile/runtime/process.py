"""How the processes that work are set up: their cores, threads, memory and imports."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Libraries that start a thread a core would fight each other where every core has a process of its own.
ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

# Set where this process serves one command of a command line, so that Ctrl-C means its end; in a notebook it does not.
ONE_COMMAND: Final = threading.Event()

KEPT_BYTES: Final = 32 << 20  # the most that glibc takes for M_MMAP_THRESHOLD
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def cores() -> int:
    """Cores this process may use (a container's share, not the host's count)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Have malloc keep up to KEPT_BYTES that were freed, for the next page.

    By default glibc gives a page's buffers back, and the kernel clears new ones for the next: a tenth of the time
    of the fast engine. Does nothing where malloc is another.
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


@contextmanager
def importing() -> Iterator[None]:
    """Imports make objects and no garbage: a fifth of their time would go to looking for it."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor will there be any later
        gc.enable()
