"""Training of the extraction model: labels from gold text, F1, and compiled trees against LightGBM itself."""

import numpy as np
import pytest

from skypile.classifiers.extraction.labels import UNKNOWN, character_f1, gold_labels, snippet_labels, word_f1
from skypile.extraction.fast.assemble import threshold
from skypile.extraction.fast.model import SHIPPED, load, save, shipped
from skypile.extraction.fast.trees import class_probabilities, probability


@pytest.mark.parametrize(
    "text, gold, expected",
    [
        ("a b", "a c", 0.5),
        ("", "", 1.0),
        ("a", "", 0.0),
        ("", "a", 0.0),
        ("A a", "a", 2 / 3),
        ("x, y!", "y x", 1.0),
    ],
)
def test_word_f1(text, gold, expected):
    assert word_f1(text, gold) == pytest.approx(expected)


def test_character_f1_counts_characters_without_white_space():
    assert character_f1("中 文", "中文字") == pytest.approx(0.8)


def test_blocks_of_the_gold_text_are_content():
    blocks = [
        "Home",
        "A title of the page",
        "One two three four five six.",
        "Seven eight nine ten or not eleven",
        "Sign up",
    ]
    gold = "A title of the page\n\nOne two three four five six.\nSeven eight nine ten"
    assert gold_labels(blocks, gold).tolist() == [0, 1, 1, pytest.approx(0.25), 0]


def test_of_copies_the_one_among_content_is_content():
    blocks = [
        "Tea time",
        "Home",
        "About",
        "Shop",
        "News",
        "More",
        "Login",
        "x",
        "Tea time",
        "One two three four five six",
    ]
    assert gold_labels(blocks, "Tea time\nOne two three four five six").nonzero()[0].tolist() == [8, 9]


def test_chinese_labels_go_by_characters():
    blocks = ["首页", "这把茶壶比房子还要老，村里没有人记得", "相关阅读"]
    assert gold_labels(blocks, "茶壶\n这把茶壶比房子还要老，村里没有人记得是谁买的").tolist() == [0, 1, 0]


def test_snippets_label_only_what_they_name():
    blocks = ["Buy now", "The text is here.", "Other", "both a and b"]
    labels = snippet_labels(blocks, ["text is", "both a"], ["Buy", "and b"])
    assert labels.tolist() == [0, 1, UNKNOWN, UNKNOWN]


def test_compiled_trees_decide_as_lightgbm():
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is needed for training only")
    from skypile.classifiers.extraction.train import export_trees

    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(3000, 6)), 1).astype(np.float32)  # rounded: many values sit on thresholds
    y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(float)
    common = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    booster = lightgbm.train(common | {"objective": "cross_entropy"}, lightgbm.Dataset(X, y), 20)
    np.testing.assert_allclose(probability(export_trees(booster), X), booster.predict(X), atol=1e-6)
    classes = (X[:, 0] > 0).astype(int) + (X[:, 3] > 0.5)
    many = lightgbm.train(common | {"objective": "multiclass", "num_class": 3}, lightgbm.Dataset(X, classes), 10)
    found = [class_probabilities(export_trees(many), row, 3) for row in X[:100]]
    np.testing.assert_allclose(found, many.predict(X[:100]), atol=1e-6)
    constant = lightgbm.train(common | {"objective": "cross_entropy"}, lightgbm.Dataset(X[:, :1] * 0, y), 2)
    np.testing.assert_allclose(probability(export_trees(constant), X), constant.predict(X[:, :1]), atol=1e-6)


def test_threshold_maximises_the_expected_f1():
    rng = np.random.default_rng(1)
    for _ in range(50):
        score = rng.random(12).astype(np.float32)
        words = rng.integers(1, 50, 12).astype(np.float32)

        def expected(cut: float, score=score, words=words) -> float:
            kept = score >= cut
            return 2 * (score * words)[kept].sum() / (words[kept].sum() + (score * words).sum())

        best = max(expected(s) for s in score)
        chosen = threshold(score, words)
        if 0.2 < chosen < 0.5:
            assert expected(chosen) == pytest.approx(best, rel=1e-5)


def test_a_model_survives_its_file_and_refuses_other_features(tmp_path):
    path = tmp_path / "model.npz"
    save(shipped(), path)
    again = load(path)
    np.testing.assert_array_equal(again.second.nodes, shipped().second.nodes)
    np.testing.assert_array_equal(again.odds.attribute, shipped().odds.attribute)
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, "version": np.array(0)})
    with pytest.raises(ValueError, match="features of version 0"):
        load(path)


def test_the_shipped_model_is_small():

    assert SHIPPED.stat().st_size < 3_000_000
