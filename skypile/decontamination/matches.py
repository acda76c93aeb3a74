"""From n-grams that were hit to items that were found: how much of each stands in a text, and where.

N-grams of an item count together while no more than MOST_GAP units part one from the next, so that an item in five
paragraphs is one, and an accident at either end of a book is none. Where they make up half of what is asked for, what
is missing is looked for in smaller pieces (FRAGMENT) near them: a last line of four words, what stands between two
numbers. The share that was found is the weight of the form's units in all these. It is reckoned twice: with the numbers
as they are, and, the weaker signal with a threshold of its own, with any numbers.

A passage is what lies in n-grams, and what was put in place of some of the item's words between them. What stands
between two parts of an item that follow one another in it is not the item's.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from skypile.config import DecontaminationConfig
from skypile.decontamination.index import SEEDS, Index, marked, required
from skypile.decontamination.ngrams import gram_keys
from skypile.decontamination.scan import Hits
from skypile.decontamination.units import Units, units_of

MOST_GAP = 1000  # units: some paragraphs
FRAGMENT, NEAR = 6, 500  # weight of a fragment: 3 words or 6 characters; units from the n-grams
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


class _Run(NamedTuple):
    """N-grams and fragments of a form in one stretch of a text, in its order; parallel arrays."""

    unit: np.ndarray
    units: np.ndarray
    place: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    exact: np.ndarray


def matches(hits: Hits, texts: pa.Array, index: Index, config: DecontaminationConfig) -> dict[int, list[Match]]:
    """Items found in the texts of a batch (Arrow strings): row -> matches in the order of the items."""
    found: dict[int, list[_Part]] = {}
    spans: dict[int, list[list[tuple[int, int]]]] = {}
    read: dict[int, Units] = {}
    order = np.lexsort((hits.place, hits.unit, hits.form, hits.text))
    changes = np.flatnonzero((np.diff(hits.text[order]) != 0) | (np.diff(hits.form[order]) != 0)) + 1
    for rows in np.split(order, changes) if len(order) else ():
        form, text = int(hits.form[rows[0]]), int(hits.text[rows[0]])
        run = _Run(*(getattr(hits, name)[rows] for name in _Run._fields))
        if text not in read:
            read[text] = units_of(texts[text].as_py())
        if index.whole[form]:
            stretches = _wholes(run, read[text], form, index)
        else:
            stretches = _shares(run, read[text], form, index, config)
        for part, bounds in stretches:
            found.setdefault(text, []).append(part)
            spans.setdefault(text, []).append(bounds)
    return {text: made for text in found if (made := _joined(found[text], spans[text], index))}


def _picked(run: _Run, which: np.ndarray) -> _Run:
    return _Run(*(array[which] for array in run))


def _wholes(run: _Run, units: Units, form: int, index: Index) -> Iterator[tuple[_Part, list[tuple[int, int]]]]:
    """Places at which all of a form stands, numbers included: in one row; where in none, in two parts."""
    run = _picked(run, run.exact)
    begins, counts = np.unique(run.unit - run.place, return_counts=True)
    found = [_picked(run, run.unit - run.place == begin) for begin in begins[counts == index.windows[form]]]
    for one in found or _in_two_parts(run, units, form, index):
        match = Match(int(index.item[form]), WHOLE, 1.0, 1.0, 1.0, [])
        first, last = int(one.unit.min()), int((one.unit + one.units).max())
        yield _Part(form, None if index.is_answer[form] else match, first, last), _spans(one)


def _in_two_parts(run: _Run, units: Units, form: int, index: Index) -> Iterator[_Run]:
    """Places at which a form stands in two parts near each other: one has an n-gram, the other a fragment at least."""
    size = int(index.unit_at[form + 1] - index.unit_at[form])
    for places in np.split(np.arange(len(run.unit)), np.flatnonzero(np.diff(run.unit) > NEAR) + 1):
        one = _picked(run, places)
        if not len(one.unit):
            continue
        one = _with_fragments(one, units, form, index)
        one = _picked(one, one.exact)
        begins = np.unique(one.unit - one.place)
        if len(begins) == 2 and marked(one.place, one.place + one.units, size).all():
            yield one


def _shares(
    run: _Run, units: Units, form: int, index: Index, config: DecontaminationConfig
) -> Iterator[tuple[_Part, list[tuple[int, int]]]]:
    """Stretches of a text with enough of a form."""
    asked, asked_numbers = (float(required(index.total[form], share)) for share in (config.share, config.numbers_share))
    for places in np.split(np.arange(len(run.unit)), np.flatnonzero(np.diff(run.unit) > MOST_GAP) + 1):
        one = _picked(run, places)
        if _share(one, form, index) < SEEDS * min(asked, asked_numbers):
            continue
        one = _with_fragments(one, units, form, index)
        share, exact = _share(one, form, index), _share(_picked(one, one.exact), form, index)
        if exact >= asked:
            match = Match(int(index.item[form]), TEXT, share, exact, asked, [])
        elif share >= asked_numbers:
            match = Match(int(index.item[form]), NUMBERS, share, exact, asked_numbers, [])
        else:
            continue
        part = _Part(
            form, None if index.is_answer[form] else match, int(one.unit[0]), int((one.unit + one.units).max())
        )
        yield part, _spans(one)


def _share(run: _Run, form: int, index: Index) -> float:
    weights = index.unit_weights[index.unit_at[form] : index.unit_at[form + 1]]
    return float(weights[marked(run.place, run.place + run.units, len(weights))].sum() / index.total[form])


def _with_fragments(run: _Run, units: Units, form: int, index: Index) -> _Run:
    """A run, and of each fragment of what it lacks the occurrence that is nearest to it."""
    own = slice(index.unit_at[form], index.unit_at[form + 1])
    covered = marked(run.place, run.place + run.units, own.stop - own.start)
    first, last = int(run.unit[0]), int((run.unit + run.units).max())
    low, high = max(0, first - NEAR), min(len(units.kinds), last + NEAR)
    if covered.all():
        return run
    kinds = index.unit_kinds[own]
    keys, ends = gram_keys(index.unit_masked[own], kinds, FRAGMENT, index.power)
    said, _ = gram_keys(index.unit_said[own], kinds, FRAGMENT, index.power)
    here, here_ends = gram_keys(units.masked[low:high], units.kinds[low:high], FRAGMENT, index.power)
    here_said, _ = gram_keys(units.said[low:high], units.kinds[low:high], FRAGMENT, index.power)
    rows = []
    for place in np.flatnonzero(np.isin(keys, here)).tolist():
        if covered[place : ends[place]].all():
            continue
        at = np.flatnonzero(here == keys[place])
        nearest = int(at[np.argmin(np.maximum(np.maximum(first - low - at, at - (last - low)), 0))])
        begin, end = units.begins[low + nearest], units.ends[low + here_ends[nearest] - 1]
        exact = here_said[nearest] == said[place]
        rows.append((low + nearest, here_ends[nearest] - nearest, place, begin, end, exact))
    if not rows:
        return run
    more = [np.array(column) for column in zip(*rows, strict=True)]
    both = [np.concatenate(pair) for pair in zip(run, more, strict=True)]
    order = np.lexsort((both[2], both[0]))
    return _Run(*(array[order] for array in both))


def _spans(run: _Run) -> list[tuple[int, int]]:
    """Passages of one stretch, as bytes."""
    made: list[tuple[int, int]] = []
    unit = place = 0  # behind what was reached
    columns = (run.unit, run.units, run.place, run.begin, run.end)
    for at, units, origin, begin, end in zip(*(column.tolist() for column in columns), strict=True):
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
