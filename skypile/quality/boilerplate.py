"""The other side of perplexity: how much likelier a text's lines are to the trusted texts than to boilerplate.

A language model of low-quality text beside that of trusted text ranks better than the latter alone ("Rethinking
KenLM", arXiv 2409.09613). Ours is of what an extractor should have left behind: menus, notices, teasers, forms
(`skypile.classifiers.judges` makes it, `built_in/CARD.md` tells of it). So a page that is half menu, half article, or
that goes on to other pages' titles, stands out where its perplexity does not.

Each line gives log10 p(trusted) - log10 p(boilerplate) a character; a text has their mean, in which all lines count the
same: twenty lines of menu are not outweighed by one long paragraph.

Chinese alone: AUC 0.93 on clean and raw texts, where perplexity has 0.85 and the model of boilerplate by itself 0.32;
with all judges together 0.01 to 0.02 are gained. Weighed by their characters, the lines give 0.89 up to 60 of them and
0.91 up to 30. English pages that people called good or bad it ranks as perplexity
does (0.70 and 0.69), and adds nothing to the others.
"""

import functools
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skypile.proxy import ngram

FOLDER: Final = Path(__file__).with_name("built_in")
FILE: Final = "boilerplate_{}.ngram"


@functools.cache
def load(language: str) -> ngram.NgramModel | None:
    """The built-in model of boilerplate, None for a language that has none."""
    path = FOLDER / FILE.format(language)
    return ngram.load(path) if path.exists() else None


def contrast(
    trusted: NDArray[np.float64], other: NDArray[np.float64], words: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean over a text's lines of the difference of two models' log10 a character: float64 [texts].

    Args:
        trusted, other: log10 of each line's probability, float64 [lines].
        words: characters of each line, its end counted.
        first: the first line of each text; each text has one.

    >>> contrast(np.array([-8.0, -60.0]), np.array([-12.0, -30.0]), np.array([10, 60]), np.array([0]))
    array([-0.05])
    """
    lines = np.diff(first, append=len(words))
    found: NDArray[np.float64] = np.add.reduceat((trusted - other) / words, first) / lines
    return found
