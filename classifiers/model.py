"""A trained classifier on disk and in a worker's memory.

A folder holds `classifier.json` and one fastText file a language. The JSON names the labels, the dimension,
the tokenisation's version, the calibration and each file's SHA-256; all are checked on load, because a model
that is fed other tokens, or whose labels are swapped, still gives numbers.
"""

import functools
import hashlib
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import fasttext
import numpy as np

from skypile.classifiers.tokens import VERSION, tokens_for_classifier
from skypile.errors import Refused
from skypile.runtime import files

MANIFEST: Final = "classifier.json"
SCORE_DIGITS: Final = 6  # as many as of the rules' measures; fastText's float32 has one more
CITED: Final = "__label__cited"
OTHER: Final = "__label__other"
_SMOOTHED: Final = 1e-5  # fastText adds it to each probability, so that its logarithm exists
_LEAST: Final = 1e-7  # of a probability that is told from 0 in its 32 bits


class ClassifierError(Refused):
    """The folder holds no classifier, a damaged one, or one this version cannot use."""


@dataclass(frozen=True)
class Classifier:
    """The classifier of one language."""

    model: Any
    slope: float
    offset: float

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """P(cited) of each text at even odds, calibrated: float64, shape (len(texts),)."""
        return calibrated(
            log_odds(self.model, [tokens_for_classifier(text) for text in texts]), self.slope, self.offset
        )


def log_odds(model: Any, lines: Sequence[str]) -> np.ndarray:
    """ln P(cited) / P(other) as fastText sees it, one for each line of tokens: float64."""
    if not lines:
        return np.zeros(0)
    labels, probabilities = model.predict(list(lines), k=2)
    odds = np.empty(len(lines))
    for row, (names, values) in enumerate(zip(labels, probabilities, strict=True)):
        found = {name: max(value - _SMOOTHED, _LEAST) for name, value in zip(names, values, strict=True)}
        odds[row] = math.log(found.get(CITED, _LEAST) / found.get(OTHER, _LEAST)) if found else 0.0
    return odds


def calibrated(odds: np.ndarray, slope: float, offset: float) -> np.ndarray:
    """Platt scaling: 1 / (1 + exp(-(slope * odds + offset))), rounded as it is stored, compared and shown: the last
    digit of a logarithm differs between makes of processor."""
    found: np.ndarray = np.round(1 / (1 + np.exp(-np.clip(slope * odds + offset, -30, 30))), SCORE_DIGITS)
    return found


def save(folder: str, models: dict[str, Any], details: dict[str, dict[str, Any]]) -> None:
    """Write fastText `models` and what is known of them (calibration, metrics, training set) by language."""
    fs, inner = files.filesystem(folder)
    fs.makedirs(inner, exist_ok=True)
    described = {}
    for language, model in sorted(models.items()):
        name = f"citation_{language}.bin"
        with tempfile.TemporaryDirectory() as local:
            path = Path(local) / name
            model.save_model(str(path))
            content = path.read_bytes()
        with fs.open(files.join(inner, name), "wb") as file:
            file.write(content)
        described[language] = {
            "file": name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "labels": [CITED, OTHER],
            "dimension": model.get_dimension(),
            **details[language],
        }
    files.write_json(files.join(folder, MANIFEST), {"tokens": VERSION, "languages": described})


def load(folder: str) -> dict[str, Classifier]:
    """The classifier of each language in `folder`. Files are read once a process and version."""
    manifest = files.read_json(files.join(folder, MANIFEST))
    if manifest is None:
        raise ClassifierError(f"{folder} holds no {MANIFEST}: give the folder that training wrote, not a .bin file")
    if manifest.get("tokens") != VERSION:
        raise ClassifierError(
            f"{folder} was trained on tokens of version {manifest.get('tokens')}, not {VERSION}: train it anew"
        )
    return {
        language: _load_one(files.join(folder, entry["file"]), json.dumps(entry, sort_keys=True))
        for language, entry in manifest["languages"].items()
    }


@functools.lru_cache(maxsize=8)
def _load_one(path: str, entry_json: str) -> Classifier:
    entry = json.loads(entry_json)
    with files.open_uri(path) as file:
        content = file.read()
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry["sha256"]:
        raise ClassifierError(
            f"{path} has SHA-256 {digest}, {MANIFEST} says {entry['sha256']}: a damaged or other file"
        )
    with tempfile.NamedTemporaryFile(suffix=".bin") as local:  # fastText opens local files alone
        local.write(content)
        local.flush()
        model = fasttext.load_model(local.name)
    if sorted(model.get_labels()) != sorted(entry["labels"]) or sorted(entry["labels"]) != sorted([CITED, OTHER]):
        raise ClassifierError(f"{path} has labels {model.get_labels()}, not {[CITED, OTHER]}")
    if model.get_dimension() != entry["dimension"]:
        raise ClassifierError(f"{path} has dimension {model.get_dimension()}, {MANIFEST} says {entry['dimension']}")
    slope, offset = entry["calibration"]["slope"], entry["calibration"]["offset"]
    return Classifier(model, float(slope), float(offset))
