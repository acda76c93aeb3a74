"""Addresses in wikitext: forms that occur, hostile ones, and mwparserfromhell as the oracle."""

import re
import time
from collections.abc import Callable

import pytest

from skypile.classifiers.archived import original_url
from skypile.classifiers.citations import cited_urls
from skypile.classifiers.dumps import articles, pieces
from skypile.classifiers.wikitext import MAX_URL, links


def references(wikitext: str) -> list[str]:
    return [link.url for link in links(wikitext) if link.unit >= 0]


def mere_links(wikitext: str) -> list[str]:
    return [link.url for link in links(wikitext) if link.unit < 0]


@pytest.mark.parametrize(
    "wikitext, expected",
    [
        ("<ref>http://a.org/x</ref>", ["http://a.org/x"]),
        ('<ref name="a b" group=n>[https://a.org/x Title], seen.</ref>', ["https://a.org/x"]),
        ("<REF>See http://a.org/x.</REF >", ["http://a.org/x"]),
        ("<ref>[http://a.org/x. Dot]</ref>", ["http://a.org/x."]),
        ("<ref>{{cite web|url=http://a.org/x|title=T}}</ref>", ["http://a.org/x"]),
        ("<ref>{{cite web|url=http://a.org/?a=1&amp;b=2|title=T}}</ref>", ["http://a.org/?a=1&b=2"]),
        ("<ref>http://a.org/?copy=1&section=2&region=3</ref>", ["http://a.org/?copy=1&section=2&region=3"]),
        ("<ref>&lt;http://a.org/x&gt; http://b.org/y&nbsp;z</ref>", ["http://a.org/x", "http://b.org/y"]),
        ("<ref>{{Cite news |last={{smallcaps|L}} | url = http://a.org/x }}</ref>", ["http://a.org/x"]),
        ("<ref>{{cite web|url=http://a.org/x{{=}}1{{!}}y|title=T}}</ref>", ["http://a.org/x=1|y"]),
        (
            "<ref>[//a.org/x T] {{cite web|url=//b.org/y}} a//c and [//local]</ref>",
            ["http://a.org/x", "http://b.org/y"],
        ),
        ("<ref>http://a.org/x''s'' http://b.org/it's</ref>", ["http://a.org/x", "http://b.org/it's"]),
        (
            "{{cite book|title=T|chapter-url=http://a.org/c|url=http://a.org/x}}",
            ["http://a.org/c", "http://a.org/x"],
        ),
        (
            "{{Citation | title=没有链接 | 网址=x}}{{cite web|title={{lang|zh|新闻}}|url=http://新闻.cn/a}}",
            ["http://新闻.cn/a"],
        ),
        ('<ref name="x"/>http://a.org/x<ref>http://b.org</ref>', ["http://b.org"]),
        *(
            (f"<ref>据http://a.org/x?b=1{mark}次年重印</ref>", ["http://a.org/x?b=1"])
            for mark in "，。；：！？、（）《》「」…—”"
        ),
        (
            "<ref>《县志》（http://a.org/x），【http://b.org/y】，http://c.org/z）。</ref>",
            ["http://a.org/x", "http://b.org/y", "http://c.org/z"],
        ),
        ("<ref>http://百科.cn/条目/茶馆</ref>", ["http://百科.cn/条目/茶馆"]),
        (
            "{{引用書籍|title=茶|url=http://a.org/x}}{{引用期刊 | url= http://b.org/y。|刊名=z}}",
            ["http://a.org/x", "http://b.org/y"],
        ),
        (
            "{{網頁引用|网址=http://a.org/x}}{{引文新聞|存档网址=http://b.org/y|鏈接=http://c.org/z}}",
            ["http://a.org/x", "http://b.org/y", "http://c.org/z"],
        ),
        (
            "{{Internetquelle |url=http://a.org |titel=T}} {{Lien web|url=http://b.org}}",
            ["http://a.org", "http://b.org"],
        ),
        ("{{#tag:ref|http://a.org/x|group=注}}", ["http://a.org/x"]),
        ("{{cite_web|url=http://a.org/x}}{{cited|url=http://b.org}}{{官方网站|url=http://c.org}}", ["http://a.org/x"]),
        ("<!-- <ref>http://a.org/x</ref> --><nowiki><ref>http://b.org</ref></nowiki>", []),
        ("<ref>http://a.org/x<!-- dead --></ref><!-- never closed http://b.org", ["http://a.org/x"]),
        ("<references><ref name=a>http://a.org/x</ref></references>", ["http://a.org/x"]),
        ("<ref>http://a.org/x</ref><ref>http://a.org/x</ref>", ["http://a.org/x", "http://a.org/x"]),
        ("<ref>http://a.org/w_(b) and (http://a.org/c).</ref>", ["http://a.org/w_(b)", "http://a.org/c"]),
        ("<ref>no closing http://a.org/x", []),
        ("<ref>ftp://a.org mailto:b@a.org javascript:alert(1) xhttp://b.org http:// https://.</ref>", []),
        ("<ref>http://a.org/" + "x" * MAX_URL + "</ref>", []),
        ("no address. nor here // {{URL}} {{official website}}", []),
    ],
)
def test_references(wikitext: str, expected: list[str]) -> None:
    assert references(wikitext) == expected


@pytest.mark.parametrize(
    "wikitext, expected",
    [
        ("== External links ==\n* [http://a.org/x Site]\n{{official website|url=http://b.org}}", 2),
        ("{{Infobox|website={{URL|a.org/x}}}} {{Official website|http://b.org}}", 2),
        ("{{官方网站|1=a.org}} {{主页|b.org}} {{主頁|https://c.org}}", 3),
        ("{{URL|没有}} {{url|x}} {{URL|http://}}", 0),
        ("| http://a.org || http://b.org\n|-\n", 2),
        ("http://a.org<ref>http://b.org</ref> HTTPS://C.org", 2),
    ],
)
def test_mere_links(wikitext: str, expected: int) -> None:
    found = mere_links(wikitext)
    names = [re.sub(r"(?i)^https?://(.).*", r"\1", url).lower() for url in found]
    assert sorted(set(names)) == sorted(names) and len(names) == expected, found


def test_addresses_of_one_reference_belong_together() -> None:
    found = list(links("<ref>http://a.org http://b.org</ref>{{cite web|url=http://c.org|archive-url=http://d.org}}"))
    units = {link.url[7]: link.unit for link in found}
    assert units["a"] == units["b"] != units["c"] == units["d"]


@pytest.mark.parametrize(
    "url, expected",
    [
        ("http://a.org/x", "http://a.org/x"),
        ("https://web.archive.org/web/20121107221404/http://a.org/x?y=1", "http://a.org/x?y=1"),
        ("http://web.archive.org/web/20121107221404id_/a.org/x", "http://a.org/x"),
        ("https://web.archive.org/web/2012/https:/a.org/x", "https://a.org/x"),
        ("http://web.archive.org/web/2007/http%3A//a.org/%3Fx%3D1", "http://a.org/?x=1"),
        ("https://archive.today/20130105/http://a.org/x", "http://a.org/x"),
        ("https://archive.is/2013.01.05-120000/http://a.org/x", "http://a.org/x"),
        ("https://archive.ph/o/Abc12/https://a.org/x", "https://a.org/x"),
        ("https://archive.is/AbCd1", None),
        ("http://www.webcitation.org/query?url=http%3A%2F%2Fa.org%2Fx&date=2010", "http://a.org/x"),
        ("http://www.webcitation.org/5xyz", None),
        ("https://perma.cc/AB12-CD34", None),
        ("https://archive.org/details/book", "https://archive.org/details/book"),
        ("http://webarchive.library.example/wayback/20090101000000/http://a.org/x", "http://a.org/x"),
        ("https://wayback.example/all/20120101id_/https://a.org/x", "https://a.org/x"),
        ("https://a.org/share/?u=/http://b.org/", "https://a.org/share/?u=/http://b.org/"),
        ("https://web.archive.org/web/2012/https://archive.is/20130105/http://a.org/x", "http://a.org/x"),
        ("http://[broken/web/1/http://a.org", "http://[broken/web/1/http://a.org"),
    ],
)
def test_archived_copies_count_as_their_originals(url: str, expected: str | None) -> None:
    assert original_url(url) == expected


@pytest.mark.parametrize(
    "build",
    [
        lambda n: "<ref>" * n,
        lambda n: "<ref" * n + "//",
        lambda n: "{{cite web|" * n + "http://a.org",
        lambda n: "{{cite web|url=http://a.org/" + "{{" * n,
        lambda n: "<ref>" + "|url =" * n + "//</ref>",
        lambda n: "<ref>" + "http://" * n + "</ref>",
        lambda n: "http://a.org/" + "{{=}}" * n,
        lambda n: "http://a.org/" + "&amp;" * n,
        lambda n: "//" + "<!--" * n,
        lambda n: "//" + "<nowiki>" * n,
        lambda n: "//" + "<nowiki>x</nowiki" * n,
        lambda n: "{{URL|" * n + "a.b//",
        lambda n: "{{" + "引" * n + "//",
        lambda n: "{{cite" + "|a url" * n + "}}//",
        lambda n: "<ref>https://web.archive.org/web/1/" * n + "</ref>",
    ],
)
def test_hostile_wikitext_takes_linear_time(build: Callable[[int], str]) -> None:
    def seconds(n: int) -> float:
        text = build(n)
        return min(_timed(text) for _ in range(3))

    def _timed(text: str) -> float:
        start = time.process_time()
        for link in links(text):
            original_url(link.url)
        return time.process_time() - start

    # Eight times the text: linear takes 8 times as long, quadratic 64 times.
    assert seconds(80_000) < min(10, 24 * max(seconds(10_000), 0.002))


def test_recall_of_mwparserfromhells_addresses(shared_data) -> None:
    """Distinct ones, as they stand there; what it makes of `&section` is no address (`§ion`), so none is decoded."""
    parser = pytest.importorskip("mwparserfromhell", reason="oracle: pip install mwparserfromhell")
    ours, theirs = set(), set()
    (piece,) = pieces(str(shared_data / "quality/enwiki-sample.xml.bz2"))
    for article in list(articles(piece))[:40]:
        ours |= {link.url for link in links(article.text)}
        theirs |= {str(link.url) for link in parser.parse(article.text).filter_external_links()}
    theirs = {url.replace("&amp;", "&") for url in theirs if url.startswith(("http:", "https:"))}
    assert len(theirs) > 1500
    assert len(ours & theirs) / len(theirs) >= 0.99
    # Archives named as `//web.archive.org/…` in templates: it sees the address within.
    more = {url for url in ours - theirs if original_url(url) not in theirs}
    assert len(more) / len(ours) <= 0.01


def test_cited_urls_are_references_alone_and_a_copy_is_the_page_it_is_of():
    text = (
        "{{引用网页|url=http://harbour.example/1|archive-url=https://web.archive.org/web/2019/http://harbour.example/1}}"
        "<ref>http://mill.example/2 and http://mill.example/3</ref><ref>http://mill.example/2</ref> [http://c.example]"
    )
    cited = [f"http://{place}.example/{n}" for place, n in (("mill", 2), ("mill", 3), ("mill", 2), ("harbour", 1))]
    assert list(cited_urls(text)) == cited
