"""Two token streams of equal length that differ only where two corpora do.

Documents are tokenised once, into one file. A pair of trainings sees the documents of its own share of the units (see
`corpora.Document`), which no other pair sees: so pairs are replicates, for models that have an initialisation and for
n-grams, which have none. Within a share, units stand in the order of a hash of the seed and their id, and each stream
is the beginning of its corpus in that order, up to the size of the smaller one: a faithful sample, duplicates beside
their originals, nothing twice. Documents of both corpora, of the one alone and of the other alone are each laid end to
end and cut into sequences, so that a document that comes or goes moves no other across sequence bounds.

Slots are coupled: a sequence of both streams has the same slot in both. Each slot of one that is left holds what the
other lacks, documents with two texts facing each other as far as their lengths allow. If the corpus after has a share p
of tokens that the one before lacks, about p of the slots differ, and all else is trained on alike, in the same order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import xxhash

from skypile.errors import Refused
from skypile.proxy.corpora import Document
from skypile.tokens.encoder import Encoder
from skypile.tokens.packing import append_end_of_document
from skypile.tokens.shuffle import unpermute

BOTH, BEFORE, AFTER = 0, 1, 2  # which corpus has a text

BATCH_CHARACTERS: Final = 1 << 22
TOKENS, INDEX = "tokens.bin", "documents.npz"


class Tokenised(NamedTuple):
    """The texts of two corpora as tokens, n of them, each with an end of document.

    Attributes:
        ids: all of them end to end, mapped from a file.
        starts: int64 [n + 1], where each text begins.
        kind: uint8 [n], BOTH, BEFORE or AFTER.
        units, records: uint64 [n], hashes of their names.
        end: id of the end of document.
    """

    ids: np.memmap
    starts: np.ndarray
    kind: np.ndarray
    units: np.ndarray
    records: np.ndarray
    end: int

    def tokens(self, *kinds: int) -> int:
        """Tokens of texts of these kinds."""
        return int(np.diff(self.starts)[np.isin(self.kind, kinds)].sum())

    def texts(self, *kinds: int) -> int:
        """Texts of these kinds."""
        return int(np.isin(self.kind, kinds).sum())


@dataclass(frozen=True)
class Stream(Sequence[np.ndarray]):
    """Sequences in slots.

    Attributes:
        common, own: (sequences, length) each, in the order of their documents: of both corpora, of this one alone.
        slots: int64, number of the sequence in each slot; those of `own` count on from those of `common`.
        epochs: share of the corpus that it holds (of this pair's documents).
    """

    common: np.ndarray
    own: np.ndarray
    slots: np.ndarray
    epochs: float

    def __len__(self) -> int:
        return len(self.slots)

    def __getitem__(self, slot):  # type: ignore[no-untyped-def]
        number = int(self.slots[slot])
        return self.common[number] if number < len(self.common) else self.own[number - len(self.common)]

    @property
    def tokens(self) -> int:
        """How many it holds."""
        return len(self.slots) * self.common.shape[1]

    def runs(self) -> list[np.ndarray]:
        """Its tokens in the order of documents, whatever the slots: of both corpora, and of this one alone."""
        shared = int((self.slots < len(self.common)).sum())
        return [self.common[:shared].reshape(-1), self.own[: len(self.slots) - shared].reshape(-1)]

    def digest(self) -> str:
        """Of its tokens and their order, 32 hex characters: equal for equal trainings, whatever they are part of."""
        found = xxhash.xxh3_128()
        for part in (*self.runs(), np.argsort(np.argsort(self.slots))):
            found.update(np.ascontiguousarray(part).data)
        return found.hexdigest()


def tokenise(documents: Iterable[Document], encoder: Encoder, folder: Path) -> Tokenised:
    """Encode the texts of two corpora into files below `folder`, which is made; a batch is in memory at once."""
    end = encoder.model.end_of_sentence
    if end is None:
        raise Refused("this vocabulary names no end of sentence, so nothing would part one document from the next")
    folder.mkdir(parents=True, exist_ok=True)
    lengths: list[np.ndarray] = []
    kinds: list[int] = []
    names: list[tuple[int, int]] = []
    with (folder / f"{TOKENS}.partial").open("wb") as file:
        for batch in _batches(_texts(documents)):
            ids, offsets = encoder.encode_batch([text for _, _, text in batch])
            file.write(append_end_of_document(ids, offsets, end).tobytes())
            lengths.append(np.diff(offsets) + 1)
            kinds += [kind for kind, _, _ in batch]
            names += [(_hash(document.unit), _hash(document.record_id)) for _, document, _ in batch]
    if not names:
        raise Refused("neither corpus has a document: there is nothing to train on")
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    units, records = np.array(names, np.uint64).T
    (folder / f"{TOKENS}.partial").rename(folder / TOKENS)
    kind = np.array(kinds, np.uint8)
    found = {"starts": starts, "kind": kind, "units": units, "records": records}
    np.savez(folder / f"{INDEX}.partial.npz", **found, end=end, dtype=np.dtype(encoder.id_dtype).str)
    (folder / f"{INDEX}.partial.npz").rename(folder / INDEX)  # last: with it the folder is whole
    return open_tokenised(folder)


def open_tokenised(folder: Path) -> Tokenised:
    """What `tokenise` wrote; FileNotFoundError if it did not come to its end."""
    with np.load(folder / INDEX) as found:
        ids = np.memmap(folder / TOKENS, found["dtype"].item(), "r")
        starts, kind, units, records = (found[name] for name in ("starts", "kind", "units", "records"))
        return Tokenised(ids, starts, kind, units, records, int(found["end"]))


def pair_streams(
    found: Tokenised, seed: int, number: int, pairs: int, length: int, folder: Path, coupled: bool = True
) -> tuple[Stream, Stream]:
    """The streams before and after of pair `number` of `pairs`, in sequences of `length` tokens.

    Their sequences are files in `folder`, mapped. Uncoupled, the one after has other shares, another order and other
    slots: what two trainings with other seeds and documents are.

    Raises:
        Refused: a corpus has less than one sequence for this pair.
    """
    parts = _parts(found, seed, number, pairs, length, folder / "before")
    others = parts if coupled else _parts(found, _mixed_seed(seed), number, pairs, length, folder / "after")
    n = min(len(parts[BOTH]) + len(parts[BEFORE]), len(others[BOTH]) + len(others[AFTER]))
    if not n:
        raise Refused(
            f"pair {number + 1} of {pairs} has less than one sequence of {length} tokens in one of the corpora: "
            "fewer pairs have more text each (--pairs)"
        )
    before, after = _beginning(parts[BOTH], parts[BEFORE], n), _beginning(others[BOTH], others[AFTER], n)
    common = min(before[0], after[0])
    order = unpermute(np.arange(n), n, seed)
    other_order = order if coupled else unpermute(np.arange(n), n, _mixed_seed(seed))
    return (
        _stream(parts[BOTH], parts[BEFORE], before, common, order),
        _stream(others[BOTH], others[AFTER], after, common, other_order),
    )


class _Part(NamedTuple):
    """Texts of one kind, cut into sequences."""

    rows: np.ndarray  # (sequences, length)
    places: np.ndarray  # uint64 [sequences], in the order of units: where each one's first document stands
    tokens: int  # with those after the last whole sequence

    def __len__(self) -> int:
        return len(self.rows)


def _parts(found: Tokenised, seed: int, number: int, pairs: int, length: int, folder: Path) -> list[_Part]:
    """The pair's texts of each kind."""
    share = _mixed(found.units, f"share {seed}") % np.uint64(pairs) == np.uint64(number)
    places = _mixed(found.units, f"order {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for kind in (BOTH, BEFORE, AFTER):
        chosen = np.flatnonzero(share & (found.kind == kind))
        chosen = chosen[np.lexsort((found.records[chosen], places[chosen]))]
        sizes = found.starts[chosen + 1] - found.starts[chosen]
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        whole = total // length
        first = np.searchsorted(ends, np.arange(whole) * length, side="right")
        rows = _written(found, chosen, whole * length, folder / f"{kind}.bin").reshape(whole, length)
        made.append(_Part(rows, places[chosen][first], total))
    return made


def _written(found: Tokenised, chosen: np.ndarray, tokens: int, path: Path) -> np.ndarray:
    """The first `tokens` of the chosen texts end to end, in a file that is mapped."""
    if not tokens:
        return np.empty(0, found.ids.dtype)
    left = tokens
    with path.open("wb") as file:
        for first, last in zip(found.starts[chosen].tolist(), found.starts[chosen + 1].tolist(), strict=True):
            file.write(found.ids[first : min(last, first + left)].tobytes())
            left -= last - first
            if left <= 0:
                break
    return np.memmap(path, found.ids.dtype, "r")


def _beginning(common: _Part, own: _Part, n: int) -> tuple[int, int]:
    """How many sequences of each part are among the first n, in the order of units."""
    both = np.concatenate([common.places, own.places])
    first = np.argsort(both, kind="stable")[:n] < len(common)
    return int(first.sum()), int(n - first.sum())


def _stream(common: _Part, own: _Part, taken: tuple[int, int], shared: int, order: np.ndarray) -> Stream:
    """Slots before they are mixed: the shared sequences, then own ones, spread, and common ones the other lacks."""
    left = len(order) - shared
    rest = np.full(left, -1)
    rest[np.arange(taken[1]) * left // max(1, taken[1])] = len(common) + np.arange(taken[1])
    rest[rest < 0] = np.arange(shared, taken[0])
    slots = np.concatenate([np.arange(shared), rest])[order]
    return Stream(common.rows, own.rows, slots, len(order) * common.rows.shape[1] / (common.tokens + own.tokens))


def _texts(documents: Iterable[Document]) -> Iterator[tuple[int, Document, str]]:
    for document in documents:
        if document.before is not None and document.before == document.after:
            yield BOTH, document, document.before
            continue
        if document.before is not None:
            yield BEFORE, document, document.before
        if document.after is not None:
            yield AFTER, document, document.after


def _batches(texts: Iterable[tuple[int, Document, str]]) -> Iterator[list[tuple[int, Document, str]]]:
    batch: list[tuple[int, Document, str]] = []
    held = 0
    for text in texts:
        batch.append(text)
        held += len(text[2])
        if held >= BATCH_CHARACTERS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))


def _mixed_seed(seed: int) -> int:
    return _hash(f"another {seed}") >> 2


def _mixed(hashes: np.ndarray, purpose: str) -> np.ndarray:
    """Hashes anew, for one purpose: SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    mixed = hashes + np.uint64(_hash(purpose))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
