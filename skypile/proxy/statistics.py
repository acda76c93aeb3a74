"""What paired differences of losses say, and how surely.

A comparison of two corpora is a table of differences, pair of trainings by validation document, in bits per byte.
Pairs are independent: each trains on documents that no other pair sees. Both are samples: of the corpora that a crawl
could have given, and of the texts that a domain could be judged by. So a difference is taken apart as

    difference[pair, document] = effect + pair + document + rest

(crossed random effects, one observation a cell), and the interval is over pairs *and* documents. Its variance adds the
mean squares of pairs and of documents and takes away that of the rest, which both contain; the degrees of freedom are
Satterthwaite's (1946; Searle, Casella and McCulloch, Variance Components, 1992, chapter 5). Documents may weigh
differently: by their bytes the mean is the difference of the domain's bits per byte.

Of two or three pairs the spread is little known, and where it happens to come out small the many documents lend it
their degrees of freedom: without an effect p was below 0.001 in up to 6 % of the comparisons of 2 pairs, 2 % of 3, 1 %
of 4 (drawn). So p, interval and visible effect are the worse of that test and of Student's over the pairs' means alone:
at most 0.2 % then, and from 6 pairs on hardly a difference.

Looking at p after each pair, and stopping at the first below 0.05, raises false alarms far above 5 % (18 % after each
of 8 pairs, drawn). For that there is a second p, over pairs alone, that may be looked at after each: one over the
largest Bayes factor so far of the t-test whose effect, in standard deviations of a pair, is Cauchy (Jeffreys 1961;
Rouder et al. 2009) and whose standard deviation has the right Haar prior. Such a factor is a test martingale for every
standard deviation (Hendriksen, de Heide and Grünwald, Bayesian Analysis 2021; Pérez-Ortiz et al., Annals of Statistics
2024): by Ville's inequality its maximum reaches 20 in at most 5 % of the comparisons without an effect, whenever one
stops. The Cauchy has heavy tails, as coupled pairs need them: their effects may be one standard deviation or fifteen.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

# Median size of an effect under the alternative, in standard deviations of a pair. Pairs until the factor of an effect
# of 0.5, 1, 2, 4 and 8 reaches 20: 48, 15, 7, 5, 4 at 1; 45, 15, 7, 5, 4 at 0.5; 57, 17, 7, 4, 3 at 3.
SCALE: Final = 1.0

ALPHA: Final = 0.05
POWER: Final = 0.8
MOST_PAIRS: Final = 10_000  # looked for: who needs more will not run them

# Variances of the normal distributions that the Cauchy is a mixture of, equally likely: midpoints of their quantiles.
_QUANTILES: Final = (np.arange(256) + 0.5) / 256
_VARIANCES: Final = (SCALE / stats.norm.ppf(0.5 + _QUANTILES / 2)) ** 2


class Spread(NamedTuple):
    """Parts of the variance of a mean of differences.

    Attributes:
        pairs: of one pair's mean, the rest in it; divided by the pairs it is their part.
        documents: what is left of it with any number of pairs: the part of the choice of documents.
        total: variance of the mean.
        freedom: its degrees of freedom.
    """

    pairs: float
    documents: float
    total: float
    freedom: float


class Comparison(NamedTuple):
    """What a table of differences says; differences in the unit that they came in.

    Attributes:
        mean: difference, documents weighted.
        low, high: its 95 % interval, over pairs and documents.
        p: of no effect, two-sided, for a number of pairs fixed beforehand.
        anytime_p: the same over pairs alone, valid whenever one stops.
        visible: the smallest effect that so many pairs and documents find in 80 % of the cases.
        needed: pairs, these among them, after which an effect of the size found is decided; None if no number is
            enough: the documents are too few, or there is no effect to be seen.
        sd: standard deviation of a pair's mean.
        pairs, documents: how many there are.
    """

    mean: float
    low: float
    high: float
    p: float
    anytime_p: float
    visible: float
    needed: int | None
    sd: float
    pairs: int
    documents: int

    @property
    def decided(self) -> bool:
        """Whether both tests are below 5 %: pairs may stop here."""
        return self.p < ALPHA and self.anytime_p < ALPHA


def compare(differences: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> Comparison:
    """Judge differences [pairs, documents], finite; `weights` of the documents are positive (None: equal).

    Raises:
        ValueError: fewer than two pairs or documents, which have no spread to judge by.
    """
    pairs, documents = differences.shape
    if pairs < 2 or documents < 2:
        raise ValueError(f"{pairs} pairs and {documents} documents: at least two of each are needed for an interval")
    share = np.full(documents, 1 / documents) if weights is None else weights / weights.sum()
    means = differences @ share
    mean, found = float(means.mean()), spread(differences, share)
    if _is_nought(differences):
        return Comparison(mean, mean, mean, 1.0, 1.0, 0.0, None, 0.0, pairs, documents)
    tests = ((found.total**0.5, found.freedom), ((found.pairs / pairs) ** 0.5, pairs - 1.0))  # errors, their freedom
    margin = max(stats.t.ppf(1 - ALPHA / 2, freedom) * error for error, freedom in tests)
    return Comparison(
        mean,
        float(mean - margin),
        float(mean + margin),
        # No spread at all is no doubt.
        float(max((2 * stats.t.sf(abs(mean) / error, freedom) for error, freedom in tests if error), default=0.0)),
        float(anytime_p(means)[-1]),
        float(max(error * _noncentrality(freedom) for error, freedom in tests)),
        needed_pairs(mean, found, pairs, documents),
        float(means.std(ddof=1)),
        pairs,
        documents,
    )


def _is_nought(differences: NDArray[np.float64]) -> bool:
    """Whether both trainings of every pair came to the same: the streams were the same."""
    return not differences.any()


def spread(differences: NDArray[np.float64], share: NDArray[np.float64]) -> Spread:
    """Variance of the weighted mean of differences [pairs, documents]; `share` of the documents, adding up to 1."""
    pairs, documents = differences.shape
    means, rows = differences @ share, differences.mean(axis=0)
    mean = means.mean()
    rest = differences - means[:, None] - rows + mean
    # Sum of squares of deviations from a weighted mean, each with its squared weight: so many times their variance.
    squares = share**2
    times = float(squares @ (1 - 2 * share + squares.sum()))
    of_pairs = float(means.var(ddof=1))
    of_documents = float(squares.sum() * (squares @ (rows - mean) ** 2) / times)
    of_rest = float(squares.sum() * (squares @ (rest**2).sum(axis=0)) / times / (pairs - 1)) / pairs
    # Documents of unequal weight tell less of their variance than as many equal ones.
    free = (pairs - 1, max(1.0, squares.sum() ** 2 / (squares**2).sum() - 1))
    parts = (of_pairs / pairs, of_documents, of_rest)
    total = parts[0] + parts[1] - parts[2]
    # By chance the rest is estimated larger than what holds it: then the larger part stands for all.
    if total < max(parts[:2]):
        larger = int(parts[1] > parts[0])
        return Spread(of_pairs, max(0.0, of_documents - of_rest), parts[larger], free[larger])
    below = parts[0] ** 2 / free[0] + parts[1] ** 2 / free[1] + parts[2] ** 2 / (free[0] * free[1])
    freedom = total**2 / below if below else float(free[0])
    return Spread(of_pairs, max(0.0, of_documents - of_rest), total, max(1.0, min(freedom, pairs * documents - 1.0)))


def anytime_p(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """p after each pair, falling: float64 [pairs], from the means of the pairs' differences in the order they came.

    The first is 1: one pair says nothing of its standard deviation.
    """
    n = np.arange(1, len(means) + 1)
    # From deviations from the first: sums of squares of what hardly varies would cancel.
    shifted = means - means[0]
    average = np.cumsum(shifted) / n
    square = np.maximum(np.cumsum(shifted**2) - n * average**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared_t = n * (n - 1) * (average + means[0]) ** 2 / square
    squared_t = np.nan_to_num(squared_t, nan=0.0, posinf=1e12)
    factors = np.concatenate([[0.0], _log_factors(squared_t[1:], n[1:])])
    return np.exp(-np.maximum.accumulate(np.maximum(factors, 0.0)))


def _log_factors(squared_t: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """ln of the Bayes factor of each t-statistic (squared) of n pairs, n at least 2."""
    wider = 1 + np.outer(n, _VARIANCES)
    freedom = (n - 1)[:, None]
    given = squared_t[:, None]
    logs = np.log1p(given / freedom) - np.log1p(given / (freedom * wider))
    logs = 0.5 * n[:, None] * logs - 0.5 * np.log(wider)
    most = logs.max(axis=1, keepdims=True)
    return np.asarray(most[:, 0] + np.log(np.exp(logs - most).mean(axis=1)))


def _noncentrality(freedom: float) -> float:
    """Standard errors that an effect must have so that the t-test finds it in `POWER` of the cases."""
    bound = stats.t.ppf(1 - ALPHA / 2, freedom)
    start = bound + stats.t.ppf(POWER, freedom)
    if freedom > 100:
        return float(start)

    def missing(effect: float) -> float:
        return float(stats.nct.sf(bound, freedom, effect)) - POWER

    return float(optimize.brentq(missing, 0.5 * start, 1.5 * start, xtol=1e-4))


def needed_pairs(effect: float, found: Spread, pairs: int, documents: int) -> int | None:
    """The smallest number of pairs, `pairs` or more, at which an effect of this size is decided (see `Comparison`).

    Taken at its word: both tests are below 5 % when effect and spread are what was found. With an effect that is
    itself uncertain that is a plan, no promise.
    """
    tried = np.unique(np.round(np.geomspace(pairs, max(pairs, MOST_PAIRS), 100)).astype(np.int64))
    variance = found.pairs / tried
    with np.errstate(divide="ignore", over="ignore"):
        squared_t = np.minimum(np.divide(effect**2, variance), 1e12)
    enough = _log_factors(squared_t, tried) >= -np.log(ALPHA)
    total = variance + found.documents
    freedom = total**2 / (variance**2 / np.maximum(tried - 1, 1) + found.documents**2 / (documents - 1) + 1e-300)
    enough &= abs(effect) > stats.t.ppf(1 - ALPHA / 2, np.maximum(freedom, 1.0)) * np.sqrt(total)
    enough &= abs(effect) > stats.t.ppf(1 - ALPHA / 2, tried - 1) * np.sqrt(variance)
    return int(tried[np.argmax(enough)]) if enough.any() else None
