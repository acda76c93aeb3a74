"""Markup after the HTML standard, CSS Text and XML: what is text, what is said beside it, and what ends where."""

import numpy as np
import pytest

from skypile.extraction.fast.blocks import NAMES, block_texts, cut, following
from skypile.extraction.fast.markup import MAX_FALLBACK, next_end
from skypile.extraction.fast.tags import TAG_ID, fnv1a


def blocks(html: str, xml: bool = False) -> list[str]:
    page, *_ = cut(html.encode("utf-8", "replace"), xml)
    return block_texts(page)


@pytest.mark.parametrize(
    "html",
    [
        "<!-- ad --!><p>kept",
        "<!--><p>kept",
        "<!---><p>kept",
        "<!-- a --- b --!- > ad --><p>kept",
        "<!--!> ad --><p>kept",
        "<! ad ><? ad ></ ad ><p>kept",
        "<x-card><template shadowrootmode=closed><style>b{}</style><p>kept</template></x-card>",
        "<template><p>no</template><p>kept",
        "<template shadowrootmode=none><p>no</template><p>kept",
        "<p>kept</p><style>.a > b { color: red } @media",
        "<object data=film.swf><param name=a value=b><p>kept",
        "<video src=a><p>kept",
        "<svg><script/><path/></svg><p>kept",
        "<svg><![CDATA[ <p>no ]]></svg><p>kept",
        "<script src=a />no<p>no</script><p>kept",
        "<script src=a /><p>kept",
    ],
)
def test_markup_does_not_lose_or_add_text(html):
    assert blocks(html) == ["kept"]


def test_fallback_of_an_object_goes_unless_its_end_is_another_ones():
    assert blocks("<p>a <object>no plug-in</object> b") == ["a b"]
    story = "<p>" + "long story " * MAX_FALLBACK
    assert blocks(f"<object>{story}</p><object>x</object><p>end")[-1] == "end"
    assert blocks(f"<object>{story}</p><object>x</object>")[0].startswith("long story")


@pytest.mark.parametrize(
    "html, xml",
    [
        ('<?xml version="1.0"?><html><head><title/><script src="a.js"/><style/></head><body><p>one</p>{}', False),
        ('<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><script src="a.js" /><p>one</p>{}', False),
        ('<html><script src="a.js"/><textarea/><p>one</p>{}', True),
    ],
)
def test_raw_elements_are_complete_in_xml(html, xml):
    assert blocks(html.format("<script>no</script><p>two</p>"), xml) == ["one", "two"]


def test_cdata_is_text_in_xml_alone():
    assert blocks("<p><![CDATA[if a < b && c]]></p>", xml=True) == ["if a < b && c"]
    assert blocks("<p>x<![CDATA[ y ]]></p>") == ["x"]


def test_elements_close_themselves_in_xml_that_is_served_so():
    page, *_ = cut(b"<p><a href='x'/>not linked</p>", True)
    assert page.link.tolist() == [0]


def test_raw_text_that_browsers_show_is_text():
    assert blocks("<xmp><b>bold</b> &amp;</xmp>x<plaintext><p>y</plaintext>") == [
        "<b>bold</b> &amp;",
        "x",
        "<p>y</plaintext>",
    ]


@pytest.mark.parametrize(
    "source, expected",
    [
        ("茶壶比房子\n还要老", "茶壶比房子还要老"),
        ("茶壶，\r\n 房子", "茶壶，房子"),
        ("他说\n“茶”\n很好", "他说“茶”很好"),
        ("茶</b>\n<i>壶", "茶壶"),
        ("カタ\nカナ", "カタカナ"),
        ("茶 壶", "茶 壶"),
        ("茶\n\u3000壶", "茶 壶"),
        ("茶\ntea\n壶", "茶 tea 壶"),
        ("집에\n간다", "집에 간다"),
        ("two\nwords", "two words"),
        ("long<wbr>word so&shy;ft", "longword soft"),
    ],
)
def test_line_breaks_of_the_source(source, expected):
    assert blocks(f"<p>{source}</p>") == [expected]


@pytest.mark.parametrize(
    "source, expected",
    [
        ("3 &times; 10<sup>8</sup> m", "3 × 10^8 m"),
        ("10<sup>-9</sup>, 2<sup>n</sup>, y<sup>k+1</sup>, e<sup>-t</sup>", "10^-9, 2^n, y^{k+1}, e^{-t}"),
        ("2<sup>2<sup>5</sup></sup>", "2^{2^5}"),
        ("5 km<sup>2</sup> and σ<sup>2</sup>", "5 km^2 and σ^2"),
        ("the 1<sup>st</sup>, 22<sup>nd</sup>, 3<sup>e</sup>", "the 1st, 22nd, 3e"),
        ("harbour<sup>4</sup>", "harbour4"),
        ("harbour<sup>[4]</sup> said<sup><a href='#n4'>4</a></sup>", "harbour[4] said4"),
        ("H<sub>2</sub>SO<sub>4</sub>, Na<sup>+</sup>, (NH<sub>4</sub>)<sub>2</sub>", "H2SO4, Na+, (NH4)2"),
        ("y<sub>1</sub>, V<sub>0</sub>, a<sub>i+1</sub>, log<sub>2</sub> 8", "y_1, V_0, a_{i+1}, log_2 8"),
        ("1011<sub>2</sub>", "1011_2"),
        ("|v|<sup>2</sup> + [a + b]<sup>n</sup>", "|v|^2 + [a + b]^n"),
        ("9 万米<sup>3</sup>，5 公里<sup>2</sup>，灯塔<sup>2</sup>", "9 万米^3，5 公里^2，灯塔2"),
    ],
)
def test_superscripts_and_subscripts(source, expected):
    assert blocks(f"<p>{source}</p>") == [expected]


@pytest.mark.parametrize(
    "source",
    [
        "<ruby>茶<rt>chá</rt>壶<rt>hú</rt></ruby>",
        "<ruby>茶壶<rtc>teapot</rtc></ruby>",
        "<ruby><rb>茶</rb><rb>壶</rb><rtc><rt>chá</rt><rt>hú</rt></rtc></ruby>",
        "<ruby>茶<rp>(</rp><rt>chá</rt><rp>)</rp></ruby><ruby>壶<rt>hú</ruby>",
    ],
)
def test_ruby_keeps_its_base(source):
    assert blocks(f"<p>{source}很老") == ["茶壶很老"]


@pytest.mark.parametrize("sign", ["¶", "#", "§", "🔗", "&#182;", "##", "[#]", "&#9670;&nbsp;", "&#xf0c1;"])
def test_permalink_signs_go_where_there_is_other_text(sign):
    link = f"<a class=anchor href='#brew'>{sign}</a>"
    assert blocks(f"<h3>Brewing {link}</h3>") == ["Brewing"]
    assert blocks(f"<h3>{link} Brewing</h3>") == ["Brewing"]
    assert blocks(f"<dl><dt>brew(){link}<dd>Make tea") == ["brew()", "Make tea"]
    assert blocks(f"<h3>Brewing {link.replace('#brew', 'https://tea.example/pot#brew')}</h3>") == ["Brewing"]
    assert len(blocks(f"<p>{link}</p>")) == 1


def test_links_to_edit_a_section_go():
    edit = "<span class=mw-editsection><span>[</span><a href=/edit>edit</a><span>]</span></span>"
    assert blocks(f"<h2>Brewing{edit}</h2><div><h3>Tea</h3>{edit}</div><p>[edit]") == ["Brewing", "Tea", "[edit]"]


@pytest.mark.parametrize(
    "gutter",
    [
        "<td class=gutter><pre><span class=line>1</span><br><span class=line>2</span></pre></td>",
        "<td class='linenos'><div class=linenodiv><pre>1\n2</pre></div></td>",
        "<td class=lntd><pre><code><span class=lnt>1\n</span><span class=lnt>2\n</span></code></pre></td>",
        "<td><pre>1\n2</pre></td>",
    ],
)
def test_line_numbers_beside_code_go(gutter):
    code = "<td class=code><pre>if tea:\n    pour(2)</pre></td>"
    assert blocks(f"<table><tr>{gutter}{code}</tr></table>") == ["if tea:\n    pour(2)"]


def test_line_numbers_within_code_go_and_numbers_stay():
    numbered = "".join(f"<span class=lineno>{n} </span>{line}\n" for n, line in enumerate(["x = 1", "  2"], 1))
    assert blocks(f"<pre>{numbered}</pre>") == ["x = 1\n  2"]
    assert blocks("<pre>1\n2\n3</pre>") == ["1\n2\n3"]
    table = "<table><td class=gutter><pre>1\n2\n</pre><td><pre>x = 1\n  2\n</pre></table>"
    assert blocks(f"<pre><code>{table}</code></pre>") == ["x = 1\n  2"]
    assert blocks("<pre><code>x\ny</code><ul class=pre-numbering><li>1<li>2</ul></pre>") == ["x\ny"]
    assert blocks("<table><tr><td>1<td>2</table>") == ["1", "2"]


def test_line_numbers_go_that_no_class_names():
    """Each an element of its own, one a line, from 1 on."""
    lines = ["while tea:", "    pour(2)", "", "2 + 2"]
    numbered = "".join(f"<span style='color: teal'> {n}</span> <i>{line}\n</i>" for n, line in enumerate(lines, 1))
    assert blocks(f"<div class=code><pre>{numbered}</pre></div>") == ["\n".join(lines)]
    for listed in ("1 cup\n2 pots", "<b>1</b> cup\n2 pots", "<b>2</b> cups\n<b>3</b> pots", "<b>1</b>st\n<b>2</b>nd"):
        assert blocks(f"<pre>{listed}</pre>") == [listed.replace("<b>", "").replace("</b>", "")]


def test_code_in_an_element_a_line():
    assert blocks("<pre><code>pour(</code><code>    tea)</code></pre>") == ["pour(\n    tea)"]
    assert blocks("<pre><code>pour(</code> <code>tea)</code></pre>") == ["pour( tea)"]
    assert blocks("<listing>pour(\n    tea)</listing>") == ["pour(\n    tea)"]


@pytest.mark.parametrize(
    "hidden",
    [
        "<span style='display:none'>qx9</span>",
        "<i style='color: red; visibility: hidden'>qx9</i>",
        "<i style='color:red!important;; Visibility :collapse'>qx9</i>",
        "<i style='width:1px; x:display : NONE !important; top:0'>qx9</i>",
        "<i style='/* x */display:none'>qx9</i>",
        "<b hidden>qx9</b>",
        "<font class=jammer>qx9</font>",
        "<span style='font-size:0px'>qx9</span>",
        "<span style='color:#fff; opacity: 0'>qx9</span>",
        "<span aria-hidden=true>qx9</span>",
        "<em class='u zz7'>qx9</em>",
    ],
)
def test_hidden_text_inside_a_sentence_goes(hidden):
    rule = "<style>/* x */ p.a, .zz7 { display: none }\n.c .d{color:red} @media print{ .u{display:none} }</style>"
    assert blocks(f"{rule}<p>The tea{hidden} is hot.<p>{hidden}It is <em class=u>still</em> green.") == [
        "The tea is hot.",
        "It is still green.",
    ]


def test_hidden_blocks_stay_for_the_model():
    html = "<div style='display:none'>answer</div><p><span hidden>all of it</span></p><span hidden>x<p>in</p></span>"
    assert blocks(html) == ["answer", "all of it", "x", "in"]


def test_a_place_to_link_to_is_no_link():
    page, *_ = cut(b"<a name=top>first words<br><br>more of them<a href=x>link</a>")
    assert page.link.tolist() == [0, 4]


def test_a_long_page_is_read_in_windows_to_its_end():
    html = "<div class=book>" + "".join(f"<p>Line {n}.</p>" for n in range(45_000)) + "</div>"
    page, *_ = cut(html.encode())
    windows, texts = 0, []
    while page is not None:
        windows += 1
        texts += block_texts(page)
        assert len(page.start) <= 20_000
        page = following(html.encode(), page)
    assert windows == 3
    assert texts == [f"Line {n}." for n in range(45_000)]


def test_windows_begin_with_the_same_elements_open():
    html = b"<article><a href=x>" + b"<p>x</p>" * 20_000 + b"<p>tail</p>"
    page = following(html, cut(html)[0])
    assert [int(tag) for tag in page.tag[:2]] == [TAG_ID["body"], TAG_ID["article"]]
    assert page.link.tolist() == [4]
    html = b"<nav><b>x</b></nav>" + html
    page = following(html, cut(html)[0])
    assert [int(tag) for tag in page.tag[:2]] == [TAG_ID["body"], TAG_ID["article"]]


def test_an_end_tag_is_looked_for_once():
    """What decides whether the rest of a page is looked through again is the memo, whatever the page."""
    buffer = np.frombuffer(b"<object>" * 1000, np.uint8)
    memo = np.full(len(NAMES.flags), -1)
    tag = TAG_ID["object"]
    assert next_end(buffer, 8, len(buffer), fnv1a(b"object"), tag, memo) == len(buffer)
    memo[tag] += 1  # an answer that no search gives
    assert next_end(buffer, 16, len(buffer), fnv1a(b"object"), tag, memo) == len(buffer) + 1
