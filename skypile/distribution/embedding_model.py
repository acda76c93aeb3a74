"""A larger model by path: any that sentence-transformers loads from a local folder, on a GPU where there is one.

Each distinct text is embedded once, in batches of texts of about one length, which are padded little. A neural model's
last bits may vary with the batch; int8 hides nearly all of that, and a run keeps its embeddings (see
`skypile.distribution.stage`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skypile.distribution.quantized import Embedded, quantize

# Texts in one pass through the model. MiniLM on two cores: 32, 64 and 128 take the same time within 3 %.
BATCH = 64


class SentenceTransformerEmbedder:
    """An embedder (`skypile.distribution.embedding.Embedder`); needs `pip install 'skypile[models]'`."""

    def __init__(self, path: str) -> None:
        if not Path(path).is_dir():
            raise FileNotFoundError(
                f"distribution_filter.model = {path!r} is no folder; give the local folder of a "
                "sentence-transformers model (a hub name is not enough: nothing is downloaded)"
            )
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ImportError(
                f"distribution_filter.model needs sentence-transformers ({error}): pip install 'skypile[models]'"
            ) from None
        self._model: Any = SentenceTransformer(path, local_files_only=True, trust_remote_code=False)
        # Asking by example works for every module a model may end in, and across the library's renamed getters.
        self.dim = int(self._encode(["a"]).shape[1])

    def encode(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """See `Embedder.encode`."""
        distinct = sorted(set(texts), key=lambda text: (-len(text), text))
        at = {text: row for row, text in enumerate(distinct)}
        floats = np.asarray(self._encode(distinct), np.float64).reshape(len(distinct), self.dim)
        return quantize(floats)[[at[text] for text in texts]]

    def embed(self, texts: Sequence[str]) -> Embedded:
        """See `Embedder.embed`. Coverage: share of the tokens that are not the unknown one; 1 without such."""
        return Embedded(self.encode(texts), self._coverage(texts))

    def _encode(self, texts: Sequence[str]) -> Any:
        return self._model.encode(list(texts), batch_size=BATCH, convert_to_numpy=True, show_progress_bar=False)

    def _coverage(self, texts: Sequence[str]) -> NDArray[np.float32]:
        tokenizer = getattr(self._model, "tokenizer", None)
        unknown = getattr(tokenizer, "unk_token_id", None)
        if unknown is None or not callable(tokenizer) or not texts:
            return np.ones(len(texts), np.float32)
        most = getattr(self._model, "max_seq_length", None) or 512
        tokens = tokenizer(list(texts), add_special_tokens=False, truncation=True, max_length=most)["input_ids"]
        shares = [1 - sum(token == unknown for token in row) / max(len(row), 1) for row in tokens]
        return np.array(shares, np.float32)
