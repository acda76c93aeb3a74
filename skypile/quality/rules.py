"""Heuristics that tell prose from menus, lists and filler, the same code for English and Chinese.

`measure()` turns a text into numbers once; `broken_rule()` holds them against thresholds, which can
therefore be moved without reading a text again. The measures are those of Gopher (Rae et al. 2021, table
A1), C4 (Raffel et al. 2020) and FineWeb (Penedo et al. 2024), restated so that they mean the same in both
scripts:

- a *unit* is a word (a run of letters and digits) or one ideograph or kana; an ideograph is 1/1.6 words;
- widths count an ideograph as two, as a terminal does;
- n-grams are taken over units, with twice the n where ideographs prevail;
- a line reads like prose if a sentence ends in it: a paragraph that breaks off still does;
- short lines count by the characters in them, so that headings between paragraphs weigh little; a line that closes a
  sentence or a clause is none, so that verse and dialogue are no menus;
- lines that look like code or markup are left out of the rules about prose: documentation is not to lose
  its pages for the code blocks in them, nor the corpus its JSON and XML.

All of it is compiled code on code points (`skypile.quality.sums`); no line or word becomes a Python object.
Cost: 0.05 to 0.1 ms a text of 2,000 characters.
"""

import functools
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypile.config import RuleThresholds
from skypile.quality import units
from skypile.quality.sums import line_sums, unit_sums
from skypile.text import characters as ch

# Longer texts are measured on their beginning: bounds memory (100 bytes a character) and time.
MAX_CHARACTERS: Final = 1_000_000

MIN_WORDS: Final = 20  # fewer make no mean and no share

# The commonest function words: prose cannot do without, lists of names and keywords can. Gopher asks for two
# of eight English words in a text, which any long list has; a share is harder to meet by accident.
FUNCTION_WORDS: Final = {
    "en": (
        *("the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "with", "as", "was", "on", "be"),
        *("by", "at", "this", "are", "or", "from", "an", "not", "have"),
    ),
    "zh": tuple("的一是不了在有人我他这這个個们們中来來上大为為和到说說就也对對能而子那得于於着著下自之以"),
}


def measure(text: str, bad_words: units.WordList | None = None) -> dict[str, float | None]:
    """Every measure of `text`; shares are 0 to 1, None where there is nothing to measure.

    characters        code points that are no white space
    words             words, an ideograph counting 1/1.6
    ideograph_share   ideographs and kana among letters
    letter_share      letters and ideographs among characters (lines of code left out)
    mean_word_length  letters a word, words without digits only; None below 20 of them
    function_en, _zh  function words among words, among ideographs; None below 20
    symbol_share      hash signs, emoji, dingbats, bullets, ellipses a word
    bad_words         occurrences of listed words a word; None without a list
    bullet_lines, ellipsis_lines   share of lines that begin with a bullet, end with an ellipsis
    code_lines        share of lines that look like code
    sentence_lines    share of the other lines in which a sentence ends; None if all are code
    closed_lines      share of them that end with one, brackets and quotation marks behind it apart
    short_lines       share of the characters of the other lines that stand in lines narrower than 30
                      which close no sentence or clause
    repeated_lines    share of characters in lines that say what an earlier line said,
                      short lines of code apart
    repeated_ngrams   share of characters in 5-grams (ideographs: 10-grams) that occurred before
    top_ngram         share of characters in the commonest 2-gram (ideographs: 4-gram)

    >>> measure("今天天气很好。\\n我们去公园。")["sentence_lines"]
    1.0
    """
    points = ch.code_points(text[:MAX_CHARACTERS])
    kinds = ch.classes(points)
    return _line_measures(points, kinds) | _unit_measures(points, kinds, bad_words)


class BrokenRule(NamedTuple):
    reason: str
    measure: str
    value: float
    threshold: float


class Rule(NamedTuple):
    reason: str  # of REASONS
    measure: str  # of measure()
    threshold: str  # of RuleThresholds
    bound: str  # "min": values below the threshold break the rule, "max": values above it
    prose: bool  # not asked of pages of which half the lines are code


# In the order in which they are tried: what is nearly nothing first, repetition last.
RULES: Final = (
    Rule("too_short", "words", "min_words", "min", False),
    Rule("few_letters", "letter_share", "min_letter_share", "min", True),
    Rule("symbols", "symbol_share", "max_symbol_share", "max", True),
    Rule("symbols", "bullet_lines", "max_bullet_lines", "max", True),
    Rule("symbols", "ellipsis_lines", "max_ellipsis_lines", "max", True),
    Rule("long_words", "mean_word_length", "min_mean_word_length", "min", True),
    Rule("long_words", "mean_word_length", "max_mean_word_length", "max", True),
    Rule("few_function_words", "function_en", "min_function_en", "min", True),
    Rule("few_function_words", "function_zh", "min_function_zh", "min", True),
    Rule("few_sentences", "sentence_lines", "min_sentence_lines", "min", True),
    Rule("short_lines", "short_lines", "max_short_lines", "max", True),
    Rule("repeated_lines", "repeated_lines", "max_repeated_lines", "max", False),
    Rule("repeated_ngrams", "repeated_ngrams", "max_repeated_ngrams", "max", False),
    Rule("repeated_ngrams", "top_ngram", "max_top_ngram", "max", False),
    Rule("bad_words", "bad_words", "max_bad_words", "max", False),
    Rule("adult", "adult", "max_adult", "max", False),  # these three by skypile.quality.lexicon
    Rule("gambling", "gambling", "max_gambling", "max", False),
    Rule("adverts", "adverts", "max_adverts", "max", False),
    Rule("blocked_host", "blocked_host", "max_blocked_host", "max", False),  # 1 if the host is listed
)

# Measures that mean something in one language only.
ONLY_IN: Final = {"function_en": "en", "function_zh": "zh", "mean_word_length": "en"}
MOSTLY_CODE: Final = 0.5


def broken_rule(values: dict[str, float | None], thresholds: RuleThresholds, language: str) -> BrokenRule | None:
    """The first rule that measured `values` break, None if they break none. A measure of None breaks none.

    >>> broken_rule({"words": 12.0}, RuleThresholds(), "en")
    BrokenRule(reason='too_short', measure='words', value=12.0, threshold=50.0)
    """
    code = (values.get("code_lines") or 0.0) >= MOSTLY_CODE
    for rule in RULES:
        value, threshold = values.get(rule.measure), float(getattr(thresholds, rule.threshold))
        if value is None or (rule.prose and code) or ONLY_IN.get(rule.measure, language) != language:
            continue
        if value < threshold if rule.bound == "min" else value > threshold:
            return BrokenRule(rule.reason, rule.measure, value, threshold)
    return None


def breaking(
    rule: Rule, threshold: float, values: Mapping[str, NDArray[np.float64]], languages: NDArray[np.str_]
) -> NDArray[np.bool_]:
    """Which of n texts break `rule`, whatever else they break: what `broken_rule` asks of one text, of many.

    `values`: each measure of the n texts, NaN where nothing was measured; `languages`: their codes.
    """
    value = values[rule.measure]
    broken = value < threshold if rule.bound == "min" else value > threshold
    if rule.prose:
        broken &= ~(values["code_lines"] >= MOSTLY_CODE)
    if rule.measure in ONLY_IN:
        broken &= languages == ONLY_IN[rule.measure]
    return broken


def _line_measures(points: np.ndarray, kinds: np.ndarray) -> dict[str, float | None]:
    """Measures of lines. White space is cut out first, so blank lines and indentation do not count."""
    of = line_sums(points, kinds)
    if not of.lines:
        return {"characters": 0.0} | dict.fromkeys(_LINE_MEASURES)
    proses = of.lines - of.code_lines
    return {
        "characters": float(of.characters),
        "letter_share": _share(of.prose_letters, of.prose_characters),
        "bullet_lines": _share(of.bullet_lines, of.lines),
        "ellipsis_lines": _share(of.ellipsis_lines, of.lines),
        "code_lines": _share(of.code_lines, of.lines),
        "sentence_lines": _share(of.sentence_lines, proses),
        "closed_lines": _share(of.closed_lines, proses),
        "short_lines": _share(of.short_characters, of.prose_characters),
        "repeated_lines": _share(of.repeated_characters, of.characters),
    }


_LINE_MEASURES: Final = (
    "letter_share",
    "bullet_lines",
    "ellipsis_lines",
    "code_lines",
    "sentence_lines",
    "closed_lines",
    "short_lines",
    "repeated_lines",
)


def _unit_measures(points: np.ndarray, kinds: np.ndarray, bad_words: units.WordList | None) -> dict[str, float | None]:
    """Measures of words, ideographs and their n-grams."""
    of = unit_sums(points, kinds, *_function_hashes())
    if not of.units:
        return {"words": 0.0} | dict.fromkeys(_UNIT_MEASURES)
    bad = units.count_listed(units.split(points, kinds), bad_words) / of.words if bad_words is not None else None
    others = of.units - of.ideographs
    return {
        "words": of.words,
        "ideograph_share": _share(of.ideographs, of.letters),
        "mean_word_length": of.plain_characters / of.plain_words if of.plain_words >= MIN_WORDS else None,
        "function_en": of.function_en / others if others >= MIN_WORDS else None,
        "function_zh": of.function_zh / of.ideographs if of.ideographs >= MIN_WORDS else None,
        "symbol_share": of.symbols / of.words,
        "bad_words": bad,
        "repeated_ngrams": of.repeated_characters / of.characters,
        "top_ngram": min(1.0, of.top_characters / of.characters),
    }


_UNIT_MEASURES: Final = (
    "ideograph_share",
    "mean_word_length",
    "function_en",
    "function_zh",
    "symbol_share",
    "bad_words",
    "repeated_ngrams",
    "top_ngram",
)


@functools.cache
def _function_hashes() -> tuple[np.ndarray, np.ndarray]:
    return units.word_list(FUNCTION_WORDS["en"])[1], units.word_list(FUNCTION_WORDS["zh"])[1]


def _share(part: int, total: int) -> float | None:
    return float(part / total) if total else None
