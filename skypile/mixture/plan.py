"""Shares times budget, within what there is: how many sequences of every shard each blend draws.

Asked for are shares of sources by blend; a source has so many sequences and is drawn `max_epochs` times at most, over
the whole run. What a short source lacks goes to the others, in proportion to their own shares (water-filling), and a
short source is short in all phases alike: the tables of blends x sources are fitted to the blends' lengths and the
sources' bounds by scaling rows and columns in turn (iterative proportional fitting; Deming and Stephan 1940), which
gives, of all tables that obey both, the one nearest to what was asked in relative entropy (Csiszár 1975). A share on a
ramp is an order, not a proportion: it takes nothing of what others lack, and gives way only where its own source is
short. Then whole sequences: floors, and what is left to the largest remainders, so that every total is exact.

Within a source shards are drawn in proportion to their sequences times their keep weight, under the same bound.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skypile.config.curriculum import Curriculum
from skypile.errors import Refused
from skypile.mixture.blending import MOST_DATA_SETS
from skypile.mixture.catalogue import Shard
from skypile.mixture.phases import Blend, blends

ROUNDS = 10_000  # of fitting; one or two dozen are usual, and what the last leaves is less than a sequence
MOST_SUPPORTS = 12  # different sets of sources among blends: every union of them is checked


class Plan(NamedTuple):
    """What is drawn, B blends of S sources in D shards.

    Attributes:
        blends: in order.
        sources: names, in the curriculum's order.
        shards: of sources that are asked for, in the catalogue's order.
        source: int64 [D], number of each shard's source.
        draws: int64 [B, D], sequences of each shard that a blend draws.
        asked: float64 [B, S], sequences asked for.
        left_out: kinds and languages in the catalogue that are no source's, with their shards' tokens.
    """

    blends: list[Blend]
    sources: list[str]
    shards: list[Shard]
    source: np.ndarray
    draws: np.ndarray
    asked: np.ndarray
    left_out: dict[str, int]

    def drawn(self) -> np.ndarray:
        """int64 [B, S], sequences that each blend draws of each source."""
        return by_source(self.draws, self.source, len(self.sources))

    def sizes(self) -> np.ndarray:
        """int64 [S], sequences that each source has."""
        return by_source(np.array([[shard.sequences for shard in self.shards]]), self.source, len(self.sources))[0]


def by_source(draws: np.ndarray, source: np.ndarray, sources: int) -> np.ndarray:
    """Sums of columns by source: int64 [B, D] -> int64 [B, sources]."""
    found = np.zeros((len(draws), sources), np.int64)
    np.add.at(found.T, source, draws.T)
    return found


def plan(curriculum: Curriculum, catalogue: Sequence[Shard]) -> Plan:
    """Divide the budget of a curriculum among the shards of a catalogue.

    Raises:
        Refused: a phase has no step, or the sources hold too little for the budget; too many shards for Megatron.
    """
    length = catalogue[0].sequence_length
    asked_for = {name for blend in blends(curriculum, length) for name in blend.shares}
    names = [name for name in curriculum.sources if name in asked_for]
    shards, source, left_out = _assigned(curriculum, catalogue, names)
    parts, lengths, asked = _asked(curriculum, names, length)
    sequences = np.array([shard.sequences for shard in shards], float)
    with np.errstate(invalid="ignore", over="ignore"):  # max_epochs = inf, and times a shard of none
        most = np.fmin(np.floor(curriculum.max_epochs * sequences), lengths.sum()).astype(np.int64)
    weights = np.array([shard.sequences * shard.keep_weight for shard in shards])
    most[weights == 0] = 0  # also a shard without a sequence, which fmin gives the whole run
    bounds = by_source(most[None], source, len(names))[0]
    rising = _rising(parts, names, asked, bounds)
    if (lack := _lack(asked, rising, lengths, bounds)) is not None:
        raise Refused(_too_much(curriculum, parts, names, bounds, lack, length))
    others = (np.where(rising > 0, 0.0, asked), lengths - rising.sum(axis=1), bounds - rising.sum(axis=0))
    drawn = whole(rising + fitted(*others), lengths, bounds)
    draws = np.zeros((len(parts), len(shards)), np.int64)
    for number in range(len(names)):
        own = np.flatnonzero(source == number)
        draws[:, own] = _among(drawn[:, number], weights[own], most[own])
    if (used := int((draws.max(axis=0) > 0).sum())) > MOST_DATA_SETS:
        raise Refused(f"{used:,} shards are more than Megatron's {MOST_DATA_SETS:,} data sets: shuffle them into fewer")
    return Plan(parts, names, shards, source, draws, asked, left_out)


def _asked(
    curriculum: Curriculum, names: Sequence[str], sequence_length: int
) -> tuple[list[Blend], np.ndarray, np.ndarray]:
    """Blends, their lengths int64 [B], and the sequences that each asks of each source, float64 [B, S]."""
    parts = blends(curriculum, sequence_length)
    lengths = np.array([blend.steps * curriculum.batch_sequences for blend in parts])
    shares = np.array([[blend.shares.get(name, 0.0) for name in names] for blend in parts])
    return parts, lengths, shares * lengths[:, None]


def _rising(parts: Sequence[Blend], names: Sequence[str], asked: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Of `asked`, what stands on a ramp, within its source's bound: float64 [B, S]."""
    rising = np.where([[name == blend.ramp for name in names] for blend in parts], asked, 0.0)
    return rising * np.minimum(1.0, bounds / np.maximum(rising.sum(axis=0), 1.0))


def _assigned(
    curriculum: Curriculum, catalogue: Sequence[Shard], names: Sequence[str]
) -> tuple[list[Shard], np.ndarray, dict[str, int]]:
    """The shards of the sources `names`, the numbers of their sources, and what is no source's."""
    places = {(one.kind, one.language): name for name, one in curriculum.sources.items()}
    shards, source = [], []
    left_out: dict[str, int] = {}
    for shard in catalogue:
        name = places.get((shard.kind, shard.language)) or places.get((shard.kind, None))
        if name in names:
            shards.append(shard)
            source.append(names.index(name))
        else:
            what = f"{shard.language}/{shard.kind}"
            left_out[what] = left_out.get(what, 0) + shard.tokens
    return shards, np.array(source, np.int64), left_out


class _Lack(NamedTuple):
    """Blends (their numbers) that take more sequences (`need`) than their sources give (`have`)."""

    blends: list[int]
    need: int
    have: int


def _lack(asked: np.ndarray, rising: np.ndarray, lengths: np.ndarray, bounds: np.ndarray) -> _Lack | None:
    """The blends that are longest beyond all their sources together (Hall's condition), None where a table fits."""
    supports: dict[tuple[bool, ...], list[int]] = {}
    for number, row in enumerate((asked > 0) & ~(rising > 0)):
        supports.setdefault(tuple(row.tolist()), []).append(number)
    if len(supports) > MOST_SUPPORTS:
        raise Refused(f"{len(supports)} phases of different sources: at most {MOST_SUPPORTS} can be planned")
    left, worst = bounds - rising.sum(axis=0), None
    for size in range(1, len(supports) + 1):
        for chosen in itertools.combinations(supports.items(), size):
            own = np.any([support for support, _ in chosen], axis=0)
            numbers = sorted(number for _, found in chosen for number in found)
            need = math.ceil(lengths[numbers].sum() - 1e-3)
            have = math.floor(left[own].sum() + rising[numbers].sum() + 1e-3)
            if need > have and (worst is None or need - have > worst.need - worst.have):
                worst = _Lack(numbers, need, have)
    return worst


def _too_much(
    curriculum: Curriculum,
    parts: Sequence[Blend],
    names: Sequence[str],
    bounds: np.ndarray,
    lack: _Lack,
    sequence_length: int,
) -> str:
    """What to say of a budget that no table obeys, with the largest that one does, in three digits."""
    batch = curriculum.batch_sequences * sequence_length

    def fits(tokens: int) -> bool | None:
        smaller = curriculum.model_copy(update={"tokens": tokens})
        try:
            fewer, lengths, asked = _asked(smaller, names, sequence_length)
        except Refused:  # too little: a phase without a step
            return None
        return _lack(asked, _rising(fewer, names, asked, bounds), lengths, bounds) is None

    # the largest number of steps that fits; what is smaller fits too, but for rounding
    least, most = 0, sum(part.steps for part in parts)
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if fits(middle * batch) is False else (middle, most)
    most_tokens = _rounded_down(least * batch) if least else 0
    fewer = f"lower tokens to {most_tokens:,}, " if least and fits(most_tokens) else ""
    fewer += "raise max_epochs, or " if lack.have else ""
    phases = list(dict.fromkeys(parts[number].phase for number in lack.blends))
    empty = [name for name, bound in zip(names, bounds, strict=True) if not bound]
    lacking = f" ({', '.join(empty)}: nothing in the catalogue)" if empty else ""
    return (
        f"{', '.join(map(repr, phases))} take {lack.need * sequence_length:,} tokens, and at max_epochs = "
        f"{curriculum.max_epochs:g} their sources give {lack.have * sequence_length:,}{lacking}: {fewer}add text"
    )


def _rounded_down(value: int) -> int:
    """To three digits: 26_862_244 -> 26_800_000"""
    unit = 10 ** max(len(str(value)) - 3, 0)
    return value // unit * unit


def fitted(asked: np.ndarray, lengths: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """The table nearest to `asked` with rows that sum to `lengths` and columns to at most `bounds`.

    float64 [B, S], columns exactly within their bounds. What rows are off by is less than a sequence, unless the
    bounds leave hardly any room; `whole` settles it.

    >>> fitted(np.array([[60.0, 30, 10]]), np.array([100]), np.array([500, 40, 4])).round(2).tolist()
    [[64.0, 32.0, 4.0]]
    """
    columns = np.ones(asked.shape[1])
    table = asked
    for _ in range(ROUNDS):
        rows = asked @ columns
        scaled = asked * np.divide(lengths, rows, out=np.zeros(len(rows)), where=rows > 0)[:, None]
        totals = scaled.sum(axis=0)
        columns = np.minimum(1.0, np.divide(bounds, totals, out=np.ones(len(totals)), where=totals > 0))
        table = scaled * columns
        if np.abs(table.sum(axis=1) - lengths).max() < 1e-3:
            break
    return table


def whole(table: np.ndarray, lengths: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Whole numbers for `table`: rows sum to `lengths`, columns stay within `bounds`. int64 [B, S].

    Rounding does not add up: a row makes good what those before it gave a source too little or too much.
    """
    room = np.asarray(bounds, np.int64).copy()
    found = np.zeros(table.shape, np.int64)
    owed = np.zeros(table.shape[1])
    for number, length in enumerate(np.asarray(lengths).tolist()):
        owed += table[number]
        found[number] = apportioned(np.maximum(owed, 0.0), length, np.where(table[number] > 0, room, 0))
        room -= found[number]
        owed -= found[number]
    return found


def apportioned(ideal: np.ndarray, total: int, most: np.ndarray) -> np.ndarray:
    """Whole numbers near `ideal`, `total` in sum, none above `most`: floors, then the largest remainders.

    >>> apportioned(np.array([1.5, 2.4, 6.1]), 10, np.array([9, 9, 6])).tolist()
    [2, 2, 6]
    """
    found = np.minimum(np.floor(ideal), most).astype(np.int64)
    while left := total - int(found.sum()):
        if left < 0:  # rounding of `ideal` itself
            at = int(np.argmax(np.where(found > 0, found - ideal, -np.inf)))
            found[at] -= 1
            continue
        room = np.flatnonzero(found < most)
        if not len(room):
            raise Refused(f"rounding leaves {left} sequences without a source: lower tokens by a batch")
        room = room[np.argsort(found[room] - ideal[room], kind="stable")][:left]
        found[room] += np.minimum(np.maximum(1, left // len(room)), most[room] - found[room])
    return found


def _among(drawn: np.ndarray, weights: np.ndarray, most: np.ndarray) -> np.ndarray:
    """What the shards of one source give to each blend: int64 [B], weights [D], most int64 [D] -> int64 [B, D].

    After each blend, shards have been drawn in proportion to their weights as nearly as whole numbers allow.
    """
    found = np.zeros((len(drawn), len(weights)), np.int64)
    used = np.zeros(len(weights), np.int64)
    for number, total in enumerate(np.cumsum(drawn).tolist()):
        if drawn[number]:
            ideal = _filled(total, weights, most) - used
            found[number] = apportioned(np.maximum(ideal, 0.0), int(drawn[number]), most - used)
            used += found[number]
    return found


def _filled(total: int, weights: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Proportional to weights, none above `most`, `total` in sum: water of one level in vessels of these widths."""
    order = np.argsort(np.divide(most, weights, out=np.full(len(weights), np.inf), where=weights > 0), kind="stable")
    full = np.concatenate([[0], np.cumsum(most[order])[:-1]])
    width = np.cumsum(weights[order][::-1])[::-1]
    levels = np.divide(total - full, width, out=np.zeros(len(width)), where=width > 0)
    fits = levels * weights[order] <= most[order]
    level = levels[int(np.argmax(fits))] if fits.any() else np.inf
    with np.errstate(invalid="ignore"):
        return np.where(weights > 0, np.minimum(weights * level, most), 0.0)
