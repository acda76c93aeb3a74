"""Which blocks of a page are content, from the page's gold text or from its must / must-not snippets.

Gold text does not say where on the page it was taken from. A block's label is the share of its word 4-grams
(for Chinese: of its character 8-grams) that stand in the gold text; a short block must be a whole line of it.
Where the page says a thing more often than the gold does, the copies that stand among other content keep their
label.
"""

import re
from collections import Counter

import numpy as np

_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")
UNKNOWN = -1.0


def is_chinese(text: str) -> bool:
    """More than a fifth of the characters are Han."""
    return sum("一" <= c <= "鿿" for c in text) > 0.2 * max(1, len(text))


def word_f1(text: str, gold: str) -> float:
    """Word F1 as WCXB defines it: word_f1("a b", "a c") == 0.5."""
    return _f1(Counter(_WORD.findall(text.lower())), Counter(_WORD.findall(gold.lower())))


def character_f1(text: str, gold: str) -> float:
    """The same on characters without white space: character_f1("a b", "abc") == 0.8."""
    return _f1(Counter(_SPACE.sub("", text)), Counter(_SPACE.sub("", gold)))


def _f1(found: Counter, gold: Counter) -> float:
    if not gold or not found:
        return float(bool(found) == bool(gold))
    common = sum((found & gold).values())
    return 2 * common / (sum(found.values()) + sum(gold.values()))


def gold_labels(blocks: list[str], gold: str) -> np.ndarray:
    """Share of each block that is content, float32 [B]."""
    chinese = is_chinese(gold)
    units = [list(_SPACE.sub("", b)) if chinese else _WORD.findall(b.lower()) for b in blocks]
    gold_units = list(_SPACE.sub("", gold)) if chinese else _WORD.findall(gold.lower())
    size, pair_size = (8, 4) if chinese else (4, 2)
    grams = {tuple(gold_units[i : i + size]) for i in range(len(gold_units) - size + 1)}
    pairs = {tuple(gold_units[i : i + pair_size]) for i in range(len(gold_units) - pair_size + 1)}
    lines = Counter(
        tuple(_SPACE.sub("", line)) if chinese else tuple(_WORD.findall(line.lower())) for line in gold.split("\n")
    )
    labels = np.zeros(len(blocks), np.float32)
    for b, words in enumerate(units):
        if len(words) >= size:
            inside = [tuple(words[i : i + size]) in grams for i in range(len(words) - size + 1)]
            labels[b] = sum(inside) / len(inside)
        elif words and tuple(words) in lines:
            labels[b] = 1.0
        elif len(words) >= pair_size:
            inside = [tuple(words[i : i + pair_size]) in pairs for i in range(len(words) - pair_size + 1)]
            labels[b] = 0.6 * all(inside)
    _settle_copies(units, labels, "".join(gold_units) if chinese else " ".join(gold_units), "" if chinese else " ")
    return labels


def _settle_copies(units: list[list[str]], labels: np.ndarray, gold: str, glue: str) -> None:
    """Of n equal blocks of which the gold holds m < n, keep the label of the m with most content around them."""
    places: dict[tuple[str, ...], list[int]] = {}
    for b, words in enumerate(units):
        if labels[b] > 0:
            places.setdefault(tuple(words), []).append(b)
    sizes = np.array([len(w) for w in units], np.float32)
    for key, copies in places.items():
        if len(copies) == 1:
            continue
        in_gold = max(1, gold.count(glue.join(key)))
        if in_gold >= len(copies):
            continue
        others = labels * np.minimum(sizes, 50)
        others[copies] = 0
        around = [others[max(0, b - 6) : b + 7].sum() for b in copies]
        for k in np.argsort(-np.array(around), kind="stable")[in_gold:]:
            labels[copies[k]] = 0


def snippet_labels(blocks: list[str], must: list[str], must_not: list[str]) -> np.ndarray:
    """1 where a block holds a must snippet, 0 where a must-not, UNKNOWN elsewhere or where both do."""
    labels = np.full(len(blocks), UNKNOWN, np.float32)
    flat = [_SPACE.sub(" ", b) for b in blocks]
    for snippets, value in ((must, 1.0), (must_not, 0.0)):
        for snippet in snippets:
            wanted = _SPACE.sub(" ", snippet).strip()
            if not wanted:
                continue
            hits = [b for b, text in enumerate(flat) if wanted in text]
            for b in hits if value == 0 or len(hits) == 1 else []:
                labels[b] = UNKNOWN if labels[b] == 1 - value else value
            if value == 1 and len(hits) > 1:
                best = max(hits, key=lambda b: len(flat[b]))
                labels[best] = 1.0
    return labels


def agreed_labels(opinions: list[np.ndarray]) -> np.ndarray:
    """1 where all opinions are above 0.7, 0 where all are below 0.3, UNKNOWN elsewhere."""
    low, high = np.min(opinions, axis=0), np.max(opinions, axis=0)
    return np.where(low > 0.7, 1.0, np.where(high < 0.3, 0.0, UNKNOWN)).astype(np.float32)
