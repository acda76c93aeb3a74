"""Rates of the rules: counted over arrays, they are what the quality filter decides page by page."""

import json
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from skypile.config import QualityFilterConfig, RuleThresholds
from skypile.quality.decision import decided, gated
from skypile.quality.rules import RULES
from skypile.report.rules import BREAKS, MEASURES, judged, languages
from skypile.schema import KEPT, STAGE_COLUMNS
from tests.report.run_folder import table

# Bounds that nothing breaks, of the measures drawn below.
HARMLESS = {rule.threshold: 0.0 if rule.bound == "min" else 1.0 for rule in RULES} | {"max_mean_word_length": 99.0}


def drawn_pages(seed: int, count: int = 400) -> list[dict]:
    """Pages with random measures, many near a bound or on it, some without one, in three languages."""
    random = np.random.default_rng(seed)
    thresholds = RuleThresholds()
    pages = []
    for _ in range(count):
        values: dict[str, float | None] = {"code_lines": float(random.choice([0.0, 0.0, 0.0, 0.5, 0.9]))}
        for rule in RULES:
            bound = getattr(thresholds, rule.threshold)
            near = bound + random.choice([0.0, 0.01, -0.01, 0.3, -0.3]) * (bound if bound > 1 else 1)
            values[rule.measure] = None if random.random() < 0.2 else round(float(max(near, 0.0)), 6)
            if bound <= 1 and values[rule.measure] is not None:
                values[rule.measure] = min(values[rule.measure], 1.0)
        pages.append(
            {
                "language": str(random.choice(["en", "zh", "de"], p=[0.5, 0.4, 0.1])),
                "language_score": float(random.choice([1.0, 0.7, 0.5, 0.4])),
                "citation_score": None if random.random() < 0.5 else float(random.choice([0.0, 0.19, 0.2, 0.6, 1.0])),
                "rules": values,
            }
        )
    return pages


def verdicts(pages: list[dict], config: QualityFilterConfig) -> list[str | None]:
    """The stage's own reasons."""
    rows = [page | {"rules": json.dumps(page["rules"]), "perplexity": None} for page in pages]
    return decided(gated(pa.RecordBatch.from_pylist(rows), config), config, None)["reason"].to_pylist()


@pytest.fixture(scope="module", params=[1, 2])
def case(request, tmp_path_factory):
    pages = drawn_pages(request.param)
    config = QualityFilterConfig()
    folder = tmp_path_factory.mktemp("rules")
    rows = [page | {"rules": json.dumps(page["rules"]), "verdict": KEPT} for page in pages]
    columns = STAGE_COLUMNS["quality_filter"]
    table(rows[:150], columns, folder / "documents/kept=true/wave=0")
    table(rows[150:], columns, folder / "documents/kept=false/wave=0")
    return SimpleNamespace(
        pages=pages, config=config, folder=str(folder), found=judged(str(folder), config.model_dump(mode="json"))
    )


def without(config: QualityFilterConfig, setting: str) -> QualityFilterConfig:
    """`config` with one setting, named as the report names it, made harmless."""
    name = setting.removeprefix("quality_filter.").removeprefix("rules.")
    if name in HARMLESS:
        return config.model_copy(update={"rules": config.rules.model_copy(update={name: HARMLESS[name]})})
    return config.model_copy(update={name: {"languages": (), "min_language_score": 0.0, "min_bin": 0}[name]})


def test_pages_of_one_language_are_counted_alone(case):
    config = case.config.model_dump(mode="json")
    for language, pages in languages(case.folder).items():
        of_one = [page for page in case.pages if page["language"] == language]
        found = judged(case.folder, config, language)
        decided = Counter(reason for reason in verdicts(of_one, case.config) if reason)
        assert (pages, found.pages, found.broken) == (len(of_one), len(of_one), decided.total())
    assert set(languages(case.folder)) == {"en", "zh", "de"}


def test_a_page_is_counted_for_the_rule_it_was_dropped_for(case):
    decided = Counter(reason for reason in verdicts(case.pages, case.config) if reason)
    counted: Counter[str] = Counter()
    for rate in case.found.rates:
        counted[rate.reason] += rate.first
    assert +counted == decided
    assert (case.found.pages, case.found.broken) == (len(case.pages), decided.total())


def test_what_only_one_rule_finds_is_kept_without_it(case):
    dropped = np.array([reason is not None for reason in verdicts(case.pages, case.config)])
    for rate in case.found.rates:
        left = np.array([reason is not None for reason in verdicts(case.pages, without(case.config, rate.setting))])
        assert rate.only == (dropped & ~left).sum(), rate


def test_what_a_rule_finds_it_finds_alone(case):
    settings = [rate.setting for rate in case.found.rates]
    for rate in case.found.rates:
        alone = case.config
        for other in settings:
            if other != rate.setting:
                alone = without(alone, other)
        assert rate.alone == sum(reason is not None for reason in verdicts(case.pages, alone)), rate
    assert any(rate.alone > rate.only > 0 for rate in case.found.rates)


def test_distributions_hold_every_measured_page_and_part_at_the_bound(case):
    charts = {chart.title: chart for chart in case.found.charts}
    assert {*charts} == {"language_score", "citation_score", *MEASURES}
    for rule in RULES:
        only = {"function_en": "en", "mean_word_length": "en", "function_zh": "zh"}.get(rule.measure)
        values = [
            page["rules"][rule.measure]
            for page in case.pages
            if page["rules"][rule.measure] is not None and only in (None, page["language"])
        ]
        chart = charts[rule.measure]
        assert chart.histogram.counts.sum() == len(values)
        alone = sum(rate.alone for rate in case.found.rates if rate.measure == rule.measure)
        assert chart.histogram.counts[BREAKS].sum() == alone
        bound = next(line.value for line in chart.bounds if line.label.startswith("at"))
        assert np.isclose(chart.histogram.axis.edges, bound).any(), rule


def test_a_rule_without_a_bound_in_the_settings_is_left_out(case, tmp_path):
    table(
        [{"rules": "{}", "language": "en", "language_score": 1.0}],
        STAGE_COLUMNS["quality_filter"],
        tmp_path / "documents",
    )
    found = judged(str(tmp_path), {"rules": {"min_words": 50.0}})
    assert [rate.setting for rate in found.rates] == ["quality_filter.rules.min_words"]
    assert found.rates[0].measured == 0
    assert judged(str(tmp_path), {}).rates == []
