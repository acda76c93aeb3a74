"""Tokens, sampling, held-out hosts, calibration, and the model on disk."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypile.classifiers.evaluate import auc, metrics, platt
from skypile.classifiers.model import CITED, MANIFEST, ClassifierError, calibrated, load, log_odds, save
from skypile.classifiers.tokens import MAX_CHARACTERS, tokens_for_classifier
from skypile.classifiers.train import Examples, held_out_hosts, train
from skypile.classifiers.training_set import sampling_rates
from skypile.config import CitationConfig

SMALL = CitationConfig(dimension=8, buckets=1000)
TOPICS = {
    True: ("history", "river", "century", "帝国", "条约"),
    False: ("discount", "basket", "voucher", "优惠", "包邮"),
}


def examples(seed: int = 0, pages: int = 300) -> Examples:
    """Pages on 30 hosts, every third one cited; a fifth of the words tell."""
    chance = random.Random(seed)
    cited = np.arange(pages) % 3 == 0
    filler = [f"w{i}" for i in range(300)]
    texts = [
        " ".join(chance.choice(TOPICS[bool(label)] if chance.random() < 0.2 else filler) for _ in range(60))
        for label in cited
    ]
    hosts = [f"h{i % 10 if label else 10 + i % 20}" for i, label in enumerate(cited)]
    return Examples([str(i) for i in range(pages)], hosts, cited, [tokens_for_classifier(text) for text in texts])


@pytest.mark.parametrize(
    "text, expected",
    [
        ("In 1923, THE railway", "in 0000 , the railway"),
        ("铁路接管2023年", "铁 路 接 管 0000 年"),
        ("iPhone手机かな", "iphone 手 机 か な"),
        ("__label__cited x", "_ _ label _ _ cited x"),
        ("</s>\n\0a\u2028b", "< / s > \0 a b"),
        ("123456789 7", "0000 0"),
        ("a\ud800b", "ab"),
        ("", ""),
    ],
)
def test_tokens(text: str, expected: str) -> None:
    assert tokens_for_classifier(text) == expected


@given(st.text(st.characters(codec=None)))
def test_tokens_are_one_line_without_labels(text: str) -> None:
    line = tokens_for_classifier(text)
    assert len(line.splitlines()) <= 1 or "\n" not in line
    assert not any(token.startswith("__label__") for token in line.split())
    line.encode("utf-8")


def test_tokens_see_the_beginning_only() -> None:
    assert tokens_for_classifier("a " * MAX_CHARACTERS) == tokens_for_classifier("a " * MAX_CHARACTERS * 2)


def test_auc_equals_counting_pairs() -> None:
    chance = np.random.default_rng(1)
    scores, positive = chance.integers(0, 8, 60) / 8, chance.random(60) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    assert auc(scores, positive) == pytest.approx(np.mean(pairs))
    assert math.isnan(auc(scores, np.ones(60, dtype=bool)))


def test_platt_recovers_the_odds_that_made_the_labels() -> None:
    chance = np.random.default_rng(2)
    odds = chance.normal(0, 2, 40_000)
    positive = chance.random(40_000) < 1 / (1 + np.exp(-(0.5 * odds + 0.0)))
    slope, offset = platt(odds, positive)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert offset == pytest.approx(0.0, abs=0.05)
    assert metrics(calibrated(odds, slope, offset), positive)["calibration_error"] < 0.02
    assert metrics(calibrated(odds, 3.0, 0.0), positive)["calibration_error"] > 0.1


def test_platt_stays_finite_where_labels_separate() -> None:
    slope, offset = platt(np.array([-3.0, -2.0, 2.0, 3.0]), np.array([False, False, True, True]))
    assert 0 < slope < 10 and abs(offset) < 1
    assert platt(np.array([1.0, 2.0]), np.array([True, True])) == (1.0, 0.0)


def test_a_half_means_even_odds_whatever_the_labels_numbers() -> None:
    slope, offset = platt(np.zeros(1000), np.arange(1000) % 10 == 0)
    assert calibrated(np.zeros(1), slope, offset)[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_no_host_dominates_and_the_size_is_kept(share: float) -> None:
    counts = {"a": 50_000, "b": 9_000, "c": 700} | {f"h{i}": 10 for i in range(300)}
    config = CitationConfig(max_host_share=share, max_documents=1_000)
    largest = dict(sorted(counts.items(), key=lambda item: -item[1])[: int(1 / share) + 1])
    rates = sampling_rates(largest, sum(counts.values()), len(counts), config)
    taken = {host: n * rates.of_host.get(host, rates.usual) for host, n in counts.items()}
    assert sum(taken.values()) == pytest.approx(1_000)
    assert max(taken.values()) / sum(taken.values()) <= share + 1e-9


def test_sampling_rates_at_the_edges() -> None:
    assert sampling_rates({}, 0, 0, CitationConfig()).usual == 0.0
    assert sampling_rates({"a": 50}, 50, 1, CitationConfig()) == sampling_rates(
        {"a": 50, "b": 0}, 50, 1, CitationConfig()
    )
    assert sampling_rates({"a": 50}, 50, 1, CitationConfig()).of_host == {}
    assert sampling_rates({"a": 5, "b": 5, "c": 5}, 15, 3, CitationConfig()).of_host == {}


def test_held_out_hosts_share_no_page_with_training() -> None:
    given_ = examples()
    out = held_out_hosts(given_.hosts, given_.cited, 0.2, seed=0)
    held = np.array([host in out for host in given_.hosts])
    for label in (True, False):
        share = held[given_.cited == label].mean()
        assert 0.15 <= share <= 0.5
    assert out == held_out_hosts(given_.hosts[::-1], given_.cited[::-1], 0.2, seed=0)
    assert out != held_out_hosts(given_.hosts, given_.cited, 0.2, seed=1)
    one_large = ["big"] * 90 + [f"h{i}" for i in range(10)]
    assert "big" not in held_out_hosts(one_large, np.arange(100) % 2 == 0, 0.2, seed=0)


def test_training_ranks_unseen_hosts_and_is_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    given_ = examples()
    order = np.random.default_rng(0).permutation(len(given_.hosts))
    shuffled = Examples(
        [given_.record_ids[i] for i in order],
        [given_.hosts[i] for i in order],
        given_.cited[order],
        [given_.lines[i] for i in order],
    )
    first, second = train(given_, SMALL), train(shuffled, SMALL)
    assert first.metrics == second.metrics
    assert first.calibration == second.calibration  # to the last bit: scores are decisions
    assert first.metrics["auc"] > 0.95
    assert first.metrics["calibration_error"] < 0.2
    first.model.save_model(str(tmp_path / "1.bin"))
    second.model.save_model(str(tmp_path / "2.bin"))
    assert (tmp_path / "1.bin").read_bytes() == (tmp_path / "2.bin").read_bytes()


def test_held_out_pages_are_not_trained_on() -> None:
    """Where each host has a word of its own and nothing else tells, only a model that saw the host can rank it."""
    hosts = [f"h{i % 40}" for i in range(400)]
    cited = np.array([i % 40 % 2 == 0 for i in range(400)])
    lines = [f"only{host} filler{i % 7} words{i % 5}" for i, host in enumerate(hosts)]
    trained = train(Examples([str(i) for i in range(400)], hosts, cited, lines), SMALL)
    assert trained.metrics["positives"] >= 30 and trained.metrics["negatives"] >= 30
    assert trained.metrics["auc"] <= 0.7
    assert trained.metrics["trained_on"] == 400 - trained.metrics["positives"] - trained.metrics["negatives"]


def test_one_label_cannot_be_learnt() -> None:
    given_ = examples(pages=9)
    with pytest.raises(ValueError, match="both labels"):
        train(Examples(given_.record_ids, given_.hosts, np.ones(9, dtype=bool), given_.lines), SMALL)


def test_saved_and_loaded_it_scores_the_same_one_by_one_or_in_batches(tmp_path: Path) -> None:
    trained = train(examples(), SMALL)
    save(str(tmp_path / "c"), {"en": trained.model}, {"en": {"calibration": trained.calibration}})
    classifier = load(str(tmp_path / "c"))["en"]
    texts = ["history river century", "discount basket voucher", "", "\n\n", "条约\ud800 帝国"]
    scores = classifier.scores(texts)
    assert scores.dtype == np.float64 and ((scores >= 0) & (scores <= 1)).all()
    assert scores[0] > 0.5 > scores[1]
    assert [float(classifier.scores([text])[0]) for text in texts] == scores.tolist()
    assert len(classifier.scores([])) == 0
    odds = log_odds(trained.model, [tokens_for_classifier(texts[0])])
    label, probability = trained.model.predict(tokens_for_classifier(texts[0]))
    assert label[0] == CITED
    assert 1 / (1 + math.exp(-odds[0])) == pytest.approx(float(probability[0]), abs=1e-4)


def test_damaged_or_foreign_classifiers_are_refused(tmp_path: Path) -> None:
    trained = train(examples(), SMALL)
    folder = tmp_path / "c"
    save(str(folder), {"en": trained.model}, {"en": {"calibration": trained.calibration}})
    manifest = json.loads((folder / MANIFEST).read_text())

    def refused(message: str, **changes: object) -> None:
        changed = json.loads(json.dumps(manifest))
        changed.update({k: v for k, v in changes.items() if k == "tokens"})
        changed["languages"]["en"].update({k: v for k, v in changes.items() if k != "tokens"})
        (folder / MANIFEST).write_text(json.dumps(changed))
        with pytest.raises(ClassifierError, match=message):
            load(str(folder))

    refused("train it anew", tokens=0)
    refused("labels", labels=["__label__good", "__label__bad"])
    refused("dimension", dimension=300)
    refused("SHA-256", sha256="0" * 64)
    with pytest.raises(ClassifierError, match=r"holds no classifier\.json"):
        load(str(tmp_path / "nothing"))


def test_a_new_model_at_the_same_path_is_not_mistaken_for_the_old(tmp_path: Path) -> None:
    scores = []
    for seed in (0, 1):
        trained = train(examples(seed), SMALL)
        save(str(tmp_path), {"en": trained.model}, {"en": {"calibration": trained.calibration}})
        scores.append(load(str(tmp_path))["en"].scores(["history river"])[0])
    assert scores[0] != scores[1]
