"""Characters per token: how well a vocabulary compresses a text, next to others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skypile.errors import Refused
from skypile.tokens.encoder import Encoder


def characters_per_token(model: str | Path | None, texts: Sequence[str]) -> float:
    """Code points of the texts over their tokens, no beginning- or end-of-text counted.

    `model`: a SentencePiece .model, None for the default, or a Hugging Face tokenizer.json (needs `tokenizers`).
    """
    characters = sum(map(len, texts))
    if model is not None and str(model).endswith(".json"):
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise Refused(f"reading {model} needs Hugging Face's library: pip install tokenizers") from None
        try:
            tokenizer = Tokenizer.from_file(str(model))
        except Exception as error:  # the library raises nothing more specific
            raise Refused(f"{model} is no tokenizer.json that can be read ({error})") from None
        encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        tokens = sum(len(encoding.ids) for encoding in encodings)
    else:
        tokens = len(Encoder.load(model).encode_batch(texts)[0])
    if not tokens:
        raise Refused(f"{len(texts)} texts gave no token: nothing to measure")
    return characters / tokens
