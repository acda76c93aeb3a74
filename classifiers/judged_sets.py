"""`skypile citations evaluate`: a classifier on labelled texts, with the controls that say whether to believe it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from skypile.classifiers.cross_fit import length_auc, length_correlation
from skypile.classifiers.evaluate import auc, metrics
from skypile.classifiers.model import Classifier
from skypile.errors import Refused
from skypile.runtime import files
from skypile.runtime.parquet_rows import open_parquet
from skypile.text.language import identify

SHUFFLES: Final = 1000  # of the labels, for the spread of an AUC that means nothing


class SetError(Refused):
    """A file holds no labelled texts."""


class LabelledText(NamedTuple):
    text: str
    label: bool


def labelled_texts(
    path: str, texts: Sequence[str], label: str | None, always: bool | None = None
) -> Iterator[LabelledText]:
    """Rows of a JSONL or Parquet file; the text is in the first column of `texts` that is there, the label in column
    `label`, or `always` the same.

    True, 1 and words such as good, high, clean or cited are one label; false, 0, bad, low, raw and other the other.
    """
    for number, row in enumerate(_rows(path, texts, label), 1):
        text = next((row[name] for name in texts if isinstance(row.get(name), str)), None)
        if text is None:
            raise SetError(f"{path}, row {number}: no text in {' or '.join(texts)}; it has {', '.join(map(str, row))}")
        value = always if always is not None else _label(row.get(label or ""))
        if value is None:
            raise SetError(f"{path}, row {number}: {row.get(label or '')!r} in {label!r} is no label: give 1 or 0")
        yield LabelledText(text, value)


def _label(value: object) -> bool | None:
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    known = {"true": True, "1": True, "good": True, "high": True, "clean": True, "cited": True}
    known |= {"false": False, "0": False, "bad": False, "low": False, "raw": False, "other": False}
    return known.get(value.strip().lower()) if isinstance(value, str) else None


def _rows(path: str, texts: Sequence[str], label: str | None) -> Iterator[dict[str, Any]]:
    with files.open_uri(path) as file:
        if file.read(4) == b"PAR1":
            file.seek(0)
            parquet = open_parquet(file)
            there = parquet.schema_arrow.names
            if label is not None and label not in there:
                raise SetError(f"{path} has no column {label!r}; it has {', '.join(there)}")
            for batch in parquet.iter_batches(64, columns=[name for name in there if name in (*texts, label)]):
                yield from batch.to_pylist()
            return
        file.seek(0)
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SetError(f"{path}, line {number} is no JSON: {error}") from None
            if not isinstance(row, dict):
                raise SetError(f"{path}, line {number} is no JSON object")
            yield row


def judge_set(classifiers: dict[str, Classifier], rows: Sequence[LabelledText], seed: int = 0) -> dict[str, Any]:
    """Figures by language: AUC, the AUC of log length (whichever way it tells more), the spread of the AUC under
    shuffled labels, correlation with log length, calibration error. A language without a classifier has counts alone.
    """
    languages = np.array([identify(row.text).code for row in rows], dtype=str)
    found: dict[str, Any] = {}
    for language in sorted(set(languages.tolist())):
        of_language = [row for row, code in zip(rows, languages, strict=True) if code == language]
        labels = np.array([row.label for row in of_language])
        counts = {"positives": int(labels.sum()), "negatives": int((~labels).sum())}
        if language not in classifiers:
            found[language] = counts
            continue
        scores = classifiers[language].scores([row.text for row in of_language])
        characters = np.array([len(row.text) for row in of_language])
        if not labels.any() or labels.all():
            found[language] = counts | {"mean_score": round(float(scores.mean()), 4)}
            continue
        chance = np.random.default_rng(seed)
        shuffled = [auc(scores, chance.permutation(labels)) for _ in range(SHUFFLES)]
        measured = metrics(scores, labels)
        found[language] = counts | {
            "auc": measured["auc"],
            "length_auc": length_auc(characters, labels),
            "shuffled_auc": {"mean": round(float(np.mean(shuffled)), 4), "sd": round(float(np.std(shuffled)), 4)},
            "length_correlation": length_correlation(scores, characters),
            "calibration_error": measured["calibration_error"],
        }
    return found
