"""CCNet's own models: KenLM over SentencePiece pieces, `zh.arpa.bin` beside `zh.sp.model` in one folder.

Lines are normalised as CCNet's `text_normalizer.normalize` does it, piece by piece separated by blanks, and scored by
KenLM; the end of a line counts as a word. CCNet itself normalises whole texts, which glues their lines together; ours
are lines, as its paper says. Cost: 0.3 to 1 ms a page of 2,000 characters.
"""

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skypile.quality.perplexity import MAX_CHARACTERS, PerplexityModelError, Surprise, perplexity
from skypile.runtime import files

KENLM: Final = ".arpa.bin"
PIECES: Final = ".sp.model"

_DIGIT: Final = re.compile(r"\d")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# CCNet's table, with its slip of a full-width 1 for a quotation mark: the models were trained with it.
_PUNCTUATION: Final = str.maketrans(
    dict(zip("，。、∶：？！（）；～’´〈〉【】％–━►", ",.,::?!();~''<>[]%---", strict=True))
    | dict.fromkeys("„”“«»１」「《》", '"')
    | {"—": " - ", "．": ". ", "…": "..."}
)


def load_kenlm(folder: str) -> Mapping[str, "KenlmModel"]:
    """The models in a local folder by language.

    Raises:
        PerplexityModelError: there are none, one lacks its other half, or the packages are not installed.
    """
    names = files.list_names(folder)
    languages = sorted(name.removesuffix(KENLM) for name in names if name.endswith(KENLM))
    if not languages:
        raise PerplexityModelError(
            f"{folder} holds neither perplexity.json nor LANGUAGE{KENLM} with LANGUAGE{PIECES}: give the folder "
            "04_quality_filter/perplexity of a run, or one with KenLM's models"
        )
    for language in languages:
        if f"{language}{PIECES}" not in names:
            raise PerplexityModelError(f"{folder} holds {language}{KENLM} but no {language}{PIECES} to cut text with")
    if "://" in folder:
        raise PerplexityModelError(f"{folder}: KenLM maps local files; copy them to a folder that every worker has")
    return {language: _load(f"{folder}/{language}") for language in languages}


@functools.lru_cache(maxsize=16)
def _load(stem: str) -> "KenlmModel":
    try:
        import kenlm
        import sentencepiece
    except ImportError as error:
        raise PerplexityModelError(
            f"{stem}{KENLM} is a KenLM model, and {error.name} is not installed: pip install 'skypile[kenlm]'"
        ) from None
    try:
        return KenlmModel(kenlm.Model(stem + KENLM), sentencepiece.SentencePieceProcessor(model_file=stem + PIECES))
    except (OSError, RuntimeError) as error:
        raise PerplexityModelError(f"{stem}{KENLM} or {stem}{PIECES} cannot be read: {error}") from None


class KenlmModel:
    """A KenLM model and the SentencePiece model that makes its words."""

    def __init__(self, model: Any, pieces: Any) -> None:
        self._model, self._pieces = model, pieces

    def scores(self, texts: Sequence[str]) -> Surprise:
        """See perplexity.PerplexityModel. There is no contrast: its words are other than those of our boilerplate."""
        return Surprise([self._perplexity(text) for text in texts], [None] * len(texts))

    def _perplexity(self, text: str) -> float | None:
        lines = [line for line in map(normalized, text[:MAX_CHARACTERS].split("\n")) if line]
        log10, words = 0.0, 0
        for pieces in self._pieces.encode(lines, out_type=str) if lines else ():
            log10 += self._model.score(" ".join(pieces))
            words += len(pieces) + 1
        return perplexity(log10, words) if words else None


def normalized(line: str) -> str:
    """As CCNet has it: lower case, no accents, digits 0, ASCII punctuation, no control characters.

    >>> normalized("Été 2024：“A”…")
    'ete 0000:"a"...'
    """
    plain = unicodedata.normalize("NFD", line.strip().lower())
    plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    return _CONTROL.sub("", _DIGIT.sub("0", plain).translate(_PUNCTUATION))
