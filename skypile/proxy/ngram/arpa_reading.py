"""Reading ARPA files (see `arpa`), of whatever tool.

Cost: some 7 µs an n-gram.
"""

# mypy: disable-error-code="assignment, call-arg, var-annotated"
# Numba's types, not Python's, rule inside the compiled function.

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np

from skypile.errors import Refused
from skypile.proxy.ngram.arpa import SPECIAL_NAMES
from skypile.proxy.ngram.counting import MAX_ID, ORDERS
from skypile.proxy.ngram.model import NgramModel, from_levels
from skypile.proxy.ngram.sorting import BEGIN, SPECIAL, UNKNOWN
from skypile.proxy.ngram.trie import Level, unigrams

NEVER = -99.0  # log10 of <unk> where a file has none


def read_arpa(path: str | Path, number: Callable[[str], int] = int) -> NgramModel:
    """Read an ARPA file whose words are names of ids.

    Args:
        number: the id of each name, the inverse of `write_arpa`'s `name`; ValueError where there is none.

    Raises:
        Refused: the file is no ARPA or cut short, a word has no id, or an n-gram's first or last words are not in the
            file as an n-gram of their own, as after some tools' pruning.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            return _model(file, number)
    except (ValueError, StopIteration) as error:
        raise Refused(f"{path} is no ARPA file that can be used: {str(error) or 'it ends too early'}") from None


def _model(lines: Iterator[str], number: Callable[[str], int]) -> NgramModel:
    sizes = _sizes(lines)
    words_by_name = {name: word for word, name in SPECIAL_NAMES.items()}
    levels: list[Level] = []
    logs, backoffs = [], []
    nothing = np.empty(0, np.uint32)
    for k, size in enumerate(sizes):
        rows, values = _section(lines, k + 1, size, words_by_name, number)
        if k == 0:
            if UNKNOWN not in rows:
                rows, values = np.vstack([rows, [[UNKNOWN]]]), np.vstack([values, [[NEVER, 0.0]]])
            if BEGIN not in rows:
                raise ValueError("<s> is not among its words")
            ranked = np.argsort(rows[:, 0])
            level = Level(rows[ranked, 0].astype(np.uint32), nothing, nothing, nothing)
        else:
            parents, suffixes = _find(levels, rows[:, :-1]), _find(levels, rows[:, 1:])
            lacking = np.flatnonzero((parents < 0) | (suffixes < 0))
            if len(lacking):
                names = {word: name for name, word in words_by_name.items()}
                shown = " ".join(names[word] for word in rows[lacking[0]].tolist())
                raise ValueError(f"the {k + 1}-gram {shown!r} has no {k}-gram of its first or of its last words")
            ranked = np.lexsort((rows[:, -1], parents))
            bounds = np.searchsorted(parents[ranked], np.arange(len(levels[-1].words) + 1)).astype(np.uint32)
            levels[-1] = replace(levels[-1], children=bounds)
            level = Level(rows[ranked, -1].astype(np.uint32), nothing, nothing, suffixes[ranked].astype(np.uint32))
        levels.append(level)
        logs.append(values[ranked, 0])
        if k + 1 < len(sizes):
            backoffs.append(values[ranked, 1])
    discounts = np.full((len(sizes), 3), np.nan)
    return from_levels(levels, logs, backoffs, discounts, len(levels[0].words) - 1)


def _sizes(lines: Iterator[str]) -> list[int]:
    """Number of n-grams of each length, from the head of the file."""
    while next(lines).strip() != "\\data\\":
        pass
    sizes: list[int] = []
    for line in lines:
        found = re.fullmatch(r"ngram\s+(\d+)\s*=\s*(\d+)\s*", line)
        if found and int(found[1]) == len(sizes) + 1:
            sizes.append(int(found[2]))
        elif line.strip():
            raise ValueError(f"in its head stands {line.strip()[:60]!r}")
        elif sizes:
            break
    if len(sizes) not in ORDERS:
        raise ValueError(f"its order is {len(sizes)}; {ORDERS[0]} to {ORDERS[-1]} can be used")
    return sizes


def _section(
    lines: Iterator[str], order: int, size: int, words_by_name: dict[str, int], number: Callable[[str], int]
) -> tuple[np.ndarray, np.ndarray]:
    """Words int64 [size, order] of n-grams and float32 [size, 2] log10 of probabilities and backoffs."""
    line = next(lines)
    while not line.strip():
        line = next(lines)
    if line.strip() != f"\\{order}-grams:":
        raise ValueError(f"{line.strip()[:60]!r} stands where its {order}-grams should begin")
    rows = np.empty((size, order), np.int64)
    values = np.zeros((size, 2), np.float32)
    for at in range(size):
        parts = next(lines).split()
        if not order + 1 <= len(parts) <= order + 2:
            raise ValueError(f"{' '.join(parts)[:60]!r} stands among its {order}-grams")
        for j, name in enumerate(parts[1 : order + 1]):
            if order == 1 and name not in words_by_name:
                words_by_name[name] = _word(name, number)
            if name not in words_by_name:
                raise ValueError(f"{name[:60]!r} stands in an n-gram and not among its words")
            rows[at, j] = words_by_name[name]
        values[at, 0] = float(parts[0])
        if len(parts) == order + 2:
            values[at, 1] = float(parts[-1])
    return rows, values


def _word(name: str, number: Callable[[str], int]) -> int:
    found = number(name)
    if not 0 <= found <= MAX_ID:
        raise ValueError(f"{name[:60]!r} is id {found}; an n-gram's words must be 0 to {MAX_ID}")
    return found + SPECIAL


def _find(levels: list[Level], rows: np.ndarray) -> np.ndarray:
    """int64 [rows]: where n-grams of as many words as there are levels stand in the last of these, or -1."""
    nodes = unigrams(levels[0].words)[rows[:, 0]].astype(np.int64)
    for k in range(1, rows.shape[1]):
        _step(levels[k - 1].children, levels[k].words, rows[:, k], nodes)
    return nodes


@numba.njit(cache=True, nogil=True)
def _step(children, words, wanted, nodes):
    """Go from each node to its child of the wanted word, or to -1."""
    for i in range(len(nodes)):
        if nodes[i] < 0:
            continue
        first, last = np.int64(children[nodes[i]]), np.int64(children[nodes[i] + 1])
        end = last
        while first < last:
            middle = (first + last) >> 1
            if words[middle] < wanted[i]:
                first = middle + 1
            else:
                last = middle
        nodes[i] = first if first < end and words[first] == wanted[i] else -1
