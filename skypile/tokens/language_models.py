"""Bigrams out of two published Chinese n-gram models, both Debian packages (see vocabulary/RECIPE.md).

libime's model (LGPL-2.1+, written Chinese) is a KenLM binary: its vocabulary stands at the end of the file,
and all pairs of its 14,000 commonest words are asked for (196 million questions, 2 to 4 minutes). A pair the
model does not hold backs off, log P = backoff(first) + log P(second); the backoff is the commonest difference
of a row, and pairs that differ from it are the model's own.

open-gram's model (CC-BY-SA 3.0, forum language, with punctuation) is SunPinyin's threaded format:
`tslminfo -v -p` from the package sunpinyin-utils prints it, the words come from SunPinyin's dictionary.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skypile.tokens.weighted_text import HAN_WORD, Bigrams

COMMON_WORDS = 14_000

# Quantised log probabilities of pairs that back off agree to rounding; others differ by far more.
_SAME = 2e-3


def read_kenlm(path: str | Path, common: int = COMMON_WORDS) -> tuple[dict[str, float], Bigrams]:
    """Han words with their probabilities, and the bigrams among the `common` commonest, of a KenLM binary.

    Needs the package kenlm (or kenlm-ex).
    """
    import kenlm

    model = kenlm.Model(str(path))
    data = Path(path).read_bytes()
    at = data.rfind(b"<unk>\0")
    if at < 0:
        raise ValueError(f"{path} does not store its vocabulary: build it without -v")
    words = [w for w in data[at:].decode("utf-8", "replace").split("\0") if HAN_WORD.fullmatch(w)]
    logs = {word: model.score(word, bos=False, eos=False) for word in words}
    words.sort(key=lambda word: (-logs[word], word))
    return {word: 10.0 ** logs[word] for word in words}, _kenlm_bigrams(model, words[:common], logs)


def _kenlm_bigrams(model, words: list[str], logs: dict[str, float]) -> Iterator[tuple[str, str, float]]:
    import kenlm

    null, ignored = kenlm.State(), kenlm.State()
    model.NullContextWrite(null)
    alone = np.array([logs[word] for word in words])
    for first in words:
        state = kenlm.State()
        model.BaseScore(null, first, state)
        scores = np.array([model.BaseScore(state, second, ignored) for second in words])
        difference = np.round(scores - alone, 3)
        values, counts = np.unique(difference, return_counts=True)
        own = np.flatnonzero(np.abs(difference - values[counts.argmax()]) > _SAME)
        yield from ((first, words[i], 10.0 ** scores[i]) for i in own)


def read_sunpinyin(printed: str | Path, dictionary: str | Path) -> tuple[dict[str, float], Bigrams]:
    """Word probabilities and bigrams of a threaded SunPinyin model.

    Args:
        printed: output of `tslminfo -v -p lm_sc.t3g`: lines of word numbers, probability, backoff.
        dictionary: pydict_sc.bin: a header (number of words, of nodes, byte where the words start), then
            the words as zero-terminated UTF-32, word 0 first.
    """
    data = Path(dictionary).read_bytes()
    count, _, at = struct.unpack_from("<3I", data)
    words = data[at:].decode("utf-32-le").split("\0")[:count]
    return {words[i]: p for (i,), p in _printed_ngrams(printed, 1) if words[i]}, (
        (words[i], words[j], p) for (i, j), p in _printed_ngrams(printed, 2) if words[i] and words[j]
    )


def _printed_ngrams(printed: str | Path, order: int) -> Iterator[tuple[tuple[int, ...], float]]:
    inside = False
    with Path(printed).open(encoding="ascii") as file:
        for line in file:
            if line.startswith("\\"):
                if inside:
                    return
                inside = line.startswith(f"\\{order}-gram")
            elif inside:
                fields = line.split()
                yield tuple(map(int, fields[:order])), float(fields[order])
