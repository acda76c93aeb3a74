"""The trained model: tables and trees in one .npz file beside this module (see MODEL_CARD.md). No pickle."""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skypile.extraction.fast.trees import Trees, trees_of
from skypile.extraction.fast.wording import ATTRIBUTE_ODDS, Odds

SHIPPED = Path(__file__).with_name("model.npz")
# Bumped whenever a feature changes meaning, or how trees are kept: a model of another version would be silently wrong.
FEATURES_VERSION = 2
TREE_ARRAYS = ("nodes", "value", "root", "depth")  # of which the others are made


class Model(NamedTuple):
    """`page_odds`: float32 [2**15, page types]; the three sets of trees, in the order they are asked."""

    odds: Odds
    page_odds: np.ndarray
    page_type: Trees
    first: Trees
    second: Trees


def save(model: Model, path: Path) -> None:
    """Write the model; log-odds are kept as float16, which moves a score by less than 0.001."""
    arrays: dict[str, np.ndarray] = {"version": np.array(FEATURES_VERSION)}
    for name, column in zip(ATTRIBUTE_ODDS, model.odds.attribute.T, strict=True):
        arrays[f"odds.{name}"] = column.astype(np.float16)
    arrays["odds.text"] = model.odds.text.astype(np.float16)
    arrays["page_odds"] = model.page_odds.astype(np.float16)
    for part in ("page_type", "first", "second"):
        for name in TREE_ARRAYS:
            arrays[f"{part}.{name}"] = getattr(getattr(model, part), name)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load(path: Path = SHIPPED) -> Model:
    """Read a model; ValueError where it was trained for other features than this code computes."""
    with np.load(path, allow_pickle=False) as arrays:
        if (version := int(arrays["version"])) != FEATURES_VERSION:
            raise ValueError(
                f"{path} was trained on features of version {version}, this code computes {FEATURES_VERSION}: "
                "retrain it with `make train-extraction`"
            )
        attribute = np.stack([arrays[f"odds.{name}"].astype(np.float32) for name in ATTRIBUTE_ODDS], axis=1)
        odds = Odds(attribute, arrays["odds.text"].astype(np.float32))
        trees = (trees_of(*(arrays[f"{part}.{name}"] for name in TREE_ARRAYS)) for part in Model._fields[2:])
        return Model(odds, arrays["page_odds"].astype(np.float32), *trees)


@functools.cache
def shipped() -> Model:
    """The model of this package, read once a process."""
    return load()
