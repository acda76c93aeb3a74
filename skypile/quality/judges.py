"""Several judges on one scale: the rank of a document among the run's, by language, and what ranks say together.

A *judge* is a stored score: `citation_score`, `perplexity` (low is good), `rule_score`, and in Chinese `contrast` and
`prose_score`. Fitted on the run are a judge's EDGES quantiles of the documents of each language that language and
rules let through; a document's *rank* is the number of them that its score passes, those that it equals counted half:
0 to EDGES. Ranks combine to their maximum, mean or minimum, which is ranked in the same way, so that bins and tiers
hold the shares of documents that the settings name.

Counts are exact sums over cells of scores cut to 13 bits of their mantissa (1 in 8,192), so they are the same at any
partition count and row order, and at most some ten thousand a judge and language, whatever the size of the run.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skypile.runtime import files

JUDGES: Final = ("citation_score", "perplexity", "contrast", "rule_score", "prose_score")
LOW_IS_GOOD: Final = frozenset({"perplexity"})
COMBINED: Final = "combined"
EDGES: Final = 999  # quantiles of 0.1 %: a bin of the smallest width, 1 of 100, has ten
MISSING: Final = -1  # the rank of a document without a score

FILE: Final = "judges.json"
TALLY: Final = pa.schema([("language", pa.string()), ("judge", pa.string()), ("cell", pa.float64()), ("n", pa.int64())])

_CUT: Final = np.int64((1 << 39) - 1)  # of the 52 bits of a mantissa


@dataclass(frozen=True)
class Fitted:
    """Quantiles of judges: float64 [EDGES] each, ascending, by (language, judge); perplexities with a minus."""

    combine: str
    edges: dict[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)  # that they were fitted on, by language


def cells(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lower end of each score's cell.

    >>> cells(np.array([0.1, 0.10000001, -52.3704]))
    array([  0.09999847,   0.09999847, -52.37109375])
    """
    bits = values.astype(np.float64).view(np.int64)
    down = np.where(bits < 0, bits + _CUT, bits) & ~_CUT  # a sign and a magnitude: below zero, down is up
    return down.view(np.float64)


def judged_scores(batch: pa.RecordBatch, judge: str) -> NDArray[np.float64]:
    """A judge's scores, high is good, NaN where there is none: float64 [rows]."""
    values = batch[judge].to_numpy(zero_copy_only=False).astype(np.float64)
    return -values if judge in LOW_IS_GOOD else values


def ranks(edges: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank of each score among quantiles, MISSING where it is NaN: int64, 0 to EDGES.

    >>> ranks(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.0, 2.0, 2.5, 9.0, np.nan]))
    array([ 0,  2,  3,  4, -1])
    """
    cut = cells(values)
    middle = (np.searchsorted(edges, cut, "left") + np.searchsorted(edges, cut, "right") + 1) // 2
    return np.where(np.isnan(values), MISSING, middle)


def least_passing(edges: NDArray[np.float64], rank: int) -> float | None:
    """The lowest score that has at least this rank; None if every score has, or none.

    >>> least_passing(np.array([1.0, 2.0, 2.0, 3.0]), 2), least_passing(np.array([1.0, 2.0, 2.0, 3.0]), 3)
    (2.0, 2.000244140625)
    """
    if not 0 < rank <= len(edges):
        return None
    edge = edges[rank - 1 : rank]
    if ranks(edges, edge)[0] >= rank:
        return float(edge[0])
    step = np.where(edge < 0, -_CUT - 1, _CUT + 1)  # scores that equal several quantiles: the next cell above them
    return float((edge.view(np.int64) + step).view(np.float64)[0])


def combined(fitted: Fitted, by_judge: dict[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """What the judges say together of each document, before it is ranked: int64, MISSING where none has a score.

    With combine = "citation" the citation score, and where there is none the perplexity, which then orders the tiers.
    """
    if fitted.combine == "citation":
        cited = by_judge["citation_score"]
        return np.where(cited == MISSING, by_judge["perplexity"], cited)
    each = np.array([by_judge[judge] for judge in JUDGES])
    there = each != MISSING
    number = there.sum(axis=0)
    if fitted.combine == "max":
        found = each.max(axis=0)
    elif fitted.combine == "all":
        found = np.where(there, each, EDGES).min(axis=0)
    else:
        found = np.where(there, each, 0).sum(axis=0) // np.maximum(number, 1)
    return np.where(number > 0, found, MISSING)


def ranked(fitted: Fitted, languages: NDArray[np.object_], batch: pa.RecordBatch) -> dict[str, NDArray[np.int64]]:
    """Rank of each document by each judge and, under COMBINED, of all together as far as that is fitted."""
    found = {judge: np.full(len(languages), MISSING) for judge in JUDGES}
    scores = {judge: judged_scores(batch, judge) for judge in JUDGES}
    for (language, judge), edges in fitted.edges.items():
        if judge in scores:
            at = np.flatnonzero(languages == language)
            found[judge][at] = ranks(edges, scores[judge][at])
    together = combined(fitted, found)
    final = np.full(len(languages), MISSING)
    for (language, judge), edges in fitted.edges.items():
        if judge == COMBINED:
            at = np.flatnonzero((languages == language) & (together != MISSING))
            final[at] = ranks(edges, together[at].astype(np.float64))
    return found | {COMBINED: final}


def tally(batch: pa.RecordBatch, partly: Fitted | None) -> pa.RecordBatch:
    """Counts (TALLY) of the cells of a batch's scores; with `partly` fitted judges, of what they say together.

    `batch`: language, verdict, and the columns of JUDGES; rows with another verdict than kept are left out.
    """
    standing = np.array([verdict == "kept" for verdict in batch["verdict"].to_pylist()], dtype=bool)
    languages = np.array(batch["language"].to_pylist(), dtype=np.object_)
    if partly is None:
        columns = {judge: cells(judged_scores(batch, judge)) for judge in JUDGES}
    else:
        by_judge = ranked(partly, languages, batch)
        together = combined(partly, by_judge)
        columns = {COMBINED: np.where(together == MISSING, np.nan, together)}
    rows: list[tuple[str, str, float, int]] = []
    for language in sorted({str(code) for code in languages[standing]}):
        of_language = standing & (languages == language)
        for judge, values in columns.items():
            known = values[of_language & ~np.isnan(values)]
            rows += [
                (language, judge, float(c), int(n)) for c, n in zip(*np.unique(known, return_counts=True), strict=True)
            ]
    arrays = list(zip(*rows, strict=True)) if rows else [()] * 4
    return pa.RecordBatch.from_arrays([pa.array(a, f.type) for a, f in zip(arrays, TALLY, strict=True)], schema=TALLY)


def fit(combine: str, tallies: Callable[[Fitted | None], Iterable[tuple[str, str, float, int]]]) -> Fitted:
    """Quantiles of all judges and of what they say together.

    `tallies(partly)` gives the rows of TALLY of the whole run, in any order, a cell as often as it likes; asked twice.
    """
    alone = Fitted(combine, *_quantiles(tallies(None)))
    together, _ = _quantiles(tallies(alone))
    return Fitted(combine, alone.edges | together, alone.documents)


def _quantiles(
    rows: Iterable[tuple[str, str, float, int]],
) -> tuple[dict[tuple[str, str], NDArray[np.float64]], dict[str, int]]:
    counts: dict[tuple[str, str], dict[float, int]] = {}
    for language, judge, cell, n in rows:
        of_judge = counts.setdefault((language, judge), {})
        of_judge[cell] = of_judge.get(cell, 0) + n
    edges: dict[tuple[str, str], NDArray[np.float64]] = {}
    documents: dict[str, int] = {}
    for (language, judge), found in sorted(counts.items()):
        values = np.array(sorted(found))
        through = np.cumsum([found[value] for value in values.tolist()])
        total = int(through[-1])
        below = np.arange(1, EDGES + 1) * total // (EDGES + 1)
        edges[language, judge] = values[np.searchsorted(through, below, "right")]
        documents[language] = max(total, documents.get(language, 0))
    return edges, documents


def write(folder: str, fitted: Fitted) -> None:
    """Keep quantiles beside the decisions, so that any document's bins can be found again from its scores."""
    languages: dict[str, Any] = {}
    for (language, judge), edges in fitted.edges.items():
        entry = languages.setdefault(language, {"documents": fitted.documents[language]})
        entry[judge] = edges.tolist()
    fs, inner = files.filesystem(folder)
    fs.makedirs(inner, exist_ok=True)
    files.write_text(files.join(folder, FILE), json.dumps({"combine": fitted.combine, "languages": languages}))


def read(folder: str) -> Fitted | None:
    """The quantiles that a stage decided by; None if it asked no judge."""
    found = files.read_json(files.join(folder, FILE))
    if found is None:
        return None
    languages = found["languages"].items()
    edges = {
        (language, judge): np.array(values)
        for language, entry in languages
        for judge, values in entry.items()
        if judge != "documents"
    }
    return Fitted(found["combine"], edges, {language: entry["documents"] for language, entry in languages})
