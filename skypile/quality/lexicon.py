"""Explicit, gambling and advertising pages, by listed terms: how much of them, and how many different ones.

One pattern of all terms counts them in a whole column (RE2 in Arrow, 10 µs a page, however many the terms); only texts
with as many matches as a decision needs are taken apart. Of a kind a text has

- a *score*: the weights of the terms found, each as often as it stands, a character of the text (white space too);
- so many different *strong* terms, of a weight of 0.5 and more. With fewer than MIN_STRONG the score is 0: pages on
  medicine, crime or law repeat a few terms, and those of low weight alone.

The built-in list (`lexicon.toml`) is ours, and of Chinese; a file of the same form takes its place. Terms are found
wherever they stand, whatever their case; of terms that overlap the first counts, of those that begin alike the longest.
"""

import functools
import re
import tomllib
from collections import Counter
from importlib.resources import files as package_files
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.classifiers.host_lists import listed, read_hosts
from skypile.runtime import files

BUILT_IN: Final = "built-in"
KINDS: Final = ("adult", "gambling", "adverts")
STRONG: Final = 0.5
# Of 22,568 pages and texts (crawls, news, reviews, documentation) 5 have so many of a kind, and all 5 are spam.
MIN_STRONG: Final = 3


class LexiconError(ValueError):
    """A lexicon that cannot be read; the message says what is wrong with it."""


class Lexicon(NamedTuple):
    weights: dict[str, dict[str, float]]  # kind -> term in lower case -> weight
    terms: re.Pattern[str]  # every term of every kind, the longest first
    strong: str  # the strong ones, in RE2's syntax


@functools.cache
def lexicon(place: str) -> Lexicon:
    """The lexicon in a TOML file of tables (KINDS) of terms and weights, the built-in one (BUILT_IN), or none ("").

    Raises:
        LexiconError: it is no such file.
    """
    if not place:
        content = b""
    elif place == BUILT_IN:
        content = (package_files("skypile.quality") / "lexicon.toml").read_bytes()
    else:
        with files.open_uri(place) as file:
            content = file.read()
    try:
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LexiconError(f"quality_filter.lexicon: {place} is no TOML in UTF-8: {error}") from None
    if unknown := sorted(set(tables) - set(KINDS)):
        raise LexiconError(f"quality_filter.lexicon: {place} has the tables {unknown}; it may have {', '.join(KINDS)}")
    for kind, terms in tables.items():
        wrong = terms if not isinstance(terms, dict) else [t for t, w in terms.items() if not _is_term(t, w)]
        if wrong or not isinstance(terms, dict):
            raise LexiconError(
                f'quality_filter.lexicon: {place}, [{kind}], {wrong!r:.100}: write "term" = weight, of 0 to 1'
            )
    weights = {kind: {term.lower(): float(w) for term, w in terms.items()} for kind, terms in tables.items()}
    every = sorted({term for terms in weights.values() for term in terms}, key=lambda term: (-len(term), term))
    strong = [term for term in every if any(terms.get(term, 0.0) >= STRONG for terms in weights.values())]
    return Lexicon(weights, _any_of(every), "|".join(map(re.escape, strong)))


def _any_of(terms: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, terms)) or r"(?!)", re.I)


def _is_term(term: str, weight: object) -> bool:
    return bool(term.strip()) and isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight <= 1


def scores(texts: pa.Array, listed: Lexicon) -> list[dict[str, float | None]]:
    """Score of each kind (0 to 1) and number of different strong terms (`adult_terms` …), of each text of a column.

    A kind that the lexicon has not is None. A text with fewer matches of strong terms than MIN_STRONG has 0 of all.
    """
    nothing = {name: 0.0 if kind in listed.weights else None for kind in KINDS for name in (kind, f"{kind}_terms")}
    found = [dict(nothing) for _ in range(len(texts))]
    if not listed.strong:
        return found
    counts = pc.fill_null(pc.count_substring_regex(texts, f"(?i){listed.strong}"), 0).to_numpy(False)
    for row in np.flatnonzero(counts >= MIN_STRONG):
        found[row] |= _scores(texts[row].as_py(), listed)
    return found


def _scores(text: str, listed: Lexicon) -> dict[str, float | None]:
    counts = terms(text, listed)
    found: dict[str, float | None] = {}
    for kind, weights in listed.weights.items():
        strong = sum(weights.get(term, 0.0) >= STRONG for term in counts)
        total = sum(weights.get(term, 0.0) * count for term, count in counts.items())
        found[kind] = min(total / len(text), 1.0) if strong >= MIN_STRONG else 0.0
        found[f"{kind}_terms"] = float(strong)
    return found


def terms(text: str, listed: Lexicon) -> Counter[str]:
    """How often each listed term stands in `text`.

    >>> terms("北京赛车与幸运飞艇，北京赛车", lexicon(BUILT_IN)).most_common()
    [('北京赛车', 2), ('幸运飞艇', 1)]
    """
    return Counter(found.lower() for found in listed.terms.findall(text))


def most_of(text: str, kind: str, listed: Lexicon, number: int = 5) -> dict[str, int]:
    """The commonest terms of a kind in `text`, and how often they stand there."""
    weights = listed.weights[kind]
    found = [(term, count) for term, count in terms(text, listed).items() if weights.get(term)]
    return dict(sorted(found, key=lambda item: (-item[1], item[0]))[:number])


_blocked: Final = functools.cache(read_hosts)


def is_blocked(host: str | None, path: str | None) -> float | None:
    """1 if `host`, or a domain above it, is in the file `path` (`read_hosts`), else 0; None without a list."""
    return float(listed(host or "", _blocked(path, domains=True))) if path else None
