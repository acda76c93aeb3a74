"""The recurrence curve against a count row by row, and its intervals against SciPy's."""

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from skypile.quality.judges import EDGES, Fitted
from skypile.recurrence.curve import READ, Look, bin_of, bounds_of, count, curves, wilson
from skypile.schema import STAGE_COLUMNS

TYPES = {c.name: c.type for c in STAGE_COLUMNS["quality_filter"]}
SCHEMA = pa.schema([(name, TYPES[name]) for name in READ])
CORES = np.array([0, 30, 5], np.int32)


def batch(rows: list[dict]) -> pa.RecordBatch:
    plain = {"language": "en", "exact_copies": 1, "near_copies": 1, "paragraph_hosts": 1, "centroid_similarity": 0.5}
    return pa.RecordBatch.from_pylist([plain | {"cluster": 0} | row for row in rows], schema=SCHEMA)


def looked(tail: float = 0.4, largest: tuple[int, ...] = ()) -> Look:
    edges = np.arange(1, EDGES + 1) / (EDGES + 1)  # scores that are spread evenly from 0 to 1
    fitted = Fitted("citation", {("en", "citation_score"): edges, ("zh", "perplexity"): -1000 + 1000 * edges})
    return Look(fitted, tail, CORES, 0.85, largest)


def rows(number: int) -> list[dict]:
    drawn = random.Random(7)
    return [
        {
            "language": drawn.choice(["en", "zh"]),
            "reason": drawn.choice([None, None, "symbols", "low_citation_score", "language"]),
            "citation_score": drawn.choice([None, drawn.random()]),
            "perplexity": drawn.choice([None, 1000 * drawn.random()]),
            "cluster": drawn.choice([None, 0, 1, 2]),
            "centroid_similarity": drawn.choice([0.5, 0.9]),
            "exact_copies": drawn.choice([1, 1, 2, 3, 4, 5, 300]),
            "near_copies": drawn.choice([1, 8, 9]),
            "paragraph_hosts": drawn.choice([None, 1, 2]),
        }
        for _ in range(number)
    ]


def plainly(given: list[dict], signal: str, judge: str, language: str) -> tuple[Counter, Counter]:
    """Documents and rejected ones by doublings, row by row."""
    documents: Counter[int] = Counter()
    rejected: Counter[int] = Counter()
    for row in given:
        if row["language"] != language or row["reason"] == "language":
            continue
        times = row.get(signal)
        if signal == "dense_core" and row["cluster"] is not None:
            times = max(1, CORES[row["cluster"]]) if row["centroid_similarity"] >= 0.85 else 1
        if judge == "rules":
            against = row["reason"] == "symbols"
        elif judge == "citation_score":
            score = row["citation_score"] if language == "en" else None
            against = None if score is None else score < 0.4
        else:
            score = row["perplexity"] if language == "zh" else None
            against = None if score is None else score > 600
        if times is None or against is None:
            continue
        number = 0
        while 2**number < times:
            number += 1
        documents[number] += 1
        rejected[number] += against
    return documents, rejected


@pytest.mark.parametrize("signal", ["exact_copies", "near_copies", "paragraph_hosts", "dense_core"])
def test_counts_are_those_of_a_count_row_by_row(signal: str):
    given = rows(600)
    table = pa.Table.from_batches([batch(given)])
    parts = [count(part, looked()) for part in table.to_batches(max_chunksize=77)]
    found = curves(row for part in parts for row in zip(*(c.to_pylist() for c in part.columns), strict=True))
    for language in ("en", "zh"):
        for judge in ("rules", "citation_score", "perplexity"):
            documents, rejected = plainly(given, signal, judge, language)
            points = found.languages[language].get((signal, judge), [])
            assert {p.bin: p.documents for p in points} == documents
            # A score within a thousandth of the bound may fall on either side of a quantile.
            assert sum(abs(p.rejected - rejected[p.bin]) for p in points) <= 2
    whole = {p.bin: p.documents for p in found.corpus[signal, "rules"]}
    assert whole == plainly(given, signal, "rules", "en")[0] + plainly(given, signal, "rules", "zh")[0]


def test_the_largest_topics_have_curves_of_their_own():
    given = [{"topic": 1, "near_copies": 2}, {"topic": 1}, {"topic": 2}, {"topic": None}]
    counted = count(batch(given), looked(largest=(1,)))
    found = curves(zip(*(c.to_pylist() for c in counted.columns), strict=True))
    assert list(found.topics) == [1]
    assert [(p.bin, p.documents) for p in found.topics[1]["near_copies", "rules"]] == [(0, 1), (1, 1)]


def test_bins_are_doublings():
    numbers = np.arange(1, 5000)
    for number, at in zip(numbers.tolist(), bin_of(numbers).tolist(), strict=True):
        least, most = bounds_of(at)
        assert least <= number <= most
    assert bin_of(np.array([2**31 - 1])).tolist() == [31]


@pytest.mark.parametrize(("rejected", "documents"), [(0, 1), (3, 10), (10, 10), (438, 1000)])
def test_intervals_are_wilsons(rejected: int, documents: int):
    known = stats.binomtest(rejected, documents).proportion_ci(method="wilson")
    assert wilson(rejected, documents) == pytest.approx((known.low, known.high), abs=1e-6)


def test_no_rows_and_columns_that_an_older_run_lacks():
    assert count(batch([]), looked()).num_rows == 0
    bare = count(batch([{"near_copies": None, "exact_copies": None, "paragraph_hosts": None}]), looked())
    assert set(bare["signal"].to_pylist()) == {"dense_core"}
