"""Train, calibrate and measure the classifier of one language.

fastText, supervised (Joulin et al. 2016): bag of words and bigrams, a linear layer. Hosts, not pages, are
held out, because pages of one host share a template and a topic and would flatter the figures. One thread
and a fixed seed and order make the model the same bytes on every run. Cost: 1.5 CPU seconds for 2,600 pages.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fasttext
import numpy as np

from skypile.classifiers.evaluate import metrics, platt
from skypile.classifiers.model import CITED, OTHER, calibrated, log_odds
from skypile.config import CitationConfig
from skypile.runtime.local_dirs import own_folder


@dataclass(frozen=True)
class Trained:
    model: Any
    calibration: dict[str, float]
    metrics: dict[str, Any]  # on the held-out hosts


@dataclass(frozen=True)
class Examples:
    """Texts to learn from: parallel sequences, in any order."""

    record_ids: Sequence[str]
    hosts: Sequence[str]
    cited: np.ndarray  # bool
    lines: Sequence[str]  # tokens_for_classifier(text)


def train(examples: Examples, config: CitationConfig) -> Trained:
    """Fit on the hosts that are not held out; calibrate and measure on those that are.

    ValueError if the examples lack one of the labels.
    """
    if not examples.cited.any() or examples.cited.all():
        raise ValueError(
            f"{int(examples.cited.sum())} of {len(examples.cited)} examples are cited: both labels are needed"
        )
    held_out = held_out_hosts(examples.hosts, examples.cited, config.held_out, config.seed)
    out = np.array([host in held_out for host in examples.hosts])
    # One order, whatever order the examples come in: of what is learned, and of the sums that calibrate.
    order = np.array(sorted(range(len(out)), key=lambda i: _hash(examples.record_ids[i], config.seed)))
    learned, judged = order[~out[order]], order[out[order]]
    model = _fit(((examples.cited[i], examples.lines[i]) for i in learned), config)
    odds = log_odds(model, [examples.lines[i] for i in judged])
    positive = examples.cited[judged]
    slope, offset = platt(odds, positive)
    measured = metrics(calibrated(odds, slope, offset), positive)
    measured |= {"hosts": len(held_out), "trained_on": int((~out).sum())}
    return Trained(model, {"slope": slope, "offset": offset}, measured)


def held_out_hosts(hosts: Sequence[str], cited: np.ndarray, share: float, seed: int) -> set[str]:
    """Hosts, in the order of a keyed hash, until they hold `share` of the examples of each label.

    A host that would take more than half of a label's examples stays in training.
    """
    counts: dict[str, np.ndarray] = {}
    for host, label in zip(hosts, cited, strict=True):
        counts.setdefault(host, np.zeros(2, dtype=np.int64))[int(label)] += 1
    total = np.array([(~cited).sum(), cited.sum()])
    taken, chosen = np.zeros(2, dtype=np.int64), set()
    for host in sorted(counts, key=lambda name: _hash(name, seed)):
        wanted = (counts[host] > 0) & (taken < share * total)
        if wanted.any() and (taken + counts[host] <= total / 2).all():
            chosen.add(host)
            taken += counts[host]
    return chosen


def fit(examples: Examples, rows: np.ndarray, config: CitationConfig) -> Any:
    """A fastText model of some rows of the examples, in an order of its own: the same whatever order they come in."""
    order = sorted(rows.tolist(), key=lambda row: _hash(examples.record_ids[row], config.seed))
    return _fit(((examples.cited[row], examples.lines[row]) for row in order), config)


def host_order(host: str, seed: int) -> bytes:
    """What hosts are sorted by to be split: a keyed hash."""
    return _hash(host, seed)


def _fit(examples: Iterable[tuple[bool, str]], config: CitationConfig) -> Any:
    with tempfile.TemporaryDirectory(dir=own_folder()) as folder:
        path = Path(folder) / "train.txt"
        with path.open("w", encoding="utf-8") as file:
            for cited, line in examples:
                file.write(f"{CITED if cited else OTHER} {line}\n")
        return fasttext.train_supervised(
            str(path),
            lr=config.learning_rate,
            dim=config.dimension,
            epoch=config.epochs,
            wordNgrams=2,
            minCount=2,
            bucket=config.buckets,
            thread=1,
            seed=config.seed,
            verbose=0,
        )


def _hash(key: str, seed: int) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=8, key=str(seed).encode()).digest()
