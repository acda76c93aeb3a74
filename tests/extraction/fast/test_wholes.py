"""Tables and lists are kept whole or not at all, and blocks alike agree."""

import numpy as np

from skypile.extraction.fast.assemble import choose
from skypile.extraction.fast.blocks import NAMES, cut
from skypile.extraction.fast.page_type import PAGE_TYPES
from skypile.extraction.fast.wholes import settled, whole_of_blocks

PROSE = "<p>Forty words of prose stand here.</p>"


def kept(html: str, score: list[float], words: list[float] | None = None, page_type: str = "service") -> list[bool]:
    page, *_ = cut(html.encode())
    sizes = np.full(len(score), 5) if words is None else words
    types = np.array([page_type == name for name in PAGE_TYPES], np.float32)
    return choose(page, NAMES, np.array(score, np.float32), np.array(sizes, np.float32), types).tolist()


def test_a_table_is_kept_with_the_cells_that_nobody_would_keep():
    table = "<table><tr><th>day<th>run<tr><td>Monday<td>5 km<tr><td>Tuesday<td>Rest</table>"
    score = [0.9, 0.9, 0.8, 0.7, 0.9, 0.1, 0.1, 0.1]
    assert kept(PROSE + table + "<nav>Home</nav>", score) == [True] * 7 + [False]


def test_a_table_goes_with_the_cells_that_somebody_would_keep():
    table = "<table><tr><td>a<td>b<tr><td>c<td>d</table>"
    assert kept(PROSE + table, [0.9, 0.1, 0.1, 0.1, 0.6]) == [True] + [False] * 4


def test_a_list_is_kept_to_its_last_item_with_the_lists_in_it():
    items = "<ul><li>rope<li>two hooks<ul><li>small<li>large</ul><li>bread</ul>"
    assert kept(PROSE + items, [0.9, 0.8, 0.8, 0.7, 0.7, 0.2]) == [True] * 6
    terms = "<dl><dt>keel<dd>the lowest beam<dt>bow<dd>the front</dl>"
    assert kept(PROSE + terms, [0.9, 0.3, 0.9, 0.2, 0.9]) == [True] * 5


def test_a_list_that_lays_out_the_page_is_not_one_thing():
    posts = "".join(f"<li>{'<p>a line</p>' * 5}" for _ in range(3))
    page, *_ = cut(f"<ul>{posts}</ul>".encode())
    assert (whole_of_blocks(page) == -1).all()


def test_of_blocks_alike_one_does_not_stand_apart():
    page, *_ = cut(("<article>" + "<p class=t>words</p>" * 9 + "<p class=other>words</p></article>").encode())
    score = np.full(10, 0.9, np.float32)
    score[[4, 9]] = 0.4
    found = settled(page, NAMES, score, np.ones(10, np.float32), whole_of_blocks(page))
    assert found[4] > 0.5 > 0.45 > found[9]


def test_a_page_that_is_nothing_but_text_is_its_text():
    filler = "<p>Ornare velut sagittis mauris, in hendrerit libero pretium non.</p>"
    unlikely = [0.1, 0.2, 0.3]
    assert kept(filler + filler.upper() + filler.lower(), unlikely) == [True] * 3
    assert kept(filler + filler.upper() + "<p><a href=/x>Sagittis</a></p>", unlikely) == [True] * 3
    assert kept(filler + filler.upper() + "<footer>Sagittis</footer>", unlikely) == [False] * 3
    assert kept("<p>404 Not Found<p>nginx", [0.1, 0.2]) == [False] * 2
    links = "<p><a href=/x>Ornare velut sagittis mauris, in hendrerit libero pretium non.</a></p>"
    assert kept(links * 2 + filler, unlikely) == [False] * 3


def test_comments_go_from_articles_alone_and_only_as_the_smaller_part():
    post = "<div class=post>A post.</div>"
    html = f"<main>{post}<ol id=comments><li>First!<li>Second!</ol></main><nav>Home</nav>"
    sizes = [60.0, 20.0, 20.0, 1.0]
    score = [0.9, 0.8, 0.8, 0.1]
    assert kept(html, score, sizes, "article") == [True, False, False, False]
    assert kept(html, score, sizes, "forum") == [True, True, True, False]
    assert kept(html, score, [20.0, 60.0, 60.0, 1.0], "article") == [True, True, True, False]
    page, *_ = cut(html.encode())
    for forum, stays in ((0.6, False), (0.9, True)):
        types = np.array([{"forum": forum, "article": 1 - forum}.get(name, 0) for name in PAGE_TYPES], np.float32)
        found = choose(page, NAMES, np.array(score, np.float32), np.array(sizes, np.float32), types)
        assert found.tolist() == [True, stays, stays, False]
    replies = html.replace("<ol id=comments><li>", "<ol><li class=comment>").replace("l><li>", "l><li class=comment>")
    replies = replies.replace("!<li>", "!<li class=comment>")
    types = np.array([{"forum": 0.6, "article": 0.4}.get(name, 0) for name in PAGE_TYPES], np.float32)
    for size, stays in ((20.0, False), (40.0, True)):  # each the smaller part, but not together
        given = np.array([60.0, size, size, 1.0], np.float32)
        found = choose(cut(replies.encode())[0], NAMES, np.array(score, np.float32), given, types)
        assert found.tolist() == [True, stays, stays, False]
    wrapped = f"<main class=has-comments>{post}<ol id=comments><li>First!<li>Second!</ol></main><nav>Home</nav>"
    assert kept(wrapped, score, sizes, "article") == [True, False, False, False]


def test_what_is_named_for_standing_beside_an_article_or_thread_goes_from_those():
    html = (
        "<body class=related><main><p>The dyke broke at noon.</p><div class='box-related'><p>The dyke of 1953</p></div>"
        "<div id=cookie-notice><p>We keep cookies.</p></div></main><nav>Home</nav>"
    )
    score, sizes = [0.9, 0.8, 0.8, 0.1], [9.0, 20.0, 20.0, 1.0]
    assert kept(html, score, sizes, "article") == [True, False, False, False]
    assert kept(html, score, sizes, "forum") == [True, False, False, False]
    assert kept(html, score, sizes, "listing") == [True, True, True, False]
    filed = html.replace("<main>", "<main class=category-cookies>")
    assert kept(filed, score, sizes, "article") == [True, False, False, False]
    assert kept(filed, [0.3, 0.9, 0.8, 0.1], sizes, "article") == [False, True, False, False]
