"""Headings over what is no part of an article: what they introduce goes, the article under one does not."""

import numpy as np
import pytest

from skypile.extraction.fast.assemble import choose
from skypile.extraction.fast.blocks import NAMES, cut
from skypile.extraction.fast.headings import (
    _COMMENTS,
    _HEADINGS,
    _RELATED,
    COMMENTS,
    HEADING,
    LONGEST,
    RELATED,
    _folded,
    _kind,
    _phrase,
    _words,
)
from skypile.extraction.fast.page_type import PAGE_TYPES

ARTICLE = "<nav>Start</nav><div class=text><p>The ferry to Tromp was late.</p><p>It{}</p>%s</div>"
ARTICLE = ARTICLE.format(" had ice on its bow and bread in its hold" * 9).replace("%s", "{}")


def kept(html: str, kind: str = "article") -> str:
    """The first words of the blocks that stay, where the model would keep all and is surest of the second."""
    page, *_ = cut(html.encode())
    score = np.full(len(page.start), 0.8, np.float32)
    score[0], score[2] = 0.1, 0.9
    types = np.zeros(len(PAGE_TYPES), np.float32)
    types[PAGE_TYPES.index(kind)] = 1
    keep = choose(page, NAMES, score, (page.stop - page.start).astype(np.float32), types)
    texts = [page.text[a:b].tobytes().decode() for a, b in zip(page.start, page.stop, strict=True)]
    return " | ".join(text.split()[0] for text, stays in zip(texts, keep, strict=True) if stays)


@pytest.mark.parametrize(
    "heading",
    ["<h3>Read also</h3>", "<p><b>ЧИТАЙТЕ ТАКЖЕ:</b></p>", "<h2><a href=/>Czytaj także »</a></h2>",
     "<div>ΔΙΑΒΑΣΤΕ ΕΠΙΣΗΣ</div>", "<dt>相关阅读：</dt>", "<h4>&nbsp;Das könnte Sie auch interessieren…</h4>",
     "<strong>Σχετικά Άρθρα (4)</strong>", "<h3>À lire aussi ▸</h3>", "<h3>Editors’ Picks</h3>"],
)  # fmt: skip
def test_linked_pages_under_a_heading_that_says_so_go_with_it(heading):
    links = "<ul><li><a href=/a>Kayak on the roof</a><li><a href=/b>Bread from the bog</a></ul>"
    cards = "<div><a href=/c>Salt prices up</a><p>They rose again, by a third.</p></div>"
    assert kept(ARTICLE.format(heading + links + cards + "<p>Boats sail at six.</p>")) == "The | It | Boats"
    assert kept(ARTICLE.format("") + f"<section><div>{heading}</div>{links}<p>Prose.</p></section>") == "The | It"


def test_such_a_heading_takes_no_article_and_no_page_of_lists():
    heading = "<h3>Most read</h3>"
    under = f"<nav>Start</nav><main>{heading}<p>Snow fell on the ferry.</p><p>It was late.</p></main>"
    assert kept(under) == "Snow | It"  # the surest block stands under it
    links = "<ul><li><a href=/a>Kayak on the roof</a><li><a href=/b>Bread from the bog</a></ul>"
    assert kept(ARTICLE.format(heading + links), "listing") == "The | It | Most | Kayak | Bread"
    long = links.replace("</a>", " and a great deal more to read than there is on this page" * 4 + "</a>")
    assert kept(ARTICLE.format(heading + long)) == "The | It | Most | Kayak | Bread"  # more than half of the text
    assert kept(ARTICLE.format("<h3>Most read books of 1902</h3>" + links)).endswith("Most | Kayak | Bread")


def test_readers_comments_under_a_heading_go_from_articles_alone():
    said = "<h3>Комментарии (2)</h3><div>Ольга, 5 мая</div><p>Лёд!</p>"
    assert kept(ARTICLE.format(said)) == "The | It"
    assert kept(ARTICLE.format(said), "forum") == "The | It | Комментарии | Ольга, | Лёд!"
    count = "<span><a href=#said>Comments</a></span><p>Boats sail at six.</p>"
    assert kept(ARTICLE.format(count)) == "The | It | Comments | Boats"  # a link to them is no heading


def test_a_paragraph_that_points_elsewhere_goes_on_its_own():
    link = "<p>{}: <a href=/a>Kayak on the roof of the town hall of Tromp</a></p><p>Boats sail at six.</p>"
    assert kept(ARTICLE.format(link.format("Читайте также"))) == "The | It | Boats"
    assert kept(ARTICLE.format(link.format("Lesen Sie auch"))) == "The | It | Boats"
    assert kept(ARTICLE.format(link.format("Czytaj także").replace("<a href=/a>", ""))) == "The | It | Czytaj | Boats"
    assert kept(ARTICLE.format(link.format("Read more"))) == "The | It | Read | Boats"


def test_phrases_are_read_from_bytes_as_the_table_was_made_of_them():
    room = np.empty(LONGEST, np.uint32)
    for kind, phrases in ((RELATED, _RELATED), (HEADING, _HEADINGS), (COMMENTS, _COMMENTS)):
        for phrase in phrases.replace("\n", ",").split(","):
            if phrase.strip():
                text = np.frombuffer(f"» {phrase.strip().upper()}: 12".encode(), np.uint8)
                assert _phrase(text, 0, len(text), room, True) == kind, phrase
    assert _kind(np.uint32(_folded(_words("read the manual")))) == 0
