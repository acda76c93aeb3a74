"""Characters per token: how well a vocabulary compresses a text, next to others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skypile.tokens.encoder import Encoder


def characters_per_token(model: str | Path | None, texts: Sequence[str]) -> float:
    """Code points of the texts over their tokens, no beginning- or end-of-text counted.

    `model`: a SentencePiece .model, None for the default, or a Hugging Face tokenizer.json (needs `tokenizers`).
    """
    characters = sum(map(len, texts))
    if model is not None and str(model).endswith(".json"):
        from tokenizers import Tokenizer

        encodings = Tokenizer.from_file(str(model)).encode_batch_fast(list(texts), add_special_tokens=False)
        tokens = sum(len(encoding.ids) for encoding in encodings)
    else:
        tokens = len(Encoder.load(model).encode_batch(texts)[0])
    if not tokens:
        raise ValueError(f"{len(texts)} texts gave no token: nothing to measure")
    return characters / tokens
