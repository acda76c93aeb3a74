"""The recurrence curve: what share of pages each judge rejects, by how often a page recurs.

Recurrence is not badness. In FineWeb-2's Chinese data filters reject 61 % of the pages that occur once, 44 % of those
with ten copies and 71 % above 150 (huggingface/fineweb-2, misc/rehydration). So it is measured, on the run at hand.

*Signals*, each a number of times, 1 for what recurs nowhere: records with the same text, texts in the component of
near-duplicates, hosts that share a paragraph of the page, documents in the dense core that it lies in. Judges score
what deduplication keeps, so a survivor stands for its group, whose size it bears; copies that were dropped are not
counted again.

*Judges*, none of which sees a copy: the rules (the page breaks one), the citation score and the perplexity (the page is
in the judge's own tail, the lowest `quality_filter.low_share` of its language). Pages in no wanted language are out.

Amounts are counted in bins of a doubling: 1, 2, 3-4, 5-8, ... Intervals are Wilson's, of 95 %. Counts are exact sums,
the same at any partition count and order, over narrow columns: one row a signal, judge, bin, language and one of the
LARGEST topics, whatever the size of the run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skypile.quality.judges import EDGES, Fitted, judged_scores, ranks
from skypile.quality.rules import RULES

SIGNALS: Final = ("exact_copies", "near_copies", "paragraph_hosts", "dense_core")
RULES_JUDGE: Final = "rules"
JUDGES: Final = (RULES_JUDGE, "citation_score", "perplexity")
# Read of stage 4's documents, kept and dropped.
READ: Final = (
    *("language", "reason", "citation_score", "perplexity", "topic", "cluster", "centroid_similarity"),
    *("exact_copies", "near_copies", "paragraph_hosts"),
)
LARGEST: Final = 40  # topics with a curve of their own: as many as a person looks through
Z: Final = 1.959964  # of a normal distribution, 95 % within

COUNTS: Final = pa.schema(
    [
        ("signal", pa.string()),
        ("judge", pa.string()),
        ("language", pa.string()),  # "" in rows of topics
        ("topic", pa.int32()),  # -1 in rows of languages
        ("bin", pa.int32()),
        ("documents", pa.int64()),
        ("rejected", pa.int64()),
    ]
)

_BROKEN: Final = pa.array(sorted({rule.reason for rule in RULES}))
_NONE: Final = -1
_BINS: Final = 64  # more than doublings of any int32


@dataclass(frozen=True)
class Look:
    """What rows are looked at with.

    Attributes:
        fitted: the run's quantiles of scores; empty where no judge but the rules scored.
        tail: share of a language's pages that the citation score or the perplexity rejects.
        cores: int32 [clusters], documents in each dense core; empty if nothing was clustered.
        core_similarity: similarity to the centre from which a document is in the core.
        largest: the topics with a curve of their own.
    """

    fitted: Fitted
    tail: float
    cores: NDArray[np.int32]
    core_similarity: float
    largest: tuple[int, ...] = ()


class Point(NamedTuple):
    """Documents of a bin of amounts, `least` to `most`, and those that a judge rejects, with Wilson's interval."""

    bin: int
    least: int
    most: int
    documents: int
    rejected: int
    share: float
    low: float
    high: float


# The points of a group by signal and judge, ascending.
Curve = dict[tuple[str, str], list[Point]]


@dataclass(frozen=True)
class Curves:
    """Of the whole corpus, by language, and of its largest topics."""

    corpus: Curve
    languages: dict[str, Curve]
    topics: dict[int, Curve]


def bin_of(amounts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bin of each amount, 1 or more: doublings needed to reach it.

    >>> bin_of(np.array([1, 2, 3, 4, 5, 8, 9])).tolist()
    [0, 1, 2, 2, 3, 3, 4]
    """
    return np.frexp(np.maximum(amounts, 1) - 1)[1].astype(np.int64)


def bounds_of(number: int) -> tuple[int, int]:
    """Least and greatest amount of a bin.

    >>> [bounds_of(number) for number in range(4)]
    [(1, 1), (2, 2), (3, 4), (5, 8)]
    """
    return (2 ** (number - 1) + 1 if number else 1), 2**number


def wilson(rejected: int, documents: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927): sound for small numbers, where the usual one is not.

    >>> tuple(round(bound, 3) for bound in wilson(0, 10))
    (0.0, 0.278)
    """
    share, square = rejected / documents, Z * Z / documents
    middle = (share + square / 2) / (1 + square)
    half = Z * (share * (1 - share) / documents + square / (4 * documents)) ** 0.5 / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def amounts(batch: pa.RecordBatch, look: Look) -> dict[str, NDArray[np.int64]]:
    """How often each row recurs, by signal: int64 [rows], 0 where that was not measured."""
    found = {name: integers(batch[name], 0) for name in SIGNALS[:-1]}
    if len(look.cores):
        inside, cluster = in_core(batch, look)
        sizes = look.cores[np.where(inside, cluster, 0)]
        found["dense_core"] = np.where(cluster < 0, 0, np.where(inside, np.maximum(sizes, 1), 1)).astype(np.int64)
    else:
        found["dense_core"] = np.zeros(len(batch), np.int64)
    return found


def in_core(batch: pa.RecordBatch, look: Look) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which rows lie in a dense core, and the cluster of each, -1 without one."""
    similarity = batch["centroid_similarity"].to_numpy(zero_copy_only=False).astype(np.float64)
    cluster = integers(batch["cluster"], _NONE)
    return (similarity >= look.core_similarity) & (cluster >= 0) & (cluster < len(look.cores)), cluster


def rejections(batch: pa.RecordBatch, look: Look) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Which rows each judge has judged, and which of them it rejects: bool [rows] each."""
    broken = np.asarray(pc.is_in(batch["reason"], value_set=_BROKEN))
    found = {RULES_JUDGE: (np.ones(len(batch), np.bool_), broken)}
    languages = batch["language"].to_numpy(zero_copy_only=False)
    for judge in JUDGES[1:]:
        scores = judged_scores(batch, judge)
        judged, rejected = np.zeros(len(batch), np.bool_), np.zeros(len(batch), np.bool_)
        for (language, name), edges in look.fitted.edges.items():
            if name == judge:
                at = np.flatnonzero((languages == language) & ~np.isnan(scores))
                judged[at] = True
                rejected[at] = ranks(edges, scores[at]) < look.tail * (EDGES + 1)
        found[judge] = judged, rejected
    return found


def count(batch: pa.RecordBatch, look: Look) -> pa.RecordBatch:
    """Counts (COUNTS) of a batch of READ; a row is in one language, and in one of the largest topics or in none."""
    batch = batch.filter(pc.fill_null(pc.not_equal(batch["reason"], "language"), True))
    encoded = pc.fill_null(batch["language"], "").dictionary_encode()
    languages = [str(code) for code in encoded.dictionary.to_pylist()]
    places = {topic: at for at, topic in enumerate(look.largest)}
    topics = [places.get(topic, _NONE) for topic in integers(batch["topic"], _NONE).tolist()]
    groups = [
        (np.asarray(encoded.indices, np.int64), [(language, _NONE) for language in languages]),
        (np.array(topics, np.int64), [("", topic) for topic in look.largest]),
    ]
    rows: list[tuple[str, str, str, int, int, int, int]] = []
    judged = rejections(batch, look)
    for signal, n in amounts(batch, look).items():
        bins = bin_of(n)
        for judge, (asked, against) in judged.items():
            for of_row, named in groups:
                at = asked & (n > 0) & (of_row >= 0)
                codes = of_row[at] * _BINS + bins[at]
                documents = np.bincount(codes, minlength=len(named) * _BINS)
                rejected = np.bincount(codes[against[at]], minlength=len(named) * _BINS)
                rows += [
                    (signal, judge, *named[code // _BINS], code % _BINS, int(documents[code]), int(rejected[code]))
                    for code in np.flatnonzero(documents).tolist()
                ]
    arrays = list(zip(*rows, strict=True)) if rows else [()] * len(COUNTS)
    return pa.RecordBatch.from_arrays([pa.array(a, f.type) for a, f in zip(arrays, COUNTS, strict=True)], schema=COUNTS)


def curves(counts: Iterable[tuple[str, str, str, int, int, int, int]]) -> Curves:
    """The curves of rows of COUNTS, in any order, a group as often as it likes."""
    groups: dict[tuple[str, int], dict[tuple[str, str], dict[int, list[int]]]] = {}
    for signal, judge, language, topic, number, documents, rejected in counts:
        for group in [(language, topic)] if topic >= 0 else [("", _NONE), (language, _NONE)]:
            pair = groups.setdefault(group, {}).setdefault((signal, judge), {}).setdefault(number, [0, 0])
            pair[0] += documents
            pair[1] += rejected
    drawn = {
        group: {
            key: [point(number, *pair) for number, pair in sorted(bins.items())] for key, bins in sorted(of.items())
        }
        for group, of in sorted(groups.items())
    }
    return Curves(
        drawn.get(("", _NONE), {}),
        {language: of for (language, topic), of in drawn.items() if topic < 0 and language},
        {topic: of for (_, topic), of in drawn.items() if topic >= 0},
    )


def point(number: int, documents: int, rejected: int) -> Point:
    """A point of the curve from its counts; `documents` is 1 or more."""
    share, interval = rejected / documents, wilson(rejected, documents)
    return Point(number, *bounds_of(number), documents, rejected, share, *interval)


def integers(column: pa.Array, missing: int) -> NDArray[np.int64]:
    """Values of a column, `missing` where it is null."""
    return np.asarray(pc.fill_null(column, missing).to_numpy(zero_copy_only=False), np.int64)


def amount(number: int) -> str:
    """A bin as it is shown.

    >>> [amount(number) for number in (0, 1, 2, 11)]
    ['1', '2', '3-4', '1,025-2,048']
    """
    least, most = bounds_of(number)
    return f"{least:,}" if least == most else f"{least:,}-{most:,}"
