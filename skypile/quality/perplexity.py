"""How surprising a text is to a language model of trusted text in its language: CCNet's perplexity.

Method (Wenzek et al. 2020, arXiv 1911.00359): a model is trained on texts that are trusted, Wikipedia's say; each
line of a document is scored by itself, its end counted as a word; the document's perplexity is 10 ** (-sum of log10 p
of its lines / words, ends included). Low is like the trusted texts. Blank lines are left out. CCNet's words are
pieces of a vocabulary; ours are characters, digits and full-width forms folded, in an n-gram of order 5
(`skypile.proxy.ngram`).

Characters rank better than the 65,536 pieces of skypile's vocabulary: AUC 0.69 against 0.66 on 218 English web pages
that people called good or bad (trained on 2.3 MB of Wikipedia), 0.85 against 0.85 on 240 clean and 100 raw Chinese
texts (trained on 0.5 MB of news). Folded digits and widths make little difference there, and much where the trusted
texts write them otherwise than the web does (a newspaper with full-width digits: 0.84 against 0.62). Lower case was
no better in either language. N-grams of three and more characters that the texts hold once are pruned: the same AUC
to 0.001, half the n-grams. A model of boilerplate beside it
(`skypile.quality.boilerplate`) is a judge of its own; one of raw web pages was no better in English (0.69 against
0.69), a little in Chinese (0.87 against 0.86, 16 bad texts).

Cost: 11 to 18 million characters a CPU second: 0.1 to 0.15 ms a page of 2,000 characters.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np

from skypile.errors import Refused
from skypile.proxy import ngram
from skypile.quality import boilerplate

ORDER: Final = 5
PRUNE: Final = (0, 0, 1)
# Leading characters of a text that are scored: bounds the time for a page of any length to 3 ms. The AUC on the
# beginnings of 4,000 characters is that on whole texts, on 1,000 it is 0.03 lower.
MAX_CHARACTERS: Final = 32_768
DIGITS: Final = 5  # significant; the last of a power differs between makes of processor

_NEWLINE: Final = 10


class PerplexityModelError(Refused):
    """The folder holds no perplexity model, a damaged one, or one this version cannot use."""


class Surprise(NamedTuple):
    """How surprising texts are, rounded to DIGITS; None where a text has no line."""

    perplexities: list[float | None]
    contrasts: list[float | None]  # see `boilerplate`; None without a model of it


class PerplexityModel(Protocol):
    """A language model of one language."""

    def scores(self, texts: Sequence[str]) -> "Surprise":
        """Of each text."""


@dataclass(frozen=True)
class CharacterModel:
    """An n-gram over folded characters, and one of boilerplate to hold it against."""

    model: ngram.NgramModel
    boilerplate: ngram.NgramModel | None = None

    def scores(self, texts: Sequence[str]) -> Surprise:
        """See PerplexityModel."""
        lines, counts = folded_lines(texts)
        found = Surprise([None] * len(texts), [None] * len(texts))
        full = np.flatnonzero(counts)
        if not len(full):
            return found
        first = (np.cumsum(counts) - counts)[full]  # a sum of its own for each text, whatever stands beside it
        log10, words = ngram.text_scores(self.model, lines), np.diff(lines[1]) + 1
        of_text = zip(np.add.reduceat(log10, first).tolist(), np.add.reduceat(words, first).tolist(), strict=True)
        for row, (total, length) in zip(full.tolist(), of_text, strict=True):
            found.perplexities[row] = perplexity(total, length)
        if self.boilerplate is not None:
            contrasts = boilerplate.contrast(log10, ngram.text_scores(self.boilerplate, lines), words, first)
            for row, value in zip(full.tolist(), contrasts.tolist(), strict=True):
                found.contrasts[row] = float(f"{value:.{DIGITS}g}")
        return found


def perplexity(log10: float, words: int) -> float:
    """10 ** (-log10 / words), rounded as it is stored.

    >>> perplexity(-10.0, 4)
    316.23
    """
    return float(f"{10.0 ** (-log10 / words):.{DIGITS}g}")


def folded_lines(texts: Sequence[str]) -> tuple[ngram.Texts, np.ndarray]:
    """The lines of texts as folded code points (uint32) and offsets, and how many lines each text has (int64).

    >>> (ids, offsets), lines = folded_lines(["１２ab\\n\\n中", "", "x"])
    >>> "".join(map(chr, ids)), offsets.tolist(), lines.tolist()
    ('00ab中x', [0, 4, 5, 6], [2, 0, 1])
    """
    points, bounds = ngram.characters([text[:MAX_CHARACTERS] + "\n" for text in texts])
    points = folding()[points]
    ends = np.flatnonzero(points == _NEWLINE)
    lengths = np.diff(ends, prepend=-1) - 1
    full = lengths > 0
    through = np.searchsorted(ends, bounds[1:])  # newlines up to the end of each text
    counts = np.diff(np.concatenate([[0], np.cumsum(full)])[through], prepend=0)
    return (points[points != _NEWLINE], np.concatenate([[0], np.cumsum(lengths[full])])), counts


@functools.cache
def folding() -> np.ndarray:
    """uint32 [0x110000]: what each code point is scored as: digits 0, full-width forms half-width, all else itself."""
    table = np.arange(0x110000, dtype=np.uint32)
    table[0xFF01:0xFF5F] = np.arange(0x21, 0x7F)
    table[0x3000] = ord(" ")
    table[ord("0") : ord("9") + 1] = table[0xFF10:0xFF1A] = ord("0")
    return table


def train(texts: Iterable[str], folder: str | None = None) -> ngram.NgramModel:
    """A model of trusted texts of one language; counts that do not fit in memory lie in `folder` meanwhile.

    The same texts in the same order give the same model. Half a microsecond of CPU and 60 bytes of memory a character.
    """

    def batches() -> Iterable[ngram.Texts]:
        held: list[str] = []
        size = 0
        for text in texts:
            held.append(text)
            size += len(text)
            if size > 1 << 20:
                yield folded_lines(held)[0]
                held, size = [], 0
        if held:
            yield folded_lines(held)[0]

    return ngram.train(batches(), ORDER, PRUNE, folder=folder)
