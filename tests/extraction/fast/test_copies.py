"""Repetitions: the author's stay, the page's go. All blocks are likely content; place and structure decide."""

import time

import numpy as np
import pytest

from skypile.extraction.fast.assemble import choose
from skypile.extraction.fast.blocks import NAMES, block_texts, cut

ARTICLE = np.eye(7, dtype=np.float32)[0]  # page type probabilities
OVER = "Over the hills and far away"
BOATS = ["barge", "canoe", "cutter", "dinghy", "galley", "lugger", "pilot", "schooner", "sloop", "trawler"]
CHORUS = "".join(f"<p>{OVER} goes a {boat}" for boat in BOATS) + f"<p>{OVER}"
STAMP = "Seen by forty thousand readers"
FOOTER = "<footer>Imprint</footer>"  # with it a page is not bare


def count(html: str, text: str, score: float = 0.7) -> int:
    page, *_ = cut(html.encode())
    n = len(page.start)
    kept = choose(page, NAMES, np.full(n, score, np.float32), np.full(n, 6, np.float32), ARTICLE)
    return [block for block, keep in zip(block_texts(page), kept, strict=True) if keep].count(text)


@pytest.mark.parametrize(
    "html, times",
    [
        (f"<p>Tom, he was a piper's son<p>{OVER}<p>All the tune he could play<p>{OVER}<p>He met a cow<p>{OVER}", 3),
        (f"<p>Tom<br><br>{OVER}<br><br>All the tune<br><br>{OVER}<br><br>He met a cow</p>", 2),
        ("".join(f"<div class=verse><p>Verse {i}<p>{OVER if i % 2 else 'Another line'}</div>" for i in range(6)), 3),
        (f"<ul><li>{OVER}<li>salt</ul><p>For the crust:</p><ul><li>{OVER}<li>butter</ul>", 2),
        (f"<p>Run it:</p><pre>{OVER}</pre><p>And once more:</p><pre>{OVER}</pre>", 2),
        ("".join(f"<p>Verse {i}" + "".join(f"<p>{x} {i}" for x in "abcd") + CHORUS for i in range(3)), 3),
        (f"<p>Tom<p>{OVER}<p>All the tune he could play<p>{OVER}<p>{OVER}{FOOTER}", 3),
        (f"<h3>For the crust</h3><ul><li>{OVER}<li>salt</ul><h3>For the top</h3><ul><li>{OVER}<li>salt</ul>", 2),
        (f"<table><tr><td>{OVER}<td>1<tr><td>{OVER}<td>2</table>", 2),
    ],
)  # fmt: skip
def test_what_an_author_repeats_stays(html, times):
    assert count(html, OVER) == times


def test_an_article_said_again_in_one_piece_is_said_once():
    lines = [f"On day {i} the ferry left at {i} past six, and the {boat} followed." for i, boat in enumerate(BOATS)]
    flat = " ".join(lines)
    article = "".join(f"<p>{line}</p>" for line in lines)
    assert count(f"<article>{article}</article><div class=share>{flat}</div>", flat) == 0
    assert count(f"<article>{article}</article><div class=share>{''.join(lines)}</div>", "".join(lines)) == 0
    more = f"{flat} {'What nobody said before, at some length. ' * 3}"
    assert count(f"<article>{article}</article><div class=share>{more}</div>", more.strip()) == 1
    assert count(f"<article>{article}</article><p>{lines[3]}</p>{FOOTER}", lines[3]) == 1


@pytest.mark.parametrize(
    "html, times",
    [
        ("".join(f"<section><h2>Part {i}</h2><p>{OVER}</p></section>" for i in range(4)), 4),
        (f"<p>{OVER}</p>" * 5, 5),
        (f"<p>{OVER}</p>" * 5 + FOOTER, 1),
        (f"<p>{OVER}</p><p class=caption>{OVER}</p>", 1),
        ("".join(f"<p>Line {i} of the tune</p>" for i in range(9)).join(["", f"<p>{OVER}</p>"]) * 2, 1),
    ],
)
def test_on_a_bare_page_only_another_version_of_it_goes(html, times):
    filling = "<p>So they sang all the way, in the boat and out of it, until the tide had turned and the light gone."
    assert count(f"{html}{filling}", OVER) == times


@pytest.mark.parametrize(
    "html",
    [
        f"<div class=teaser>{STAMP}</div><article><p>Text of the article.</p><p>{STAMP}</p></article>",
        f"<p>{STAMP}</p><p>{STAMP}</p>",
        "".join(f"<div class=card><h3>Card {i}</h3><p class=s>{STAMP}</p></div>" for i in range(4)) + FOOTER,
        f"<div class=desktop><p>{STAMP}</p><p>Text</p></div><div class=mobile><p>{STAMP}</p><p>Text</p></div>",
        f"<ul><li>{STAMP}<li>salt</ul><p>Said in the footer again:</p><ul><li>{STAMP}<li>salt</ul>",
        f"<p>Question</p><p>{STAMP}</p><blockquote>{STAMP}</blockquote><p>Answer</p>",
        "".join(f"<p>Line {i} of a part that is said twice</p>" for i in range(9)).join(["", f"<p>{STAMP}</p>"]) * 2,
    ],
)
def test_what_the_page_repeats_is_said_once(html):
    assert count(html, STAMP) == 1


def test_blocks_that_all_begin_alike_take_linear_time():
    html = f"<p>{'a' * 300}b" * 3000 + f"<p>{'a' * 400_000}"
    page, *_ = cut(html.encode())
    n = len(page.start)
    arguments = page, NAMES, np.full(n, 0.9, np.float32), np.full(n, 6, np.float32), ARTICLE
    choose(*arguments)
    start = time.process_time()
    choose(*arguments)
    assert time.process_time() - start < 2
