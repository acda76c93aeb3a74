"""ARPA files, the text format of n-gram models that KenLM and irstlm share: writing them (`arpa_reading` reads).

    \\data\\
    ngram 1=3

    \\1-grams:
    -0.8	<unk>	0
    ...
    \\end\\

A line is log10 of a probability, a tab, the words separated by spaces, and, below the highest order, a tab and log10 of
the backoff. A word can hold neither spaces nor line ends: `decimal` and `character` name ids so that it does not.

Cost: some 6 µs an n-gram.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from skypile.proxy.ngram.model import NgramModel
from skypile.proxy.ngram.sorting import BEGIN, END, SPECIAL, UNKNOWN

SPECIAL_NAMES: Final = {UNKNOWN: "<unk>", BEGIN: "<s>", END: "</s>"}

# n-grams formatted at once
_LINES: Final = 1 << 16


def decimal(number: int) -> str:
    """An id in digits.

    >>> decimal(8192)
    '8192'
    """
    return str(number)


def character(number: int) -> str:
    """The character of a code point; as U+XXXX if a line of words could not hold it.

    >>> [character(ord(each)) for each in "中 "]
    ['中', 'U+0020']
    """
    shown = chr(number)
    return shown if shown.isprintable() and not shown.isspace() else f"U+{number:04X}"


def code_point(name: str) -> int:
    """The inverse of `character`.

    >>> [code_point(each) for each in ("中", "U+0020")]
    [20013, 32]
    """
    return int(name[2:], 16) if name.startswith("U+") and len(name) > 1 else ord(name)


def write_arpa(model: NgramModel, path: str | Path, name: Callable[[int], str] = decimal) -> None:
    """Write a model as ARPA, UTF-8, in the model's own order; beside itself first, so it never looks whole too early.

    Args:
        name: of each id; must be different for each, and hold no white space.
    """
    names = [SPECIAL_NAMES.get(word) or name(word - SPECIAL) for word in model.words[: model.starts[1]].tolist()]
    partial = Path(f"{path}.partial")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\\data\\\n")
        for k in range(model.order):
            file.write(f"ngram {k + 1}={model.starts[k + 1] - model.starts[k]}\n")
        for k in range(model.order):
            file.write(f"\n\\{k + 1}-grams:\n")
            first, last = int(model.starts[k]), int(model.starts[k + 1])
            for at in range(first, last, _LINES):
                nodes = np.arange(at, min(last, at + _LINES))
                columns = [
                    list(map("%.7g".__mod__, model.logs[nodes].tolist())),
                    [" ".join(map(names.__getitem__, row)) for row in spelled(model, nodes, k).tolist()],
                ]
                if k < model.order - 1:
                    columns.append(list(map("%.7g".__mod__, model.backoffs[nodes].tolist())))
                file.write("\n".join(map("\t".join, zip(*columns, strict=True))) + "\n")
        file.write("\n\\end\\\n")
    partial.rename(path)


def spelled(model: NgramModel, nodes: np.ndarray, k: int) -> np.ndarray:
    """int64 [nodes, k + 1]: the unigrams that nodes of level k consist of."""
    columns = []
    for level in range(k, -1, -1):
        columns.append(model.unigrams[model.words[nodes]].astype(np.int64))
        if level:
            above = model.children[model.starts[level - 1] : model.starts[level]]
            nodes = np.searchsorted(above, nodes, side="right") - 1 + model.starts[level - 1]
    return np.stack(columns[::-1], axis=1)
