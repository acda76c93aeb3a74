"""The three verdicts. Apart from `skypile.schema`, which gives them on, so that a sandbox needs no Arrow."""

from typing import Final

KEPT: Final = "kept"
DROPPED: Final = "dropped"
FAILED: Final = "failed"
