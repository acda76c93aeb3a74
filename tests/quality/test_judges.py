"""Ranks against sorting all scores, counts in any pieces, bins and tiers that hold what they say."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypile.config import QualityFilterConfig
from skypile.quality import judges
from skypile.quality.decision import decide_again, decided, gated
from skypile.quality.judges import COMBINED, EDGES, JUDGES, cells, fit, ranks
from skypile.quality.rules import measure
from tests.quality.test_rules import CHINESE, ENGLISH

GOOD = {"en": json.dumps(measure(ENGLISH)), "zh": json.dumps(measure(CHINESE))}


def scores(rows: int, seed: int = 0) -> pa.RecordBatch:
    """Documents that language and rules let through, with scores of all judges; a third of the Chinese uncited."""
    chance = np.random.default_rng(seed)
    language = chance.choice(["en", "zh"], rows).tolist()
    cited = chance.beta(1, 20, rows).round(6).tolist()
    rules = {code: json.loads(text) for code, text in GOOD.items()}
    varied = [
        json.dumps(
            rules[code] | {"words": round(60 + 430 * chance.random(), 3), "closed_lines": round(chance.random(), 6)}
        )
        for code in language
    ]
    columns = {
        "record_id": [f"{row:032x}" for row in range(rows)],
        "language": language,
        "language_score": [1.0] * rows,
        "rules": varied,
        "citation_score": [
            None if code == "zh" and chance.random() < 0.3 else s for code, s in zip(language, cited, strict=True)
        ],
        "perplexity": np.exp(chance.normal(4, 1, rows)).round(2).tolist(),
        "contrast": [round(chance.normal(), 4) if code == "zh" else None for code in language],
    }
    return gated(pa.RecordBatch.from_pydict(columns), QualityFilterConfig())


def fitted(batches: list[pa.RecordBatch], combine: str) -> judges.Fitted:
    def tallies(partly):
        for batch in batches:
            counts = judges.tally(batch, partly)
            yield from zip(*(counts[name].to_pylist() for name in judges.TALLY.names), strict=True)

    return fit(combine, tallies)


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=50))
def test_cells_keep_the_order_and_are_close_below(values):
    ordered = np.sort(np.array(values))
    cut = cells(ordered)
    assert (np.diff(cut) >= 0).all()
    assert (cut <= ordered).all() and np.allclose(cut, ordered, rtol=2**-12, atol=0)
    assert (cells(cut) == cut).all()


@pytest.mark.parametrize("judge", JUDGES)
def test_a_rank_is_the_share_of_documents_below(judge):
    batch = scores(5000)
    found = fitted([batch], "max")
    for language in ("en", "zh"):
        at = np.array(batch["language"].to_pylist()) == language
        values = judges.judged_scores(batch, judge)[at]
        known = values[~np.isnan(values)]
        if language == "en" and judge in ("contrast", "prose_score"):
            assert not len(known) and (language, judge) not in found.edges
            continue
        below = np.array([(known < v).sum() + ((known == v).sum() - 1) / 2 for v in known]) / len(known)
        rank = ranks(found.edges[language, judge], known) / (EDGES + 1)
        assert np.abs(rank - below).max() < 0.004  # of a quantile, and of the cells


@pytest.mark.parametrize("combine", ["citation", "max", "mean", "all"])
def test_quantiles_are_the_same_in_any_pieces_and_order(combine):
    batch = scores(2000)
    order = np.random.default_rng(1).permutation(2000)
    pieces = [batch.take(pa.array(part)) for part in np.array_split(order, 7)]
    one, many = fitted([batch], combine), fitted(pieces, combine)
    assert one.documents == many.documents and one.edges.keys() == many.edges.keys()
    assert all((one.edges[key] == many.edges[key]).all() for key in one.edges)


@pytest.mark.parametrize("combine", ["max", "mean", "all"])
@pytest.mark.parametrize("bins, min_bin", [(20, 19), (20, 16), (5, 1), (10, 0)])
def test_the_share_that_the_settings_name_is_kept_of_each_language(combine, bins, min_bin):
    batch = scores(4000)
    config = QualityFilterConfig(combine=combine, bins=bins, min_bin=min_bin, high_share=0.3, low_share=0.4)
    rows = decided(batch, config, fitted([batch], combine)).to_pylist()
    for language in ("en", "zh"):
        own = [row for row in rows if row["language"] == language]
        kept = sum(row["verdict"] == "kept" for row in own) / len(own)
        assert kept == pytest.approx(1 - min_bin / bins, abs=0.01)
        tiers = [row["quality_tier"] for row in own]
        assert tiers.count("high") / len(own) == pytest.approx(0.3, abs=0.01)
        assert tiers.count("low") / len(own) == pytest.approx(0.4, abs=0.01)


def test_evidence_names_score_bin_and_threshold_of_each_judge_and_they_explain_the_verdict():
    batch = scores(3000)
    for combine, joined in (("max", any), ("all", all)):
        config = QualityFilterConfig(combine=combine, bins=10, min_bin=4)
        reasons = set()
        for row in decided(batch, config, fitted([batch], combine)).to_pylist():
            said = json.loads(row["evidence"])
            assert said.pop("combine") == combine
            assert set(said) == {j for j in JUDGES if row[j] is not None}
            passed = []
            for judge, place in said.items():
                assert place["score"] == row[judge]
                assert 0 <= place["bin"] < 10
                better = -1 if judge == "perplexity" else 1
                passed.append(place["threshold"] is None or better * place["score"] >= better * place["threshold"])
            assert joined(passed) == (row["verdict"] == "kept"), row
            assert (row["score"] >= row["threshold"]) == (row["verdict"] == "kept")
            reasons.add(row["reason"])
            if combine == "all" and row["reason"] == "high_perplexity":
                assert said["perplexity"]["bin"] == min(place["bin"] for place in said.values())
        one_judge = {"high_perplexity"} | {f"low_{judge}" for judge in JUDGES if judge != "perplexity"}
        assert reasons == {None} | ({"low_quality"} if combine == "max" else one_judge)


def test_kept_quantiles_give_a_document_its_place_again(tmp_path):
    batch = scores(1000)
    made = fitted([batch], "mean")
    judges.write(str(tmp_path), made)
    again = judges.read(str(tmp_path))
    assert again is not None and (again.combine, again.documents) == (made.combine, made.documents)
    config = QualityFilterConfig(combine="mean")
    assert decided(batch.slice(17, 1), config, again).equals(decided(batch, config, made).slice(17, 1))
    assert judges.read(str(tmp_path / "none")) is None


def test_dropped_documents_are_not_ranked_among():
    """What language or rules drop does not move the quantiles."""
    batch = scores(500)
    spam = batch.to_pylist()
    for row in spam:
        row |= {"perplexity": 1.0, "verdict": "dropped", "reason": "symbols"}
    both = pa.RecordBatch.from_pylist([*batch.to_pylist(), *spam], batch.schema)
    one, other = fitted([batch], "all"), fitted([both], "all")
    assert one.documents == other.documents
    assert all((one.edges[key] == other.edges[key]).all() for key in one.edges)
    last = decided(both, QualityFilterConfig(combine="all"), other).to_pylist()[-1]
    assert (last["verdict"], last["reason"]) == ("dropped", "symbols")


def test_a_judge_that_has_no_score_is_not_asked():
    batch = scores(400)
    columns = {name: batch[name] for name in batch.schema.names} | {"citation_score": pa.nulls(400, pa.float64())}
    bare = pa.RecordBatch.from_pydict(columns)
    for combine in ("max", "mean", "all"):
        found = decided(bare, QualityFilterConfig(combine=combine, min_bin=2), fitted([bare], combine))
        kept = found["verdict"].to_pylist().count("kept") / 400
        assert kept == pytest.approx(0.6, abs=0.03)
    tiers = decided(bare, QualityFilterConfig(), fitted([bare], "citation"))
    assert set(tiers["verdict"].to_pylist()) == {"kept"}  # nobody is asked who drops
    best = min(tiers.to_pylist(), key=lambda row: row["perplexity"])
    assert best["quality_tier"] == "high"  # without a citation score the perplexity orders the tiers


def test_one_document_and_none():
    lone = scores(1)
    assert decided(lone, QualityFilterConfig(combine="all"), fitted([lone], "all"))["quality_bin"].to_pylist() == [2]
    assert fitted([scores(0)], "all").edges == {}
    assert list(decide_again([], QualityFilterConfig(combine="all"), True)) == []


def test_deciding_again_is_deciding_with_quantiles_of_all():
    batch = scores(900)
    config = QualityFilterConfig(combine="mean", min_bin=2)
    pieces = [batch.slice(at, 100) for at in range(0, 900, 100)]
    again = pa.Table.from_batches(list(decide_again(pieces, config, True)))
    whole = pa.Table.from_batches([decided(batch, config, fitted([batch], "mean"))])
    assert again.combine_chunks().equals(whole.select(again.schema.names).combine_chunks())
    assert COMBINED not in again.schema.names
