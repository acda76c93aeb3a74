"""The whole command line in this process, with what it says."""

import sys
from typing import NamedTuple

import pytest

from skypile.cli import main

# What must reach no terminal: control characters but the line feed, marks of direction, what has no width.
ACTING = [chr(code) for code in (*range(10), *range(11, 32), *range(127, 160), 0x061C, *range(0x200B, 0x2010))]
ACTING += [chr(code) for code in (*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xE0041)]


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def acting(self) -> list[str]:
        """Characters in it that a terminal acts on, or that hide."""
        return [char for char in ACTING if char in self.out + self.err]


class Terminal:
    """terminal("status", "RUN") -> Said; a bug raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Said:
        self._monkeypatch.setattr(sys, "argv", ["skypile", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        said = self._capsys.readouterr()
        assert isinstance(end.value.code, int)
        return Said(end.value.code, said.out, said.err)
