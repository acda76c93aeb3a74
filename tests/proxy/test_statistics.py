"""Held against the textbook, and against thousands of drawn comparisons whose truth is known."""

import numpy as np
import pytest
from scipy import integrate, stats

from skypile.proxy.statistics import Comparison, anytime_p, compare, needed_pairs, spread

DRAWS = 2000


def drawn(
    rng: np.random.Generator,
    effect: float = 0.0,
    pairs: int = 8,
    documents: int = 40,
    of_pairs: float = 1.0,
    of_documents: float = 0.0,
    rest: float = 1.0,
) -> np.ndarray:
    """Differences with crossed random effects of these standard deviations."""
    table = effect + of_pairs * rng.standard_normal((pairs, 1)) + of_documents * rng.standard_normal((1, documents))
    return table + rest * rng.standard_normal((pairs, documents))


def within(count: int, draws: int, share: float) -> bool:
    """Whether `count` of `draws` is what an event of probability `share` gives, at three standard errors."""
    return abs(count - draws * share) <= 3 * (draws * share * (1 - share)) ** 0.5


def at_most(count: int, draws: int, share: float) -> bool:
    return count <= draws * share + 3 * (draws * share * (1 - share)) ** 0.5


def test_one_varying_part_is_the_paired_t_test_of_the_textbook():
    means = np.array([0.3, 0.1, 0.25, 0.18, 0.4])
    found = compare(np.repeat(means[:, None], 7, axis=1))
    expected = stats.ttest_1samp(means, 0)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    # and documents that differ while pairs agree: the same test over documents
    found = compare(np.repeat(means[None, :], 7, axis=0))
    assert found.p == pytest.approx(expected.pvalue)


def test_weights_are_those_of_a_domain_of_bytes():
    bits, sizes = np.array([[10.0, 40.0], [14.0, 44.0]]), np.array([10.0, 30.0])
    found = compare(bits / sizes, sizes)
    assert found.mean == pytest.approx((50 / 40 + 58 / 40) / 2)
    with pytest.raises(ValueError, match="at least two"):
        compare(np.ones((1, 5)))


@pytest.mark.parametrize("parts", [(1, 0, 1), (0, 0, 1), (1, 1, 1), (0.2, 2, 1), (1, 0, 20)])
def test_variance_is_estimated_without_bias(parts: tuple[float, float, float]):
    """Against the truth, with documents of unequal weight. The mean square that stands in for too small an estimate
    makes it somewhat larger, never smaller."""
    rng = np.random.default_rng(3)
    of_pairs, of_documents, rest = parts
    share = rng.gamma(2.0, size=40)
    share /= share.sum()
    squares = (share**2).sum()
    truth = of_pairs**2 / 8 + of_documents**2 * squares + rest**2 * squares / 8
    tables = [drawn(rng, 0, 8, 40, of_pairs, of_documents, rest) for _ in range(DRAWS)]
    totals = np.array([spread(table, share).total for table in tables])
    means = np.array([(table @ share).mean() for table in tables])
    assert means.var() == pytest.approx(truth, rel=0.12)
    assert 0.96 < totals.mean() / truth < (1.05 if of_pairs and of_documents else 1.4)


@pytest.mark.parametrize(
    ("pairs", "parts"),
    [
        (3, (1, 0, 1)),
        (8, (1, 0, 1)),
        *(
            pytest.param(pairs, parts, marks=pytest.mark.slow)
            for pairs, parts in ((3, (1, 0, 20)), (8, (1, 0.5, 1)), (4, (0.3, 2, 1)), (8, (0, 0, 1)))
        ),
    ],
)
def test_false_alarms_and_coverage(pairs: int, parts: tuple[float, float, float]):
    rng = np.random.default_rng(11)
    found = [compare(drawn(rng, 0, pairs, 40, *parts)) for _ in range(DRAWS)]
    alarms = sum(one.p < 0.05 for one in found)
    assert alarms == sum(not one.low <= 0 <= one.high for one in found)
    assert at_most(alarms, DRAWS, 0.05), alarms / DRAWS
    if parts == (1, 0, 1):  # pairs rule, the case of an A/A test: then it is exact, not only safe
        assert within(alarms, DRAWS, 0.05), alarms / DRAWS


@pytest.mark.slow
def test_power_is_what_the_smallest_visible_effect_says():
    """Where pairs alone vary: five degrees of freedom, and a visible effect that is some estimated standard errors."""
    rng = np.random.default_rng(5)
    found = compare(drawn(rng, 0, 6, 40, rest=0))
    effect = found.visible / (found.sd / 6**0.5) / 6**0.5
    hits = sum(compare(drawn(rng, effect, 6, 40, rest=0)).p < 0.05 for _ in range(DRAWS))
    assert within(hits, DRAWS, 0.8), hits / DRAWS


def looked(means: np.ndarray) -> bool:
    """Whether the plain t-test is below 5 % at any of 20 looks."""
    n = np.arange(2, 41, 2)
    tables = [means[:k] for k in n]
    t = np.array([table.mean() / table.std(ddof=1) * len(table) ** 0.5 for table in tables])
    return bool((np.abs(t) > LIMITS).any())


LIMITS = stats.t.ppf(0.975, np.arange(2, 41, 2) - 1)


def test_anytime_p_keeps_its_rate_at_every_look_where_the_plain_p_does_not():
    rng = np.random.default_rng(7)
    alarms = plain = 0
    for _ in range(DRAWS):
        means = rng.standard_normal(40)
        alarms += bool((anytime_p(means) < 0.05).any())
        plain += looked(means)
    assert at_most(alarms, DRAWS, 0.05), alarms / DRAWS
    assert alarms > 0.005 * DRAWS
    assert plain > 0.15 * DRAWS


def test_bayes_factor_is_that_of_rouder_and_others():
    """By their equation 1, integrated: JZS with scale 1."""
    means = np.array([0.1, 0.5, 0.2, 0.45, 0.3])
    n, t2 = 5, float(stats.ttest_1samp(means, 0).statistic) ** 2

    def integrand(g: float) -> float:
        likelihood = (1 + n * g) ** -0.5 * (1 + t2 / ((1 + n * g) * (n - 1))) ** (-n / 2)
        return likelihood * (2 * np.pi) ** -0.5 * g**-1.5 * np.exp(-1 / (2 * g))

    factor = integrate.quad(integrand, 0, np.inf)[0] / (1 + t2 / (n - 1)) ** (-n / 2)
    assert factor > 1
    assert anytime_p(means)[-1] == pytest.approx(1 / factor, rel=0.01)


def test_anytime_p_knows_no_unit_and_no_sign_and_only_falls():
    means = np.random.default_rng(2).standard_normal(12) + 1.5
    p = anytime_p(means)
    assert p[0] == 1 and (np.diff(p) <= 0).all()
    assert anytime_p(-1e-6 * means) == pytest.approx(p)


@pytest.mark.parametrize("effect", [0.7, 1.5, 6.0])
def test_needed_pairs_decide(effect: float):
    """Pairs that lie exactly as the estimate has it: decided at the number that was named, and not before."""
    table = drawn(np.random.default_rng(1), 0, 200, 30, 1.0, 0.0, 0.1)
    found = spread(table, np.full(30, 1 / 30))
    needed = needed_pairs(effect, found, 2, 30)
    assert needed is not None

    def exactly(pairs: int) -> Comparison:
        means = np.resize([-1.0, 1.0], pairs)
        means = effect + (means - means.mean()) / means.std(ddof=1) * found.pairs**0.5
        return compare(np.repeat(means[:, None], 30, axis=1))

    assert exactly(needed).decided
    assert needed == 2 or not exactly(max(2, round(needed / 1.1) - 1)).decided


def test_too_few_documents_are_never_decided_by_more_pairs():
    rng = np.random.default_rng(4)
    found = compare(drawn(rng, 0.05, 8, 10, 0.01, 3.0, 0.01))
    assert found.p > 0.05 and found.needed is None


def test_equal_trainings_are_no_difference_and_no_error():
    found = compare(np.zeros((4, 9)))
    assert (found.mean, found.p, found.anytime_p, found.needed, found.visible) == (0, 1, 1, None, 0)


def test_numbers_far_from_one_are_judged_alike():
    table = drawn(np.random.default_rng(9), 2.0)
    small = compare(table * 1e-7)
    assert small.p == pytest.approx(compare(table).p)
    assert small.visible == pytest.approx(compare(table).visible * 1e-7)


@pytest.mark.parametrize("pairs", [2, 3])
def test_few_pairs_that_agree_by_chance_are_not_sure_of_it(pairs: int):
    rng = np.random.default_rng(pairs)
    alarms = 0
    for _ in range(400):
        drawn = rng.normal(0, 1, (pairs, 1)) + rng.normal(0, 1, (1, 100)) + rng.normal(0, 3, (pairs, 100))
        alarms += compare(drawn).p < 0.001
    assert alarms <= 3  # 6 and 2 in a hundred where the documents' degrees of freedom count alone


def test_the_same_difference_everywhere_is_certain():
    found = compare(np.full((3, 4), 0.25))
    assert (found.mean, found.low, found.high, found.p) == (0.25, 0.25, 0.25, 0.0)
