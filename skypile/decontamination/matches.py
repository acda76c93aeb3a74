"""From n-grams that were hit to items that were found: how much of each stands in a text, and where.

N-grams of an item count together while no more than MOST_GAP units part one from the next, so that an item in five
paragraphs is one, and an accident at either end of a book is none. The share that was found is the weight of the form's
units in them. It is reckoned twice: with the numbers as they are, and, the weaker signal with a threshold of its own,
with any numbers.

A passage is what lies in n-grams, and what was put in place of some of the item's words between them. What stands between
two parts of an item that follow one another in it is not the item's.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skypile.config import DecontaminationConfig
from skypile.decontamination.index import Index, marked, required
from skypile.decontamination.scan import Hits

MOST_GAP = 1000  # units: some paragraphs
MOST_LABEL = 2  # units put in where the item has none that still are its own: "答案 B", "(iii)"

TEXT, NUMBERS, WHOLE = "text", "numbers", "whole"  # how an item was found


class Match(NamedTuple):
    """An item that stands in a text."""

    item: int  # of ``Index.items``
    how: str
    share: float  # of the item's weight, whatever the numbers
    exact_share: float  # with the item's own numbers
    threshold: float  # of the one that ``how`` names
    spans: list[tuple[int, int]]  # bytes of the text, in order, apart

    @property
    def score(self) -> float:
        """The share that was held against the threshold."""
        return self.share if self.how == NUMBERS else self.exact_share


class _Part(NamedTuple):
    """What of a form stands in one stretch of a text."""

    form: int
    match: Match | None  # None for an answer, which decides nothing
    first: int  # units of the text
    last: int


def matches(hits: Hits, index: Index, config: DecontaminationConfig) -> dict[int, list[Match]]:
    """Items found in the texts of a batch: row -> matches in the order of the items."""
    found: dict[int, list[_Part]] = {}
    spans: dict[int, list[list[tuple[int, int]]]] = {}
    order = np.lexsort((hits.place, hits.unit, hits.form, hits.text))
    changes = np.flatnonzero((np.diff(hits.text[order]) != 0) | (np.diff(hits.form[order]) != 0)) + 1
    for rows in np.split(order, changes) if len(order) else ():
        form, text = int(hits.form[rows[0]]), int(hits.text[rows[0]])
        stretches = _wholes(hits, rows, form, index) if index.whole[form] else _shares(hits, rows, form, index, config)
        for part, bounds in stretches:
            found.setdefault(text, []).append(part)
            spans.setdefault(text, []).append(bounds)
    return {text: made for text in found if (made := _joined(found[text], spans[text], index))}


def _wholes(hits: Hits, rows: np.ndarray, form: int, index: Index) -> Iterator[tuple[_Part, list[tuple[int, int]]]]:
    """Places at which all of a form stands, numbers included."""
    rows = rows[hits.exact[rows]]
    begins, counts = np.unique(hits.unit[rows] - hits.place[rows], return_counts=True)
    for begin in begins[counts == index.windows[form]]:
        run = rows[hits.unit[rows] - hits.place[rows] == begin]
        span = (int(hits.begin[run].min()), int(hits.end[run].max()))
        match = Match(int(index.item[form]), WHOLE, 1.0, 1.0, 1.0, [])
        last = int((hits.unit[run] + hits.units[run]).max())
        yield _Part(form, None if index.is_answer[form] else match, int(begin), last), [span]


def _shares(
    hits: Hits, rows: np.ndarray, form: int, index: Index, config: DecontaminationConfig
) -> Iterator[tuple[_Part, list[tuple[int, int]]]]:
    """Stretches of a text with enough of a form."""
    weights = index.unit_weights[index.unit_at[form] : index.unit_at[form + 1]]
    total = int(index.total[form])
    asked, asked_numbers = (float(required(total, share)) for share in (config.share, config.numbers_share))
    for run in np.split(rows, np.flatnonzero(np.diff(hits.unit[rows]) > MOST_GAP) + 1):
        share, exact = (
            float(weights[marked(hits.place[part], hits.place[part] + hits.units[part], len(weights))].sum() / total)
            for part in (run, run[hits.exact[run]])
        )
        if exact >= asked:
            match = Match(int(index.item[form]), TEXT, share, exact, asked, [])
        elif share >= asked_numbers:
            match = Match(int(index.item[form]), NUMBERS, share, exact, asked_numbers, [])
        else:
            continue
        last = int((hits.unit[run] + hits.units[run]).max())
        yield _Part(form, None if index.is_answer[form] else match, int(hits.unit[run[0]]), last), _spans(hits, run)


def _spans(hits: Hits, run: np.ndarray) -> list[tuple[int, int]]:
    """Passages of one stretch, as bytes; ``run`` is in the order of the text."""
    made: list[tuple[int, int]] = []
    unit = place = 0  # behind what was reached
    columns = (hits.unit, hits.units, hits.place, hits.begin, hits.end)
    for at, units, origin, begin, end in zip(*(column[run].tolist() for column in columns), strict=True):
        missing = origin - place
        if made and (at <= unit or at - unit <= max(MOST_LABEL, 2 * missing if missing > 0 else 0)):
            made[-1] = made[-1][0], max(made[-1][1], end)
        else:
            made.append((begin, end))
        if at + units > unit:
            unit, place = at + units, origin + units
    return made


def _joined(parts: list[_Part], spans: list[list[tuple[int, int]]], index: Index) -> list[Match]:
    """One match an item: its best form's, with the passages of all its forms and of its answer beside them."""
    made = []
    for item in sorted({part.match.item for part in parts if part.match}):
        own = [n for n, part in enumerate(parts) if index.item[part.form] == item]
        asked = [part for n in own if (part := parts[n]).match]
        near = [
            n
            for n in own
            if parts[n].match
            or any(parts[n].first <= p.last + MOST_GAP and p.first <= parts[n].last + MOST_GAP for p in asked)
        ]
        best = max((part.match for part in asked if part.match), key=lambda match: (match.exact_share, match.share))
        made.append(best._replace(spans=joined_spans([span for n in near for span in spans[n]])))
    return made


def joined_spans(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that overlap or touch made one.

    >>> joined_spans([(5, 9), (0, 3), (2, 4)])
    [(0, 4), (5, 9)]
    """
    made: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if made and begin <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], end)
        else:
            made.append((begin, end))
    return made
