"""The same vocabulary as a Hugging Face tokenizer.json, with the same ids.

`tokenizers` joins by a list of merges, SentencePiece by scores. They agree when every way to split a piece
in two is a merge, in order of the piece's score: then whatever two neighbours make a piece are joined, the
best first. Without a pre-tokenizer (one would cut text where SentencePiece does not).

One difference remains, by design of `tokenizers`: control pieces such as </s>, spelled out in a text, become
their ids. SentencePiece and our encoder never do that. Set `tokenizer.encode_special_tokens = True` for
untrusted text, and the two are equal on every text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from skypile.tokens.piece_model import (
    CONTROL,
    META_SPACE,
    NORMAL,
    UNKNOWN,
    ModelError,
    PieceModel,
    load_piece_model,
)


def write_tokenizer_json(model: str | Path | bytes, path: str | Path) -> None:
    """Write the tokenizer.json of a SentencePiece model; 2.6 MB and 0.5 s for 65,536 pieces.

    Raises:
        ModelError: the model normalises text or has user-defined pieces, which this file does not express.
    """
    piece_model = load_piece_model(model)
    if not piece_model.plain_spaces or piece_model.user_defined:
        raise ModelError("only models that keep text as it is and have no user-defined pieces can be written")
    text = json.dumps(tokenizer_json(piece_model), ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def tokenizer_json(model: PieceModel) -> dict[str, Any]:
    """The content of the file."""
    added = [
        {
            "id": i,
            "content": model.pieces[i],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i in np.flatnonzero(np.isin(model.types, (UNKNOWN, CONTROL))).tolist()
    ]
    prefix = [{"type": "Prepend", "prepend": META_SPACE}] if model.dummy_prefix else []
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": META_SPACE}
    back = {"type": "Replace", "pattern": {"String": META_SPACE}, "content": " "}
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if model.dummy_prefix else []
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [*prefix, spaces]},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": model.pieces[int(np.flatnonzero(model.types == UNKNOWN)[0])],
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {piece: i for i, piece in enumerate(model.pieces)},
            "merges": _merges(model),
        },
    }


def _merges(model: PieceModel) -> list[list[str]]:
    """Every split of every piece into two pieces, best piece first; single characters are pieces here too.

    Pieces of equal score keep the order of their ids. SentencePiece would take the leftmost of them, which
    differs only where two of them overlap in one text.
    """
    normal = np.flatnonzero(model.types == NORMAL).tolist()
    known = {model.pieces[i] for i in normal}
    order = sorted(normal, key=lambda i: (-model.scores[i], i))
    lost = sorted({char for piece in known for char in piece if char not in known})
    if lost:
        raise ModelError(
            f"{len(lost)} characters of pieces are no pieces themselves ({lost[:3]}): no merge can make them"
        )
    return [
        [piece[:at], piece[at:]]
        for piece in (model.pieces[i] for i in order)
        for at in range(1, len(piece))
        if piece[:at] in known and piece[at:] in known
    ]
