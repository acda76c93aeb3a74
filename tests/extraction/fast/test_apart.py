"""What stands apart behind an article goes: not its own chapters, nor what the model is as sure of."""

import numpy as np

from skypile.extraction.fast.assemble import choose
from skypile.extraction.fast.blocks import NAMES, cut
from skypile.extraction.fast.page_type import PAGE_TYPES

TEXT = "<div class=story>" + "<p>The salt road of Senja was closed by snow for most of March.</p>" * 3 + "</div>"
SHARE = "<div class=share><p>Post it</p><p>Mail it</p></div>"
GUIDE = "<div class=guide><p>Ten harbours to see before the cod is gone, with prices.</p></div>"


def kept(html: str, scores: list[float], page_type: str = "article") -> list[bool]:
    page, *_ = cut(f"<body>{html}<nav>Home</nav></body>".encode())
    types = np.array([page_type == name for name in PAGE_TYPES], np.float32)
    words = (page.stop - page.start).astype(np.float32)
    return choose(page, NAMES, np.array([*scores, 0.1], np.float32), words, types).tolist()[:-1]


def test_what_stands_apart_behind_an_article_goes():
    text = TEXT.replace("March", "April", 1).replace("March", "May", 1)
    article, gone = [0.97, 0.98, 0.96], [0.1, 0.1]
    assert kept(text + SHARE + GUIDE, [*article, *gone, 0.7]) == [True] * 3 + [False] * 3
    assert kept(text + GUIDE + SHARE, [*article, 0.7, *gone]) == [True] * 4 + [False] * 2  # nothing in between
    assert kept(text + SHARE + GUIDE, [*article, 0.31, 0.32, 0.7]) == [True] * 3 + [False] * 2 + [True]  # half a table
    assert kept(text + SHARE + GUIDE, [*article, *gone, 0.9]) == [True] * 3 + [False] * 2 + [True]  # as sure
    assert kept(text + SHARE + GUIDE, [*article, *gone, 0.7], "service") == [True] * 3 + [False] * 2 + [True]
    lead = "<div class=lead><p>How a village came to eat its horses, and liked them.</p></div>"
    assert kept(lead + SHARE + text, [0.7, *gone, *article]) == [True] + [False] * 2 + [True] * 3


def test_chapters_of_an_article_do_not_stand_apart():
    text = TEXT.replace("March", "April", 1).replace("March", "May", 1)
    second = GUIDE.replace("class=guide", "class='story last'")
    scores = [0.97, 0.98, 0.96, 0.1, 0.1, 0.7]
    assert kept(text + SHARE + second, scores) == [True] * 3 + [False] * 2 + [True]
    inside = text.replace("</div>", SHARE + GUIDE + "</div>")
    assert kept(inside, scores) == [True] * 3 + [False] * 2 + [True]


def test_a_page_most_of_which_stands_apart_keeps_it():
    text = TEXT.replace("March", "April", 1).replace("March", "May", 1)
    long = GUIDE.replace("prices", "prices and all that a traveller in the far north may want to know of them" * 6)
    assert kept(text + SHARE + long, [0.97, 0.98, 0.96, 0.1, 0.1, 0.7]) == [True] * 3 + [False] * 2 + [True]
    short = "<div class=story><p>The salt road of Senja was closed by snow for most of March, and of April.</p></div>"
    assert kept(short + SHARE + GUIDE, [0.97, 0.1, 0.1, 0.7]) == [True] + [False] * 2 + [True]
