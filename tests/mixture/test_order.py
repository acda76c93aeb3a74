"""The order of a run: Megatron's, step for step, and the same from wherever one begins."""

import numpy as np
import pytest

from skypile.errors import Refused
from skypile.mixture.blending import draw, normalised
from skypile.mixture.catalogue import write_catalogue
from skypile.mixture.folder import open_plan, plan_folder
from skypile.mixture.order import Order, drawn
from tests.mixture.catalogues import ENOUGH, shards, shipped

BUDGET = 130_000 * 4096  # tokens: of 3.13T, with their proportions


def megatrons(weights: list[float], size: int) -> tuple[list[int], list[int]]:
    """`build_blending_indices` of Megatron-LM's helpers.cpp, written down again from what it does.

    At sample i the data set with the largest weight * max(i, 1) - drawn, the first of equals.
    """
    share = np.array(weights, np.float64) / np.sum(np.array(weights, np.float64))
    counts = np.zeros(len(weights), np.int64)
    data_set, sample = [], []
    for i in range(size):
        best = int(np.argmax(share * max(float(i), 1.0) - counts.astype(np.float64)))  # the first of the largest
        data_set.append(best)
        sample.append(int(counts[best]))
        counts[best] += 1
    return data_set, sample


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A plan of the report's phases at a small budget, its folder, manifest and order."""
    folder = tmp_path_factory.mktemp("plan")
    small = {what: size / 20_000 for what, size in ENOUGH.items()}
    write_catalogue(str(folder / "catalogue.jsonl"), shards(small, 60))
    curriculum = shipped(tokens=BUDGET, batch_sequences=8)
    done, fresh = plan_folder(curriculum, str(folder / "catalogue.jsonl"), str(folder / "plan"))
    assert fresh and not plan_folder(curriculum, str(folder / "catalogue.jsonl"), str(folder / "plan"))[1]
    return folder, done, open_plan(folder / "plan")[1]


def everything(order: Order, first: int = 0, end: int | None = None) -> np.ndarray:
    """Rows (shard, place, epoch, sequence) of a stretch."""
    end = int(order.draws.sum()) if end is None else end
    parts = [np.stack(part) for part in drawn(order, first, end)]
    return np.concatenate(parts, axis=1).T if parts else np.empty((0, 4), np.int64)


def test_megatron_draws_what_the_manifest_says_in_every_blend(planned):
    """From the weights in the files that Megatron is given."""
    folder, done, order = planned
    rows = everything(order)
    at, before = 0, np.zeros(len(order.shards), np.int64)
    assert len(done["blends"]) == 12
    for number, blend in enumerate(done["blends"]):
        lines = (folder / "plan" / f"blend-{number:02d}.data").read_text().splitlines()
        numbers = [order.shards.index(line.partition(" ")[2]) for line in lines]
        size = blend["steps"] * done["batch_sequences"]
        data_set, sample = megatrons([float(line.partition(" ")[0]) for line in lines], size)
        shard = np.array(numbers)[data_set]
        assert (rows[at : at + size, 0] == shard).all()
        assert (rows[at : at + size, 1] == before[shard] + sample).all()
        assert (np.bincount(shard, minlength=len(order.shards)) == order.draws[number]).all()
        at, before = at + size, before + order.draws[number]
    assert at == len(rows) == done["sequences"]


@pytest.mark.parametrize("number", [1, 2, 33, 700, 5_000])
def test_comparing_the_few_that_can_win_changes_nothing(number):
    rng = np.random.default_rng(number)
    for weights in (np.floor(np.exp(rng.normal(6, 2, number))) + 1, np.full(number, 3.0), rng.integers(1, 4, number)):
        size = min(4 * number, 4_000)
        counts, chosen, places = np.zeros(number, np.int64), np.empty(size, np.int16), np.empty(size, np.int64)
        half = size // 3
        draw(normalised(weights), counts, 0, chosen[:half], places[:half])
        draw(normalised(weights), counts, half, chosen[half:], places[half:])
        assert (chosen.tolist(), places.tolist()) == megatrons(weights.tolist(), size)


def test_it_begins_anywhere(planned):
    _, _, order = planned
    rows = everything(order)
    rng = np.random.default_rng(0)
    some = np.sort(rng.integers(0, len(rows), (6, 2))).tolist()
    for first, end in [(0, 1), (len(rows) - 1, len(rows)), (5, 5), *some]:
        assert (everything(order, first, end) == rows[first:end]).all()
    with pytest.raises(Refused, match="not among the run's"):
        everything(order, 0, len(rows) + 1)


def test_an_epoch_is_every_sequence_once_also_across_blends(planned):
    _, _, order = planned
    rows = everything(order)
    repeated = 0
    for shard, size in enumerate(order.sequences.tolist()):
        own = rows[rows[:, 0] == shard]
        assert (own[:, 1] == np.arange(len(own))).all() and (own[:, 2] == own[:, 1] // size).all()
        epochs = [own[own[:, 2] == epoch, 3] for epoch in range(-(-len(own) // size))]
        assert all(len(set(epoch)) == len(epoch) and epoch.max() < size for epoch in epochs)
        assert all(len(epoch) == size for epoch in epochs[:-1])
        if len(epochs) > 2 and size > 10:
            repeated += 1
            assert (epochs[0] != epochs[1]).any()  # another order each time
            assert (np.diff(epochs[0]) != 1).any()
    assert repeated


def test_the_place_of_the_shards_does_not_matter_and_the_seed_does(planned):
    _, _, order = planned
    elsewhere = order._replace(shards=[f"/elsewhere{shard}" for shard in order.shards])
    assert (everything(elsewhere, 0, 500) == everything(order, 0, 500)).all()
    other = everything(order._replace(seed=1), 0, 500)
    rows = everything(order, 0, 500)
    assert (other[:, :3] == rows[:, :3]).all() and (other[:, 3] != rows[:, 3]).any()


def test_the_order_of_today_is_that_of_tomorrow():
    """Kept, since a run is resumed by it; if this fails, plans of earlier versions are read in another order."""
    order = Order(["a", "b"], np.array([5, 9]), np.array([[6, 3], [2, 4]]), seed=11)
    rows = everything(order)
    assert "".join(order.shards[shard] for shard in rows[:, 0]) == "abaabaababababb"
    assert rows[:, 3].tolist() == [1, 5, 0, 4, 6, 2, 3, 0, 4, 8, 3, 4, 2, 2, 3]
