"""How probable a model finds texts.

The state between two words is the node of the longest n-gram that ends here and has a continuation in the model. The
next word is looked for among its children; where it is not, the state gives way to its suffix, at the price of its
backoff. Each word costs one successful search and, where words are Chinese characters, two that fail: to these a bit of
the model's filter (`model.build_filter`) says no, without the branches of a search. Chinese pages take 62 % of the time
so in a model of 40,000 n-grams and 80 % in one of 270,000; English ones, where fewer searches fail, 97 %.

Cost: 5 million words a CPU second of unseen text in a model of 3 million n-grams, 2.4 million in one of 16 million.
"""

# mypy: disable-error-code="assignment, call-arg, var-annotated"
# Numba's types, not Python's, rule inside the compiled functions.

import numba
import numpy as np

from skypile.proxy.ngram.counting import Texts, check_texts
from skypile.proxy.ngram.model import NgramModel, may_follow
from skypile.proxy.ngram.sorting import BEGIN, END, SPECIAL, UNKNOWN


def score(model: NgramModel, ids: np.ndarray, offsets: np.ndarray | None = None) -> np.ndarray:
    """log10 of the probability of every word, and of every text's end, after all that stands before it in its text.

    Args:
        model: any model; words that it does not know have the probability of `<unk>`.
        ids: of all texts, any integer type.
        offsets: int64 [texts + 1]; None: one text.

    Returns:
        float32 [words + texts]: those of a text's words, that of its end, then the next text's.

    Raises:
        Refused: as `counting.count`.
    """
    offsets = np.array([0, len(ids)]) if offsets is None else offsets
    check_texts(ids, offsets)
    out = np.empty(int(offsets[-1] - offsets[0]) + len(offsets) - 1, np.float32)
    _score(ids, offsets, int(model.starts[1]), *_arrays(model), out)
    return out


def text_scores(model: NgramModel, texts: Texts, ends: bool = True) -> np.ndarray:
    """float64 [texts]: log10 of the probability of each text; `ends`: of its end, too."""
    ids, offsets = texts
    if len(offsets) == 1:
        return np.empty(0)
    scores = score(model, ids, offsets).astype(np.float64)
    last = offsets[1:] - offsets[0] + np.arange(len(offsets) - 1)
    if not ends:
        scores[last] = 0.0
    return np.add.reduceat(scores, np.concatenate([[0], last[:-1] + 1]))


def perplexities(model: NgramModel, texts: Texts) -> np.ndarray:
    """float64 [texts]: perplexity of each text, its end counted as a word (KenLM's `perplexity`)."""
    return 10.0 ** (-text_scores(model, texts) / (np.diff(texts[1]) + 1))


def perplexity(model: NgramModel, texts: Texts) -> float:
    """Perplexity of all texts together, their ends counted as words."""
    scores = score(model, *texts)
    return float(10.0 ** -scores.mean(dtype=np.float64))


def known(model: NgramModel, ids: np.ndarray) -> np.ndarray:
    """bool [words]: whether the model has seen each word."""
    words = ids.astype(np.int64) + SPECIAL
    inside = words < len(model.unigrams)
    return np.asarray(model.unigrams[np.where(inside, words, UNKNOWN)] != 0)


def _arrays(model: NgramModel) -> tuple[np.ndarray, ...]:
    return model.unigrams, model.words, model.logs, model.suffixes, model.backoffs, model.children, model.filter


@numba.njit(cache=True, nogil=True)
def _score(ids, offsets, unigram_count, unigrams, words, logs, suffixes, backoffs, children, bits, out):
    written = 0
    for text in range(len(offsets) - 1):
        state = np.int64(unigrams[BEGIN])
        for position in range(offsets[text], offsets[text + 1] + 1):
            word = np.int64(END)
            if position < offsets[text + 1]:
                word = np.int64(ids[position]) + SPECIAL
            log = np.float32(0)
            found = np.int64(-1)
            while True:
                if may_follow(bits, state, word):
                    first, last = np.int64(children[state]), np.int64(children[state + 1])
                    while first < last:
                        middle = (first + last) >> 1
                        if words[middle] < word:
                            first = middle + 1
                        else:
                            last = middle
                    if first < np.int64(children[state + 1]) and words[first] == word:
                        found = first
                        break
                log += backoffs[state]
                if state < unigram_count:
                    found = np.int64(unigrams[word]) if word < len(unigrams) else np.int64(UNKNOWN)
                    break
                state = np.int64(suffixes[state])
            out[written] = log + logs[found]
            written += 1
            state = found if found < len(backoffs) else np.int64(suffixes[found])
