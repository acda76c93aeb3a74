"""`skypile citations train`: a classifier of each language from examples, judged on hosts it has not seen.

    DIR/classifier.json, DIR/citation_en.bin …   as `model` describes them; what `quality_filter.classifier` takes
    DIR/cited.parquet                            the pages that it learned to be cited, see `nearest`
    DIR/MODEL_CARD.md                            what it was made from, how good it is, and what not to use it for

The figures are means over seeds (see `cross_fit`). The model that is saved is made as those are that were judged: some
hosts are held out, and its calibration has their offset and the judged models' slope. Cost: a fit takes 0.6 CPU ms an
example, and there are (2 folds x seeds + 1) of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow.dataset as ds

from skypile.classifiers import nearest
from skypile.classifiers.card import model_card
from skypile.classifiers.cross_fit import Judged, figures, judge, over_seeds
from skypile.classifiers.evaluate import CALIBRATION_DIGITS, platt_offset
from skypile.classifiers.model import log_odds, save
from skypile.classifiers.tokens import tokens_for_classifier
from skypile.classifiers.train import Examples, held_out_hosts, train
from skypile.config import CitationConfig
from skypile.errors import Refused
from skypile.run_folder.identity import named_files
from skypile.run_folder.once import Result, once
from skypile.runtime import files

EXAMPLES: Final = "examples"  # below the folder of a dataset
CARD: Final = "MODEL_CARD.md"
TOGETHER: Final = "all"  # the name of one model of all languages, where it is trained
_COLUMNS: Final = ["record_id", "host", "language", "characters", "cited", "source", "text"]


class TrainingError(Refused):
    """The dataset holds nothing to learn from."""


@dataclass(frozen=True)
class Learned:
    """Examples of a dataset, as far as training looks at them."""

    examples: Examples
    languages: np.ndarray  # str
    characters: np.ndarray  # int64
    sources: np.ndarray  # str

    def where(self, rows: np.ndarray) -> "Learned":
        """Those of a mask."""
        at = np.flatnonzero(rows).tolist()
        given = self.examples
        chosen = Examples(
            [given.record_ids[i] for i in at],
            [given.hosts[i] for i in at],
            given.cited[at],
            [given.lines[i] for i in at],
        )
        return Learned(chosen, self.languages[at], self.characters[at], self.sources[at])


def read_examples(folder: str, sources: Sequence[str]) -> Learned:
    """The examples below `folder` whose labels rest on `sources`, tokenised batch by batch, sorted by id."""
    fs, path = files.filesystem(files.join(folder, EXAMPLES))
    if not fs.exists(path):
        raise TrainingError(f"{folder} holds no examples: give the folder of `skypile citations dataset --output`")
    rows: list[tuple[Any, ...]] = []
    for batch in ds.dataset(path, format="parquet", filesystem=fs).to_batches(columns=_COLUMNS, batch_size=200):
        for row in batch.to_pylist():
            if row["source"] in sources:
                line = tokens_for_classifier(row["text"])
                rows.append((*(row[name] for name in _COLUMNS[:-1]), line))
    rows.sort(key=lambda row: (row[0], row[5]))
    ids, hosts, languages, characters, cited, kinds, lines = zip(*rows, strict=True) if rows else ((),) * 7
    examples = Examples(ids, hosts, np.array(cited, dtype=bool), lines)
    return Learned(examples, np.array(languages, dtype=str), np.array(characters), np.array(kinds, dtype=str))


def train_from_dataset(
    folder: str,
    output: str,
    sources: Sequence[str],
    config: CitationConfig,
    seeds: Sequence[int],
    folds: int,
    together: bool = False,
    said: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, Any], bool]:
    """Judge and train on the examples below `folder`; the manifest, whose `languages` hold the figures.

    `together`: one model of all languages, judged on each. False beside the manifest: it was there already.
    """
    folder, output = files.absolute(folder), files.absolute(output)

    def work() -> dict[str, Any]:
        learned = read_examples(folder, sources)
        if not len(learned.languages):
            raise TrainingError(f"{folder} has no example whose label rests on {' or '.join(sources)}")
        names = [TOGETHER] if together else sorted(set(learned.languages.tolist()))
        found: dict[str, Any] = {}
        models: dict[str, Any] = {}
        details: dict[str, Any] = {}
        for name in names:
            own = learned if together else learned.where(learned.languages == name)
            languages = sorted(set(own.languages.tolist()))
            judged = _judge(own, config, seeds, folds, said, name)
            model, calibration = _saved(own.examples, judged, config)
            for language in languages:
                rows = own.languages == language
                part = own.where(rows)
                found[language] = _figures(part, [_rows(one, rows) for one in judged], seeds)
                models[language] = model
                details[language] = {
                    "calibration": calibration,
                    "metrics": found[language],
                    "training": _training(own, sources),
                    "settings": config.model_dump(mode="json"),
                }
        save(output, models, details)
        nearest.keep(files.join(folder, EXAMPLES), output, sorted(models), tuple(sources))
        made = {"languages": found, "folds": folds, "seeds": list(seeds), "sources": list(sources)}
        files.write_text(files.join(output, CARD), model_card(made | {"details": details, "dataset": _made_of(folder)}))
        return made

    made_of = {
        "dataset": folder,
        "sources": sorted(sources),
        "config": config.model_dump(mode="json"),
        "seeds": list(seeds),
        "folds": folds,
        "together": together,
    }
    ours = r"^/?(citation_\w+\.bin|cited\.parquet|classifier\.json|MODEL_CARD\.md)$"
    known = Result("classifier", "citations", [folder], made_of, lambda done: named_files([folder]), ("",), ours)
    return once(output, known, work)


def _judge(
    own: Learned, config: CitationConfig, seeds: Sequence[int], folds: int, said: Callable[[str], None], name: str
) -> list[Judged]:
    hosts = min(len({*np.array(own.examples.hosts)[own.examples.cited == label]}) for label in (True, False))
    if hosts < folds:
        raise TrainingError(
            f"{name}: {hosts} hosts have one of the labels, and {folds} folds are wanted; give --folds, or more pages"
        )
    judged = []
    for seed in seeds:
        judged.append(judge(own.examples, config, folds, seed))
        said(f"{name}: seed {seed}, {len(judged)} of {len(seeds)}")
    return judged


def _saved(examples: Examples, judged: Sequence[Judged], config: CitationConfig) -> tuple[Any, dict[str, float]]:
    """The model that is kept and its calibration: the judged models' slope, the offset of its own held-out hosts."""
    model = train(examples, config).model
    held_out = held_out_hosts(examples.hosts, examples.cited, config.held_out, config.seed)
    rows = [row for row, host in enumerate(examples.hosts) if host in held_out]
    slope = round(float(np.median([one.slope for one in judged])), CALIBRATION_DIGITS)
    odds = log_odds(model, [examples.lines[row] for row in rows])
    return model, {"slope": slope, "offset": platt_offset(odds, examples.cited[rows], slope)}


def _rows(judged: Judged, rows: np.ndarray) -> Judged:
    return judged._replace(scores=judged.scores[rows], fold=judged.fold[rows])


def _figures(part: Learned, judged: Sequence[Judged], seeds: Sequence[int]) -> dict[str, Any]:
    by_seed = dict(zip(seeds, judged, strict=True))
    found = over_seeds(lambda seed: figures(by_seed[seed], part.examples.cited, part.characters), seeds)
    hosts = np.array(part.examples.hosts)
    found["positive_hosts"] = len({*hosts[part.examples.cited]})
    found["negative_hosts"] = len({*hosts[~part.examples.cited]})
    return found


def _training(own: Learned, sources: Sequence[str]) -> dict[str, Any]:
    return {
        source: {
            "cited": int((own.examples.cited & (own.sources == source)).sum()),
            "other": int((~own.examples.cited & (own.sources == source)).sum()),
        }
        for source in sources
    }


def _made_of(folder: str) -> dict[str, Any]:
    return files.read_json(files.join(folder, "manifest.json")) or {}
