"""Extend a SentencePiece BPE model: base + single characters + Chinese words + reserved symbols.

Base ids do not change; new pieces follow in that order with scores that fall by one, all different as
float32, so that every implementation joins in the same order. A piece that encoding its own text does
not give back is refused: an unreachable piece is a row of the embedding that never trains.

65,536 = 32,000 base + 8,000 characters + 25,519 words + 17 reserved, the sizes of Skywork-13B's tokenizer
(arXiv 2310.19341). Building takes 0.4 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from skypile.tokens.encoder import Encoder
from skypile.tokens.piece_model import (
    BYTE,
    CONTROL,
    NORMAL,
    ModelError,
    load_piece_model,
    read_model_proto,
)

CHARACTERS = 8_000
WORDS = 25_519
RESERVED = 17

_INTEGERS_END = -(2.0**23)


def build_vocabulary(
    base: str | Path | bytes, characters: Sequence[str], words: Sequence[str], reserved: Sequence[str] = ()
) -> bytes:
    """Build the extended model; returns the bytes of its .model file.

    Args:
        base: a SentencePiece BPE model with byte fallback that splits numbers into digits.
        characters: single characters to add, in order; those of the base are an error.
        words: pieces of two or more characters to add, the first to be joined first.
        reserved: control symbols to add last, for later use; no text can produce them.

    Raises:
        ModelError: the base cannot be extended exactly (see `load_piece_model`, and single digits).
        ValueError: a piece is there already, has the wrong length, or could not be reached.
    """
    _check_digits(base)
    proto = read_model_proto(base)
    present = {piece.piece for piece in proto.pieces}
    first = _first_score(proto)
    for number, piece in enumerate([*characters, *words]):
        if piece in present:
            raise ValueError(f"piece {piece!r} is in the base or given twice")
        if (len(piece) == 1) != (number < len(characters)):
            kind = "character" if number < len(characters) else "word"
            raise ValueError(f"{piece!r} is given as a {kind} and is {len(piece)} long")
        present.add(piece)
        proto.pieces.add(piece=piece, score=first - number, type=NORMAL)
    for symbol in reserved:
        if symbol in present or len(symbol) < 2:
            raise ValueError(f"reserved symbol {symbol!r} is in the vocabulary already, or one character")
        present.add(symbol)
        proto.pieces.add(piece=symbol, score=0.0, type=CONTROL)
    proto.trainer_spec.vocab_size = len(proto.pieces)
    proto.trainer_spec.input[:] = []  # paths on the machine that trained the base mean nothing here
    model = proto.SerializeToString()
    lost = unreachable(model, [*characters, *words])
    if lost:
        raise ValueError(f"{len(lost)} pieces cannot be reached, the first {lost[:5]}; see `reachable_words`")
    return model


def reachable_words(base: str | Path | bytes, characters: Sequence[str], words: Iterable[str], count: int) -> list[str]:
    """The first `count` words that stay reachable with all others added; words of the base are passed over.

    Words that are not are taken out and the rest tried again, since each word changes how others are joined.
    """
    have = {*base_pieces(base), *characters}
    spare = iter(word for word in words if word not in have)
    chosen: list[str] = []
    while True:
        chosen += islice(spare, count - len(chosen))
        if len(chosen) < count:
            raise ValueError(f"only {len(chosen)} reachable words of the {count} wanted; give more words")
        lost = set(unreachable(_unchecked(base, characters, chosen), chosen))
        if not lost:
            return chosen
        chosen = [word for word in chosen if word not in lost]


def unreachable(model: str | Path | bytes, pieces: Sequence[str]) -> list[str]:
    """The pieces that encoding their own text, without a space before it, does not give back as one id."""
    encoder = Encoder.load(model)
    ids, offsets = encoder.encode_fragments(pieces)
    number = {piece: i for i, piece in enumerate(encoder.model.pieces)}
    return [
        piece for i, piece in enumerate(pieces) if offsets[i + 1] - offsets[i] != 1 or ids[offsets[i]] != number[piece]
    ]


def base_pieces(base: str | Path | bytes) -> list[str]:
    """Texts of the base's pieces, by id."""
    return [piece.piece for piece in read_model_proto(base).pieces]


def read_pieces(path: str | Path) -> list[str]:
    """Pieces from a text file, one a line; what follows a tab (a count) is left out, and so are repeats."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(line.split("\t")[0] for line in lines if line))


def national_standard_characters() -> list[str]:
    """Characters of GB 2312 (simplified, symbols included) and of Big5's common plane, from Python's codecs.

    8,836 ideographs and 682 symbols: every character in everyday use on either side of the strait.
    """
    simplified = _codec_characters("gb2312", range(0xA1, 0xF8), range(0xA1, 0xFF))
    trail = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
    traditional = _codec_characters("big5", range(0xA4, 0xC7), trail)
    ideographs = [c for c in traditional if "\u4e00" <= c <= "\u9fff"]
    return list(dict.fromkeys([*simplified, *ideographs]))


def _codec_characters(codec: str, lead: range, trail: Iterable[int]) -> list[str]:
    decoded = (bytes([first, second]).decode(codec, "ignore") for first in lead for second in trail)
    return [char for char in decoded if len(char) == 1]


def _unchecked(base: str | Path | bytes, characters: Sequence[str], words: Sequence[str]) -> bytes:
    proto = read_model_proto(base)
    first = _first_score(proto)
    for number, piece in enumerate([*characters, *words]):
        proto.pieces.add(piece=piece, score=first - number, type=NORMAL)
    return proto.SerializeToString()


def _first_score(proto: Any) -> float:
    """Score of the first new piece: below the base's, among float32 numbers that still tell integers apart.

    LLaMA and its kin give runs of spaces -1e9; down there neighbours are 64 apart, and 33,519 pieces would share
    524 scores.
    """
    return min(piece.score for piece in proto.pieces if piece.score > _INTEGERS_END) - 1


def _check_digits(base: str | Path | bytes) -> None:
    model = load_piece_model(base)
    numbers = [p for p, t in zip(model.pieces, model.types, strict=True) if t != BYTE and sum(map(str.isdigit, p)) > 1]
    if numbers:
        raise ModelError(f"the base joins digits ({numbers[:3]}): numbers must be split into single digits")
