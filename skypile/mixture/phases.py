"""Phases as data: steps, blends and learning rates of a curriculum at any budget.

A blend is a stretch of steps over which no share changes. A phase is one blend, one with a ramp several: the share
p(u) = first + (last - first) u^k rises with the phase's progress u, and its mean, first + (last - first) / (k + 1),
is the one asked for at k = (last - first) / (mean - first) - 1: the report's 10 % to 40 % with 20 % over all is the
parabola, k = 2. Each blend has the curve's mean over its steps, so that the phase as a whole has it to the last digit,
however coarse the blends.

Skywork-13B's rate falls along a cosine (Loshchilov and Hutter, "SGDR", 2017) behind a linear warm-up, and stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from skypile.config.curriculum import Curriculum, Phase, Ramp
from skypile.errors import Refused


class Blend(NamedTuple):
    """Steps `first` to `first + steps` - 1, in which shares stay; `shares` of the tokens by source, 1 in all.

    `ramp`: the source whose share is on a ramp.
    """

    phase: str
    first: int
    steps: int
    shares: Mapping[str, float]
    ramp: str | None = None


class Piece(NamedTuple):
    """A stretch of steps `first` to `end` - 1, whose rate goes from `high` to `low` along a half cosine.

    `warm_up`: steps at its beginning in which the rate rises to `high` along a line.
    """

    first: int
    end: int
    high: float
    low: float
    warm_up: int = 0


def exponent(ramp: Ramp) -> float:
    """
    >>> round(exponent(Ramp(source="stem", first=0.1, last=0.4, mean=0.2)), 9)
    2.0
    """
    return (ramp.last - ramp.first) / (ramp.mean - ramp.first) - 1


def ramp_mean(ramp: Ramp, begin: float, end: float) -> float:
    """The ramp's mean share from progress `begin` to `end`, both between 0 and 1."""
    k = exponent(ramp)
    return ramp.first + (ramp.last - ramp.first) * (end ** (k + 1) - begin ** (k + 1)) / ((k + 1) * (end - begin))


def phase_steps(curriculum: Curriculum, sequence_length: int) -> list[int]:
    """Steps of each phase: the budget's, rounded up to a whole one, in proportion to the phases' tokens.

    Raises:
        Refused: a phase would have no step.
    """
    batch = curriculum.batch_sequences * sequence_length
    written = sum(phase.tokens for phase in curriculum.phases)
    total = -(-(written if curriculum.tokens is None else curriculum.tokens) // batch)
    bounds, tokens = [0], 0
    for phase in curriculum.phases:
        tokens += phase.tokens
        bounds.append((2 * total * tokens + written) // (2 * written))  # to the nearest
    steps = [end - first for first, end in pairwise(bounds)]
    if 0 in steps:
        name = curriculum.phases[steps.index(0)].name
        raise Refused(
            f"{total * batch:,} tokens are {total:,} steps of {batch:,}, and the phase {name!r} would have none: raise "
            "tokens, or lower batch_sequences"
        )
    return steps


def blends(curriculum: Curriculum, sequence_length: int) -> list[Blend]:
    """The blends of all phases, in order; raises what `phase_steps` does."""
    found, first = [], 0
    for phase, steps in zip(curriculum.phases, phase_steps(curriculum, sequence_length), strict=True):
        parts = min(phase.ramp.blends, steps) if phase.ramp else 1
        bounds = [steps * number // parts for number in range(parts + 1)]
        for begin, end in pairwise(bounds):
            shares = _shares(phase, begin / steps, end / steps)
            rising = phase.ramp.source if phase.ramp else None
            found.append(Blend(phase.name, first + begin, end - begin, shares, rising))
        first += steps
    return found


def _shares(phase: Phase, begin: float, end: float) -> dict[str, float]:
    whole = sum(phase.shares.values())
    rising = {} if phase.ramp is None else {phase.ramp.source: ramp_mean(phase.ramp, begin, end)}
    rest = 1 - sum(rising.values())
    return {name: rest * share / whole for name, share in phase.shares.items() if share} | rising


def pieces(curriculum: Curriculum, sequence_length: int) -> list[Piece]:
    """The learning rate of every step, in as many pieces as there are phases."""
    found, first = [], 0
    steps = phase_steps(curriculum, sequence_length)
    for phase, number in zip(curriculum.phases, steps, strict=True):
        low = phase.learning_rate if phase.final_learning_rate is None else phase.final_learning_rate
        warm_up = 0 if first else min(number - 1, round(curriculum.warm_up_tokens / phase.tokens * number))
        found.append(Piece(first, first + number, phase.learning_rate, low, warm_up))
        first += number
    return found


def rate(piece: Piece, step: float) -> float:
    """The learning rate of a step in its piece, as Megatron's scheduler has it.

    >>> [round(rate(Piece(0, 100, 6e-4, 6e-5, warm_up=20), step), 6) for step in (10, 20, 60, 100)]
    [0.0003, 0.0006, 0.00033, 6e-05]
    """
    gone = step - piece.first
    if gone < piece.warm_up:
        return piece.high * gone / piece.warm_up
    progress = (gone - piece.warm_up) / (piece.end - piece.first - piece.warm_up)
    return piece.low + (piece.high - piece.low) * 0.5 * (1 + math.cos(math.pi * progress))
