"""Models that were trained on known items are told apart, in words that say no more than was seen."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from skypile.decontamination.items import Item
from skypile.errors import Refused
from skypile.leakage.judge import judge
from skypile.leakage.measure import item_set, measure, text_of
from skypile.leakage.order import BETWEEN
from skypile.proxy.losses import Scores
from tests.leakage.models import Characters, general, item_sets, items, look_alikes

TRAIN, TEST, REFERENCE = items(300, "train"), items(150, "test"), look_alikes(100, "look-alikes")
SETS = item_sets(TRAIN, TEST, REFERENCE)


def measured(name, seen=(), seed="a"):
    return measure(Characters(name, [*general(300, seed), *seen]), SETS, 9, 0)


@pytest.fixture(scope="module")
def clean():
    return [measured(f"clean {seed}", seed=seed) for seed in "bcd"]


@pytest.fixture(scope="module")
def found(clean):
    """The test file is broken anew: what stood before it in training is part of no run."""
    models = [
        measured("neither"),
        measured("train", TRAIN),
        measured("both", TRAIN + TEST),
        measured("test", TEST),
        measured("file", [BETWEEN.join(TEST)]),
    ]
    return {one.model: one for one in judge(models, clean)}


def test_each_kind_of_training_has_its_signs(found):
    assert found["neither"].signs == ()
    assert set(found["train"].signs) == {"train_learnt", "test_cheap"}
    assert set(found["both"].signs) == {"test_cheap"}
    assert set(found["test"].signs) == {"test_learnt", "test_cheap"}
    assert set(found["file"].signs) == {"test_learnt", "test_cheap", "test_order_learnt"}
    for name in ("train", "test", "file"):
        assert found[name].split.p < 0.01 and found[name].threshold == pytest.approx(0.01 / 4)
    assert found["both"].calibrated.p < 0.01 < found["both"].split.p
    assert found["train"].delta2.low > 0 > found["test"].delta2.high


def test_the_verdict_says_what_it_means_and_what_not(found):
    said = {name: " ".join(one.verdict) for name, one in found.items()}
    assert said["neither"].startswith("No sign of training on these items. In four of five cases one would see")
    assert "the train items are cheaper" in said["train"].lower() and "cannot be told" in said["train"]
    assert "both sets were trained on, or much other text in their style was" in said["both"]
    assert "the test items were trained on, more than the train items if at all" in said["test"]
    assert "the file was trained on as it is" in said["file"]
    assert all("Delta1 was not judged" not in one for one in said.values())


def test_without_a_clean_model_delta1_is_no_sign():
    one = judge([measured("both", TRAIN + TEST)])[0]
    assert one.calibrated is None and one.signs == () and one.threshold == pytest.approx(0.01 / 3)
    assert "Delta1 was not judged" in one.verdict[-1] and "both sets alike would stay unseen" in one.verdict[-1]


def test_a_clean_model_that_is_none_is_named(clean):
    rows = judge([measured("neither")], [*clean[:1], measured("not so clean", [BETWEEN.join(TEST)])])
    assert [one.clean for one in rows] == [False, True, True]
    assert "nothing speaks against it" in rows[1].verdict[0]
    assert "it shows test_learnt, test_order_learnt" in rows[2].verdict[0]


def test_an_order_that_tells_itself_proves_nothing():
    """Items sorted by subject: to any model that looks back, each is likelier behind its like."""

    class LooksBack:
        def __init__(self, name):
            self.name = name

        def score(self, texts):
            subjects = [[item.split()[0] for item in text.split(BETWEEN)] for text in texts]
            same = [sum(one == other for one, other in pairwise(run)) for run in subjects]
            sizes = np.array([len(text.encode()) for text in texts])
            return Scores(sizes - np.array(same), sizes, sizes)

    by_subject = sorted(TEST)
    sets = item_sets(TRAIN, by_subject, REFERENCE)
    model, other = (measure(LooksBack(name), sets, 9, 0) for name in ("model", "clean"))
    for given, words in (((), "the file was trained on as it is, or"), ((other,), "so the order tells itself")):
        one = judge([model], given)[0]
        assert "test_order_learnt" in one.signs and words in " ".join(one.verdict)


def test_items_are_read_with_choices_or_as_texts(tmp_path):
    path = tmp_path / "items.jsonl"
    path.write_text('{"question": "Which?", "choices": ["tea", "milk"], "answer": 1}\n{"text": "The room is wide."}\n')
    one = item_set(str(path), lambda texts: np.array([len(text) for text in texts]))
    assert one.texts == ("Which? tea milk milk", "The room is wide.") and one.tokens.tolist() == [20, 17]
    assert text_of(Item("a", "0", "What?", (), "")) == "What?"
    path.write_text('{"text": "The room is wide."}\n')
    with pytest.raises(Refused, match="holds 1 items: at least two"):
        item_set(str(path), lambda texts: np.array([1]))
    path.write_text('{"prompt": "The room is wide."}\n')
    with pytest.raises(Refused, match="needs a column question or text"):
        item_set(str(path), lambda texts: np.array([1]))


def test_what_cannot_be_scored_is_refused():
    class Broken:
        name = "broken"

        def __init__(self, nats, size):
            self.nats, self.size = nats, size

        def score(self, texts):
            return Scores(np.full(len(texts), self.nats), np.ones(len(texts), int), np.full(len(texts), self.size))

    with pytest.raises(Refused, match=r"broken loses nan on train item 0 \(from 0\)"):
        measure(Broken(np.nan, 5), SETS, 0, 0)

    class BreaksOnRuns(Broken):
        def score(self, texts):
            found = super().score(texts)
            return replace(found, nats=np.where([BETWEEN in text for text in texts], np.nan, found.nats))

    with pytest.raises(Refused, match="broken loses no number on a run of test items"):
        measure(BreaksOnRuns(1.0, 5), SETS, 2, 0)
    with pytest.raises(Refused, match="broken scores no token of the 300 train items"):
        measure(Broken(0.0, 0), SETS, 0, 0)
