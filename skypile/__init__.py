"""skypile: raw web crawl to a Chinese-English pre-training corpus, with the fate of every page on record.

    page = skypile.extract(html, url="https://…")            # .text .title .language .charset
    result = skypile.deduplicate(table, text="text")         # .kept .verdicts
    encoder = skypile.Encoder.load()                         # encode_batch(texts) -> ids, offsets
    run = skypile.run("crawl/", "RUN")                       # .funnel() .documents() .verdicts() .why(url)
    run = skypile.open_run("RUN")                            # the same of a run that was made before
    frame = skypile.stages.dedup()(frame)                    # any Spark DataFrame; skypile.config has the settings

Each name is loaded when it is first used: importing skypile itself loads neither Spark nor Arrow.
"""

import importlib
from typing import TYPE_CHECKING, Any

from skypile.version import __version__ as __version__

if TYPE_CHECKING:
    from skypile import config as config
    from skypile import stages as stages
    from skypile.api import Page as Page
    from skypile.api import extract as extract
    from skypile.api import run as run
    from skypile.config import Config as Config
    from skypile.dedup.in_memory import Deduplicated as Deduplicated
    from skypile.dedup.in_memory import deduplicate as deduplicate
    from skypile.errors import SkypileError as SkypileError
    from skypile.runs import Run as Run
    from skypile.runs import open_run as open_run
    from skypile.tokens.encoder import Encoder as Encoder

# name -> the module that has it, and under which name
_HOMES = {
    "Config": ("skypile.config", "Config"),
    "Deduplicated": ("skypile.dedup.in_memory", "Deduplicated"),
    "Encoder": ("skypile.tokens.encoder", "Encoder"),
    "Page": ("skypile.api", "Page"),
    "Run": ("skypile.runs", "Run"),
    "SkypileError": ("skypile.errors", "SkypileError"),
    "deduplicate": ("skypile.dedup.in_memory", "deduplicate"),
    "extract": ("skypile.api", "extract"),
    "open_run": ("skypile.runs", "open_run"),
    "run": ("skypile.api", "run"),
}

_MODULES = ("config", "stages")

__all__ = ["__version__", *_MODULES, *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"skypile.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'skypile' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    found = getattr(importlib.import_module(module), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
