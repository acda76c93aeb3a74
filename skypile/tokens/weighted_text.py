"""Weighted text to learn words from: counted on a corpus, or made from published language models.

With a corpus, `weigh_texts` counts its runs of Han characters and Chinese punctuation.

Without one, an n-gram model is the densest publishable summary of a large corpus: `weigh_bigrams` turns its
bigrams into strings of two words, weighted P(first) P(second | first), so that learning sees words in
context and across their borders. Every word is in about two such strings, as first and as second; the
surplus is taken away by negative weights on the words alone, and what no bigram covers is added the same
way. Word probabilities may come from another, broader list (wordfreq) than the bigrams.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

PUNCTUATION = "。，、；：？！“”（）《》…—‘’·「」『』【】"
HAN_WORD = re.compile("[\u4e00-\u9fff]+")
_RUN = re.compile(f"[\u4e00-\u9fff{PUNCTUATION}]+")
# A run is cut after these: sentences repeat where paragraphs do not, and learning joins nothing across them.
_SENTENCE = re.compile("(?<=[。！？；])")

# Strings below this probability are left out: one in 30 million words. The last piece chosen gains about 5e-6,
# and a bound of 1e-8 chose no better ones.
LEAST = 3e-8

Bigrams = Iterable[tuple[str, str, float]]


def weigh_texts(texts: Iterable[str]) -> dict[str, float]:
    """Count the runs of Han characters and Chinese punctuation of two or more characters.

    ["中国，abc 中国，"] -> {"中国，": 2.0}. Memory grows with the text; a sample of 100 MB is enough.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        for run in _RUN.findall(text):
            counts.update(part for part in _SENTENCE.split(run) if len(part) > 1)
    return {text: float(count) for text, count in counts.items()}


def mix_words(lists: Iterable[tuple[Mapping[str, float], float]]) -> dict[str, float]:
    """Mix word lists, each scaled to sum 1 over its Han words and then weighted; punctuation keeps its share.

    [({"中": 1, "国": 3}, 1.0)] -> {"中": 0.25, "国": 0.75}. A list's punctuation is scaled as its words are
    but not weighted: lists without any must not make it rarer.
    """
    mixed: defaultdict[str, float] = defaultdict(float)
    for words, weight in lists:
        total = sum(p for word, p in words.items() if HAN_WORD.fullmatch(word))
        for word, p in words.items():
            if HAN_WORD.fullmatch(word):
                mixed[word] += weight * p / total
            elif word in PUNCTUATION and len(word) == 1:
                mixed[word] = max(mixed[word], p / total)
    return dict(mixed)


def weigh_bigrams(words: Mapping[str, float], models: Iterable[tuple[Bigrams, float]]) -> dict[str, float]:
    """Strings and weights from word probabilities and bigram models.

    Args:
        words: word -> probability, as `mix_words` returns; other words and pairs with them are left out.
        models: pairs of (bigrams, share): bigrams as (first, second, P(second | first)); shares of all
            models sum to 1. Pairs with punctuation count fully, whichever model knows them.
    """
    weighted: defaultdict[str, float] = defaultdict(float)
    for bigrams, share in models:
        for first, second, conditional in bigrams:
            if first not in words or second not in words:
                continue
            marked = first in PUNCTUATION or second in PUNCTUATION
            p = words[first] * conditional * (1.0 if marked else share)
            if p >= LEAST:
                weighted[first + second] += p
                for word in (first, second):
                    if len(word) > 1:
                        weighted[word] -= p
    for word, p in words.items():
        if len(word) > 1 and p >= LEAST / 3:
            weighted[word] += p
    return dict(weighted)
