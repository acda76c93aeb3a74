"""A small vocabulary out of a large one: what a corpus uses, and bytes for the rest.

A proxy of a million parameters over 65,536 pieces would be nearly all embedding and head, and several times slower for
it. So it keeps the pieces that its corpus holds at least so often. Every other piece is spelled in the fewest pieces
that are kept, a character that none of them holds in the vocabulary's byte pieces. Nothing is lost and nothing is
unknown: the spelling decodes to the same text, and the bits that a text costs are bits for all of it. (On 2,686 pages
8,192 entries make 1.13 tokens of each, 4,096 make 1.30; spelled a character at a time they made 1.36 and 1.71.)

Compact id 0 is the end of document, 1 to 256 are the bytes, the pieces kept follow in the order of their own ids. The
space's piece is always kept: as bytes of U+2581 it would be three tokens, and would decode to that character.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from skypile.errors import Refused
from skypile.tokens.piece_model import BYTE, CONTROL, META_SPACE, NORMAL, USER_DEFINED, PieceModel

END_OF_DOCUMENT = 0
BYTES = 256


@dataclass(frozen=True)
class CompactVocabulary:
    """Pieces of a vocabulary that are kept, and how the others are spelled.

    Attributes:
        kept: int32 [size], the vocabulary's own id of each compact id.
        spelling: int32, compact ids of all the vocabulary's ids, end to end.
        starts: int64 [pieces + 1]; id i is spelled spelling[starts[i]:starts[i + 1]].
    """

    kept: np.ndarray
    spelling: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.kept)

    def spell(self, ids: np.ndarray) -> np.ndarray:
        """Compact ids of the vocabulary's ids, int32."""
        return self._spell(ids)[0]

    def spell_batch(self, ids: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same for texts as `Encoder.encode_batch` gives them: compact ids, and where each text's begin (n + 1)."""
        spelled, ends = self._spell(ids)
        return spelled, ends[offsets]

    def _spell(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ids = np.asarray(ids, np.int64)
        sizes = self.starts[ids + 1] - self.starts[ids]
        ends = np.concatenate([[0], np.cumsum(sizes)])
        at = np.arange(ends[-1]) + np.repeat(self.starts[ids] - ends[:-1], sizes)
        return self.spelling[at], ends


def count(chunks: Iterable[np.ndarray], pieces: int) -> np.ndarray:
    """How often each of a vocabulary's ids occurs in runs of ids: int64 [pieces].

    Raises:
        Refused: an id is no id of the vocabulary: the shards were packed with another one.
    """
    total = np.zeros(pieces, np.int64)
    for chunk in chunks:
        found = np.bincount(chunk, minlength=pieces)
        if len(found) > pieces:
            raise Refused(
                f"id {len(found) - 1} in these tokens is none of a {pieces}-piece vocabulary's: another one's?"
            )
        total += found
    return total


def compact(model: PieceModel, counts: np.ndarray, at_least: int, most: int | None = None) -> CompactVocabulary:
    """Keep the pieces that occur at least `at_least` times, and at most `most` entries in all, the frequent ones.

    A single character counts also where it spells a piece that is not kept.

    Args:
        model: the vocabulary; it must name an end of sentence.
        counts: int64 [pieces], see `count`.

    Raises:
        Refused: at_least is below 1, or `most` leaves no room for a piece beside the bytes.
    """
    texts = model.pieces
    spelled = np.flatnonzero((model.types == NORMAL) | (model.types == USER_DEFINED))
    single = np.array([len(texts[i]) == 1 for i in spelled.tolist()])
    singles = {texts[i]: i for i in spelled[single].tolist()}
    space = [singles[META_SPACE]] if META_SPACE in singles else []
    fixed = BYTES + 1 + len(space)
    if at_least < 1:
        raise Refused(f"at_least={at_least} must be at least 1: a piece that never occurs would never be trained")
    if most is not None and most <= fixed:
        raise Refused(f"a vocabulary of {most} has no room: bytes, space and end of document take {fixed}")
    if model.end_of_sentence is None:
        raise Refused("this vocabulary names no end of sentence, so nothing would part one document from the next")
    room = (len(texts) if most is None else most) - fixed
    words = _frequent(spelled[~single], counts, at_least, room)
    total = counts.copy()
    for i in np.setdiff1d(spelled[~single], words).tolist():
        if counts[i]:
            for character in texts[i]:
                if character in singles:
                    total[singles[character]] += counts[i]
    others = np.setdiff1d(np.concatenate([words, spelled[single]]), space)
    pieces = np.concatenate([_frequent(others, total, at_least, room), np.array(space, np.int64)])
    control = np.flatnonzero((model.types == CONTROL) & (counts > 0))
    control = control[control != model.end_of_sentence]
    byte_ids = np.flatnonzero(model.types == BYTE)
    rest = np.sort(np.concatenate([pieces, control]))
    kept = np.concatenate([[model.end_of_sentence], byte_ids, rest]).astype(np.int32)
    return with_spelling(model, kept)


def _frequent(ids: np.ndarray, counts: np.ndarray, at_least: int, most: int) -> np.ndarray:
    """Those of `ids` that occur often enough, at most `most`; of equally frequent ones the lower."""
    order = ids[np.lexsort((ids, -counts[ids]))]
    return order[counts[order] >= at_least][:most]


def with_spelling(model: PieceModel, kept: np.ndarray) -> CompactVocabulary:
    """The compact vocabulary that keeps these ids of a model, in this order (see the module's docstring)."""
    place = {int(full): compact for compact, full in enumerate(kept.tolist())}
    known = {model.pieces[i]: place[i] for i in place if model.types[i] in (NORMAL, USER_DEFINED)}
    longest = max(map(len, known), default=1)
    spelling: list[int] = []
    starts = [0]
    for number, (piece, kind) in enumerate(zip(model.pieces, model.types.tolist(), strict=True)):
        if number in place:
            spelling.append(place[number])
        elif kind in (NORMAL, USER_DEFINED):
            spelling += _fewest(piece, known, longest)
        starts.append(len(spelling))  # what no text can spell, <unk> among it, is spelled by nothing
    return CompactVocabulary(kept, np.array(spelling, np.int32), np.array(starts, np.int64))


def _fewest(piece: str, known: dict[str, int], longest: int) -> list[int]:
    """Compact ids of the fewest known pieces that spell a piece, of equally many the ones with the longest last.

    What no known piece holds is spelled in bytes.
    """
    best: list[tuple[int, int]] = [(0, 0)]  # of each beginning: entries, and where the last one of them begins
    for end in range(1, len(piece) + 1):
        firsts = range(max(0, end - longest), end)
        parts = [(best[first][0] + 1, first) for first in firsts if piece[first:end] in known]
        parts.append((best[end - 1][0] + len(piece[end - 1].encode()), end - 1))
        best.append(min(parts))
    spelled: list[int] = []
    end = len(piece)
    while end:
        first = best[end][1]
        one = known.get(piece[first:end])
        spelled[:0] = [1 + byte for byte in piece[first:end].encode()] if one is None else [one]
        end = first
    return spelled
