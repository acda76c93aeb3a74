"""Stage 4: language, heuristics, whether Wikipedia would cite the page, and how surprising it is to trusted text.

Scores are computed once and stored; `skypile.quality.decision` turns them into verdicts and needs nothing else, so
that thresholds can be moved on a finished run. Without a classifier or a perplexity model a document's verdict
depends on the document alone, in one pass. Else documents are ranked among the run's: the scored rows are stored in
between, their scores counted (`skypile.quality.judges`), and a second pass decides; no text is shuffled. Texts and
titles leave the stage masked (`skypile.quality.privacy`). Cost of documents of 2,000 characters on
a busy machine: 3,300 English or 2,600 Chinese ones a CPU second without models, 1,600 and 1,500 with all judges.
"""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.classifiers.model import Classifier
from skypile.classifiers.model import load as load_classifiers
from skypile.config import QualityFilterConfig
from skypile.quality import judges, units
from skypile.quality.decision import asks_judges, decided, gated, with_columns
from skypile.quality.judges import Fitted
from skypile.quality.lexicon import KINDS, is_blocked, lexicon, most_of, scores
from skypile.quality.perplexity import PerplexityModel, Surprise
from skypile.quality.perplexity_models import load as load_perplexity
from skypile.quality.privacy.columns import mask
from skypile.quality.rules import measure
from skypile.run_folder.storage import spark_schema, stored
from skypile.runtime import files
from skypile.runtime.map_arrow import map_arrow
from skypile.schema import QUALITY_COLUMNS, STAGE_COLUMNS, VERDICT_COLUMNS, arrow_schema

_COLUMNS: Final = STAGE_COLUMNS["quality_filter"]
_MASKED: Final = tuple(c for c in _COLUMNS if c.name in ("text", "title", "characters"))
_SCORES: Final = (
    *(c for c in QUALITY_COLUMNS if c.name in ("rules", "citation_score", "perplexity", "contrast", "masked")),
    *(c for c in VERDICT_COLUMNS if c.name == "evidence"),
    *_MASKED,
)

Batches = Iterator[pa.RecordBatch]


def quality_filter(
    config: QualityFilterConfig,
    scratch: str,
    classifier: str | None = None,
    perplexity: str | None = None,
    keep: str | None = None,
) -> Callable[[DataFrame], DataFrame]:
    """Stage function: adds QUALITY_COLUMNS and a verdict to every document.

    `scratch`: a folder for rows between the passes, which outlives the returned frame. `classifier`, `perplexity`:
    folders of trained models (default: those of the config); languages without one have no such score. `keep`: the
    folder that the quantiles of the run's scores are written to, if documents are ranked.
    """
    folder, models = _folder(classifier or config.classifier), _folder(perplexity or config.perplexity_model)
    listed = word_list(config.bad_words) if config.bad_words else None
    if folder:
        load_classifiers(folder)  # a damaged or missing one is found here, not in a worker an hour later
    if models:
        load_perplexity(models)
    ranked = asks_judges(config, folder is not None, models is not None)

    def score_batches(batches: Batches) -> Batches:
        classifiers = load_classifiers(folder) if folder else {}
        perplexities = load_perplexity(models) if models else {}
        for batch in batches:
            rows = gated(scored(batch, config, classifiers, perplexities, listed), config)
            yield ordered(rows if ranked else decided(rows, config, None))

    def judge_frame(frame: DataFrame) -> DataFrame:
        judged = map_arrow(frame, score_batches, spark_schema(_COLUMNS))
        return _ranked(stored(judged, files.join(scratch, "scored")), config, keep) if ranked else judged

    return judge_frame


def decide_frame(frame: DataFrame, config: QualityFilterConfig, ranked: bool, keep: str | None) -> DataFrame:
    """Documents of the stage decided anew from their scores; `frame`, straight from Parquet, is read thrice."""

    def gate_batches(batches: Batches) -> Batches:
        for batch in batches:
            rows = gated(batch, config)
            yield ordered(rows if ranked else decided(rows, config, None))

    again = map_arrow(frame, gate_batches, spark_schema(_COLUMNS))
    return _ranked(again, config, keep) if ranked else again


def _ranked(frame: DataFrame, config: QualityFilterConfig, keep: str | None) -> DataFrame:
    """Rows that language and rules have judged, decided by the judges' ranks among all of them."""

    def tallies(partly: Fitted | None) -> Iterable[tuple[str, str, float, int]]:
        def count(batches: Batches) -> Batches:
            for batch in batches:
                yield judges.tally(batch, partly)

        counted = map_arrow(frame.select("language", "verdict", *judges.JUDGES), count, _TALLY)
        summed = counted.groupBy("language", "judge", "cell").agg(F.sum("n").alias("n"))
        return ((row["language"], row["judge"], row["cell"], row["n"]) for row in summed.collect())

    fitted = judges.fit(config.combine, tallies)
    if keep:
        judges.write(keep, fitted)

    def decide_batches(batches: Batches) -> Batches:
        for batch in batches:
            yield ordered(decided(batch, config, fitted))

    return map_arrow(frame, decide_batches, spark_schema(_COLUMNS))


_TALLY: Final = "language string, judge string, cell double, n bigint"


def judge(
    batch: pa.RecordBatch,
    config: QualityFilterConfig,
    classifiers: Mapping[str, Classifier],
    perplexities: Mapping[str, PerplexityModel],
    listed: units.WordList | None = None,
    fitted: Fitted | None = None,
) -> pa.RecordBatch:
    """`batch` of dedup's columns without a verdict, with scores and verdict added; `fitted`: on its run."""
    return ordered(decided(gated(scored(batch, config, classifiers, perplexities, listed), config), config, fitted))


def scored(
    batch: pa.RecordBatch,
    config: QualityFilterConfig,
    classifiers: Mapping[str, Classifier],
    perplexities: Mapping[str, PerplexityModel],
    listed: units.WordList | None = None,
) -> pa.RecordBatch:
    """`batch` with what is measured on texts (`rules` to `contrast` of QUALITY_COLUMNS), texts and titles masked.

    Scores are of the texts as they were read, so that masks change no verdict. `evidence` has what was found in them,
    which every decision carries on: the masks, and the terms of the lexicon that may decide.
    """
    texts = batch["text"].to_pylist()
    languages = batch["language"].to_pylist()
    terms = lexicon(config.lexicon)
    rules = [  # decided on as stored
        _rounded(measure(text, listed) | by_terms | {"blocked_host": is_blocked(host, config.blocked_hosts)})
        for text, host, by_terms in zip(texts, batch["host"].to_pylist(), scores(batch["text"], terms), strict=True)
    ]
    cited = _by_language(texts, languages, {code: one.scores for code, one in classifiers.items()})
    surprise = _surprise(texts, languages, perplexities)
    masks = mask(batch, config.privacy)
    found: list[str | None] = [None] * len(texts)
    for row, values in enumerate(rules):
        by_kind = {kind: most_of(texts[row], kind, terms) for kind in KINDS if values[kind]}
        more = ({"terms": by_kind} if by_kind else {}) | (
            {"masked": masks.evidence[row]} if row in masks.evidence else {}
        )
        found[row] = json.dumps(more, ensure_ascii=False) if more else None
    measured = [[json.dumps(values) for values in rules], cited, *surprise, masks.counts, found]
    return with_columns(batch, _SCORES, [*measured, *(masks.changed.get(c.name, batch[c.name]) for c in _MASKED)])


def ordered(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The stage's columns in their order; those that are not decided yet are null."""
    schema = arrow_schema(_COLUMNS)
    there = set(batch.schema.names)
    columns = [batch[f.name] if f.name in there else pa.nulls(batch.num_rows, f.type) for f in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


@functools.cache
def word_list(path: str) -> units.WordList:
    """Listed words from a UTF-8 file, one word or phrase a line."""
    with files.open_uri(path) as file:
        content = file.read()
    try:
        return units.word_list(content.decode("utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise ValueError(f"quality_filter.bad_words: {path} is no UTF-8 text ({error}); convert it") from None


def _folder(path: str | None) -> str | None:
    return files.absolute(path) if path else None


def _by_language(
    texts: list[str], languages: list[str], models: Mapping[str, Callable[[list[str]], Iterable[float | None]]]
) -> list[float | None]:
    """Each text's score by the model of its language, None where there is none."""
    scores: list[float | None] = [None] * len(texts)
    for language, scores_of in models.items():
        at = [row for row, code in enumerate(languages) if code == language]
        for row, score in zip(at, scores_of([texts[row] for row in at]), strict=True):
            scores[row] = None if score is None else float(score)
    return scores


def _surprise(texts: list[str], languages: list[str], models: Mapping[str, PerplexityModel]) -> Surprise:
    """Each text's scores by the model of its language, None where there is none."""
    found = Surprise([None] * len(texts), [None] * len(texts))
    for language, model in models.items():
        at = [row for row, code in enumerate(languages) if code == language]
        for all_of, some in zip(found, model.scores([texts[row] for row in at]), strict=True):
            for row, score in zip(at, some, strict=True):
                all_of[row] = score
    return found


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: value if value is None else round(value, 6) for name, value in values.items()}
