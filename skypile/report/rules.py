"""What the quality filter measured, each value against its bound, and what each rule does by itself.

A page is dropped for the first rule it breaks. To know a rule one has to ask the others to stand back: how many
pages it alone would drop, and how many nothing else would have dropped. Every page the stage judged is counted, on
the stored measures.
"""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from numpy.typing import NDArray

from skypile.quality.rules import ONLY_IN, RULES, Rule, breaking
from skypile.report.charts import Bound, Chart
from skypile.report.documents import batches, floats
from skypile.report.histogram import Axis, histogram, linear, logarithmic

# Of what the rules look at, in words: as skypile.quality.rules.measure() defines it.
MEASURES: Final = {
    "words": "words; an ideograph counts 1/1.6",
    "letter_share": "letters and ideographs among characters",
    "symbol_share": "symbols, emoji and ellipses a word",
    "bullet_lines": "lines that begin with a bullet",
    "ellipsis_lines": "lines that end with an ellipsis",
    "mean_word_length": "letters a word (English)",
    "function_en": "function words among words (English)",
    "function_zh": "function words among ideographs (Chinese)",
    "sentence_lines": "lines in which a sentence ends",
    "short_lines": "characters that stand in short lines",
    "repeated_lines": "characters in lines said before",
    "repeated_ngrams": "characters in n-grams said before",
    "top_ngram": "characters in the commonest n-gram",
    "bad_words": "listed words a word",
    "adult": "explicit terms, by weight, a character",
    "gambling": "gambling terms, by weight, a character",
    "adverts": "advertising terms, by weight, a character",
    "blocked_host": "1 if the host is on the list of blocked ones",
}
_SCHEMA: Final = pa.schema([(name, pa.float64()) for name in ("code_lines", *MEASURES)])
HIGHEST_MEAN_WORD = 15.0
PASSES, BREAKS = 0, 1


@dataclass
class Rate:
    """What one rule would do. Counts of pages."""

    reason: str
    measure: str
    bound: str  # "at least 50"
    setting: str
    measured: int = 0  # pages with a value
    alone: int = 0  # that break it, whatever else they break
    only: int = 0  # that break no other rule
    first: int = 0  # that were dropped for it: of the rules they break it is tried first


@dataclass
class Judged:
    """What the quality filter saw: `pages` rows; rates in the order in which the rules are tried."""

    pages: int = 0
    broken: int = 0  # pages that break a rule
    rates: list[Rate] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)


class _Page(NamedTuple):
    """Columns of a batch: n values each."""

    languages: NDArray[np.str_]
    language_score: NDArray[np.float64]
    citation_score: NDArray[np.float64]
    measures: dict[str, NDArray[np.float64]]


def judged(folder: str, settings: dict[str, Any], language: str | None = None) -> Judged:
    """Rates and distributions of the quality filter in `folder`. `settings`: its table, as the manifest has it.

    `language`: of the pages counted; all if None. A rule whose bound the settings do not name is left out.
    """
    rules = [rule for rule in RULES if rule.threshold in settings.get("rules", {})]
    bounds = {rule: float(settings["rules"][rule.threshold]) for rule in rules}
    found = Judged(rates=[*_language_rates(settings), *(_rate(rule, bounds[rule]) for rule in rules)])
    least = _least_citation(settings)
    if least is not None:
        found.rates.append(
            Rate("low_citation_score", "citation_score", f"at least {least:g}", "quality_filter.min_bin")
        )
    charts = _charts(settings, bounds, least)
    for page in _pages(folder, language):
        broken = np.array(
            [
                *_broken_language(page, settings),
                *(breaking(rule, bounds[rule], page.measures, page.languages) for rule in rules),
                *([_below_bin(page.citation_score, settings)] if least is not None else []),
            ]
        ).reshape(len(found.rates), len(page.languages))
        _count(found, broken)
        for rate in found.rates:
            rate.measured += int((~np.isnan(_measured(rate.measure, page))).sum())
        by_measure: dict[str, NDArray[np.bool_]] = {}
        for rate, row in zip(found.rates, broken, strict=True):
            name = "language_score" if rate.reason == "language" else rate.measure
            by_measure[name] = by_measure.get(name, False) | row
        for name, chart in charts.items():
            chart.histogram.add(_measured(name, page), np.where(by_measure.get(name, False), BREAKS, PASSES))
    found.charts = list(charts.values())
    return found


def _count(found: Judged, broken: NDArray[np.bool_]) -> None:
    """Add a batch: `broken`: (rates, pages)."""
    many = broken.sum(axis=0)
    found.pages += broken.shape[1]
    found.broken += int((many > 0).sum())
    if not len(broken):
        return
    first = np.bincount(broken.argmax(axis=0)[many > 0], minlength=len(found.rates))
    for rate, row, count in zip(found.rates, broken, first, strict=True):
        rate.alone += int(row.sum())
        rate.only += int((row & (many == 1)).sum())
        rate.first += int(count)


def languages(folder: str) -> dict[str, int]:
    """Pages that the quality filter in `folder` judged, by language, the commonest first."""
    found: Counter[str] = Counter()
    for _, batch in batches("quality_filter", folder, ["language"]):
        found.update(batch["language"].to_pylist())
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _pages(folder: str, language: str | None) -> Iterator[_Page]:
    columns = ["language", "language_score", "rules", "citation_score"]
    where = None if language is None else pc.field("language") == language
    for _, batch in batches("quality_filter", folder, columns, where=where):
        lines = "\n".join(text or "{}" for text in batch["rules"].to_pylist()).encode()
        options = pa.json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
        table = pa.json.read_json(io.BytesIO(lines), parse_options=options)
        yield _Page(
            np.array(batch["language"].to_pylist(), dtype=np.object_),
            floats(batch["language_score"]),
            floats(batch["citation_score"]),
            {name: table[name].to_numpy() for name in table.column_names},
        )


def _measured(name: str, page: _Page) -> NDArray[np.float64]:
    """Values of a measure or score, NaN where there is none or it means nothing in the page's language."""
    if name in ("language", "language_score"):
        return page.language_score
    if name == "citation_score":
        return page.citation_score
    values = page.measures[name]
    return np.where(page.languages == ONLY_IN[name], values, np.nan) if name in ONLY_IN else values


def _rate(rule: Rule, bound: float) -> Rate:
    word = "at least" if rule.bound == "min" else "at most"
    return Rate(rule.reason, rule.measure, f"{word} {bound:g}", f"quality_filter.rules.{rule.threshold}")


def _language_rates(settings: dict[str, Any]) -> list[Rate]:
    rates = []
    if settings.get("languages"):
        rates.append(Rate("language", "language", " or ".join(settings["languages"]), "quality_filter.languages"))
    if settings.get("min_language_score") is not None:
        bound = f"at least {settings['min_language_score']:g}"
        rates.append(Rate("language", "language_score", bound, "quality_filter.min_language_score"))
    return rates


def _broken_language(page: _Page, settings: dict[str, Any]) -> Iterator[NDArray[np.bool_]]:
    if settings.get("languages"):
        yield ~np.isin(page.languages.astype(str), settings["languages"])
    if settings.get("min_language_score") is not None:
        yield page.language_score < settings["min_language_score"]


def _least_citation(settings: dict[str, Any]) -> float | None:
    """The lowest citation score that is kept; None if none is asked for, or it does not decide alone."""
    if not settings.get("bins") or not settings.get("min_bin") or settings.get("combine", "citation") != "citation":
        return None
    return float(settings["min_bin"] / settings["bins"])


def _below_bin(score: NDArray[np.float64], settings: dict[str, Any]) -> NDArray[np.bool_]:
    """As skypile.quality.decision.quality_bin has it; pages without a score have no bin."""
    return np.minimum(np.floor(score * settings["bins"]), settings["bins"] - 1) < settings["min_bin"]


def _charts(settings: dict[str, Any], bounds: dict[Rule, float], least: float | None) -> dict[str, Chart]:
    """Empty charts by measure: the language score, every measure with its bounds, the citation score."""
    charts = {}
    score = settings.get("min_language_score")
    charts["language_score"] = _chart(
        "language_score",
        "share of the text in its language; an unwanted language is beyond",
        linear(1.0, _known(score)),
        [("at least", score)],
    )
    for measure, meaning in MEASURES.items():
        own = [(rule, bound) for rule, bound in bounds.items() if rule.measure == measure]
        sides = [("at least" if rule.bound == "min" else "at most", bound) for rule, bound in own]
        charts[measure] = _chart(measure, meaning, _axis(measure, own), sides)
    charts["citation_score"] = _chart(
        "citation_score", "probability that Wikipedia would cite the page", linear(1.0, _known(least)),
        [("at least", least)],
    )  # fmt: skip
    return charts


def _axis(measure: str, own: list[tuple[Rule, float]]) -> Axis:
    values = tuple(bound for _, bound in own)
    if measure == "words":
        return logarithmic(values[0] if values else None)
    if measure == "mean_word_length":
        return linear(max([HIGHEST_MEAN_WORD, *(1.2 * bound for bound in values)]), values)
    most = [bound for rule, bound in own if rule.bound == "max"]
    # A bound of 0.02 would stand in the first column of an axis to 1. What is far beyond it is in the last.
    return linear(min(1.0, 4 * most[0]) if most and most[0] else 1.0, values, closed_above=bool(most))


def _chart(name: str, meaning: str, axis: Axis, bounds: Sequence[tuple[str, float | None]]) -> Chart:
    lines = [Bound(bound, f"{word} {bound:g}") for word, bound in bounds if bound is not None]
    counts = histogram(axis, "within", "beyond")
    return Chart(name, counts, ("kept", "dropped"), lines, meaning)


def _known(*values: float | None) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None)
