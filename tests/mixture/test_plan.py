"""Shares times budget: the report's table, short sources, ramps, and what cannot be."""

import re

import numpy as np
import pytest

from skypile.config import ConfigError, Curriculum
from skypile.errors import Refused
from skypile.mixture.catalogue import Shard
from skypile.mixture.plan import apportioned, fitted, plan, whole
from tests.mixture.catalogues import ENOUGH, LENGTH, shards, shipped

TABLE_1 = {
    "en-web": 39.8, "en-book": 3.6, "en-paper": 3.0, "en-encyclopedia": 0.5, "en-miscellany": 2.9, "zh-web": 30.4,
    "zh-social": 5.5, "zh-encyclopedia": 0.8, "zh-miscellany": 3.1, "other-encyclopedia": 2.4, "code": 8.0,
}  # fmt: skip


def simple(sources: dict[str, float], tokens: int, **settings) -> Curriculum:
    """One phase of these shares, sources named after their kinds; a batch is 8 sequences of 4,096."""
    return Curriculum(
        batch_sequences=8,
        sources={name: {"kind": name} for name in sources},
        phases=[{"name": "all", "tokens": tokens, "learning_rate": 1e-3, "shares": sources}],
        **settings,
    )


def shard(kind: str, sequences: int, at: int = 0, weight: float = 1.0) -> Shard:
    return Shard(f"{kind}-{at}", "en", kind, sequences, sequences * LENGTH, LENGTH, weight)


def test_the_reports_table_from_uneven_sources():
    found = plan(shipped(), shards(ENOUGH))
    drawn, sizes = found.drawn(), found.sizes()
    batch = 4096 * LENGTH
    assert drawn.sum() * LENGTH == -(-3_130_000_000_000 // batch) * batch
    for blend in (0, 1):
        shares = dict(zip(found.sources, 100 * drawn[blend] / drawn[blend].sum(), strict=True))
        assert shares.pop("stem") == 0
        assert shares == {name: pytest.approx(share, abs=1e-5) for name, share in TABLE_1.items()}
    assert (drawn.sum(axis=0) <= 5 * sizes).all()
    assert (found.draws.sum(axis=0) <= 5 * np.array([shard.sequences for shard in found.shards])).all()
    assert found.left_out == {}


@pytest.mark.parametrize("tokens", [None, 40_000_000_000, 3_000_000_000])
def test_the_ramp_is_a_fifth_of_its_phase_at_any_budget_also_where_others_are_short(tokens):
    short = ENOUGH | {"zh/encyclopedia": 0.005, "en/book": 0.3}
    found = plan(shipped(tokens=tokens), shards(short))
    drawn = found.drawn()
    stem = found.sources.index("stem")
    phase = [number for number, blend in enumerate(found.blends) if blend.ramp]
    lengths = drawn[phase].sum(axis=1)
    assert 100 * drawn[phase, stem].sum() / lengths.sum() == pytest.approx(20, abs=max(1e-4, 100 / lengths.sum()))
    shares = drawn[phase, stem] / lengths
    assert 0.10 <= shares[0] < 0.115 and 0.35 < shares[-1] <= 0.40
    if tokens is None:
        assert (np.diff(shares, 2) > 0).all()  # convex
        book = found.sources.index("en-book")
        assert drawn[:, book].sum() == 5 * found.sizes()[book]


def test_a_short_source_gives_all_it_may_and_the_others_the_rest_in_proportion():
    curriculum = simple({"web": 60, "book": 30, "wiki": 10}, 1000 * 8 * LENGTH)
    found = plan(curriculum, [shard("web", 9000), shard("book", 3000), shard("wiki", 100)])
    assert dict(zip(found.sources, found.drawn()[0].tolist(), strict=True)) == {"web": 5000, "book": 2500, "wiki": 500}
    twice = plan(curriculum, [shard("web", 9000), shard("book", 480), shard("wiki", 100)])
    assert twice.drawn()[0].tolist() == [5100, 2400, 500]


def test_a_source_that_is_short_is_short_in_all_phases_alike():
    phases = [
        {"name": name, "tokens": 1000 * 8 * LENGTH, "learning_rate": 1e-3, "shares": shares}
        for name, shares in (("one", {"web": 80, "wiki": 20}), ("two", {"web": 40, "wiki": 20, "code": 40}))
    ]
    sources = {name: {"kind": name} for name in ("web", "wiki", "code")}
    curriculum = Curriculum(batch_sequences=8, sources=sources, phases=phases)
    drawn = plan(curriculum, [shard("web", 9000), shard("wiki", 400), shard("code", 9000)]).drawn()
    assert drawn.sum(axis=1).tolist() == [8000, 8000] and drawn[:, 1].sum() == 2000
    assert drawn[0, 1] == pytest.approx(drawn[1, 1], abs=1)
    assert drawn[1, 0] == pytest.approx(drawn[1, 2], abs=1)


def test_fitted_tables_are_the_nearest():
    """By the conditions of the optimum: table = asked * row * column, columns short of their bound have factor 1."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        blends, sources = rng.integers(1, 6), rng.integers(2, 9)
        lengths = rng.integers(1_000, 1_000_000, blends)
        shares = rng.random((blends, sources)) * (rng.random((blends, sources)) < 0.7)
        shares[:, 0] += 0.05
        asked = shares / shares.sum(axis=1, keepdims=True) * lengths[:, None]
        bounds = (asked.sum(axis=0) * rng.choice([0.3, 0.9, 1.5, 4], sources)).astype(int)
        bounds[0] = lengths.sum()  # enough
        table = fitted(asked, lengths, bounds)
        assert np.abs(table.sum(axis=1) - lengths).max() < 1e-2
        totals = table.sum(axis=0)
        assert (totals <= bounds * (1 + 1e-9)).all()
        factors = np.divide(table, asked, out=np.ones_like(table), where=asked > 0)
        free = totals < bounds * (1 - 1e-6)
        for row, of_row in zip(asked, factors, strict=True):
            own = of_row[free & (row > 0)]
            assert np.ptp(own) < 1e-6 * own.max() if len(own) else True
            assert len(own) == 0 or (of_row[row > 0] <= own.max() * (1 + 1e-6)).all()
        units = whole(table, lengths, bounds)
        assert (units.sum(axis=1) == lengths).all() and (units.sum(axis=0) <= bounds).all()
        assert np.abs(units - table).max() < blends + 1


def test_shards_are_drawn_by_size_and_keep_weight_and_none_beyond_the_cap():
    curriculum = simple({"web": 1}, 500 * 8 * LENGTH, max_epochs=2)
    found = plan(curriculum, [shard("web", 1000), shard("web", 2000, 1, 1.5), shard("web", 500, 2, 0.0)])
    assert found.draws.tolist() == [[1000, 3000, 0]]
    capped = plan(curriculum, [shard("web", 1000, 0, 9.0), shard("web", 3000, 1)])
    assert capped.draws.tolist() == [[2000, 2000]]


@pytest.mark.parametrize("epochs", [1e30, 1.7e308, float("inf")])
def test_a_source_may_be_repeated_without_end(epochs):
    given = [shard("web", 30), shard("web", 0, 1), shard("wiki", 10)]
    found = plan(simple({"web": 3, "wiki": 1}, 500 * 8 * LENGTH, max_epochs=epochs), given)
    assert found.draws.tolist() == [[3000, 0, 1000]]


def test_apportioning_is_exact_where_there_is_room_and_refused_where_not():
    assert apportioned(np.array([0.5, 0.5, 0.0]), 1, np.array([5, 5, 5])).tolist() == [1, 0, 0]
    assert apportioned(np.array([3.2, 3.2]), 6, np.array([2, 9])).tolist() == [2, 4]
    with pytest.raises(Refused, match="without a source"):
        apportioned(np.array([3.0, 3.0]), 7, np.array([3, 3]))


def test_what_is_too_much_is_refused_with_a_budget_that_is_not():
    """In one sentence, and whoever follows it gets a plan that draws nearly all there is."""
    curriculum = shipped(tokens=90_000_000_000_000)
    with pytest.raises(Refused) as told:
        plan(curriculum, shards(ENOUGH))
    assert "at max_epochs = 5 their sources give" in str(told.value) and "\n" not in str(told.value)
    less = int(re.search(r"lower tokens to ([\d,]+)", str(told.value))[1].replace(",", ""))
    found = plan(shipped(tokens=less), shards(ENOUGH))
    assert found.drawn().sum() > 4.9 * found.sizes().sum()


def test_a_budget_that_fits_is_found_where_a_ramp_takes_all_that_its_source_has():
    """Before, it named 2,020,000 where 3,430,000 fit, and said of the source on the ramp that it had no shard."""
    phases = [
        {"name": "a", "tokens": 200_000, "learning_rate": 1e-3, "shares": {"hills": 1, "sea": 1}},
        {"name": "b", "tokens": 50_000, "learning_rate": 1e-4, "shares": {"hills": 1}}
        | {"ramp": {"source": "sea", "first": 0.1, "last": 0.4, "mean": 0.2, "blends": 3}},
    ]
    sources = {name: {"kind": name} for name in ("hills", "sea")}
    given = [shard("hills", 98), shard("sea", 70)]
    with pytest.raises(Refused) as told:
        plan(Curriculum(batch_sequences=2, sources=sources, phases=phases, tokens=10**12), given)
    whole = 5 * (98 + 70) * LENGTH
    assert f"their sources give {whole:,}: lower tokens to 3,440,000," in str(told.value)
    assert "nothing in the catalogue" not in str(told.value)
    found = plan(Curriculum(batch_sequences=2, sources=sources, phases=phases, tokens=3_440_000), given)
    assert found.draws.sum() * LENGTH == whole


def test_a_phase_without_any_text_names_what_is_missing():
    with pytest.raises(Refused, match=r"wiki: nothing in the catalogue.*add text") as told:
        plan(simple({"wiki": 1}, 1 << 30), [shard("web", 100)])
    assert "lower tokens" not in str(told.value)


def test_what_is_no_sources_is_left_out_and_told():
    found = plan(simple({"web": 1}, 8 * LENGTH), [shard("web", 100), shard("poem", 7), shard("poem", 8, 1)])
    assert found.left_out == {"en/poem": 15 * LENGTH}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ramp": {"source": "web", "first": 0.1, "last": 0.4, "mean": 0.5}}, "mean = 0.5 must lie between"),
        ({"ramp": {"source": "web", "first": 0.1, "last": 0.4, "mean": 0.2}}, "leave it out of shares"),
        ({"shares": {"wbe": 1}}, r"\['wbe'\], which are no sources"),
        ({"shares": {"web": -1}}, "numbers from 0 on"),
        ({"shares": {"web": 0}}, "no source with a share above 0"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"ramp": {"source": "sea", "first": 0.1, "last": 0.4}}, r"phases\.0\.ramp\.mean is missing"),
        ({"learning_rate": 6.0}, "less than 1"),
        ({"final_learning_rate": 2e-3}, "final_learning_rate = 0.002 must not be above learning_rate = 0.001"),
        ({"final_learning_rate": float("inf")}, "final_learning_rate = inf must not be above"),
    ],
)
def test_a_curriculum_that_cannot_be_is_refused(changed, words, tmp_path):
    import tomli_w

    from skypile.config import load_curriculum

    phase = {"name": "all", "tokens": 10**9, "learning_rate": 1e-3, "shares": {"web": 1}} | changed
    (tmp_path / "c.toml").write_text(tomli_w.dumps({"sources": {"web": {"kind": "web"}}, "phases": [phase]}))
    with pytest.raises(ConfigError, match=words):
        load_curriculum(tmp_path / "c.toml")
