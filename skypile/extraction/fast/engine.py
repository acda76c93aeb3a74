"""From HTML to main text: scan, score twice, keep, join.

1.5 ms for a page of 270 KB and 300 blocks, one core: decoding 0.05, scanning 0.4, features 0.5, trees 0.3, choosing
and joining 0.1 (WCXB dev, where trafilatura's default takes twenty times as long). Deterministic; raises on no input.
The first call in an environment compiles for 30 to 80 s (`warm_up`); the machine code is kept beside the modules, or
where NUMBA_CACHE_DIR says.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skypile.extraction.fast.assemble import choose, join
from skypile.extraction.fast.block_text import WORDS, first_tokens
from skypile.extraction.fast.blocks import NAMES, Scanned, cut, following, visible_text
from skypile.extraction.fast.compiling import quick_loading
from skypile.extraction.fast.context import score_features
from skypile.extraction.fast.features import block_features
from skypile.extraction.fast.model import Model, shipped
from skypile.extraction.fast.open_block import ON_TAG
from skypile.extraction.fast.page_type import PAGE_TYPES, page_features, page_slots, page_words
from skypile.extraction.fast.structure import structure_features
from skypile.extraction.fast.tags import TAG_ID
from skypile.extraction.fast.trees import class_probabilities, probability, probability_of
from skypile.extraction.fast.utf8 import foreign_characters
from skypile.extraction.fast.window import Page

N_TYPES = len(PAGE_TYPES)
# Blocks with a lower first score are not looked at again: one in five, with one in two hundred of those of content.
CERTAIN = 0.01
OF_LINES = [TAG_ID[name] for name in ("table", "ul", "ol", "dl")]  # what goes on in the next window by a line


class MainText(NamedTuple):
    """`page_type`: the likeliest of PAGE_TYPES. `nesting`: how deep elements nest."""

    text: str
    title: str
    page_type: str
    blocks_kept: int
    blocks_seen: int
    nesting: int


@njit(cache=True)
def score_page(page, title, description, named, model, names):
    """Scores of the blocks, their sizes in words, and the page's type probabilities."""
    tokens = first_tokens(page)
    structure, statistics = structure_features(page, tokens, title, description, names.flags)
    slots = page_slots(page.words, page.tag, names, named)
    named_slots = page_slots(page.words[:0], page.tag[:0], names, named)
    row = page_features(page, statistics, structure, slots, named_slots, model.page_odds)
    types = class_probabilities(model.page_type, row, N_TYPES)
    words = np.maximum(statistics[:, WORDS], np.float32(0.5))
    X = block_features(page, tokens, structure, model.odds, names, types)
    first = probability(model.first, X)
    around = score_features(page, names, first, words)
    unsure = np.flatnonzero(first >= CERTAIN)
    score = first.copy()
    score[unsure] = probability_of(model.second, X, around, unsure)
    return score, words, types


@njit(cache=True)
def keep_and_join(page, title, description, named, model, names):
    """Clean UTF-8 of the kept blocks, how many there are, and the page's type."""
    score, words, types = score_page(page, title, description, named, model, names)
    keep = choose(page, names, score, words, types)
    return join(page, keep), keep.sum(), types.argmax()


def warm_up() -> None:
    """Load the model and the compiled code: 0.1 s, or 30 to 80 s of compiling where no cache of it is found. Call it
    before pages are timed or limited."""
    html = b"<title>t</title><p>One sentence.<pre>x</pre><br><br>two"
    with quick_loading():  # of everything compiled that Python calls for a page
        foreign_characters(html)
        scanned = cut(html)
        visible_text(scanned[0], 100)
        main_text(html, scanned=scanned)


def main_text(
    html: bytes, url: str | None = None, model: Model | None = None, scanned: Scanned | None = None
) -> MainText:
    """Main text of a page in UTF-8. `model`: another than the shipped one. `scanned`: `cut(html)` if already done."""
    page, title, description = scanned or cut(html)
    name = title.tobytes().decode("utf-8", "replace").strip()
    model = shipped() if model is None else model
    texts, between, kept, seen, nesting, page_type = [], "", 0, 0, 0, PAGE_TYPES[0]
    window: Page | None = page
    while window is not None:
        nesting = max(nesting, window.nesting)
        if len(window.start):
            named = page_words(html, window, url)
            found, n_kept, kind = keep_and_join(window, title, description, named, model, NAMES)
            if not seen:
                page_type = PAGE_TYPES[kind]
            if len(found):
                texts.append((between, found.tobytes().decode("utf-8", "replace")))
            kept, seen = kept + int(n_kept), seen + len(window.start)
        before, window = window, following(html, window)
        if window is not None:
            between = "\n" if np.isin(before.stack[:, ON_TAG], OF_LINES).any() else "\n\n"
    text = "".join(between + text for between, text in texts).lstrip("\n")
    return MainText(text, name, page_type, kept, seen, nesting)
