"""Keep a library from importing another one that it only asks a question of."""

import importlib.abc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Absent(importlib.abc.MetaPathFinder):
    def __init__(self, module: str) -> None:
        self.module = module

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.split(".")[0] == self.module:
            raise ModuleNotFoundError(f"{name} is not looked for here", name=name)
        return None


@contextmanager
def without(module: str) -> Iterator[None]:
    """In the block `module`, unless it is imported already, seems not to be installed."""
    absent = _Absent(module)
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)
