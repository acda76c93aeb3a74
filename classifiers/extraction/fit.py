"""Fit the three models of the fast engine, each on predictions its training pages had no part in.

page type (7 classes) → first look at each block → second look with the first scores around it. The log-odds
tables and every model below another are cross-fitted by host, so that what a model reads in training looks like
what it will read on a page never seen.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import lightgbm as lgb
import numpy as np

from skypile.classifiers.extraction.dataset import LabelledPage
from skypile.classifiers.extraction.odds import count_odds, count_page_odds
from skypile.extraction.fast.block_text import first_tokens
from skypile.extraction.fast.blocks import NAMES
from skypile.extraction.fast.context import score_features
from skypile.extraction.fast.engine import CERTAIN
from skypile.extraction.fast.features import block_features
from skypile.extraction.fast.page_type import PAGE_TYPES, page_features
from skypile.extraction.fast.wording import Odds

COMMON = dict(verbose=-1, num_threads=1, seed=1, deterministic=True, force_col_wise=True, bagging_freq=1)
PAGE_PARAMETERS = COMMON | dict(
    objective="multiclass", num_class=len(PAGE_TYPES), num_leaves=7, learning_rate=0.08, min_data_in_leaf=10,
    feature_fraction=0.4, bagging_fraction=0.8, lambda_l2=2.0,
)  # fmt: skip
FIRST_PARAMETERS = COMMON | dict(
    objective="cross_entropy", num_leaves=31, max_depth=7, learning_rate=0.05, min_data_in_leaf=60,
    feature_fraction=0.3, bagging_fraction=0.6, max_bin=63, lambda_l2=2.0,
)  # fmt: skip
# Chance is much of what one training differs from another in: three seeds of a second look made as the first gave word
# F1 on WCXB dev from 0.8816 to 0.8842, their mean score 0.8843. Splits at random places vary the trees within one
# model. Out-of-fold loss of two folds, WCXB and mixed pages: made as the first look 0.2730 and 0.2784, with such splits
# 0.2713 and 0.2542 (400 trees instead of 280: 0.2735 and 0.2561), with twice the features a tree besides 0.2692 and
# 0.2587, and 0.2680 and 0.2587 with 200 of those trees (with all features 0.2711). The first look stays as it is: of
# such trees 140 are too few (loss of WCXB in five folds 0.2887 for 0.2768); at twice the rate they are as good
# (0.2765), but the second look, of the same kind, then adds less (0.2730 for 0.2688).
SECOND_PARAMETERS = FIRST_PARAMETERS | dict(extra_trees=True, feature_fraction=0.6)
MAX_BLOCKS = 180
PAGE_ROUNDS, FIRST_ROUNDS, SECOND_ROUNDS = 60, 140, 220
SET_WEIGHT = {"zh_dev": 2.5, "mixed_dev": 1.5, "snippets_990": 0.5, "crawl": 0.5}


class Scores(NamedTuple):
    """What models say of one page: scores of its blocks, float32 [B], and probabilities of its type."""

    blocks: np.ndarray
    types: np.ndarray


@dataclass
class Fitted:
    odds: Odds
    page_odds: np.ndarray
    page_type: lgb.Booster
    first: lgb.Booster
    second: lgb.Booster


def fold_of(host: str, folds: int) -> int:
    """Pages of one host share a fold."""
    return zlib.crc32(host.encode()) % folds


def block_weights(page: LabelledPage) -> np.ndarray:
    """A block counts by its size in the F1 of its page: by its words over the mean (geometric) of the page's words
    and the content's, since what is wrong weighs more on a page with little content. A page's weights sum to at
    most 3."""
    words = page.words * (page.labels >= 0)
    share = (words * page.labels).sum() / max(words.sum(), 1) if page.gold is not None else 1.0
    weight = words / max(words.sum(), 1) + 0.2 * np.sqrt(words) / max(np.sqrt(words).sum(), 1)
    return weight * min(1 / np.sqrt(max(share, 0.01)), 2.5) * SET_WEIGHT.get(page.set_name, 1.0)


def _page_row(page: LabelledPage, page_odds: np.ndarray) -> np.ndarray:
    return page_features(page.page, page.statistics, page.structure, page.slots, page.named_slots, page_odds)


def _booster(parameters: dict, data: lgb.Dataset, rows: np.ndarray, rounds: int) -> lgb.Booster:
    """Train on some rows of a data set that is binned once for all folds."""
    return lgb.train(parameters, data.subset(np.flatnonzero(rows).tolist()), rounds)


def fit(pages: Sequence[LabelledPage], folds: int = 5, log=lambda *_: None) -> tuple[Fitted, list[Scores]]:
    """The models, and for each page its out-of-fold scores (second look)."""
    fold = np.array([fold_of(p.host, folds) for p in pages])
    n = len(pages)
    tables: dict[int, tuple[Odds, np.ndarray]] = {}
    for f in range(folds):
        rest = [p for p, k in zip(pages, fold, strict=True) if k != f]
        tables[f] = (count_odds(rest), count_page_odds(rest))
    odds, page_odds = count_odds(pages), count_page_odds(pages)
    log("tables")
    page_rows = np.array([_page_row(p, tables[k][1]) for p, k in zip(pages, fold, strict=True)])
    types = np.array([PAGE_TYPES.index(p.page_type) if p.page_type else -1 for p in pages])
    type_scores = np.zeros((n, len(PAGE_TYPES)), np.float32)
    known = types >= 0
    data = lgb.Dataset(page_rows, np.maximum(types, 0), params=PAGE_PARAMETERS, free_raw_data=False)
    for f in range(folds):
        if (fold == f).any():
            booster = _booster(PAGE_PARAMETERS, data, (fold != f) & known, PAGE_ROUNDS)
            type_scores[fold == f] = booster.predict(page_rows[fold == f])
    page_type = _booster(PAGE_PARAMETERS, data, known, PAGE_ROUNDS)
    log(f"page types: {(type_scores[known].argmax(1) == types[known]).mean():.3f} right")
    X = [
        block_features(p.page, first_tokens(p.page), p.structure, tables[k][0], NAMES, s)
        for p, k, s in zip(pages, fold, type_scores, strict=True)
    ]
    first, scores = _fit_blocks(pages, X, fold, folds, FIRST_PARAMETERS, FIRST_ROUNDS)
    uncertain = [s >= CERTAIN for s in scores]
    log("first look")
    X = [
        np.hstack([x, score_features(p.page, NAMES, s, p.words.astype(np.float32))])
        for p, x, s in zip(pages, X, scores, strict=True)
    ]
    second, again = _fit_blocks(pages, X, fold, folds, SECOND_PARAMETERS, SECOND_ROUNDS, uncertain)
    scores = [np.where(u, b, a) for u, a, b in zip(uncertain, scores, again, strict=True)]
    log("second look")
    return Fitted(odds, page_odds, page_type, first, second), list(map(Scores, scores, type_scores))


def _fit_blocks(
    pages: Sequence[LabelledPage],
    X: list[np.ndarray],
    fold: np.ndarray,
    folds: int,
    parameters: dict,
    rounds: int,
    chosen: list[np.ndarray] | None = None,
) -> tuple[lgb.Booster, list[np.ndarray]]:
    stacked, label = np.vstack(X), np.concatenate([p.labels for p in pages])
    weight = np.concatenate([_sampled_weights(p) for p in pages])
    sizes = [len(p.labels) for p in pages]
    of_block = np.repeat(fold, sizes)
    used = weight > 0 if chosen is None else (weight > 0) & np.concatenate(chosen)
    data = lgb.Dataset(stacked[used], label[used], weight=weight[used] * 1000, params=parameters)
    data.construct()
    fold_of_used = of_block[used]
    scores = np.zeros(len(label), np.float32)
    for f in range(folds):
        held = of_block == f
        if held.any():
            booster = _booster(parameters, data, fold_of_used != f, rounds)
            scores[held] = booster.predict(stacked[held], num_threads=1)
    booster = _booster(parameters, data, np.ones(len(fold_of_used), bool), rounds)
    return booster, np.split(scores, np.cumsum(sizes)[:-1])


def _sampled_weights(page: LabelledPage) -> np.ndarray:
    """Weights with all but about MAX_BLOCKS blocks of a page set to 0, the others raised so that expectations
    stay. A page of 3,000 blocks teaches hardly more than its sample and costs ten times as much."""
    weight = block_weights(page)
    if (weight > 0).sum() <= MAX_BLOCKS:
        return weight
    chance = np.minimum(1.0, MAX_BLOCKS * (0.5 * weight / weight.sum() + 0.5 / len(weight)))
    drawn = np.random.default_rng(zlib.crc32(page.id.encode())).random(len(weight)) < chance
    return np.where(drawn, weight / chance, 0)


def predict(model: Fitted, page: LabelledPage) -> Scores:
    """Scores of a page by LightGBM itself: the oracle of the compiled trees."""
    types = np.asarray(model.page_type.predict(_page_row(page, model.page_odds)[None]), np.float32)[0]
    if not len(page.labels):
        return Scores(np.zeros(0, np.float32), types)
    X = block_features(page.page, first_tokens(page.page), page.structure, model.odds, NAMES, types)
    first = np.asarray(model.first.predict(X), np.float32)
    around = score_features(page.page, NAMES, first, page.words.astype(np.float32))
    second = np.asarray(model.second.predict(np.hstack([X, around])), np.float32)
    return Scores(np.where(first >= CERTAIN, second, first), types)
