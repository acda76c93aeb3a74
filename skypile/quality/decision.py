"""Verdicts of the quality filter from stored scores, which other settings can therefore move without reading a text.

Two steps, each on batches of rows. `gated`: language and rules, on what each row says of itself. `decided`: the
judges (`skypile.quality.judges`) on the rows that stand, by ranks among the run's documents, or by the citation score
alone. The whole stage, `skypile decide`, `Run.decide` and `skypile ablate --set` call these two.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from skypile.config import QualityFilterConfig
from skypile.quality import judges
from skypile.quality.judges import COMBINED, EDGES, JUDGES, LOW_IS_GOOD, MISSING, Fitted
from skypile.quality.rule_score import prose_score, rule_score
from skypile.quality.rules import broken_rule
from skypile.run_folder import stage_folder
from skypile.runtime import files
from skypile.schema import DROPPED, KEPT, QUALITY_COLUMNS, VERDICT_COLUMNS, Column, names

# What `gated` reads, and what `decided` reads besides what `gated` has written.
READ: Final = ("language", "language_score", "rules", "citation_score", "perplexity", "contrast")
RANKS: Final = EDGES + 1
CARRIED: Final = ("terms", "masked")  # of the evidence: what was found in the text, whatever is decided

_REASONS: Final = {judge: f"low_{judge}" for judge in JUDGES} | {"perplexity": "high_perplexity"}
_GATED: Final = tuple(c for c in QUALITY_COLUMNS if c.name in ("rule_score", "prose_score"))
_DECIDED: Final = tuple(c for c in QUALITY_COLUMNS if c.name in ("quality_bin", "quality_tier"))


class Verdict(NamedTuple):
    verdict: str
    reason: str | None
    score: float | None
    threshold: float | None
    evidence: str | None


_STANDS: Final = Verdict(KEPT, None, None, None, None)


def asks_judges(config: QualityFilterConfig, classifier: bool, perplexity: bool) -> bool:
    """Whether documents are ranked among the run's: a second pass, over scores alone."""
    return config.combine != "citation" or classifier or perplexity


def gated(batch: pa.RecordBatch, config: QualityFilterConfig) -> pa.RecordBatch:
    """`batch` (READ and what else it has) with `rule_score`, `prose_score` and the verdict of language and rules.

    Of an `evidence` that it has, what is CARRIED stays.
    """
    rules = [json.loads(text) for text in batch["rules"].to_pylist()]
    languages = batch["language"].to_pylist()
    verdicts = map(_gate, rules, languages, batch["language_score"].to_pylist(), [config] * len(rules))
    if "evidence" in batch.schema.names:
        verdicts = map(_carrying, verdicts, batch["evidence"].to_pylist())
    scores = [rule_score(values, config.rules, code) for values, code in zip(rules, languages, strict=True)]
    prose = [prose_score(values, code) for values, code in zip(rules, languages, strict=True)]
    return with_columns(batch, (*_GATED, *VERDICT_COLUMNS), [scores, prose, *_columns(verdicts)])


def _gate(rules: dict[str, float | None], language: str, language_score: float, config: QualityFilterConfig) -> Verdict:
    if config.languages and language not in config.languages:
        return _dropped("language", language_score, None, language=language, wanted=list(config.languages))
    if language_score < config.min_language_score:
        return _dropped("language", language_score, config.min_language_score, language=language)
    if broken := broken_rule(rules, config.rules, language):
        words = rules.get("words")
        return _dropped(broken.reason, broken.value, broken.threshold, measure=broken.measure, words=words)
    return _STANDS


def decided(batch: pa.RecordBatch, config: QualityFilterConfig, fitted: Fitted | None) -> pa.RecordBatch:
    """What `gated` gave, with `quality_bin`, `quality_tier` and the verdict of all judges.

    `fitted`: on the whole run; None: nobody is ranked, and there is no tier.
    """
    stands = [verdict == KEPT for verdict in batch["verdict"].to_pylist()]
    ranks = None
    if fitted is not None:
        ranks = judges.ranked(fitted, np.array(batch["language"].to_pylist(), dtype=np.object_), batch)
    tiers = [None] * len(stands) if ranks is None else [_tier(rank, config) for rank in ranks[COMBINED].tolist()]
    if config.combine == "citation" or fitted is None or ranks is None:
        scores = batch["citation_score"].to_pylist()
        bins = [None if score is None else quality_bin(score, config.bins) for score in scores]
        found = [_by_citation(score, number, config) for score, number in zip(scores, bins, strict=True)]
    else:
        final = ranks[COMBINED].tolist()
        bins = [None if rank == MISSING else rank * config.bins // RANKS for rank in final]
        found = list(_by_ranks(batch, ranks, stands, config, fitted))
    gate = zip(*(batch[c.name].to_pylist() for c in VERDICT_COLUMNS), strict=True)
    verdicts = (
        _carrying(new, old[-1]) if stand else Verdict(*old) for old, stand, new in zip(gate, stands, found, strict=True)
    )
    return with_columns(batch, (*_DECIDED, *VERDICT_COLUMNS), [bins, tiers, *_columns(verdicts)])


def decide_again(
    batches: Iterable[pa.RecordBatch], config: QualityFilterConfig, ranked: bool
) -> Iterator[pa.RecordBatch]:
    """Stored rows (READ and what else they have) decided anew, without Spark, in their order.

    If documents are `ranked`, rows wait in a temporary file until all are counted: give no column that is not needed.
    """
    if not ranked:
        yield from (decided(gated(batch, config), config, None) for batch in batches)
        return
    counts: list[pa.RecordBatch] = []
    with tempfile.TemporaryFile() as file:
        writer = None
        for batch in batches:
            rows = gated(batch, config)
            writer = writer or pa.ipc.new_stream(file, rows.schema)
            writer.write_batch(rows)
            counts.append(judges.tally(rows, None))
        if writer is None:
            return
        writer.close()

        def read() -> Iterator[pa.RecordBatch]:
            file.seek(0)
            yield from pa.ipc.open_stream(file)

        def tallies(partly: Fitted | None) -> Iterator[tuple[str, str, float, int]]:
            for found in counts if partly is None else (judges.tally(rows, partly) for rows in read()):
                yield from zip(*(found[name].to_pylist() for name in judges.TALLY.names), strict=True)

        fitted = judges.fit(config.combine, tallies)
        yield from (decided(rows, config, fitted) for rows in read())


def was_ranked(run: str, config: QualityFilterConfig) -> bool:
    """Whether the quality filter of a finished run would rank its documents with other settings."""
    return asks_judges(config, *(folder is not None for folder in model_folders(run, config)))


def model_folders(run: str, config: QualityFilterConfig) -> tuple[str | None, str | None]:
    """Folders of a run's classifiers and perplexity models: the user's, else those made in the run; None without."""
    place = stage_folder.stage_dir(run, "quality_filter")

    def folder(given: str | None, own: str) -> str | None:
        made = files.join(place, own)
        return files.absolute(given) if given else made if files.exists(made) else None

    return folder(config.classifier, "classifier"), folder(config.perplexity_model, "perplexity")


def quality_bin(score: float, bins: int) -> int:
    """Bin of a score of 0 to 1: `bins` of equal width, the last one closed.

    >>> [quality_bin(score, 5) for score in (0.0, 0.19, 0.2, 1.0)]
    [0, 0, 1, 4]
    """
    return min(int(score * bins), bins - 1)


def _by_citation(score: float | None, found: int | None, config: QualityFilterConfig) -> Verdict:
    """The citation score alone, by bins of equal width; a document without one is kept."""
    if score is None or found is None:
        return _STANDS
    threshold = config.min_bin / config.bins
    if found < config.min_bin:
        return _dropped("low_citation_score", score, threshold, quality_bin=found, min_bin=config.min_bin)
    return Verdict(KEPT, None, score, threshold, None)


def _by_ranks(
    batch: pa.RecordBatch,
    ranks: dict[str, Any],
    stands: list[bool],
    config: QualityFilterConfig,
    fitted: Fitted,
) -> Iterator[Verdict]:
    """The judges together: score is the share of the language's documents that are ranked below."""
    languages = batch["language"].to_pylist()
    scores = {judge: batch[judge].to_pylist() for judge in JUDGES}
    single = {judge: ranks[judge].tolist() for judge in JUDGES}
    bounds = {code: _bounds(fitted, code, config) for code in set(languages)}
    threshold = config.min_bin / config.bins
    for row, final in enumerate(ranks[COMBINED].tolist()):
        if not stands[row] or final == MISSING:
            yield _STANDS
            continue
        asked = [judge for judge in JUDGES if single[judge][row] != MISSING]
        least = bounds[languages[row]]
        evidence: dict[str, Any] = {"combine": config.combine}
        for judge in asked:
            place = {"score": scores[judge][row], "bin": single[judge][row] * config.bins // RANKS}
            evidence[judge] = place | {"threshold": least[judge]}
        shown = json.dumps(evidence)
        if final * config.bins // RANKS >= config.min_bin:
            yield Verdict(KEPT, None, final / RANKS, threshold, shown)
            continue
        worst = min(asked, key=lambda judge: single[judge][row])
        reason = _REASONS[worst] if config.combine == "all" else "low_quality"
        yield Verdict(DROPPED, reason, final / RANKS, threshold, shown)


def _bounds(fitted: Fitted, language: str, config: QualityFilterConfig) -> dict[str, float | None]:
    """What each judge must give at least (of perplexity: at most) for a document to be kept by it alone.

    With the mean of ranks, what it must give where the others give the same rank.
    """
    together = fitted.edges.get((language, COMBINED))
    if together is None:
        return dict.fromkeys(JUDGES)
    grid = judges.ranks(together, np.arange(RANKS, dtype=np.float64))
    passing = grid * config.bins // RANKS >= config.min_bin
    least = int(passing.argmax()) if passing.any() else RANKS
    found: dict[str, float | None] = dict.fromkeys(JUDGES)
    for judge in JUDGES:
        edges = fitted.edges.get((language, judge))
        bound = None if edges is None else judges.least_passing(edges, least)
        if bound is not None:
            found[judge] = float(f"{-bound if judge in LOW_IS_GOOD else bound:.8g}")
    return found


def _tier(rank: int, config: QualityFilterConfig) -> str | None:
    """high, middle or low, by the share of documents ranked below."""
    if rank == MISSING:
        return None
    if rank >= RANKS * (1 - config.high_share):
        return "high"
    return "low" if rank < RANKS * config.low_share else "middle"


def with_columns(batch: pa.RecordBatch, columns: tuple[Column, ...], values: Iterable[Any]) -> pa.RecordBatch:
    """`batch` with columns put in place, or behind the others where it has none of that name."""
    found = dict(zip(batch.schema.names, batch.columns, strict=True))
    for column, of_column in zip(columns, values, strict=True):
        found[column.name] = pa.array(of_column, column.type)
    return pa.RecordBatch.from_pydict(found)


def _columns(verdicts: Iterable[Verdict]) -> list[list[Any]]:
    """Values of VERDICT_COLUMNS."""
    rows = list(verdicts)
    return [[getattr(row, name) for row in rows] for name in names(VERDICT_COLUMNS)]


def _carrying(verdict: Verdict, old: str | None) -> Verdict:
    """The verdict, its evidence with what is CARRIED of an older one."""
    if old is None:
        return verdict
    found = {name: value for name, value in json.loads(old).items() if name in CARRIED}
    if not found:
        return verdict
    evidence = (json.loads(verdict.evidence) if verdict.evidence else {}) | found
    return verdict._replace(evidence=json.dumps(evidence, ensure_ascii=False))


def _dropped(reason: str, score: float, threshold: float | None, **evidence: Any) -> Verdict:
    return Verdict(DROPPED, reason, score, threshold, json.dumps(evidence, ensure_ascii=False))
