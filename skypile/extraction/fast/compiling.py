"""How functions that allocate nothing are compiled: without counting references to the arrays they are given.

Numba counts, with an atomic addition of some 20 cycles, each array a function is passed, each member of a tuple
of arrays, and each view. In the scanner that was three fifths of all its time. A function that neither makes nor
returns an array need not count: its caller holds what it borrows. `_nrt=False` is Numba's switch for that
(documented with `numba.extending.register_jitable`); Numba refuses to compile an allocation under it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from numba import njit
from numba.core.base import BaseContext
from numba.core.caching import Cache
from numba.core.runtime import rtsys

from skypile.runtime.optional_import import without

_OPTIONS: Final[dict[str, Any]] = {"cache": True, "_nrt": False}
borrows = njit(**_OPTIONS)


@contextmanager
def quick_loading() -> Iterator[None]:
    """In the block Numba gets ready to compile only where it does not find the machine code ready.

    On its own it does so before it looks: it imports the rules of all that it supports (`BaseContext.refresh`), and
    SciPy, to see whether there is BLAS, which no kernel here uses. That is 0.2 s; loading the code is 0.06 s.
    """
    ordinary = Cache.load_overload

    def load(cache: Cache, signature: Any, context: BaseContext) -> Any:
        rtsys.initialize(context)
        found = cache._load_overload(signature, context)
        if found is None:
            context.refresh()
        return found

    Cache.load_overload = load  # type: ignore[method-assign]
    try:
        with without("scipy"):
            yield
    finally:
        Cache.load_overload = ordinary  # type: ignore[method-assign]
