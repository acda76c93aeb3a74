"""Modified Kneser-Ney in exact fractions, straight from the definitions: what the compiled trainer must equal."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
Word = int | str


def kneser_ney(
    texts: Sequence[Sequence[int]], order: int, prune: Sequence[int] = (), vocabulary: int = 0
) -> Callable[[Word, Sequence[Word]], Fraction]:
    """P(word, context) of the model of `texts`; a context begins with BEGIN where its text does."""
    sentences = [(BEGIN, *text, END) for text in texts]
    counts = [Counter(s[i : i + k] for s in sentences for i in range(len(s) - k + 1)) for k in range(1, order + 1)]
    adjusted = [_adjusted(counts, k) for k in range(order)]
    thresholds = [*prune, *[prune[-1] if prune else 0] * order][:order]
    discounts = [_discounts(Counter(a.values())) for a in adjusted]
    followers: dict[tuple[Word, ...], list[Word]] = defaultdict(list)
    for level in adjusted:
        for ngram, count in level.items():
            if count:
                followers[ngram[:-1]].append(ngram[-1])
    words = max(vocabulary, len({word for s in sentences for word in s} - {BEGIN}) + 1)

    def probability(word: Word, context: Sequence[Word]) -> Fraction:
        h = tuple(context)[max(0, len(context) - order + 1) :]
        lower = probability(word, h[1:]) if h else Fraction(1, words)
        k = len(h)
        if h not in followers:
            return lower
        total = sum(adjusted[k][(*h, w)] for w in followers[h])
        freed = Fraction(0)
        for w in followers[h]:
            kept = counts[k][(*h, w)] > thresholds[k]
            freed += discounts[k][min(adjusted[k][(*h, w)], 3) - 1] if kept else adjusted[k][(*h, w)]
        own = Fraction(0)
        if word in followers[h] and counts[k][(*h, word)] > thresholds[k]:
            own = adjusted[k][(*h, word)] - discounts[k][min(adjusted[k][(*h, word)], 3) - 1]
        return (own + freed * lower) / total

    return probability


def _adjusted(counts: list[Counter], k: int) -> Counter:
    if k + 1 == len(counts):
        return counts[k]
    before = Counter(ngram[1:] for ngram in counts[k + 1])
    return Counter({n: c if k and n[0] == BEGIN else before[n] for n, c in counts[k].items()})


def _discounts(t: Counter) -> tuple[Fraction, Fraction, Fraction]:
    fallback = Fraction(1, 2), Fraction(1), Fraction(3, 2)
    if 0 in (t[1], t[2], t[3]):
        return fallback
    y = Fraction(t[1], t[1] + 2 * t[2])
    found = tuple(j - (j + 1) * y * Fraction(t[j + 1], t[j]) for j in (1, 2, 3))
    return found if all(0 <= d <= j for j, d in enumerate(found, 1)) else fallback
