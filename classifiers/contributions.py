"""Why a page has its citation score: what each token adds to the log odds, exactly.

fastText's supervised model is linear: the log odds are the mean, over a text's words and pairs of neighbouring words,
of a vector's product with the difference of the two labels' vectors (Joulin et al. 2016). So each word and each pair
has a share of its own, and the shares and the calibration's offset add up to what the score was made of, but for the
model's 32-bit sums and the six digits to which scores are rounded. Pairs are hashed into buckets, as fastText does it,
so a share of a pair may be in part that of others in its bucket: it is what the model used all the same.
"""

import functools
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from skypile.classifiers.model import CITED, Classifier
from skypile.classifiers.tokens import tokens_for_classifier

MOST_SHOWN: Final = 10  # of each direction
_PAIR_FACTOR: Final = 116049371  # fastText, Dictionary::addWordNgrams
_MASK: Final = (1 << 64) - 1
_END: Final = "</s>"  # fastText counts the end of a line as a word


class Share(NamedTuple):
    tokens: str  # a token, or two neighbours with a blank between them
    times: int  # how often it stands in what the classifier sees of the text
    log_odds: float  # what it adds, all occurrences together, after calibration


class Explained(NamedTuple):
    score: float  # as `Classifier.scores` gives it
    log_odds: float  # of the score before it is rounded: the offset and all shares
    offset: float  # what a page without a known token has
    up: list[Share]  # largest first
    down: list[Share]


def explain(classifier: Classifier, text: str, most: int = MOST_SHOWN) -> Explained:
    """Score of `text`, and the tokens that pushed it up and down most. About 2 ms, and 50 ms for the first."""
    shares = contributions(classifier, text)
    by_size = sorted(shares, key=lambda share: (-abs(share.log_odds), share.tokens))
    total = classifier.offset + sum(share.log_odds for share in shares)
    up = [share for share in by_size if share.log_odds > 0][:most]
    down = [share for share in by_size if share.log_odds < 0][:most]
    return Explained(float(classifier.scores([text])[0]), total, classifier.offset, up, down)


def contributions(classifier: Classifier, text: str) -> list[Share]:
    """Every token and pair that the model knows, with what it adds; in the order of their first occurrence."""
    words = [*tokens_for_classifier(text).split(), _END]
    rows = list(_rows(classifier.model, words))
    if not rows:
        return []
    weights = _weights(classifier.model)
    found: dict[str, list[float]] = {}
    for name, row in rows:
        share = found.setdefault(name, [0, 0.0])
        share[0] += 1
        share[1] += float(weights[row])
    scale = classifier.slope / len(rows)
    return [Share(name, int(times), scale * value) for name, (times, value) in found.items()]


def _rows(model: Any, words: list[str]) -> Iterator[tuple[str, int]]:
    """The rows of the input matrix whose mean is the text's vector, each with what it stands for."""
    arguments = model.f.getArgs()
    known = len(model.words)
    for word in words:
        row = model.get_word_id(word)
        if row >= 0:
            yield word, row
    if arguments.wordNgrams < 2:
        return
    hashes = [_hash(word) for word in words]
    for at in range(len(words) - 1):
        bucket = ((hashes[at] * _PAIR_FACTOR + hashes[at + 1]) & _MASK) % arguments.bucket
        yield f"{words[at]} {words[at + 1]}", known + bucket


def _hash(word: str) -> int:
    """fastText's FNV-1a of 32 bits, each byte taken as signed, widened to 64 bits with its sign."""
    value = 2166136261
    for byte in word.encode():
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return value if value < 1 << 31 else value | 0xFFFFFFFF00000000


@functools.lru_cache(maxsize=4)
def _weights(model: Any) -> np.ndarray:
    """What each row of the input matrix says of the log odds of CITED: float32, shape (words + buckets,)."""
    output = model.get_output_matrix()
    cited = model.get_labels().index(CITED)
    weights: np.ndarray = model.get_input_matrix() @ (output[cited] - output[1 - cited])
    return weights
