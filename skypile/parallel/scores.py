"""How much likelier two lines are as translations of each other than as two lines of the same pages.

Three witnesses, each a log-likelihood ratio (natural logarithm), summed:

  - length (Gale and Church 1993, in weighted characters): the logarithm of the ratio is normal around 0, and the wider
    the shorter the lines are;
  - words and numbers that both share verbatim: each that stands in the Chinese line stands in its English line, too,
    but for one in seven, and in any other as often as in the page: what is rare there tells more (naive Bayes);
  - the cosine of the lines in the built-in embedding, in which words of both languages live in one space.

Alone none serves: of lengths Gale and Church's method aligns half of a Chinese-English book as people do. The constants
are means and deviations of 3,537 lines with their translations, and of as many random pairs, from 260 pairs of pages of
documentation; the sum is scaled, as witnesses are not independent.
"""

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from skypile.distribution import embedding
from skypile.parallel.lines import Lines, joined

Matrix = NDArray[np.float32]

# Standard deviation of the logarithm of two translations' lengths, squared: that of long lines, and what short ones
# add. Measured: 0.26 at 22 letters, 0.19 at 90, 0.12 from 300 on. Of random lines of a page: 1.3.
LENGTH_VARIANCE: Final = (0.01, 2.0)
RANDOM_LENGTH: Final = 1.3
# A word of the Chinese line stands in the English one: measured 0.63 (short lines) to 0.96 (long ones).
TOKEN_SHARED: Final = 0.85
# Cosine of translations and of random lines of the same pages, by the shorter line's weight.
_WEIGHTS: Final = np.log([8, 22, 45, 90, 185, 375, 700])
_COSINE: Final = np.array([0.51, 0.58, 0.61, 0.64, 0.68, 0.72, 0.73])
_COSINE_SD: Final = np.array([0.29, 0.25, 0.21, 0.16, 0.13, 0.10, 0.08])
_RANDOM_COSINE: Final = np.array([0.08, 0.14, 0.19, 0.26, 0.33, 0.39, 0.41])
_RANDOM_COSINE_SD: Final = 0.16
MOST: Final = 6.0  # nats that one witness may say for or against; no model of tails holds further out
SAME_LINE: Final = 8.0  # code, names: lines that are alike in both, untranslated
SCALE: Final = 0.6


class Scores(NamedTuple):
    """Log-likelihood ratios of an English line i (or i and i + 1) with a Chinese line j (or j and j + 1).

    float32, shapes (n, m), (n - 1, m) and (n, m - 1).
    """

    one_one: Matrix
    two_one: Matrix
    one_two: Matrix


def scores(english: Lines, chinese: Lines) -> Scores:
    """Scores of all lines of one page with all of the other's, and of neighbours taken together."""
    two_english, two_chinese = neighbours(english), neighbours(chinese)
    frequency = _frequencies(english, chinese)
    one = _witnesses(english, chinese, frequency, 1)
    alike: dict[str, list[int]] = {}
    for at, text in enumerate(chinese.texts):
        alike.setdefault(text, []).append(at)
    for row, text in enumerate(english.texts):
        for at in alike.get(text, ()):
            one[row, at] = max(one[row, at], SAME_LINE)
    return Scores(one, _witnesses(two_english, chinese, frequency, 2), _witnesses(english, two_chinese, frequency, 1))


def neighbours(page: Lines) -> Lines:
    """Each line taken together with the next; one fewer than there are lines."""
    pairs = list(zip(page.texts, page.texts[1:], strict=False))
    tokens = [one | two for one, two in zip(page.tokens, page.tokens[1:], strict=False)]
    return Lines([joined(pair) for pair in pairs], page.weights[:-1] + page.weights[1:], tokens)


def _witnesses(english: Lines, chinese: Lines, frequency: dict[str, float], lines: int) -> Matrix:
    if not len(english.texts) or not len(chinese.texts):
        return np.zeros((len(english.texts), len(chinese.texts)), np.float32)
    total = _by_tokens(english, chinese, frequency, lines)
    one, other = _unit(english), _unit(chinese)
    cosine = one @ other.T
    cosine[~one.any(axis=1), :] = cosine[:, ~other.any(axis=1)] = np.nan
    _add_length_and_meaning(total, cosine, _by_weight(english.weights), _by_weight(chinese.weights))
    return total


def _by_weight(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """What depends on the lighter of two lines, of each line; (lines, 5): logarithm of its weight, variance of the
    length, mean and deviation of the cosine, mean of random lines' cosine."""
    log = np.log(weights)
    columns = [np.interp(log, _WEIGHTS, curve) for curve in (_COSINE, _COSINE_SD, _RANDOM_COSINE)]
    return np.stack([log, LENGTH_VARIANCE[0] + LENGTH_VARIANCE[1] / weights, *columns], axis=1)


@njit(cache=True, nogil=True)
def _add_length_and_meaning(total, cosine, english, chinese):  # type: ignore[no-untyped-def]
    """Add both to `total`, float32 (n, m), and scale it. `cosine`: NaN where a line has no known word."""
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            lighter = english[i] if english[i, 0] < chinese[j, 0] else chinese[j]
            squared = (english[i, 0] - chinese[j, 0]) ** 2
            ratio = squared / (2 * RANDOM_LENGTH**2) - squared / (2 * lighter[1])
            ratio += np.log(RANDOM_LENGTH) - np.log(lighter[1]) / 2
            said = total[i, j] + min(max(ratio, -MOST), MOST)
            found = cosine[i, j]
            if not np.isnan(found):
                mean, deviation, random = lighter[2], lighter[3], lighter[4]
                at = min(found, mean)  # closer than translations are on average tells no less than their mean
                ratio = ((at - random) / _RANDOM_COSINE_SD) ** 2 / 2 - ((at - mean) / deviation) ** 2 / 2
                ratio += np.log(_RANDOM_COSINE_SD / deviation)
                if at < random:  # the wider curve must not win on the wrong side
                    ratio = min(ratio, 0.0)
                said += min(max(ratio, -MOST), MOST)
            total[i, j] = SCALE * said


def _frequencies(english: Lines, chinese: Lines) -> dict[str, float]:
    """Of each token of the Chinese lines, in what share of the English lines it stands."""
    counts = dict.fromkeys((token for tokens in chinese.tokens for token in tokens), 0)
    for tokens in english.tokens:
        for token in tokens:
            if token in counts:
                counts[token] += 1
    return {token: (count + 0.5) / (len(english.texts) + 1) for token, count in sorted(counts.items())}


def _by_tokens(english: Lines, chinese: Lines, frequency: dict[str, float], lines: int) -> Matrix:
    """`lines`: how many English lines stand in each; in more, a token stands by chance more often."""
    if not frequency:
        return np.zeros((len(english.texts), len(chinese.texts)), np.float32)
    column = {token: at for at, token in enumerate(frequency)}
    chance = np.array(list(frequency.values()))
    chance = 1 - (1 - chance) ** lines
    present, absent = np.log(TOKEN_SHARED / chance), np.log((1 - TOKEN_SHARED) / (1 - chance))
    there, wanted = _incidence(english, column), _incidence(chinese, column)
    found = there @ sparse.diags(np.maximum(present, 0.0) - absent) @ wanted.T
    return np.clip(found.toarray() + (wanted @ absent)[None, :], -MOST, 2 * MOST).astype(np.float32)


def _incidence(page: Lines, column: dict[str, int]) -> sparse.csr_matrix:
    cells = [(row, column[token]) for row, tokens in enumerate(page.tokens) for token in tokens if token in column]
    rows, columns = zip(*sorted(cells), strict=True) if cells else ((), ())
    return sparse.csr_matrix((np.ones(len(cells)), (rows, columns)), (len(page.texts), len(column)))


def _unit(page: Lines) -> Matrix:
    """Embeddings of the lines, float32 (lines, dim), of length 1 or, without a known word, 0."""
    vectors = embedding.load().encode(page.texts).astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1.0)
