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

All of it is array arithmetic on code points (`skypile.quality.kernels`); no line or word becomes a Python object.
Cost: 0.1 to 0.25 ms a text of 2,000 characters.
"""

import functools
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypile.config import RuleThresholds
from skypile.quality import kernels, units
from skypile.quality.repeats import count_listed
from skypile.text import characters as ch

# Longer texts are measured on their beginning: bounds memory (100 bytes a character) and time.
MAX_CHARACTERS: Final = 1_000_000

IDEOGRAPHS_PER_WORD: Final = 1.6  # mean length of a word in segmented Chinese prose
SHORT_LINE: Final = 30  # width; FineWeb: "lines shorter than 30 characters"
CODE_LINE: Final = 0.08  # least share of code marks in a line of code

# Gopher counts repeats of 5 to 10 words and the commonest of 2 to 4; one of each is kept here.
REPEATED_NGRAM: Final = 5
TOP_NGRAM: Final = 2

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

_IS_LETTER: Final = ch.is_in(ch.LATIN, ch.LETTER, ch.HAN, ch.KANA, ch.HANGUL)
_IS_SYMBOL: Final = ch.is_in(ch.SYMBOL, ch.BULLET)
_CLAUSE_ENDS: Final = np.array(sorted(map(ord, ",;，；")), dtype=np.uint32)
_BULLET_STARTS: Final = np.array(sorted(map(ord, "-*–—+")), dtype=np.uint32)


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
    of = kernels.lines(points, kinds)
    lines = len(of.lengths)
    if not lines:
        return {"characters": 0.0} | dict.fromkeys(_LINE_MEASURES)
    code = of.marks >= CODE_LINE * of.lengths
    prose = ~code
    characters, proses, prose_length = int(of.lengths.sum()), int(prose.sum()), int(of.lengths[prose].sum())

    ended = kinds[of.final] == ch.SENTENCE_END
    sentences = (of.sentences > 0) | ended
    closed = ended | units.is_listed(points[of.final], _CLAUSE_ENDS)
    bullets = (kinds[of.first] == ch.BULLET) | units.is_listed(points[of.first], _BULLET_STARTS)
    repeated = units.is_repeated(of.hashes) if lines > 1 else np.zeros(1, dtype=bool)
    repeated &= prose | (of.widths >= SHORT_LINE)  # closing brackets have to repeat
    short = prose & (of.widths < SHORT_LINE) & ~closed

    return {
        "characters": float(characters),
        "letter_share": _share(of.letters[prose].sum(), prose_length),
        "bullet_lines": _share(bullets.sum(), lines),
        "ellipsis_lines": _share((of.dots | (points[of.last] == ord("…"))).sum(), lines),
        "code_lines": _share(code.sum(), lines),
        "sentence_lines": _share((sentences & prose).sum(), proses),
        "closed_lines": _share((ended & prose).sum(), proses),
        "short_lines": _share(of.lengths[short].sum(), prose_length),
        "repeated_lines": _share(of.lengths[repeated].sum(), characters),
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
    hashes, lengths, is_ideograph, has_digit = found = units.split(points, kinds)
    if not len(hashes):
        return {"words": 0.0} | dict.fromkeys(_UNIT_MEASURES)
    ideographs = int(is_ideograph.sum())
    words = len(hashes) - ideographs + ideographs / IDEOGRAPHS_PER_WORD
    lettered = lengths[~is_ideograph & ~has_digit]
    factor = 2 if ideographs / IDEOGRAPHS_PER_WORD > 0.5 * words else 1
    symbols = int(_IS_SYMBOL[kinds].sum()) + _ellipses(points)
    return {
        "words": words,
        "ideograph_share": _share(ideographs, int(_IS_LETTER[kinds].sum())),
        "mean_word_length": float(lettered.mean()) if len(lettered) >= MIN_WORDS else None,
        "function_en": _function_share(hashes[~is_ideograph], "en"),
        "function_zh": _function_share(hashes[is_ideograph], "zh"),
        "symbol_share": symbols / words,
        "bad_words": units.count_listed(found, bad_words) / words if bad_words is not None else None,
        "repeated_ngrams": units.repeated_share(hashes, lengths, REPEATED_NGRAM * factor),
        "top_ngram": units.top_share(hashes, lengths, TOP_NGRAM * factor),
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


def _function_share(hashes: np.ndarray, language: str) -> float | None:
    if len(hashes) < MIN_WORDS:
        return None
    return count_listed(hashes, _function_hashes(language)) / len(hashes)


@functools.cache
def _function_hashes(language: str) -> np.ndarray:
    return units.word_list(FUNCTION_WORDS[language])[1]


def _ellipses(points: np.ndarray) -> int:
    """Runs of three dots, or more, and ellipsis characters."""
    dots = points == ord(".")
    triples = dots[:-2] & dots[1:-1] & dots[2:]
    return int((points == ord("…")).sum() + (triples[1:] & ~triples[:-1]).sum() + triples[:1].sum())


def _share(part: int, total: int) -> float | None:
    return float(part / total) if total else None
