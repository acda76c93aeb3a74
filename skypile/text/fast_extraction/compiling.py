"""How functions that allocate nothing are compiled: without counting references to the arrays they are given.

Numba counts, with an atomic addition of some 20 cycles, each array a function is passed, each member of a tuple
of arrays, and each view. In the scanner that was three fifths of all its time. A function that neither makes nor
returns an array need not count: its caller holds what it borrows. `_nrt=False` is Numba's switch for that
(documented with `numba.extending.register_jitable`); Numba refuses to compile an allocation under it.
"""

from typing import Any, Final

from numba import njit

_OPTIONS: Final[dict[str, Any]] = {"cache": True, "_nrt": False}
borrows = njit(**_OPTIONS)
