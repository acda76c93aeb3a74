"""Read a SentencePiece BPE model into the tables both encoders work from.

SentencePiece BPE starts from the characters of a text and keeps joining the two neighbours whose joined
text is the piece with the highest score (the leftmost of equals). Two facts make it cheap:

* Every join makes a piece of the vocabulary, so between two characters that stand side by side in no
  piece nothing is ever joined: the text may be cut there, exactly (a *safe cut*). `pair_bits` answers
  "side by side in some piece?" for any two code points, `ascii_joins` the same for ASCII alone.
* Which two symbols may be joined depends on their texts alone, so every way to split a piece in two is
  listed once in `merge_table`, and no string is touched while encoding.

Loading the 65,536-piece vocabulary takes 0.2 s; its tables hold 7 MB.

Kudo and Richardson, "SentencePiece", EMNLP 2018. The cuts are exact for any vocabulary, unlike
a regular expression laid over the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skypile.errors import Refused

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # sentencepiece_model.proto
BPE = 2

SPACE = 0x20  # SentencePiece writes the space as U+2581; the tables here keep it as ASCII, one byte
META_SPACE = "\u2581"

# Bits in the pair filter, 256 KB. The default vocabulary's 23,910 pairs set 1 % of them; a false "joined" only
# makes a segment longer, never wrong. Four times the bits give 0.5 % more segments, half of them 1 % fewer.
PAIR_BITS = 21
PAIR_LEFT, PAIR_RIGHT, PAIR_SHIFT = 0x9E3779B1, 0x85EBCA77, 9

MAX_CODE_POINT = 0x110000

_ROUNDS = 500  # until the merge table is built anew, twice as large; the default vocabulary needs 15

SYMBOL_BITS = 21  # three symbols share one 64-bit word of the merge table
SYMBOL_MASK = (1 << SYMBOL_BITS) - 1
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)

# A row of the merge table stands in one of two places (Pagh and Rodler, "Cuckoo hashing", 2004), so that a look-up
# is two loads and no loop: the bits above these of its key times the factor.
MERGE_FACTOR, FIRST_SLOT, SECOND_SLOT = 0x9E3779B97F4A7C15, 24, 43

NO_RANK = (1 << 26) - 1  # of what cannot be joined; a rank and six more bits share 32


class ModelError(Refused):
    """The model file cannot be encoded exactly by this package; the message says why."""


class Tables(NamedTuple):
    """What the compiled encoder reads; all arrays are read-only after loading."""

    ascii_joins: np.ndarray  # uint8 [2**15], 1 at right << 8 | left where the two stand side by side in a piece
    pair_bits: np.ndarray  # uint8 [2**PAIR_BITS / 8], the same for all code points, hashed
    char_symbol: np.ndarray  # int32 [0x110000], code point -> symbol; len(ranks) - 1 where no piece holds it
    merge_table: np.ndarray  # uint64 [slots], see `merge_slots`: left << 42 | right << 21 | joined symbol
    ranks: np.ndarray  # uint32 by symbol: 0 for the highest score, equal where scores are; the last: NO_RANK
    n_pieces: int  # symbols below are piece ids; at and above: characters that are no piece themselves
    byte_base: int  # id of piece <0x00>


@dataclass(frozen=True)
class PieceModel:
    """A SentencePiece BPE model with byte fallback.

    Attributes:
        pieces: text of every piece, by id.
        types: uint8, piece type by id (the constants above).
        scores: float32, by id; of two possible joins the higher score wins.
        serialized: the model file's bytes, for SentencePiece itself.
        plain_spaces: True where normalisation only turns spaces into U+2581 (LLaMA and its kin), so that
            the compiled path needs no call into SentencePiece.
        dummy_prefix: True where a space is put before every non-empty text.
        user_defined: pieces that are always cut out whole, longest first.
        end_of_sentence, pad: ids of the control pieces that the model names so, as SentencePiece's eos_id and
            pad_id give them; None where it has none. They may stand at any id.
        tables: see `Tables`.
    """

    pieces: list[str]
    types: np.ndarray
    scores: np.ndarray
    serialized: bytes
    plain_spaces: bool
    dummy_prefix: bool
    user_defined: list[str]
    end_of_sentence: int | None
    pad: int | None
    tables: Tables

    def __len__(self) -> int:
        return len(self.pieces)

    def in_text(self, piece: str) -> str:
        """A piece as it stands in the normalised text: "▁the" -> " the", where spaces are not written as U+2581."""
        return piece.replace(META_SPACE, " ") if self.plain_spaces and not self.user_defined else piece


def id_type(pieces: int) -> np.dtype:
    """The narrowest type that packed ids of so many pieces have: uint16, or int32."""
    return np.dtype(np.uint16 if pieces <= 1 << 16 else np.int32)


def read_model_proto(model: str | Path | bytes):
    """Parse a .model file (or its bytes) into SentencePiece's ModelProto."""
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    data = model if isinstance(model, bytes) else Path(model).read_bytes()
    proto = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    name = "these bytes" if isinstance(model, bytes) else str(model)
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise ModelError(
            f"{name} is no SentencePiece model ({error}). A Hugging Face tokenizer.json is not one: "
            "use the tokenizer.model beside it."
        ) from None
    if not proto.pieces:
        raise ModelError(f"{name} holds no pieces; is it really a SentencePiece .model file?")
    return proto


def load_piece_model(model: str | Path | bytes) -> PieceModel:
    """Load a SentencePiece BPE model with byte fallback and build its tables.

    Raises:
        ModelError: not a SentencePiece model, not BPE, no byte fallback, or a feature whose result
            depends on more than the text around a cut (unused pieces).
    """
    proto = read_model_proto(model)
    trainer, normalizer = proto.trainer_spec, proto.normalizer_spec
    if trainer.model_type != BPE:
        kind = trainer.ModelType.Name(trainer.model_type)
        raise ModelError(f"the model is of type {kind}; only BPE models can be cut exactly (model_type: BPE)")
    pieces = [piece.piece for piece in proto.pieces]
    types = np.array([piece.type for piece in proto.pieces], np.uint8)
    scores = np.array([piece.score for piece in proto.pieces], np.float32)
    unused = np.flatnonzero(types == UNUSED)
    if len(unused):
        raise ModelError(
            f"{len(unused)} pieces are marked UNUSED (first: id {unused[0]}, {pieces[unused[0]]!r}); "
            "how SentencePiece splits them depends on the whole text, so no cut is safe"
        )
    if any("\0" in piece for piece in pieces):
        raise ModelError("a piece holds a NUL character, which SentencePiece versions treat differently")
    return PieceModel(
        pieces=pieces,
        types=types,
        scores=scores,
        serialized=model if isinstance(model, bytes) else Path(model).read_bytes(),
        plain_spaces=(
            not normalizer.precompiled_charsmap
            and not normalizer.remove_extra_whitespaces
            and normalizer.escape_whitespaces
            and not trainer.treat_whitespace_as_suffix
        ),
        dummy_prefix=normalizer.add_dummy_prefix,
        user_defined=sorted((pieces[i] for i in np.flatnonzero(types == USER_DEFINED)), key=len, reverse=True),
        end_of_sentence=_control_id(trainer.eos_piece, pieces, types),
        pad=_control_id(trainer.pad_piece, pieces, types),
        tables=build_tables(pieces, types, scores, trainer.byte_fallback),
    )


def user_defined_pattern(model: PieceModel) -> re.Pattern[str] | None:
    """Pattern that finds user-defined pieces, the longest first at any place; None where there are none."""
    if not model.user_defined:
        return None
    return re.compile("(" + "|".join(map(re.escape, model.user_defined)) + ")")


def build_tables(pieces: list[str], types: np.ndarray, scores: np.ndarray, byte_fallback: bool) -> Tables:
    """Turn pieces and scores into the arrays of `Tables`."""
    byte_base = _byte_base(pieces, types, byte_fallback)
    symbols = _symbols(pieces, types)
    no_symbol = len(pieces) + len(symbols)
    if no_symbol > SYMBOL_MASK:
        raise ModelError(f"{len(pieces)} pieces are too many: symbols must stay below {SYMBOL_MASK}")
    # A join may only make a normal piece: control, unknown and byte pieces are never spelled by a text,
    # and a user-defined one is cut out before any join.
    rows: list[int] = []
    pairs: set[tuple[str, str]] = set()
    for index in np.flatnonzero(types == NORMAL).tolist():
        piece = pieces[index]
        for at in range(1, len(piece)):
            left, right = symbols.get(piece[:at]), symbols.get(piece[at:])
            if left is not None and right is not None:
                rows.append((left << (2 * SYMBOL_BITS)) | (right << SYMBOL_BITS) | index)
        pairs.update(pairwise(piece))
    char_symbol = np.full(MAX_CODE_POINT, no_symbol, np.int32)
    for text, symbol in symbols.items():
        if len(text) == 1:
            char_symbol[_code(text)] = symbol
    lefts = np.array([_code(left) for left, _ in pairs], np.uint32)
    rights = np.array([_code(right) for _, right in pairs], np.uint32)
    ascii_joins = np.zeros(1 << 15, np.uint8)
    both = (lefts < 128) & (rights < 128)
    ascii_joins[(rights[both] << 8) | lefts[both]] = 1
    ranks = np.full(no_symbol + 1, NO_RANK, np.uint32)
    ranks[: len(pieces)] = np.unique(-scores, return_inverse=True)[1]
    return Tables(
        ascii_joins=ascii_joins,
        pair_bits=_pair_filter(lefts, rights),
        char_symbol=char_symbol,
        merge_table=_merge_table(np.array(rows, np.uint64)),
        ranks=ranks,
        n_pieces=len(pieces),
        byte_base=byte_base,
    )


def pair_slot(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Bit of the pair filter for two code points (any integer arrays of one shape), as uint64.

    The compiled and the array encoder repeat these three operations; a test holds them together.
    """
    mixed = left.astype(np.uint64) * np.uint64(PAIR_LEFT) + right.astype(np.uint64) * np.uint64(PAIR_RIGHT)
    return (mixed >> np.uint64(PAIR_SHIFT)) & np.uint64((1 << PAIR_BITS) - 1)


def merge_slots(keys: np.ndarray, slots: int) -> np.ndarray:
    """Both places of merge keys (left << 21 | right, uint64 [n]) in a table of 2**k slots: int64 [2, n]."""
    mixed = keys * np.uint64(MERGE_FACTOR)
    places = np.stack([mixed >> np.uint64(FIRST_SLOT), mixed >> np.uint64(SECOND_SLOT)])
    return (places & np.uint64(slots - 1)).astype(np.int64)


def _control_id(name: str, pieces: list[str], types: np.ndarray) -> int | None:
    """Id of the control piece `name`. One of another type is none: a text could spell it."""
    return next((i for i in np.flatnonzero(types == CONTROL).tolist() if pieces[i] == name), None)


def _byte_base(pieces: list[str], types: np.ndarray, byte_fallback: bool) -> int:
    ids = np.flatnonzero(types == BYTE)
    names = [pieces[i] for i in ids]
    if not byte_fallback or names != [f"<0x{value:02X}>" for value in range(256)]:
        raise ModelError(
            f"the model has no byte fallback (byte_fallback={byte_fallback}, {len(names)} byte pieces of 256): "
            "it would turn unknown characters into <unk> and lose them. Train with --byte_fallback=true."
        )
    if ids[-1] - ids[0] != 255:
        raise ModelError("the 256 byte pieces <0x00> to <0xFF> must have consecutive ids")
    return int(ids[0])


def _symbols(pieces: list[str], types: np.ndarray) -> dict[str, int]:
    """Text -> symbol number for everything a join can start from: pieces, and single characters of pieces."""
    symbols: dict[str, int] = {}
    for index, (piece, kind) in enumerate(zip(pieces, types.tolist(), strict=True)):
        if kind in (NORMAL, USER_DEFINED):
            symbols[piece] = index
        elif len(piece) == 1:
            raise ModelError(f"piece {index} ({piece!r}) is one character of type {kind}; text could spell it")
    for index in np.flatnonzero(types == NORMAL).tolist():
        for char in pieces[index]:
            symbols.setdefault(char, len(pieces) + len(symbols))
    return symbols


def _code(char: str) -> int:
    return SPACE if char == META_SPACE else ord(char)


def _pair_filter(lefts: np.ndarray, rights: np.ndarray) -> np.ndarray:
    bits = np.zeros(1 << PAIR_BITS, np.uint8)
    bits[pair_slot(lefts, rights)] = 1
    return np.packbits(bits, bitorder="little")


def _merge_table(rows: np.ndarray) -> np.ndarray:
    """Put each row in one of its two places; an empty one holds all ones. At least half of the table stays empty.

    In rounds: every waiting row takes its place, one a place, and whoever stood there waits for its other one.
    """
    slots = 1 << max(4, int(np.ceil(np.log2(2 * len(rows) + 1))))
    while True:
        places = merge_slots(rows >> np.uint64(SYMBOL_BITS), slots)
        holder = np.full(slots, -1)
        waiting, side = np.arange(len(rows)), np.zeros(len(rows), np.int64)
        for _ in range(_ROUNDS):
            wanted, first = np.unique(places[side[waiting], waiting], return_index=True)
            pushed = holder[wanted]
            holder[wanted] = waiting[first]
            waiting = np.concatenate([np.delete(waiting, first), pushed[pushed >= 0]])
            side[waiting] ^= 1
            if not len(waiting):
                return np.where(holder >= 0, rows[holder], EMPTY) if len(rows) else np.full(slots, EMPTY)
        slots *= 2
