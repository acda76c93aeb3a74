"""Two corpora compared by the models that they make: pairs of trainings on coupled streams, judged on held-out text.

`compare_corpora` takes documents before and after (`skypile.proxy.corpora`), trains a proxy on each stream of each pair
(`skypile.proxy.streams`), and judges the differences of their losses in bits per byte, domain by domain
(`skypile.proxy.statistics`). A finished training is kept by the digest of all it was made of, so that an interrupted
comparison goes on, more treatments of one run share their trainings, and the same question twice costs no training.
"""

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import xxhash

from skypile.errors import Refused
from skypile.proxy.corpora import Document
from skypile.proxy.pairs import PAIRS, Proxy
from skypile.proxy.statistics import Comparison, compare
from skypile.proxy.streams import Stream, common_stream, halves, pair_streams
from skypile.proxy.tokenised import AFTER, BEFORE, BOTH, Tokenised, tokenise
from skypile.proxy.validation import Validation
from skypile.runtime import files
from skypile.tokens.encoder import Encoder

# From tokens to what trains on them and is judged on texts.
MakeProxy = Callable[[Tokenised, Encoder, Sequence[str]], Proxy]


@dataclass(frozen=True)
class Plan:
    """How corpora are compared.

    Attributes:
        pairs: of trainings, each on documents of its own; at least 2.
        seed: of shares, orders and initialisations.
        coupled: False only to see what coupling is worth.
        until_decided: stop after the pair with which every domain is decided, at every rate.
        budgets: most tokens of the streams of each pair; empty: as many as the smaller corpus has.
    """

    pairs: int = PAIRS
    seed: int = 0
    coupled: bool = True
    until_decided: bool = False
    budgets: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.pairs < 2:
            raise Refused(f"pairs={self.pairs}: one pair shows no spread to hold its difference against; 2 at least")


class Row(NamedTuple):
    """The difference in one domain and language, after minus before, in bits per byte: above 0, after is worse."""

    domain: str
    language: str
    rate: float | None
    texts: int
    comparison: Comparison


@dataclass(frozen=True)
class Finding:
    """What came of a comparison.

    Attributes:
        name: of the treatment.
        gone, come: texts that only the corpus before has, and only the one after.
        share: of the tokens of the corpus after, those that the one before lacks.
        common: tokens that all trainings began with in common.
        tokens: that each training saw behind them, on average.
        budgets: tokens of the streams of each pair.
        epochs: share of its documents that a training saw, before and after; above 1 if some were repeated.
        rows: domain by domain.
        notes: what was not judged, or left out.
    """

    name: str
    gone: int
    come: int
    share: float
    common: int
    tokens: int
    epochs: tuple[float, float]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    budgets: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [row._asdict() | {"comparison": row.comparison._asdict()} for row in self.rows]
        lists = {"epochs": list(self.epochs), "notes": list(self.notes), "budgets": list(self.budgets)}
        return asdict(self) | {"rows": rows} | lists


def compare_corpora(
    name: str,
    documents: Iterable[Document],
    sets: Sequence[Validation],
    make: MakeProxy,
    encoder: Encoder,
    plan: Plan,
    trainings: str | None = None,
    notes: Sequence[str] = (),
    told: Callable[[int, int], None] = lambda done, of: None,
) -> Finding:
    """Judge the corpus after by that before.

    Args:
        documents: of both corpora, read once.
        sets: validation texts, at least two a set.
        trainings: folder of finished trainings, made where there is none; None: nothing is kept.
        notes: passed on, as they are after `documents` came to their end
        told: called with the number of trainings that are done, and of all.

    Raises:
        Refused: a corpus is empty or too small for so many pairs, or a set has less than two texts.
    """
    check_sets(sets)
    texts = [text for one in sets for text in one.texts]
    sizes = np.array([len(text.encode()) for text in texts], np.float64)
    with tempfile.TemporaryDirectory(prefix="skypile-ablate-") as scratch:
        folder = Path(scratch)
        found = tokenise(documents, encoder, folder / "tokens")
        if not found.texts(BEFORE, AFTER):
            return Finding(name, 0, 0, 0.0, 0, 0, (1.0, 1.0), (), (*notes, "it changes no document"))
        proxy = make(found, encoder, texts)
        keep = _Kept(trainings, f"{proxy.identity} {digest(texts)}", proxy.seeded)
        beginning, of_pairs = None, proxy.found
        if proxy.common:
            of_all, of_pairs = halves(proxy.found, plan.seed)
            beginning = _Beginning(proxy, plan, common_stream(of_all, plan.seed, proxy.length, folder / "common"))
        tokens, epochs, budgets = [], [], []
        differences = np.empty((0, len(proxy.rates), len(texts)))
        for number in range(plan.pairs):
            seed = plan.seed + 1_000 * number
            streams = pair_streams(
                of_pairs,
                plan.seed,
                number,
                plan.pairs,
                proxy.length,
                folder / f"pair-{number}",
                plan.coupled,
                ordered=proxy.seeded,
                most=_budget(plan, number),
            )
            budgets.append(streams[0].tokens)
            seeds = (seed, seed if plan.coupled else seed + 500)
            nats = []

            def trained(stream: Stream, seed: int) -> np.ndarray:
                return keep.trained(stream, seed, proxy.train, beginning)

            for of_side in _both(trained, streams, seeds, proxy.at_once):
                nats.append(of_side)
                told(2 * number + len(nats), 2 * plan.pairs)
            bits = (nats[1] - nats[0]) / math.log(2) / sizes
            differences = np.concatenate([differences, bits[None]])
            budget = proxy.tokens or streams[0].tokens
            tokens.append(budget)
            epochs.append([stream.epochs * budget / stream.tokens for stream in streams])
            if plan.until_decided and number and all(row.comparison.decided for row in _rows(differences, sets, proxy)):
                break
    before, after = np.mean(epochs, axis=0).tolist()
    return Finding(
        name,
        found.texts(BEFORE),
        found.texts(AFTER),
        found.tokens(AFTER) / max(1, found.tokens(BOTH, AFTER)),
        proxy.common,
        round(float(np.mean(tokens))),
        (before, after),
        _rows(differences, sets, proxy),
        tuple(notes),
        tuple(budgets),
    )


def _budget(plan: Plan, number: int) -> int | None:
    """Most tokens of a pair; of one beyond those that were counted, as many as the smallest of them had."""
    if not plan.budgets:
        return None
    return plan.budgets[number] if number < len(plan.budgets) else min(plan.budgets)


def _both(
    train: Callable[[Stream, int], np.ndarray], streams: Sequence[Stream], seeds: Sequence[int], at_once: int
) -> Iterator[np.ndarray]:
    """What `train` gives for each, in their order, where `at_once` allows each in a thread of its own."""
    if at_once == 1:
        yield from map(train, streams, seeds)
        return
    with ThreadPool(at_once) as pool:  # of daemons: an interrupted command does not wait for them
        yield from pool.imap(lambda one: train(*one), list(zip(streams, seeds, strict=True)))


def check_sets(sets: Sequence[Validation]) -> None:
    """Refused, if there is no set or one of a single text."""
    if not sets:
        raise Refused("there is nothing to validate on: name files, or hold out a share of the run's hosts")
    for one in sets:
        if len(one.texts) < 2:
            raise Refused(f"{one.domain} ({one.language}) has one text: the spread over texts needs at least two")


def _rows(differences: np.ndarray, sets: Sequence[Validation], proxy: Proxy) -> tuple[Row, ...]:
    """differences: float64 [pairs, rates, texts], in bits per byte."""
    rows = []
    first = 0
    for one in sets:
        last = first + len(one.texts)
        sizes = np.array([len(text.encode()) for text in one.texts], np.float64)
        for at, rate in enumerate(proxy.rates):
            judged = compare(differences[:, at, first:last], sizes)
            rows.append(Row(one.domain, one.language, rate, len(one.texts), judged))
        first = last
    return tuple(rows)


class _Beginning:
    """What trainings begin with, trained when the first asks for it: one for all, or uncoupled one for each seed."""

    def __init__(self, proxy: Proxy, plan: Plan, stream: Stream):
        self._proxy, self._plan, self._stream = proxy, plan, stream
        self._digest = stream.digest()
        self._lock = Lock()
        self._shared: Any = None

    def identity(self, seed: int) -> str:
        """Of what the training with this seed begins with."""
        return f"{self._digest} {self._seed(seed)}"

    def of(self, seed: int) -> Any:
        """What the training with this seed begins with."""
        if not self._plan.coupled:
            return self._proxy.begin(self._stream, seed)
        with self._lock:
            if self._shared is None:
                self._shared = self._proxy.begin(self._stream, self._seed(seed))
            return self._shared

    def _seed(self, seed: int) -> int:
        return self._plan.seed if self._plan.coupled else seed


class _Kept(NamedTuple):
    """Finished trainings in a folder, by what they were made of."""

    folder: str | None
    identity: str
    seeded: bool

    def trained(
        self, stream: Stream, seed: int, train: Callable[[Stream, int, Any], np.ndarray], beginning: _Beginning | None
    ) -> np.ndarray:
        """What training gives, or gave."""
        if self.folder is None:
            return train(stream, seed, beginning and beginning.of(seed))
        made_of = f"{self.identity} {stream.digest()} {seed if self.seeded else ''}".strip()
        if beginning:
            made_of += f" {beginning.identity(seed)}"
        path = files.join(self.folder, f"{digest([made_of])}.json")
        done = files.read_json(path)
        if done is None or done.get("made_of") != made_of:
            done = {"made_of": made_of, "nats": train(stream, seed, beginning and beginning.of(seed)).tolist()}
            files.write_json(path, done)
        return np.array(done["nats"], np.float64)


def digest(texts: Sequence[str]) -> str:
    """Of texts in their order, 32 hex characters."""
    found = xxhash.xxh3_128()
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        found.update(len(encoded).to_bytes(8, "little") + encoded)
    return found.hexdigest()
