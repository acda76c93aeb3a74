"""Scores of extracted text against gold text and snippets."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from skypile.classifiers.extraction.dataset import LabelledPage
from skypile.classifiers.extraction.labels import character_f1, word_f1


def f1_by_type(pages: Sequence[LabelledPage], text_of: Callable[[int], str]) -> dict[str, float]:
    """Mean F1 over pages ("all") and by page type; characters for Chinese pages of zh_dev, words elsewhere."""
    scores = defaultdict(list)
    for i, page in enumerate(pages):
        measure = character_f1 if page.set_name == "zh_dev" else word_f1
        value = measure(text_of(i), page.gold or "")
        scores["all"].append(value)
        scores[str(page.page_type)].append(value)
    return {name: float(np.mean(values)) for name, values in scores.items()}


def snippet_scores(pages: Sequence[LabelledPage], text_of: Callable[[int], str]) -> dict[str, float]:
    """Precision, recall and F of snippets: must ones should stand in the text, must-not ones should not."""
    right = missed = wrong = 0
    for i, page in enumerate(pages):
        text = text_of(i)
        found = sum(snippet in text for snippet in page.must)
        right += found
        missed += len(page.must) - found
        wrong += sum(snippet in text for snippet in page.must_not)
    precision, recall = right / max(right + wrong, 1), right / max(right + missed, 1)
    return {"precision": precision, "recall": recall, "f": 2 * precision * recall / max(precision + recall, 1e-9)}
