"""The aligner against all alignments counted one by one, and on prose of our own."""

import functools
import itertools

import numpy as np
import pytest

from skypile.parallel.alignment import MOVES, align
from skypile.parallel.lines import lines
from skypile.parallel.scores import Scores, scores
from tests.parallel.bilingual import CHINESE, ENGLISH, OTHER_CHINESE, text


def every_path(n: int, m: int) -> list[list[tuple[int, int, int, int]]]:
    """All monotone alignments of n and m lines, as lists of (i, lines, j, lines)."""

    @functools.cache
    def from_here(i: int, j: int) -> list[list[tuple[int, int, int, int]]]:
        if (i, j) == (n, m):
            return [[]]
        return [
            [(i, di, j, dj), *rest]
            for di, dj, _ in MOVES
            if i + di <= n and j + dj <= m
            for rest in from_here(i + di, j + dj)
        ]

    return from_here(0, 0)


@pytest.mark.parametrize("seed", range(6))
def test_the_best_path_and_its_posteriors_are_those_of_all_paths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    given = [rng.normal(0, 3, shape).astype(np.float32) for shape in ((n, m), (n - 1, m), (n, m - 1))]
    tables = dict(zip(((1, 1), (2, 1), (1, 2)), given, strict=True))
    prior = {(di, dj): np.log(share) for di, dj, share in MOVES}

    def worth(step: tuple[int, int, int, int]) -> float:
        i, di, j, dj = step
        return prior[di, dj] + (float(tables[di, dj][i, j]) if di and dj else 0.0)

    paths = [(sum(map(worth, path)), path) for path in every_path(n, m)]
    whole = np.logaddexp.reduce([value for value, _ in paths])
    best = max(paths)[1]
    found = align(Scores(*given))
    assert [tuple(link[:4]) for link in found] == [step for step in best if step[1] and step[3]]
    for link in found:
        through = np.logaddexp.reduce([value for value, path in paths if tuple(link[:4]) in path])
        assert link.posterior == pytest.approx(np.exp(through - whole), abs=1e-3)


def links(english: list[str], chinese: list[str], least: float = 0.8) -> list[tuple[int, int, int, int]]:
    found = align(scores(lines(text(english)), lines(text(chinese))))
    return [tuple(link[:4]) for link in found if link.posterior >= least]


def test_prose_without_common_words_is_aligned_line_by_line() -> None:
    assert links(ENGLISH, CHINESE) == [(at, 1, at, 1) for at in range(8)]


def test_a_paragraph_that_was_not_translated_is_skipped() -> None:
    for gone in (0, 3, 7):
        fewer = CHINESE[:gone] + CHINESE[gone + 1 :]
        assert [link[0] for link in links(ENGLISH, fewer)] == [at for at in range(8) if at != gone]


def test_two_paragraphs_that_the_translator_joined_are_one_link() -> None:
    joined = [*CHINESE[:1], CHINESE[1] + CHINESE[2], *CHINESE[3:]]
    assert (1, 2, 1, 1) in links(ENGLISH, joined, 0.7)
    assert (1, 1, 1, 2) in links([*ENGLISH[:1], ENGLISH[1] + " " + ENGLISH[2], *ENGLISH[3:]], CHINESE)


def test_pages_about_other_things_have_no_links() -> None:
    assert links(ENGLISH, OTHER_CHINESE) == []


def test_alignment_does_not_depend_on_what_the_lines_before_were() -> None:
    """Nothing is learned from a page that would change the next one."""
    first = links(ENGLISH, CHINESE)
    links(ENGLISH[::-1], OTHER_CHINESE)
    assert links(ENGLISH, CHINESE) == first


def test_empty_sides_align_to_nothing() -> None:
    for english, chinese in itertools.product(("", "one line"), ("", "一行")):
        if not (english and chinese):
            assert align(scores(lines(english), lines(chinese))) == []
