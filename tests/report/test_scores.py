"""Distributions of the distribution filter and of deduplication, from a run folder written by hand."""

import json

import numpy as np
import pytest

from skypile.config import Config
from skypile.report.clusters import clusters
from skypile.report.duplicates import duplicates
from skypile.report.evidence import QUOTED, cuts, told
from skypile.schema import DROPPED, STAGE_COLUMNS
from tests.report.run_folder import CLUSTERS, record, records, table, write_run

SETTINGS = {stage: getattr(Config(), stage).model_dump(mode="json") for stage in ("distribution_filter", "dedup")}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("scores") / "run", records())


def bins(chart, series):
    """Lower edges of the bins with counts, and these."""
    counts = chart.histogram.counts[chart.histogram.series.index(series)]
    return {round(chart.histogram.axis.edges[i], 4): int(counts[i]) for i in np.flatnonzero(counts)}


def test_cores_stand_against_their_budget(run):
    found = clusters(str(run / "02_distribution_filter"), SETTINGS["distribution_filter"])
    similarity, cores = found.charts
    assert bins(similarity, "kept") == {0.4857: 30} and sum(bins(similarity, "dropped").values()) == 1
    assert cores.bounds[0].value == 5 and cores.histogram.counts.sum(axis=1).tolist() == [1, 1]
    assert (found.clusters, found.over) == (len(CLUSTERS), 1)
    assert [(row["core"], row["dropped"]) for row in found.largest] == [(8, 1), (4, 0)]


def test_a_filter_that_was_off_has_no_clusters(tmp_path):
    table([record(1)], STAGE_COLUMNS["distribution_filter"], tmp_path / "documents/kept=true/wave=0")
    assert clusters(str(tmp_path), SETTINGS["distribution_filter"]).charts == []


def test_similarities_come_from_score_and_evidence(tmp_path):
    pairs = [
        ("near_duplicate", 0.81, 0.97, {}),
        ("near_duplicate", 0.99, 1.0, {}),
        ("contained", 0.4, 0.96, {}),
        ("in_corpus", 0.3, 0.99, {"match": "contained"}),
        ("duplicate_text", None, None, {}),
    ]
    rows = [
        record(n, "dedup", verdict=DROPPED, reason=reason,
               evidence=json.dumps({"survivor": "0", "jaccard": jaccard, "containment": containment} | more))
        for n, (reason, jaccard, containment, more) in enumerate(pairs)
    ]  # fmt: skip
    table(rows, STAGE_COLUMNS["dedup"], tmp_path / "documents/kept=false/wave=0")
    jaccard, containment, _ = duplicates(str(tmp_path), SETTINGS["dedup"]).charts
    assert jaccard.histogram.counts.sum(axis=1).tolist() == [2, 2]
    assert min(bins(jaccard, "near duplicate")) >= 0.8 > max(bins(jaccard, "contained"))
    assert containment.histogram.counts.sum(axis=1).tolist() == [2, 2]
    assert [line.value for chart in (jaccard, containment) for line in chart.bounds] == [0.8, 0.95]


def test_cut_paragraphs_are_counted_and_the_commonest_named(run):
    found = duplicates(str(run / "03_dedup"), SETTINGS["dedup"])
    cut = found.boilerplate
    assert (cut.pages, cut.dropped, cut.paragraphs, cut.characters) == (2, 1, 8, 340)
    searched = [r for r in records() if r["lost_in"] not in ("extraction", "distribution_filter")]
    searched = [r for r in searched if r.get("reason") != "near_duplicate"]
    assert cut.whole == sum(r["characters"] for r in searched) + 40  # of the page that stays it was cut already
    assert sorted(cut.commonest.values()) == [[12, 1], [1234, 2]]
    share = found.charts[2]
    assert (bins(share, "kept"), bins(share, "dropped")) == ({0.38: 1}, {0.78: 1})
    assert share.bounds[0].value == 0.5


def test_evidence_is_told_in_words():
    evidence = {"survivor": "a", "survivor_url": "u", "jaccard": 0.912345, "bands": 7, "location": None}
    assert told(evidence) == [("Jaccard similarity", "0.9123"), ("bands shared", "7"), ("location", "none")]
    paragraph = {"text": "x" * (QUOTED + 1), "pages": 1200}
    assert told({"cut": [paragraph], "cut_characters": 90}) == [("characters cut", "90")]
    assert cuts({"cut": [paragraph, {"text": "y"}]}) == [("x" * QUOTED + "…", 1200), ("y", None)]
    assert told({"cut": "odd"}) == [("cut", "odd")] and cuts({"cut": "odd"}) == []
