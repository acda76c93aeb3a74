"""Two token streams of equal length that differ only where two corpora do.

Documents are tokenised once, into one file. A pair of trainings sees the documents of its own share of the units (see
`corpora.Document`), which no other pair sees: so pairs are replicates, for models that have an initialisation and for
n-grams, which have none. Within a share, units stand in the order of a hash of the seed and their id, and each stream
is the beginning of its corpus in that order, up to the size of the smaller one: a faithful sample, duplicates beside
their originals, nothing twice. Documents of both corpora, of the one alone and of the other alone are each laid end to
end and cut into sequences, so that a document that comes or goes moves no other across sequence bounds.

Slots are coupled: a sequence of both streams has the same slot in both. Each slot of one that is left holds what the
other lacks. If the corpus after has a share p of tokens that the one before lacks, about p of the slots differ, and all
else is trained on alike, in the same order.

Two texts of one document would drift apart, each a little longer or shorter than the other, until the same slot held
other documents. So their beginnings, up to the length of the shorter one, are laid end to end by themselves: every
document then begins at the same place in both. What the longer one has beyond is cut off with an end of document and
stands among the texts of its corpus alone. A model without an order of training, an n-gram, is spared the cut.

What all trainings of a comparison may begin with in common (`common_stream`) is made of units that no pair sees
(`halves`), and each of its slots is drawn from one stream or the other: it is of both corpora alike, and favours none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xxhash

from skypile.errors import Refused
from skypile.proxy.tokenised import AFTER, BEFORE, BOTH, NEITHER, Tokenised, name_hash
from skypile.tokens.shuffle import unpermute


@dataclass(frozen=True)
class Stream(Sequence[np.ndarray]):
    """Sequences in slots.

    Attributes:
        parts: (sequences, length) each, in the order of their documents: of both corpora, facing, of this one alone.
        slots: int64, number of the sequence in each slot, counted on from part to part.
        epochs: share of the corpus that it holds (of this pair's documents).
    """

    parts: tuple[np.ndarray, ...]
    slots: np.ndarray
    epochs: float

    def __len__(self) -> int:
        return len(self.slots)

    def __getitem__(self, slot):  # type: ignore[no-untyped-def]
        number = int(self.slots[slot])
        for part in self.parts:
            if number < len(part):
                return part[number]
            number -= len(part)
        raise IndexError(slot)

    @property
    def tokens(self) -> int:
        """How many it holds."""
        return len(self.slots) * self.parts[0].shape[1]

    def runs(self) -> list[np.ndarray]:
        """Its tokens in the order of documents, whatever the slots, part by part."""
        ends = np.cumsum([len(part) for part in self.parts])
        taken = np.bincount(np.searchsorted(ends, self.slots, side="right"), minlength=len(self.parts))
        return [part[:n].reshape(-1) for part, n in zip(self.parts, taken.tolist(), strict=True)]

    def digest(self) -> str:
        """Of its tokens and their order, 32 hex characters: equal for equal trainings, whatever they are part of."""
        found = xxhash.xxh3_128()
        for part in (*self.runs(), np.argsort(np.argsort(self.slots))):
            found.update(np.ascontiguousarray(part).data)
        return found.hexdigest()


def pair_streams(
    found: Tokenised,
    seed: int,
    number: int,
    pairs: int,
    length: int,
    folder: Path,
    coupled: bool = True,
    ordered: bool = True,
    most: int | None = None,
) -> tuple[Stream, Stream]:
    """The streams before and after of pair `number` of `pairs`, in sequences of `length` tokens.

    Their sequences are files in `folder`, mapped. Uncoupled, the one after has other shares, another order and other
    slots: what two trainings with other seeds and documents are. `ordered` tells whether slots matter to what is
    trained: if not, no text is cut to face another. `most`: tokens that a stream may hold; None: as many as there are.

    Raises:
        Refused: a corpus has less than one sequence for this pair.
    """
    parts = _parts(found, seed, number, pairs, length, folder / "before", ordered)
    other_seed = seed if coupled else _mixed_seed(seed)
    others = parts if coupled else _parts(found, other_seed, number, pairs, length, folder / "after", ordered)
    mine, theirs = parts[BEFORE], others[AFTER]
    n = min(sum(map(len, mine)), sum(map(len, theirs)))
    if most is not None:
        n = min(n, most // length)
    if not n:
        raise Refused(
            f"pair {number + 1} of {pairs} has less than one sequence of {length} tokens in one of the corpora: "
            "fewer pairs have more text each (--pairs)"
        )
    taken = [_beginning(one, n) for one in (mine, theirs)]
    shared = np.minimum(*taken)[:-1]
    orders = [unpermute(np.arange(n), n, one) for one in (seed, other_seed)]
    return _stream(mine, taken[0], shared, orders[0]), _stream(theirs, taken[1], shared, orders[1])


def halves(found: Tokenised, seed: int) -> tuple[Tokenised, Tokenised]:
    """The same texts twice, each unit hidden in one: for `common_stream`, and for the pairs."""
    common = (_mixed(found.units, f"common {seed}") >> np.uint64(63)).astype(bool)
    first, second = (found._replace(kind=np.where(shown, found.kind, NEITHER)) for shown in (common, ~common))
    return first, second


def common_stream(found: Tokenised, seed: int, length: int, folder: Path) -> Stream:
    """A stream of both corpora: each slot is that of the stream before or of the one after, as it falls.

    Its sequences are a file in `folder`, mapped; `epochs` is the mean of both.

    Raises:
        Refused: a corpus has less than one sequence.
    """
    streams = pair_streams(found, seed, 0, 1, length, folder)
    sides = _mixed(np.arange(len(streams[0]), dtype=np.uint64), f"side {seed}") >> np.uint64(63)
    with (folder / "common.bin").open("wb") as file:
        for slot, side in enumerate(sides.tolist()):
            file.write(np.ascontiguousarray(streams[side][slot]).tobytes())
    rows = np.memmap(folder / "common.bin", found.ids.dtype, "r", shape=(len(sides), length))
    return Stream((rows,), np.arange(len(rows)), (streams[0].epochs + streams[1].epochs) / 2)


class _Part(NamedTuple):
    """Texts of one kind, cut into sequences."""

    rows: np.ndarray  # (sequences, length)
    places: np.ndarray  # uint64 [sequences], in the order of units: where each one's first document stands
    tokens: int  # with those after the last whole sequence

    def __len__(self) -> int:
        return len(self.rows)


class _Pieces(NamedTuple):
    """Parts of texts, in their order; one that is `cut` has an end of document in place of its last token."""

    firsts: np.ndarray  # int64, where each begins among the tokens
    sizes: np.ndarray  # int64
    cut: np.ndarray  # bool
    places: np.ndarray  # uint64, of their units


def _parts(
    found: Tokenised, seed: int, number: int, pairs: int, length: int, folder: Path, ordered: bool
) -> dict[int, list[_Part]]:
    """The parts of the pair's streams before and after: of both corpora, facing, of the one alone."""
    share = _mixed(found.units, f"share {seed}") % np.uint64(pairs) == np.uint64(number)
    places = _mixed(found.units, f"order {seed}")
    folder.mkdir(parents=True, exist_ok=True)

    def texts(kind: int) -> tuple[np.ndarray, _Pieces]:
        those = np.flatnonzero(share & (found.kind == kind))
        those = those[np.lexsort((found.records[those], places[those]))]
        sizes = found.starts[those + 1] - found.starts[those]
        return found.records[those], _Pieces(found.starts[those], sizes, np.zeros(len(those), bool), places[those])

    def part(name: str, pieces: _Pieces) -> _Part:
        return _cut(found, pieces, length, folder / f"{name}.bin")

    both = part("both", texts(BOTH)[1])
    sides = {kind: texts(kind) for kind in (BEFORE, AFTER)}
    twins = np.array(np.intersect1d(sides[BEFORE][0], sides[AFTER][0], return_indices=True)[1:])
    twins = twins[:, np.argsort(twins[0])] if ordered else twins[:, :0]
    common = np.minimum(*(sides[kind][1].sizes[at] for kind, at in zip(sides, twins, strict=True)))
    made = {}
    for (kind, (_, pieces)), at in zip(sides.items(), twins, strict=True):
        cut = pieces.sizes[at] > common
        facing = _Pieces(pieces.firsts[at], common, cut, pieces.places[at])
        used = np.zeros(len(pieces.sizes), np.int64)
        used[at] = common - cut
        left = _Pieces(pieces.firsts + used, pieces.sizes - used, pieces.cut, pieces.places)
        left = _Pieces(*(column[pieces.sizes > used] for column in left))
        made[kind] = [both, part(f"{kind}-facing", facing), part(f"{kind}-alone", left)]
    return made


def _cut(found: Tokenised, pieces: _Pieces, length: int, path: Path) -> _Part:
    """Pieces end to end in a file that is mapped, in sequences; what is left after the last whole one is not in it."""
    ends = np.cumsum(pieces.sizes)
    total = int(ends[-1]) if len(ends) else 0
    whole = total // length
    first = np.searchsorted(ends, np.arange(whole) * length, side="right")
    if not whole:
        return _Part(np.empty((0, length), found.ids.dtype), pieces.places[first], total)
    end = np.array([found.end], found.ids.dtype)
    with path.open("wb") as file:
        for at, size, cut in zip(pieces.firsts.tolist(), pieces.sizes.tolist(), pieces.cut.tolist(), strict=True):
            file.write(found.ids[at : at + size - cut].tobytes())
            if cut:
                file.write(end.tobytes())
    rows = np.memmap(path, found.ids.dtype, "r", shape=(whole, length))
    return _Part(rows, pieces.places[first], total)


def _beginning(parts: Sequence[_Part], n: int) -> np.ndarray:
    """How many sequences of each part are among the first n, in the order of units."""
    part = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
    first = np.argsort(np.concatenate([one.places for one in parts]), kind="stable")[:n]
    return np.bincount(part[first], minlength=len(parts))


def _stream(parts: Sequence[_Part], taken: np.ndarray, shared: np.ndarray, order: np.ndarray) -> Stream:
    """Slots before they are mixed: what both streams have or face, then the part alone, spread among what is over."""
    starts = np.cumsum([0, *map(len, parts)])
    alone = int(taken[-1])
    coupled = [start + np.arange(n) for start, n in zip(starts, shared, strict=False)]
    over = [start + np.arange(n, most) for start, n, most in zip(starts, shared, taken, strict=False)]
    left = len(order) - int(shared.sum())
    rest = np.full(left, -1)
    rest[np.arange(alone) * left // max(1, alone)] = starts[len(shared)] + np.arange(alone)
    rest[rest < 0] = np.concatenate(over)
    slots = np.concatenate([*coupled, rest])[order]
    rows = tuple(part.rows for part in parts)
    return Stream(rows, slots, len(order) * rows[0].shape[1] / sum(part.tokens for part in parts))


def _mixed_seed(seed: int) -> int:
    return name_hash(f"another {seed}") >> 2


def _mixed(hashes: np.ndarray, purpose: str) -> np.ndarray:
    """Hashes anew, for one purpose: SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    mixed = hashes + np.uint64(name_hash(purpose))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
