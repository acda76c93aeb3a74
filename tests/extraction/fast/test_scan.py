"""The scanner: HTML bytes into blocks. Expected blocks follow from the HTML standard's parsing rules."""

import numpy as np
import pytest

from skypile.extraction.fast.blocks import block_texts, cut, visible_text
from skypile.extraction.fast.tags import TAGS


def blocks(html: str) -> list[str]:
    page, *_ = cut(html.encode("utf-8", "replace"))
    return block_texts(page)


@pytest.mark.parametrize(
    "html, expected",
    [
        ("<p>one<p>two", ["one", "two"]),
        ("<p>a <b>bold</b>  word</p> tail", ["a bold word", "tail"]),
        ("<ul><li>one<li>two<ul><li>inner</ul>after</ul>", ["one", "two", "inner", "after"]),
        ("<table><tr><td>1<td>2<tr><th>3</table>", ["1", "2", "3"]),
        ("<dl><dt>term<dd>meaning</dl>", ["term", "meaning"]),
        ("a<br>b", ["a\nb"]),
        ("a<br><br>b", ["a", "b"]),
        ("a<br> <br/>\n<br>b", ["a", "b"]),
        ("<div>x<p>y</p>z</div>", ["x", "y", "z"]),
        ("no tags", ["no tags"]),
        ("1 < 2 and 3 > 2", ["1 < 2 and 3 > 2"]),
        ("", []),
        ("<p> \n\t </p>", []),
    ],
)
def test_blocks_follow_the_elements(html, expected):
    assert blocks(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        "<script>var s = '<p>no</p>';</script><p>yes</p>",
        "<SCRIPT>no</SCRIPT ><p>yes</p>",
        "<style>p { content: '<p>no' }</style><p>yes</p>",
        "<!-- <p>no</p> --><p>yes</p>",
        "<!doctype html><?xml no?><p>yes</p>",
        "<p>yes</p><script>no",
        "<p>yes</p><!-- no",
        "<textarea><p>no</textarea><p>yes",
        "<svg><text>no</text></svg><p>yes",
        "<svg><text>no<p>yes",
        "<select><option>no</select><p>yes",
        "<template><p>no</p></template><p>yes",
        "<title>no</title><p>yes",
        "<p>yes</p><p title='no",
        "<p title='>no'>yes",
        '<p data-x="<b>no</b>">yes',
        "<noscript><p>yes</noscript>",
        "<textarea><p>yes",
    ],
)
def test_only_text_is_text(html):
    assert blocks(html) == ["yes"]


@pytest.mark.parametrize(
    "source, expected",
    [
        ("a&amp;b", "a&b"),
        ("&lt;p&gt;", "<p>"),
        ("&copy 2020", "© 2020"),
        ("&#20013;&#x6587;", "中文"),
        ("&#150;", "–"),
        ("&hellip;&CounterClockwiseContourIntegral;", "…∳"),
        ("&unknown; & &", "&unknown; & &"),
        ("&#0;a&#x110000;&#xD800;", "a"),
        ("a&nbsp;&nbsp;b", "a b"),
        ("a\u3000\u2003b", "a b"),
        ("so\u00adft\u200b hy\ufeffphen\x00\x07", "soft hyphen"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_characters(source, expected):
    assert blocks(f"<p>{source}</p>") == [expected]


def test_preformatted_text_keeps_its_lines_and_indentation():
    html = "<pre>\n\n  def f(x):\n      return x\r\n\tend  \n</pre>"
    assert blocks(html) == ["  def f(x):\n      return x\n\tend"]


def test_line_elements_inside_pre_become_lines():
    html = "<pre><code><div class=line>a = 1</div><div class=line>  b<br>c</div></code></pre>x"
    assert blocks(html) == ["a = 1\n  b\nc", "x"]


def test_links_are_measured_even_when_misnested():
    page, *_ = cut(b"<p><a href=x>four</a> more<div><a>half<div>in</a>out</div>")
    assert block_texts(page) == ["four more", "half", "inout"]
    assert page.link.tolist() == [4, 4, 2]


def test_elements_form_a_tree_in_document_order():
    page, *_ = cut(b"<div class=a><p>x<span>y</span></div><footer>z</footer>")
    names = [TAGS[t] for t in page.tag]
    assert names == ["body", "div", "p", "span", "footer"]
    assert page.parent.tolist() == [-1, 0, 1, 2, 0]


def test_hidden_elements_are_marked():
    page, *_ = cut(b"<p hidden>a<p style='color:red; display : none'>b<p aria-hidden=true>c<p style='display:block'>d")
    assert page.hidden.tolist() == [0, 1, 1, 1, 0]


def test_title():
    assert cut("<title>\n A &amp; B\u200b </title>".encode())[1].tobytes().decode() == "A & B"
    assert cut(b"<meta property='og:title' content='Graph'>")[1].tobytes() == b"Graph"


def test_blocks_agree_with_lexbor_on_well_formed_html():
    lexbor = pytest.importorskip("resiliparse.parse.html")
    html = "<body>" + "".join(
        f"<section><h2>Head {i}</h2><p>Text <a href=#>link {i}</a> and <em>more</em>.</p>"
        f"<ul><li>a{i}</li><li>b</li></ul></section>"
        for i in range(50)
    )
    tree = lexbor.HTMLTree.parse(html)
    found = [e.text for e in tree.body.query_selector_all("h2, p, li")]
    assert blocks(html) == found


def test_depth_has_a_limit_and_the_text_survives():
    html = "<div>" * 5000 + "deep" + "</div>" * 5000 + "<p>after"
    page, *_ = cut(html.encode())
    assert block_texts(page) == ["deep", "after"]
    assert np.all(page.parent[1:] < np.arange(1, len(page.parent)))


@pytest.mark.parametrize("limit", [1, 7, 40, 4000])
def test_visible_text_is_the_blocks_on_one_line(limit):
    page, *_ = cut(
        "<p>茶壶\n比房子还要老<ul><li>one <b>two</b><li>é</ul><pre>a\n\n  b</pre><p>".encode() + b"word " * 3000
    )
    assert visible_text(page, limit) == " ".join(" ".join(block_texts(page)).split())[:limit]
