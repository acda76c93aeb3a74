"""Held-out scores, their controls, and what each token adds to a score."""

import numpy as np
import pytest

from skypile.classifiers.contributions import contributions, explain
from skypile.classifiers.cross_fit import (
    auc_within,
    figures,
    fold_of_hosts,
    judge,
    length_correlation,
    over_seeds,
    shuffled_labels,
)
from skypile.classifiers.evaluate import platt_offset
from skypile.classifiers.model import Classifier, calibrated, log_odds
from skypile.classifiers.tokens import tokens_for_classifier
from skypile.classifiers.train import Examples, train
from skypile.config import CitationConfig
from tests.classifiers.test_training import SMALL, examples


def lengths(number: int, cited: np.ndarray, factor: int) -> np.ndarray:
    return np.random.default_rng(0).integers(500, 3000, number) * np.where(cited, factor, 1)


def test_folds_keep_hosts_together_and_labels_even() -> None:
    given = examples()
    fold = fold_of_hosts(given.hosts, given.cited, 4, 0)
    assert len({(host, number) for host, number in zip(given.hosts, fold.tolist(), strict=True)}) == 30
    for label in (True, False):
        assert (np.bincount(fold[given.cited == label], minlength=4) >= 15).all()
    assert (fold[::-1] == fold_of_hosts(given.hosts[::-1], given.cited[::-1], 4, 0)).all()
    assert (fold != fold_of_hosts(given.hosts, given.cited, 4, 1)).any()


def test_what_can_be_learned_is_and_the_controls_say_nothing() -> None:
    given = examples()
    characters = lengths(300, given.cited, 1)
    found = figures(judge(given, SMALL, 3, 0), given.cited, characters)
    assert found["auc"] > 0.95
    assert abs(found["length_auc"] - 0.5) < 0.12
    assert found["shuffled_auc"] < 0.8
    assert found["calibration_error"] < 0.15 and abs(found["length_correlation"]) < 0.15


def test_the_controls_find_what_is_wrong() -> None:
    """Cited pages are four times as long; and where a host's own word is all there is, no unseen host can be told."""
    given = examples()
    characters = lengths(300, given.cited, 4)
    assert figures(judge(given, SMALL, 3, 0), given.cited, characters)["length_auc"] > 0.8
    hosts = [f"h{i % 40}" for i in range(400)]
    cited = np.array([i % 40 % 2 == 0 for i in range(400)])
    lines = [f"only{host} filler{i % 7} words{i % 5}" for i, host in enumerate(hosts)]
    own = Examples([str(i) for i in range(400)], hosts, cited, lines)
    judged = judge(own, SMALL, 4, 0)
    assert figures(judged, cited, lengths(400, cited, 1))["auc"] <= 0.7


def test_pages_of_two_models_are_not_compared() -> None:
    scores, cited = np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, False, True, False])
    assert auc_within(scores, np.array([0, 0, 1, 1]), cited) == 1.0
    assert auc_within(scores, np.zeros(4), cited) == 0.75
    assert np.isnan(auc_within(scores, np.arange(4), cited))


def test_an_offset_makes_the_mean_score_a_half() -> None:
    chance = np.random.default_rng(5)
    odds, positive = chance.normal(-4, 2, 500), chance.random(500) < 0.1
    for slope in (0.3, 1.0, 40.0):
        scores = calibrated(odds, slope, platt_offset(odds, positive, slope))
        assert (scores[positive].mean() + scores[~positive].mean()) / 2 == pytest.approx(0.5, abs=1e-3)
    assert platt_offset(odds, positive, 0.0) == pytest.approx(0.0, abs=1e-6)


def test_shuffled_labels_stay_with_hosts_and_as_many() -> None:
    hosts = [f"h{i % 20}" for i in range(200)]
    cited = np.array([i % 20 < 5 for i in range(200)])
    new = shuffled_labels(hosts, cited, 3)
    assert new.sum() == cited.sum() and (new != cited).any()
    assert len({(host, bool(label)) for host, label in zip(hosts, new, strict=True)}) == 20


def test_a_fold_without_a_label_is_refused() -> None:
    lines, cited = ["a"] * 4, np.array([True, True, False, False])
    with pytest.raises(ValueError, match="more hosts are needed"):
        judge(Examples(list("1234"), ["a", "a", "b", "b"], cited, lines), SMALL, 3, 0)


def test_means_over_seeds() -> None:
    rows = [{"auc": 0.5, "n": 7, "none": None}, {"auc": 0.7, "n": 7, "none": None}]
    assert over_seeds(lambda seed: rows[seed], [0, 1]) == {"auc": {"mean": 0.6, "sd": 0.1}, "n": 7, "none": None}
    assert length_correlation(np.array([0.1, 0.2, 0.3]), np.array([10, 100, 1000])) == pytest.approx(1.0)
    assert length_correlation(np.array([0.1, 0.1]), np.array([1, 2])) is None


@pytest.mark.parametrize("config", [SMALL, CitationConfig()])
@pytest.mark.parametrize(
    "text",
    [
        "history river discount never-seen w1 w2 w1 1923!",
        "帝国条约 優惠 é ü 🙂 條約",
        "",
        "river " * 2000,
        "nothing known 未知",
    ],
)
def test_shares_add_up_to_the_score(text: str, config: CitationConfig) -> None:
    """Against fastText's own prediction, to what its 32-bit sums hold."""
    trained = train(examples(), config)
    classifier = Classifier(trained.model, trained.calibration["slope"], trained.calibration["offset"])
    found = explain(classifier, text, most=10_000)
    predicted = log_odds(trained.model, [tokens_for_classifier(text)])[0]
    if abs(predicted) < 15:  # beyond, its probabilities have no digits left
        assert found.log_odds == pytest.approx(classifier.slope * predicted + classifier.offset, abs=1e-4)
    else:
        assert found.log_odds / predicted > classifier.slope
    assert found.score == pytest.approx(1 / (1 + np.exp(-found.log_odds)), abs=1e-4)
    shares = [*found.up, *found.down]
    assert found.offset + sum(share.log_odds for share in shares) == pytest.approx(found.log_odds, abs=1e-9)
    assert all(share.log_odds > 0 for share in found.up) and all(share.log_odds < 0 for share in found.down)


def test_shares_name_what_pushes() -> None:
    trained = train(examples(), SMALL)
    classifier = Classifier(trained.model, 1.0, 0.0)
    found = explain(classifier, "history discount w1 w2 history", most=3)
    assert found.up[0].tokens == "history" and found.up[0].times == 2
    assert found.down[0].tokens == "discount"
    assert {share.tokens for share in contributions(classifier, "w1 w2")} >= {"w 0", "0 w", "</s>"}
