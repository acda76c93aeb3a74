"""The index of benchmark items: which n-grams find which item, and how much of it must be found.

An item is searched in *forms*: the question and its choices in one row, with the choices as they are, after letters and
after numbers; a question of weight ALONE or more also by itself; and a long answer, which never tells that an item is
there but goes with it. The share of a form that was found is the weight of its units that lie in n-grams found.

N-grams that tell nothing (in MOST_ITEMS items, or *common* in the corpus: ``frequency``) do not count. A form of which
less than SHORT is left, and every form that short, is found as a whole only: all of it, numbers included, in one row or
in two parts near each other.
What is shorter than one n-gram is not searched at all: "Who wrote it?" stands in pages that know no benchmark.

The index goes to every worker: about 130 bytes for each n-gram of each form, 40 MB for 10,000 questions of 30 words.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa

from skypile.config import DecontaminationConfig
from skypile.decontamination.items import Item
from skypile.decontamination.ngrams import (
    GramTable,
    covered_weights,
    gram_table,
    powers,
    prefixes,
    window_key,
    windows,
)
from skypile.decontamination.units import unit_tables, unit_text
from skypile.dedup.shingles import utf8_buffers

MOST_ITEMS = 32  # "下列说法正确的是", "How much money does he have left?": phrases of examiners
SHORT = 24  # 12 words or 24 characters; below, a phrase or two are all of the item
LONG = 80  # between the two the share that must be found falls from 1 to its setting
SEEDS = 0.5  # of the share that is asked for must lie in n-grams; the rest may be fragments near them (``matches``)
ALONE = 40  # 20 words or 40 characters: a question that needs no choices to be known
_LETTERS = "ABCDEFGHIJ"


class Index(NamedTuple):
    """Arrays that find items; what is *of a form* has one entry a form, and ``x_at[f]:x_at[f + 1]`` is form f's."""

    weight: int  # of an n-gram
    power: np.ndarray
    table: GramTable
    gram_at: np.ndarray  # int64: places of an n-gram in the next three
    forms: np.ndarray  # int32
    places: np.ndarray  # int32: the first unit of the n-gram in the form
    said: np.ndarray  # uint64: key of the n-gram with its numbers as they are
    items: list[Item]
    item: np.ndarray  # int32, of a form
    is_answer: np.ndarray  # bool, of a form
    whole: np.ndarray  # bool, of a form: found as a whole only
    needed: np.ndarray  # int32, of a form: n-grams, at least, for it to be worth a look
    total: np.ndarray  # int64, of a form: weight of its units that count
    windows: np.ndarray  # int32, of a form: all its n-grams
    unit_at: np.ndarray  # int64
    unit_said: np.ndarray  # uint64: hashes of the forms' units (``units.Units``)
    unit_masked: np.ndarray  # uint64
    unit_kinds: np.ndarray  # uint8
    unit_weights: np.ndarray  # int64: what they count for the share
    gram_keys: np.ndarray  # uint64, sorted: of all n-grams, those left out too
    searched: dict[str, int]  # items: by share, as a whole, and not at all


class _Forms(NamedTuple):
    """Forms of all items with their units and n-grams."""

    item: np.ndarray
    is_answer: np.ndarray
    unit_at: np.ndarray
    said_units: np.ndarray
    masked: np.ndarray
    kinds: np.ndarray
    form: np.ndarray  # of an n-gram, as the next four
    place: np.ndarray
    last: np.ndarray
    key: np.ndarray
    said: np.ndarray


def required(total: np.ndarray | int, share: float) -> np.ndarray:
    """The share of a form of this weight that must be found: all at SHORT, `share` from LONG on."""
    left = np.clip((LONG - np.asarray(total, float)) / (LONG - SHORT), 0, 1)
    return share + (1 - share) * left


def forms_of(item: Item) -> list[str]:
    """The texts by which an item is searched, but for its answer.

    >>> forms_of(Item("b", "0", "What is hot?", ("tea", "ice")))
    ['What is hot?\\ntea\\nice', 'What is hot?\\nA tea\\nB ice', 'What is hot?\\n1 tea\\n2 ice']
    """
    if not item.choices:
        return [item.question]
    labels = ("", _LETTERS, "123456789")
    made = []
    for names in labels:
        lines = [f"{names[i]} {choice}" if i < len(names) else choice for i, choice in enumerate(item.choices)]
        made.append("\n".join([item.question, *lines]))
    return made


def build_index(items: Sequence[Item], config: DecontaminationConfig, common: np.ndarray | None = None) -> Index:
    """Index of items; ``common``: keys (uint64, sorted) of the n-grams that tell nothing in the corpus.

    Of equal items the first is searched.
    """
    weight = config.ngram
    distinct = list({" ".join((item.question, *item.choices)): item for item in reversed(items)}.values())[::-1]
    forms = _forms(distinct, weight)
    keys, gram = np.unique(forms.key, return_inverse=True)
    pairs = np.unique(np.stack([gram, forms.item[forms.form]]), axis=1) if len(gram) else np.zeros((2, 0), np.int64)
    tells = np.bincount(pairs[0], minlength=len(keys)) <= MOST_ITEMS
    if common is not None and len(common):
        tells &= ~np.isin(keys, common)
    counts = len(forms.item)
    full, total = np.zeros(counts, np.int64), np.zeros(counts, np.int64)
    weights = np.zeros(len(forms.kinds), np.int64)
    starts, ends = forms.unit_at[forms.form] + forms.place, forms.unit_at[forms.form] + forms.last
    weighed = marked(starts[tells[gram]], ends[tells[gram]], len(weights))
    all_weights = covered_weights(forms.kinds, np.ones(len(weights), np.bool_))
    weights = np.where(weighed, all_weights, 0)
    owner = np.repeat(np.arange(counts), np.diff(forms.unit_at))
    np.add.at(full, owner, all_weights)
    np.add.at(total, owner, weights)
    has_telling = np.zeros(counts, bool)
    has_telling[forms.form[tells[gram]]] = True
    # An item that is short and common is a phrase; a long one of common phrases is still found as a whole.
    whole = (total < SHORT) & ((full >= SHORT) | has_telling)
    by_share = total >= SHORT
    kept = whole[forms.form] | (by_share[forms.form] & tells[gram])
    needed = _needed(forms, gram, kept, whole, total, weight, config)
    order = np.lexsort((forms.place[kept], forms.form[kept], gram[kept]))
    numbers, at = np.unique(gram[kept][order], return_index=True)
    table = gram_table(keys[numbers], np.arange(len(numbers)))
    searched = _searched(distinct, forms, by_share, whole) | {"repeated": len(items) - len(distinct)}
    return Index(
        weight, powers(weight), table, np.append(at, len(order)).astype(np.int64),
        forms.form[kept][order].astype(np.int32), forms.place[kept][order].astype(np.int32),
        forms.said[kept][order], distinct, forms.item, forms.is_answer, whole, needed, total,
        np.bincount(forms.form, minlength=counts).astype(np.int32), forms.unit_at, forms.said_units,
        forms.masked, forms.kinds, weights,
        keys[numbers], searched,
    )  # fmt: skip


def _forms(items: Sequence[Item], weight: int) -> _Forms:
    texts, owners, answers = [], [], []
    for number, item in enumerate(items):
        made = forms_of(item) + ([item.question] if item.choices else [])
        texts += [*made, item.answer]
        owners += [number] * (len(made) + 1)
        answers += [0] * len(made) + [1]
        if item.choices:
            answers[-2] = 2  # the question alone
    data, offsets = utf8_buffers(pa.array(texts, pa.large_string()))
    size = 2 * int(offsets[-1]) + 2
    said_units, masked, kinds = (np.empty(size, kind) for kind in (np.uint64, np.uint64, np.uint8))
    found = [np.empty(size, kind) for kind in (np.int32, np.int32, np.int32, np.uint64, np.uint64)]
    unit_at = np.zeros(len(texts) + 1, np.int64)
    count = _form_windows(
        data,
        offsets,
        *unit_tables(),
        weight,
        powers(weight),
        np.array(answers),
        unit_at,
        said_units,
        masked,
        kinds,
        *found,
    )
    form, place, last, key, said = (array[:count].copy() for array in found)
    end = unit_at[-1]
    return _Forms(
        np.array(owners, np.int32), np.array(answers) == 1, unit_at, said_units[:end].copy(), masked[:end].copy(),
        kinds[:end].copy(), form, place, last, key, said,
    )  # fmt: skip


@numba.njit(cache=True)
def _form_windows(
    data, offsets, table, expansions, words, numerals, weight, power, roles, unit_at, said, masked, kinds, form,
    place, last, key, said_key,
):  # fmt: skip
    """Units and n-grams of all forms; how many n-grams. A question alone, and an answer, has none if it is short."""
    made = 0
    for f in range(len(offsets) - 1):
        room = 2 * (offsets[f + 1] - offsets[f]) + 2
        begins, ends = np.empty(room, np.int64), np.empty(room, np.int64)
        base = unit_at[f]
        count = unit_text(
            data, offsets[f], offsets[f + 1], table, expansions, words, numerals, said[base:], masked[base:],
            kinds[base:],
            begins, ends,
        )  # fmt: skip
        heavy = np.sum(covered_weights(kinds[base : base + count], np.ones(count, np.bool_)))
        if (roles[f] == 2 and heavy < ALONE) or (roles[f] == 1 and heavy < SHORT):
            count = 0
        unit_at[f + 1] = base + count
        sums, said_sums = np.empty(count + 1, np.uint64), np.empty(count + 1, np.uint64)
        prefixes(masked[base:], count, sums)
        prefixes(said[base:], count, said_sums)
        for i in range(windows(kinds[base:], count, weight, last[made:])):
            form[made], place[made] = f, i
            key[made] = window_key(sums, i, last[made], power)
            said_key[made] = window_key(said_sums, i, last[made], power)
            made += 1
    return made


def marked(starts: np.ndarray, ends: np.ndarray, size: int) -> np.ndarray:
    """Which of `size` places lie in one of the ranges (bool)."""
    steps = np.zeros(size + 1, np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, ends, -1)
    return np.cumsum(steps)[:-1] > 0


def _needed(
    forms: _Forms,
    gram: np.ndarray,
    kept: np.ndarray,
    whole: np.ndarray,
    total: np.ndarray,
    weight: int,
    config: DecontaminationConfig,
) -> np.ndarray:
    """Distinct n-grams without which a form cannot be found: one covers `weight` + 1 at most, wherever it recurs.

    Of a form that is found as a whole all but those across one break.
    """
    pairs, times = np.unique(np.stack([forms.form[kept], gram[kept]]), axis=1, return_counts=True)
    distinct, most = np.zeros(len(whole), np.int64), np.ones(len(whole), np.int64)
    np.add.at(distinct, pairs[0], 1)
    np.maximum.at(most, pairs[0], times)
    share = SEEDS * required(total, min(config.share, config.numbers_share))
    least = np.ceil(share * total / (weight + 1) / most).astype(np.int64)
    unbroken = distinct - (weight - 1) * most
    return np.maximum(1, np.where(whole, unbroken, np.minimum(least, distinct))).astype(np.int32)


def _searched(items: Sequence[Item], forms: _Forms, by_share: np.ndarray, whole: np.ndarray) -> dict[str, int]:
    best = np.zeros(len(items), np.int64)
    deciding = ~forms.is_answer
    np.maximum.at(best, forms.item[deciding], np.where(by_share, 2, np.where(whole, 1, 0))[deciding])
    counts = np.bincount(best, minlength=3)
    return {"by_share": int(counts[2]), "as_a_whole": int(counts[1]), "not_searched": int(counts[0])}
