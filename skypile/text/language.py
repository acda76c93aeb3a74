"""Which language a text is in, and how much of it.

Two steps. Scripts settle what scripts can settle: Han, kana and hangul are counted, and Han without kana is
Chinese (`zh`, simplified, traditional and Cantonese alike), unless it is written in the forms of Japan
(`skypile.text.orthography`). Every other letter is left to eldc (n-gram
tables compiled into a C extension, 60 languages, no download). eldc reads no further than 1,000 bytes and
stops at NUL, so a text is shown to it in windows spread over its whole length. The score is therefore the
*share of the text* in the winning language, not a model's confidence: a page half in English, half in
French gets 0.5, wherever the halves stand. Latin letters in a text of which a part is Chinese, Japanese or Korean
count only where they are prose, by its commonest words: terms, names and code are of no language.

A text in two languages, one of them Chinese, Japanese or Korean, as when it is translated line by line, is named by
the larger one, and the score is its share of the two.

Cost: 26,000 texts/s of 1,400 English characters, 30,000 of 1,000 Chinese ones, on one core. Pure function of
the text: eldc keeps its scratch memory per thread, and its settings are set once, at import.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import eldc
import numpy as np

from skypile.text import characters, orthography

UNDETERMINED: Final = "und"

# 320 characters are at most 1,000 bytes of UTF-8 in every script that eldc tells apart by more than its
# letters; nine windows are 2,880 characters, more than the median page has.
WINDOW: Final = 320
WINDOWS: Final = 9

# An ideograph says about as much as three Latin letters (parallel text: 1 Chinese character to 3-4 letters).
IDEOGRAPH_WEIGHT: Final = 3

# Japanese prose is 40-60 % kana, Japanese headlines 15-30 %; Chinese pages that quote Japanese stay below 5 %.
KANA_SHARE: Final = 0.1
# Korean sentences of which every noun is in Han characters are 40 % hangul; a Chinese page on Korea has under 10 %.
HANGUL_SHARE: Final = 0.2

# From this share of the letters on (an ideograph counts as three) that are Han, kana or hangul, Latin letters are asked
# whether they are prose: in posts on software they are half of all.
CJK_TEXT: Final = 0.2
# Of the words in Latin letters, the least that are among FUNCTION_WORDS: of 2,700 English pages the median has 0.25 and
# 95 % have 0.13. Keywords of programming languages (if, in, for, is, not, and, as) are left out.
PROSE: Final = 0.08
_WORDS: Final = (
    "the of to a that was it at by this but had are have an they which she he you we our their his her its my your "
    "were been has would who will more can all these there than also into about could what when so such most some"
)
FUNCTION_WORDS: Final = frozenset(_WORDS.split(" "))

# Of a text of which no language has half: it is in two languages if these have so much between them.
TWO_LANGUAGES: Final = 0.8

# Characters of a window that no Japanese text has, which settle it: of 320 characters Chinese ones have 50.
CERTAINLY_CHINESE: Final = 8

# Letters (an ideograph counts as three) below which no language is named: eldc is wrong on 1 in 5 then.
MIN_LETTERS: Final = 12

# Fewer letters than this, all ideographs: it may be a Japanese headline without kana, and eldc is asked.
MIN_HAN: Final = 60

# Written in scripts of their own: letters of other scripts are never theirs, whatever eldc says ("aaaa": zh).
CJK_LANGUAGES: Final = ("ja", "ko", "zh")

# eldc's own bar (85 % of a language's usual score) leaves 5 to 10 % of English openings of 100 characters
# unnamed. A second bar names all but 1 to 4 % of them, yet none of 12 lines of Swahili, Latin, Irish, Welsh,
# Maltese, Esperanto, Occitan (unknown to eldc) and code.
MIN_SCORE: Final = 0.5
MIN_LEAD: Final = 0.14

# The gate before extraction: see certainly_other().
GATE_CHARACTERS: Final = 400
GATE_WINDOWS: Final = 24
GATE_DOUBT: Final = 0.1

_CJK = re.compile(
    "[\u1100-\u11ff\u3005\u3007\u3040-\u318f\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff]+"
)

_LATIN_WORD = re.compile("[a-z]+")

# Where the counts of a character's window begin: all windows but the last are WINDOW characters long.
_FIRST_CLASS: Final = np.arange(GATE_WINDOWS * WINDOW) // WINDOW * characters.CLASSES

eldc.init()
_detector = eldc.instance()  # own settings: another user of eldc in the process cannot change ours
_detector.set_scores(2)


CODES: Final = frozenset((*eldc.LANGUAGES, *CJK_LANGUAGES, UNDETERMINED))  # all that `identify` can name


class Language(NamedTuple):
    code: str  # ISO 639-1, or und
    score: float  # share of the letters looked at that are in this language, 0 to 1


def identify(text: str) -> Language:
    """Language that most of `text` is in; see `named`.

    >>> identify("国际新闻频道，今天的主要内容").code
    'zh'
    """
    return named(shares(text))


def named(weights: dict[str, float]) -> Language:
    """The language of a text with these `shares`: that of half of it; or the larger of two that together
    hold TWO_LANGUAGES of it, one of them Chinese, Japanese or Korean; else `und`.

    >>> named({"fr": 0.48, "de": 0.46, "en": 0.06}).code, named({"zh": 0.48, "en": 0.46, "fr": 0.06}).code
    ('und', 'zh')
    """
    if not weights:
        return Language(UNDETERMINED, 0.0)
    first, *others = sorted(weights, key=lambda code: (-weights[code], code))
    if weights[first] >= 0.5:
        return Language(first, weights[first])
    both = weights[first] + weights[others[0]]
    pair = {first, others[0]}
    if both < TWO_LANGUAGES or UNDETERMINED in pair or pair.isdisjoint(CJK_LANGUAGES):
        return Language(UNDETERMINED, weights[first])
    return Language(first, weights[first] / both)


def script(text: str) -> str | None:
    """Hans or Hant, the script that a Chinese text is written in (ISO 15924); None if no character tells.

    >>> script("我们"), script("我們"), script("天大")
    ('Hans', 'Hant', None)
    """
    return orthography.script(orthography.forms(characters.code_points(text)))


def certainly_other(text: str, wanted: tuple[str, ...]) -> bool:
    """Whether nothing in `text`, a raw page with its tags stripped, can be in one of the `wanted` languages.

    For the gate before extraction. A page's menus may be in another language than its article, so of the
    letters in 24 windows, at most 10 % may be wanted or doubtful. Of 3,883 crawled pages whose main text is
    English or Chinese this drops none (at 20 % none either, so there is slack); of 802 pages in other
    languages, mostly German, it stops 97 %. Cost: 5,000 to 9,000 pages/s.

    >>> certainly_other("Это не английский и не китайский текст. " * 40, ("en", "zh"))
    True
    """
    if not wanted or len(text) < GATE_CHARACTERS:
        return False
    windows = _windows(text, GATE_WINDOWS)
    counts = _class_counts(windows)
    total = sum(IDEOGRAPH_WEIGHT * _cjk(found) + _letters(found) for found in counts)
    certain = 0
    for window, found in zip(windows, counts, strict=True):  # of most pages three windows settle it
        certain += sum(weight for code, weight, sure in _votes(window, found) if sure and code in wanted)
        if certain > GATE_DOUBT * total:
            return False
    weights = shares(text, windows=GATE_WINDOWS)
    if not weights:
        return False
    doubt = sum(weights.get(code, 0.0) for code in (*wanted, UNDETERMINED))
    return doubt <= GATE_DOUBT


def shares(text: str, windows: int = WINDOWS) -> dict[str, float]:
    """Share of the letters of `text` by language, over `windows` windows; {} if there are too few letters.

    >>> shares("今天的天气很好，我们去公园。" * 9)
    {'zh': 1.0}
    """
    sure: dict[str, float] = {}
    guessed: dict[str, float] = {}
    stretches = _windows(text, windows)
    counts = _class_counts(stretches)
    cjk = IDEOGRAPH_WEIGHT * sum(map(_cjk, counts))
    mixed = 0 < cjk >= CJK_TEXT * (cjk + sum(map(_letters, counts)))
    for window, found in zip(stretches, counts, strict=True):
        for code, letters, certain in _votes(window, found):
            if mixed and code not in CJK_LANGUAGES and not (certain and _is_prose(window, code)):
                continue
            votes = sure if certain else guessed
            votes[code] = votes.get(code, 0) + letters
    if "zh" in sure and _is_japanese(stretches, counts):
        sure["ja"] = sure.get("ja", 0) + sure.pop("zh")
    for code, weight in guessed.items():
        # A list of English names alone is a guess; in a page that is surely English elsewhere it is English.
        code = code if code in sure and code not in CJK_LANGUAGES else UNDETERMINED
        sure[code] = sure.get(code, 0) + weight
    total = sum(sure.values())
    if total < MIN_LETTERS or (sure.keys() == {"zh"} and total < MIN_HAN and _detect(text)[0] == "ja"):
        return {}
    return {code: weight / total for code, weight in sure.items()}


def _is_prose(window: str, code: str) -> bool:
    """Whether the Latin letters of a window are sentences: of English by its words, of what else eldc is sure of."""
    if code != "en":
        return True
    words = _LATIN_WORD.findall(window.lower())
    return sum(word in FUNCTION_WORDS for word in words) >= PROSE * len(words)


def _is_japanese(windows: list[str], counts: list[list[int]]) -> bool:
    """Whether a text of which windows without kana would be Chinese is Japanese."""
    first = orthography.forms(characters.code_points(windows[0]))
    if first.unknown_in_japan >= CERTAINLY_CHINESE and 2 * first.unknown_in_japan > first.japanese:
        return False  # as nearly all Chinese texts show at once
    han = sum(found[characters.HAN] for found in counts)
    return orthography.is_japanese(orthography.forms(characters.code_points("".join(windows))), han)


def _votes(window: str, counts: list[int]) -> Iterator[tuple[str, int, bool]]:
    """Languages in one window, the letters of each (an ideograph counts as three), and whether that is sure.

    `counts`: its characters of each class.
    """
    if cjk := _cjk(counts):
        language = _cjk_language(counts[characters.HAN], counts[characters.KANA], counts[characters.HANGUL])
        yield language, IDEOGRAPH_WEIGHT * cjk, True
    if letters := _letters(counts):
        code, reliable = _detect(_CJK.sub(" ", window) if cjk else window)
        yield code, letters, reliable and code not in CJK_LANGUAGES


def _cjk(counts: list[int]) -> int:
    return counts[characters.HAN] + counts[characters.KANA] + counts[characters.HANGUL]


def _letters(counts: list[int]) -> int:
    """All other letters."""
    return counts[characters.LATIN] + counts[characters.LETTER]


def _class_counts(windows: list[str]) -> list[list[int]]:
    """Characters of each class in each window; all windows at once, since an array costs more than its numbers."""
    found = characters.classes(characters.code_points("".join(windows)))
    counts = np.bincount(_FIRST_CLASS[: len(found)] + found, minlength=len(windows) * characters.CLASSES)
    return counts.reshape(-1, characters.CLASSES).tolist()  # type: ignore[no-any-return]


def _windows(text: str, windows: int) -> list[str]:
    """Up to `windows` stretches of WINDOW characters at even distances, the first and the last included."""
    text = text.replace("\0", " ")  # eldc stops at NUL
    if len(text) <= windows * WINDOW:
        return [text[start : start + WINDOW] for start in range(0, len(text), WINDOW)]
    last = len(text) - WINDOW
    return [text[start : start + WINDOW] for start in (last * i // (windows - 1) for i in range(windows))]


def _cjk_language(han: int, kana: int, hangul: int) -> str:
    if hangul > HANGUL_SHARE * (han + kana + hangul):
        return "ko"
    return "ja" if kana > KANA_SHARE * (han + kana) else "zh"


def _detect(window: str) -> tuple[str, bool]:
    """eldc's best guess, and whether it is sure: by its own bar, or by ours."""
    try:
        result = _detector.detect_details(window)
    except UnicodeEncodeError:  # lone surrogates, from JSON escapes
        result = _detector.detect_details(window.encode("utf-8", "ignore").decode())
    scores = list(result.scores.values())
    ahead = len(scores) > 1 and scores[0] >= MIN_SCORE and scores[0] - scores[1] >= MIN_LEAD
    return result.language, result.reliable or ahead
