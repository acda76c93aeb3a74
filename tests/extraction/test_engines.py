"""`extract` and `pretext`: engines, text form, page metadata, on pages of our own making."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from skypile.extraction.engines import ENGINES, Extraction, clean, extract, pretext
from skypile.extraction.fast.assemble import choose
from skypile.extraction.fast.blocks import NAMES, cut

PARAGRAPH = (
    "The kettle is older than the house, and nobody in the village remembers who bought it. It has been mended "
    "four times, twice by the smith and twice by his daughter, who says that the handle will outlive her."
)
SECOND = (
    "On Sundays it stands on the long table under the lime tree, and whoever passes may have tea from it, "
    "provided that they bring their own cup and tell one thing that happened during the week."
)
ARTICLE = f"""<!doctype html><html lang=en><head><title>The kettle &amp; the tree</title>
<meta name=description content="The kettle is older than the house"><style>p {{ color: red }}</style></head><body>
<header class=site-header><nav class=main-nav><ul><li><a href=/>Home</a><li><a href=/news>News</a>
<li><a href=/about>About us</a>
</ul></nav></header>
<main><article class=post-content><h1>The kettle &amp; the tree</h1>
<p>{PARAGRAPH}</p><h2>Sundays</h2><p>{SECOND}</p>
<ul><li>Bring your own cup to the table.<li>Tell one thing that happened.</ul>
<pre><code>def tea(cup):
    if cup.empty:
        cup.fill()
</code></pre><p>{SECOND.replace("Sundays", "Mondays")}</p></article></main>
<aside class=related-posts><h3>Related posts</h3>
<ul><li><a href=/1>Ten kettles compared</a>
<li><a href=/2>How to plant a lime tree</a></ul></aside>
<div class=share-buttons><a href=#>Share on Facebook</a><a href=#>Tweet</a></div>
<div id=cookie-banner class=cookie-consent>
We use cookies to improve your experience. <button>Accept all</button></div>
<footer class=site-footer><p>&copy; 2024 The Village Paper. All rights reserved.
<a href=/privacy>Privacy policy</a></p></footer>
<script>track("page");</script></body></html>"""
CHINESE = """<html><head><meta charset=gbk><title>老茶壶</title></head>
<body><div class="nav"><a href="/">首页</a> <a href="/n">新闻</a></div>
<div class="article-content"><h1>老茶壶</h1>
<p>这把茶壶比房子还要老，村里没有人记得是谁买的。它修过四次，铁匠修了两次，他的女儿修了两次。</p>
<p>每到星期天，茶壶就摆在椴树下的长桌上，路过的人都可以喝一杯茶，只要自己带杯子，再讲一件这个星期里发生的事情。</p>
<p>女儿说，壶把会比她活得更久。村里的人都相信她的话，因为她从来没有说错过什么。</p></div>
<div class="related"><h3>相关阅读</h3>
<ul><li><a href="/1">十把茶壶的比较</a></li>
<li><a href="/2">怎样种椴树</a></li></ul></div>
<div class="footer">版权所有 © 2024 村报 <a href="/icp">京ICP备00000000号</a></div></body></html>"""


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_returns_the_article(engine):
    page = extract(ARTICLE, url="https://example.org/2024/05/kettle", engine=engine)
    assert PARAGRAPH in page.text
    assert SECOND in page.text
    assert page.title == "The kettle & the tree"
    assert page.engine == engine
    assert page.charset is None


def test_the_fast_engine_leaves_the_chrome():
    page = extract(ARTICLE, url="https://example.org/2024/05/kettle")
    for chrome in ("About us", "Ten kettles", "Tweet", "cookies", "Accept all", "rights reserved", "track"):
        assert chrome not in page.text
    assert 6 <= page.blocks_kept < page.blocks_seen
    assert page.page_type == "article"


def test_text_is_laid_out_for_reading():
    text = extract(ARTICLE).text
    assert f"The kettle & the tree\n\n{PARAGRAPH}\n\nSundays\n\n{SECOND}\n\n" in text
    assert "Bring your own cup to the table.\nTell one thing that happened." in text
    assert "\n\ndef tea(cup):\n    if cup.empty:\n        cup.fill()\n\n" in text


def test_table_rows_are_lines_and_cells_are_tabbed():
    rows = "".join(f"<tr><td>Harbour {i}</td><td>{i * 7} boats</td></tr>" for i in range(1, 6))
    text = extract(f"<article><h1>Boats</h1><p>{PARAGRAPH}</p><table>{rows}</table><p>{SECOND}</p></article>").text
    assert "Harbour 1\t7 boats\nHarbour 2\t14 boats\n" in text


def test_a_table_keeps_cells_that_repeat():
    """A teacher's name stands in the row before as the adviser's; losing it would shift the row."""
    names = ["Elisabeth Alexandra Harbour", "Johann Friedrich of the Kettle", "Maria Theresia Lighthouse"]
    rows = "".join(f"<tr><td>{a}</td><td>1{i}00</td><td>{b}</td></tr>" for i, (a, b) in enumerate(pairwise(names)))
    text = extract(f"<article><h1>Boats</h1><p>{PARAGRAPH}</p><table>{rows}</table><p>{SECOND}</p></article>").text
    assert f"{names[0]}\t1000\t{names[1]}\n{names[1]}\t1100\t{names[2]}" in text


def test_what_stands_under_every_item_is_said_once():
    items = (f"<p>第{i}条新闻的标题在这里</p><span>分享至好友和朋友圈</span>" for i in range(5))
    page, _, _ = cut(f"{''.join(items)}<footer></footer>".encode())
    kept = choose(page, NAMES, np.full(10, 0.9, np.float32), np.full(10, 6, np.float32), np.eye(7, dtype=np.float32)[0])
    assert kept.tolist() == [True, True] + [True, False] * 4


@pytest.mark.parametrize("engine", ENGINES)
def test_chinese_in_a_legacy_charset(engine):
    page = extract(CHINESE.replace("©", "(c)").encode("gbk"), url="https://example.cn/a.html", engine=engine)
    assert "它修过四次，铁匠修了两次，他的女儿修了两次。" in page.text
    assert page.charset in ("gb18030", "gbk")
    assert page.title == "老茶壶"


def test_chinese_chrome_goes():
    text = extract(CHINESE, url="https://example.cn/a.html").text
    assert text.startswith("老茶壶\n\n这把茶壶") or text.startswith("这把茶壶")
    for chrome in ("首页", "十把茶壶", "ICP"):
        assert chrome not in text


@pytest.mark.parametrize("empty", ["", "<html></html>", "   ", b"", b"\x00\x00", "<script>x</script>"])
@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_to_extract_is_no_text(empty, engine):
    assert extract(empty, engine=engine).text == ""


def test_trafilatura_goes_by_its_own_modes_names():
    """Text in list items alone: what its default mode finds with the help of others, and its fast mode does not."""
    import trafilatura

    items = "".join(f"<li><div><span>{sentence}.</span></div>" for sentence in f"{PARAGRAPH} {SECOND}".split(". "))
    html = f"<html><body><div><ul>{items}</ul></div></body></html>"
    for engine, fast in (("trafilatura", False), ("trafilatura-fast", True)):
        wanted = trafilatura.extract(html, fast=fast, include_comments=False) or ""
        assert extract(html, engine=engine).text == clean(wanted)  # type: ignore[arg-type]


def test_unknown_engine_is_named():
    with pytest.raises(ValueError, match="'magic' is none of fast, trafilatura, trafilatura-fast, resiliparse"):
        extract("<p>x", engine="magic")  # type: ignore[arg-type]


def test_order_of_pages_does_not_matter():
    """A page's text depends on the page alone, for every engine."""
    pages = [ARTICLE, CHINESE, ARTICLE.replace("kettle", "pot"), ARTICLE]
    for engine in ENGINES:
        forward = [extract(page, engine=engine) for page in pages]
        backward = [extract(page, engine=engine) for page in reversed(pages)]
        assert forward == backward[::-1]


def test_an_extraction_is_a_plain_value():
    assert dataclasses.asdict(Extraction("t", None, "fast"))["blocks_seen"] == 0


@pytest.mark.parametrize(
    "raw, expected",
    [
        ("e\u0301", "é"),
        ("a \t\nb\u3000\n", "a\nb"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("  code", "  code"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("bell\x07 tab\tstays", "bell tab\tstays"),
    ],
)
def test_clean(raw, expected):
    assert clean(raw) == expected


@pytest.mark.parametrize(
    "html, expected",
    [
        ("<p>a</p><p>b", "a b"),
        ("<SCRIPT>no</SCRIPT>yes<style>no</STYLE>", "yes"),
        ("<!-- no -->yes", "yes"),
        ("<script>never closed", ""),
        ("<textarea>open</p>", "open"),
        ("1 < 2", "1 < 2"),
        ("&lt;b&gt;", "<b>"),
        ("中文<br>字", "中文 字"),
    ],
)
def test_pretext(html, expected):
    assert pretext(html.encode(), 100) == expected


def test_pretext_stops_at_its_limit():
    assert pretext(b"<p>abc " * 1000, 10) == "abc abc ab"
