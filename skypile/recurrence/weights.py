"""A keep weight for each document, read from the recurrence curve: how often it is to be drawn, 1 for most.

For each language and signal, a bin's factor is what the judges accept there over what they accept of pages that do not
recur, by the end of the bin's interval that is nearest to these: where the interval spans their share the factor is 1,
and it leaves 1 without a jump. It is the geometric mean over all judges, and 1 where two of them point in opposite
directions: weights follow what independent judges agree on. Bins are taken together, from the far tail on, until they
hold POOLED documents; of fewer nothing is read.

A document's weight is the most that a signal raises it, times the least that one lowers it (exact and near-copies
count the same copies, so their factors are not multiplied), to the power `strength`: one dial for thinning and
up-weighting, 0 for none. It is at most `max_weight`, and a dense core whose weights add up to more than its budget is
scaled down to that: budgets by share hold however good a core is.

Weights are multiples of 1 / UNIT, sums of them whole numbers: no order of rows shows in them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from skypile.config import RecurrenceConfig
from skypile.recurrence.curve import (
    COUNTS,
    SIGNALS,
    Curve,
    Curves,
    Look,
    Point,
    amounts,
    bin_of,
    count,
    curves,
    in_core,
    point,
)

UNIT: Final = 4096
POOLED: Final = 30  # documents: of fewer, Wilson's interval is over 0.3 wide and seldom leaves anything but 1
SUMS: Final = pa.schema([("cluster", pa.int32()), ("documents", pa.int64()), ("units", pa.int64())])

Factors = dict[tuple[str, str], NDArray[np.float64]]
# A function of batches, and the schema of what it gives, to the sums of what it gives over a run: the columns before
# the last two are keys.
Over = Callable[[Callable[[pa.RecordBatch], pa.RecordBatch], pa.Schema], Iterable[tuple[Any, ...]]]


@dataclass(frozen=True)
class Weights:
    """What gives a document its weight.

    Attributes:
        look: how amounts are read.
        factors: by language and signal, float64 a bin; the last one holds beyond.
        strength, max_weight: of the settings.
        ceilings: by cluster, what weights in a core that is over its budget are multiplied by.
    """

    look: Look
    factors: Factors
    strength: float
    max_weight: float
    ceilings: dict[int, float] = field(default_factory=dict)


def fit(look: Look, budget: int, config: RecurrenceConfig, over: Over) -> Weights:
    """Weights fitted on a run.

    Args:
        budget: documents that a dense core may hold.
        over: sums over all documents that the judges saw; of SUMS over those that were kept.
    """
    drawn = curves(over(lambda batch: count(batch, look), COUNTS))
    weights = Weights(look, factors(drawn), config.strength, config.max_weight)
    if not any((of > 1).any() for of in weights.factors.values()):
        return weights
    sums = over(lambda batch: core_sums(batch, weights), SUMS)
    ceilings = {
        cluster: max(budget, documents) * UNIT / units
        for cluster, documents, units in sums
        if units > max(budget, documents) * UNIT
    }
    return replace(weights, ceilings=ceilings)


def factors(drawn: Curves) -> Factors:
    """The factors of every language and signal that has any but 1."""
    found = {}
    for language, curve in drawn.languages.items():
        for signal in SIGNALS:
            of_signal = signal_factors(curve, signal)
            if (of_signal != 1).any():
                found[language, signal] = of_signal
    return found


def signal_factors(curve: Curve, signal: str) -> NDArray[np.float64]:
    """Factor of each bin of a signal, the first for what does not recur, which is 1."""
    judges = {judge: points for (name, judge), points in curve.items() if name == signal}
    bins = 1 + max((points[-1].bin for points in judges.values() if points), default=0)
    logs, up, down = np.zeros(bins), np.zeros(bins, np.bool_), np.zeros(bins, np.bool_)
    asked = 0
    for points in judges.values():
        if not points or points[0].bin:
            continue  # nothing to compare with: every page that it judged recurs
        asked += 1
        alone = 1 - points[0].share
        for first, last, pooled in _pooled(points[1:]):
            nearest = min(max(alone, 1 - pooled.high), 1 - pooled.low)
            if alone > 0 and nearest != alone:
                logs[first : last + 1] += np.log(max(nearest, 1 / UNIT) / alone)
                (up if nearest > alone else down)[first : last + 1] = True
    return np.where(up & down, 1.0, np.exp(logs / max(asked, 1)))


def _pooled(points: list[Point]) -> list[tuple[int, int, Point]]:
    """First and last bin of runs of POOLED documents or more, from the far tail on, with their counts together.

    What is left at the near end goes to the run beside it; where all are fewer, there is none.
    """
    runs: list[list[Point]] = [[]]
    for one in reversed(points):
        if sum(of.documents for of in runs[-1]) >= POOLED:
            runs.append([])
        runs[-1].append(one)
    if sum(of.documents for of in runs[-1]) < POOLED:
        left = runs.pop()
        if not runs:
            return []
        runs[-1] += left
    lasts = [runs[0][0].bin, *(run[-1].bin - 1 for run in runs[:-1])]
    return [
        (run[-1].bin, last, point(run[-1].bin, sum(of.documents for of in run), sum(of.rejected for of in run)))
        for run, last in zip(runs, lasts, strict=True)
    ]


def document_weights(batch: pa.RecordBatch, weights: Weights) -> NDArray[np.float32]:
    """Weight of each row of a batch (READ and what else it has): float32 [rows]."""
    up, down = np.ones(len(batch)), np.ones(len(batch))
    languages = batch["language"].to_numpy(zero_copy_only=False)
    for signal, n in amounts(batch, weights.look).items():
        bins = np.where(n > 0, bin_of(n), 0)
        for (language, name), of_bins in weights.factors.items():
            if name == signal:
                factor = np.where(languages == language, of_bins[np.minimum(bins, len(of_bins) - 1)], 1.0)
                up, down = np.maximum(up, factor), np.minimum(down, factor)
    found = np.minimum((up * down) ** weights.strength, weights.max_weight)
    if weights.ceilings:
        inside, clusters = in_core(batch, weights.look)
        scales = np.ones(len(weights.look.cores))
        scales[list(weights.ceilings)] = list(weights.ceilings.values())
        found[inside] *= scales[clusters[inside]]
    return (np.floor(found * UNIT + 0.5) / UNIT).astype(np.float32)


def core_sums(batch: pa.RecordBatch, weights: Weights) -> pa.RecordBatch:
    """Documents and units of weight in each dense core (SUMS), of the rows that were kept: those without a reason."""
    batch = batch.filter(batch["reason"].is_null())
    inside, clusters = in_core(batch, weights.look)
    units = np.round(document_weights(batch, weights).astype(np.float64) * UNIT).astype(np.int64)[inside]
    found, at = np.unique(clusters[inside].astype(np.int32), return_inverse=True)
    documents = np.bincount(at, minlength=len(found))
    added = np.zeros(len(found), np.int64)
    np.add.at(added, at, units)
    return pa.RecordBatch.from_arrays([pa.array(found), pa.array(documents), pa.array(added)], schema=SUMS)


def times(record_id: str, weight: float) -> int:
    """How often a document is drawn: whole parts of its weight surely, the rest by a hash of its id.

    >>> times("4094076b5005a1e3", 2.0), sum(times(str(n), 1.25) for n in range(1000))
    (2, 1236)
    """
    whole = int(weight)
    draw = xxhash.xxh3_64_intdigest(f"keep {record_id}".encode("utf-8", "surrogatepass")) / 2**64
    return whole + (draw < weight - whole)
