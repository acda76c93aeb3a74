"""Which sequences are drawn, one after the other: a function of the plan and the seed, with no list of them.

The blend says which shard is next (`blending`), and a shard's own order which of its sequences: the n-th draw of a
shard with N sequences is number `unpermute(n mod N)` of epoch n // N, whose order hangs on the seed, the shard's number
among the plan's and the epoch (`tokens.shuffle`). Draws count on from blend to blend: no sequence comes twice before
all of its shard have come once.

Any stretch can be asked for. Blends before it are skipped, since their draws are known; of its own blend the beginning
is gone through, 3 million sequences a second among 10,000 shards, 6 million among a dozen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xxhash

from skypile.errors import Refused
from skypile.mixture.blending import draw, normalised
from skypile.tokens.megatron import IndexedDataset, open_indexed
from skypile.tokens.shuffle import unpermute

MOST_OPEN = 256  # shards; a process may often have 1,024 files
_BLOCK = 1 << 16  # sequences gone through at once


class Order(NamedTuple):
    """What decides on a run's order, B blends of D shards.

    Attributes:
        shards: their paths without suffix.
        sequences: int64 [D], how many each has.
        draws: int64 [B, D], how many each blend draws.
        seed: of the curriculum.
    """

    shards: list[str]
    sequences: np.ndarray
    draws: np.ndarray
    seed: int


class Drawn(NamedTuple):
    """A stretch of the order, n sequences; all int64 [n].

    Attributes:
        shard: number of the shard.
        place: how often it had been drawn before, in the whole run.
        epoch: of the shard, from 0.
        sequence: number of the sequence in the shard.
    """

    shard: np.ndarray
    place: np.ndarray
    epoch: np.ndarray
    sequence: np.ndarray


def drawn(order: Order, first: int, end: int) -> Iterator[Drawn]:
    """Sequences `first` to `end` - 1 of the run, in stretches.

    Raises:
        Refused: the run has no such sequences.
    """
    bounds = [0, *np.cumsum(order.draws.sum(axis=1)).tolist()]
    if not 0 <= first <= end <= bounds[-1]:
        raise Refused(f"sequences {first} to {end} are not among the run's, which are 0 to {bounds[-1]}")
    before = np.zeros(len(order.shards), np.int64)
    for number, (begin, stop) in enumerate(pairwise(bounds)):
        if begin < end and first < stop:
            for shard, place in _blend(order.draws[number], max(first - begin, 0), min(end, stop) - begin):
                yield _sequences(order, shard, before[shard] + place)
        before += order.draws[number]


def _blend(draws: np.ndarray, first: int, end: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Shards and how often each had been drawn in this blend, of its samples `first` to `end` - 1."""
    used = np.flatnonzero(draws)
    weights, counts = normalised(draws[used]), np.zeros(len(used), np.int64)
    for begin in range(0, end, _BLOCK):
        size = min(_BLOCK, end - begin)
        chosen, places = np.empty(size, np.int16), np.empty(size, np.int64)
        draw(weights, counts, begin, chosen, places)
        if begin + size > first:
            inside = slice(max(first - begin, 0), None)
            yield used[chosen[inside]], places[inside]


def _sequences(order: Order, shard: np.ndarray, place: np.ndarray) -> Drawn:
    sizes = order.sequences[shard]
    epoch, within = np.divmod(place, sizes)
    sequence = np.empty_like(place)
    groups = np.lexsort((epoch, shard))
    new = np.flatnonzero((np.diff(shard[groups], prepend=-1) != 0) | (np.diff(epoch[groups], prepend=-1) != 0))
    for one in np.split(groups, new[1:]):
        number, turn = int(shard[one[0]]), int(epoch[one[0]])
        seed = xxhash.xxh3_64_intdigest(f"{order.seed} {number} {turn}".encode())
        sequence[one] = unpermute(within[one], int(order.sequences[number]), seed)
    return Drawn(shard, place, epoch, sequence)


def drawn_tokens(order: Order, first: int, end: int) -> Iterator[np.ndarray]:
    """The tokens of the sequences that `drawn` names, sequence by sequence; each array is a copy.

    No more than `MOST_OPEN` shards are open at once, those used last.

    Raises:
        Refused: as `drawn`, and where a shard is not there, or is not the one that was planned with.
    """
    opened = lru_cache(MOST_OPEN)(partial(_opened, order))
    for stretch in drawn(order, first, end):
        for shard, sequence in zip(stretch.shard.tolist(), stretch.sequence.tolist(), strict=True):
            yield np.array(opened(shard)[sequence])  # a view would keep its shard open


def _opened(order: Order, shard: int) -> IndexedDataset:
    path = order.shards[shard]
    if not Path(f"{path}.idx").exists():
        raise Refused(f"{path}.idx is not there, as it was for the catalogue: write that anew, and plan again")
    found = open_indexed(path)
    if len(found) != order.sequences[shard]:
        raise Refused(f"{path} holds {len(found)} sequences and was planned with {order.sequences[shard]}: plan again")
    return found
