"""Citations from wikitext: forms that occur, hostile ones, and a real dump against independent counts."""

import bz2
import html
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from skypile.classifiers.citations import (
    MAX_ARTICLE,
    DumpError,
    Scan,
    articles,
    check,
    citations,
    cited_urls,
    original_url,
)
from skypile.crawl.url import canonical, host

HEAD = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="zh">'


def page(text: str, ns: str = "0", extra: str = "") -> str:
    return f"<page><title>T</title><ns>{ns}</ns>{extra}<revision><text>{html.escape(text)}</text></revision></page>"


def write(path: Path, *pages: str, head: str = HEAD) -> str:
    path.write_text(head + "".join(pages) + "</mediawiki>", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "wikitext, expected",
    [
        ("<ref>http://a.org/x</ref>", ["http://a.org/x"]),
        ('<ref name="a b" group=n>[https://a.org/x Title], seen.</ref>', ["https://a.org/x"]),
        ("<REF>See http://a.org/x.</REF >", ["http://a.org/x"]),
        ("<ref>{{cite web|url=http://a.org/x|title=T}}</ref>", ["http://a.org/x"]),
        ("<ref>{{cite web|url=http://a.org/?a=1&amp;b=2|title=T}}</ref>", ["http://a.org/?a=1&b=2"]),
        ("<ref>{{Cite news |last={{smallcaps|L}} | url = http://a.org/x }}</ref>", ["http://a.org/x"]),
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
            "{{引用网页|url=http://a.org/x|archiveurl=https://web.archive.org/web/2012/http://a.org/x}}",
            ["http://a.org/x"],
        ),
        ("{{cite_web|url=http://a.org/x}}{{cited|url=http://b.org}}{{官方网站|url=http://c.org}}", ["http://a.org/x"]),
        ("== External links ==\n* [http://a.org/x Site]\n{{official website|url=http://a.org}}", []),
        ("<!-- <ref>http://a.org/x</ref> --><nowiki><ref>http://b.org</ref></nowiki>", []),
        ("<references><ref name=a>http://a.org/x</ref></references>", ["http://a.org/x"]),
        ("<ref>http://a.org/x</ref><ref>http://a.org/x</ref>", ["http://a.org/x", "http://a.org/x"]),
        ("<ref>http://a.org/w_(b) and (http://a.org/c)</ref>", ["http://a.org/w_(b)", "http://a.org/c"]),
        (
            "<ref>{{cite web|url=http://a.org/x|archive-url=https://web.archive.org/web/2012/http://a.org/x}}</ref>",
            ["http://a.org/x"],
        ),
        ("<ref>no closing http://a.org/x", []),
        ("<ref>ftp://a.org mailto:b@a.org javascript:alert(1)</ref>", []),
    ],
)
def test_cited_urls(wikitext: str, expected: list[str]) -> None:
    assert list(cited_urls(wikitext)) == expected


@pytest.mark.parametrize(
    "url, expected",
    [
        ("http://a.org/x", "http://a.org/x"),
        ("https://web.archive.org/web/20121107221404/http://a.org/x?y=1", "http://a.org/x?y=1"),
        ("http://web.archive.org/web/20121107221404id_/a.org/x", "http://a.org/x"),
        ("https://web.archive.org/web/2012/https:/a.org/x", "https://a.org/x"),
        ("https://archive.today/20130105/http://a.org/x", "http://a.org/x"),
        ("https://archive.is/2013.01.05-120000/http://a.org/x", "http://a.org/x"),
        ("https://archive.is/AbCd1", None),
        ("http://www.webcitation.org/query?url=http%3A%2F%2Fa.org%2Fx&date=2010", "http://a.org/x"),
        ("http://www.webcitation.org/5xyz", None),
        ("https://archive.org/details/book", "https://archive.org/details/book"),
        ("https://web.archive.org/web/2012/https://archive.is/20130105/http://a.org/x", "http://a.org/x"),
        ("http://[broken/web/1/http://a.org", "http://[broken/web/1/http://a.org"),
    ],
)
def test_archived_copies_count_as_their_originals(url: str, expected: str | None) -> None:
    assert original_url(url) == expected


def test_only_articles_count_and_wikimedia_does_not(tmp_path: Path) -> None:
    path = write(
        tmp_path / "dump.xml",
        page("<ref>http://www.a.org/x/</ref>"),
        page("<ref>http://talk.org/</ref>", ns="1"),
        page("<ref>http://redirected.org/</ref>", extra='<redirect title="X" />'),
        page("<ref>https://zh.wikipedia.org/wiki/X https://upload.wikimedia.org/x.png http://notwikipedia.org</ref>"),
    )
    scan = Scan()
    assert list(citations(path, scan)) == [
        ("https://a.org/x", "a.org"),
        ("https://notwikipedia.org", "notwikipedia.org"),
    ]
    assert scan == Scan(articles=2, citations=2)


def test_compressed_and_multistream(tmp_path: Path) -> None:
    text = HEAD + page("<ref>http://a.org/1</ref>") + page("<ref>http://a.org/2</ref>") + "</mediawiki>"
    content, half = text.encode(), len(text) // 2
    path = tmp_path / "dump.xml.bz2"
    path.write_bytes(bz2.compress(content[:half]) + bz2.compress(content[half:]))
    assert [key for key, _ in citations(str(path))] == ["https://a.org/1", "https://a.org/2"]


def test_a_broken_dump_gives_what_comes_before(tmp_path: Path) -> None:
    text = HEAD + page("<ref>http://a.org/1</ref>") + "<page><title>T</title><ns>0</ns><revi"
    (tmp_path / "cut.xml").write_text(text)
    scan = Scan()
    assert len(list(citations(str(tmp_path / "cut.xml"), scan))) == 1
    assert scan.broken is not None and "after 1 articles" in scan.broken
    packed = bz2.compress((HEAD + page("<ref>http://a.org/1</ref>") * 40_000 + "</mediawiki>").encode())
    (tmp_path / "cut.bz2").write_bytes(packed[: len(packed) // 2])
    scan = Scan()
    list(citations(str(tmp_path / "cut.bz2"), scan))
    assert scan.broken is not None


@pytest.mark.parametrize(
    "content, message",
    [
        (b"<html></html>", "no <mediawiki>"),
        (b"PK\x03\x04", "no Wikipedia dump"),
        (b"", "no <mediawiki>"),
        (b"BZh9garbage", "no Wikipedia dump"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><mediawiki/>', "document type declaration"),
    ],
)
def test_no_dump(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "dump"
    path.write_bytes(content)
    with pytest.raises(DumpError, match=message):
        check(str(path))
    with pytest.raises(DumpError, match=message):
        list(citations(str(path)))


def test_entities_never_expand(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(12))
    path = write(tmp_path / "dump.xml", "<page><title>&l11;</title></page>", head=f"<!DOCTYPE m [{laughs}]>{HEAD}")
    with pytest.raises(DumpError, match="entities are refused"):
        list(articles(path))


def test_an_article_without_end_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "dump.xml", page("x" * (MAX_ARTICLE * 2)))
    assert len(next(articles(path)).text) <= MAX_ARTICLE + (1 << 21)


@pytest.mark.parametrize(
    "build",
    [
        lambda n: "<ref>" * n,
        lambda n: "<ref" * n,
        lambda n: "{{cite web|" * n,
        lambda n: "{{cite web|url=http://a.org/" + "{{" * n,
        lambda n: "<ref>" + "|url =" * n + "</ref>",
        lambda n: "<ref>" + "http://" * n + "</ref>",
        lambda n: "<!--" * n,
        lambda n: "<nowiki>" * n,
        lambda n: "{{cite" + "|a url" * n + "}}",
        lambda n: "<ref>https://web.archive.org/web/1/" * n + "</ref>",
    ],
)
def test_hostile_wikitext_takes_linear_time(build: Callable[[int], str]) -> None:
    def seconds(n: int) -> float:
        text = build(n)
        return min(_timed(text) for _ in range(3))

    def _timed(text: str) -> float:
        start = time.process_time()
        list(cited_urls(text))
        return time.process_time() - start

    # Eight times the text: linear takes 8 times as long, quadratic 64 times.
    assert seconds(80_000) < min(10, 24 * max(seconds(10_000), 0.002))


def test_real_dump_against_a_naive_count(shared_data: Path) -> None:
    path = shared_data / "quality/enwiki-sample.xml.bz2"
    raw = bz2.decompress(path.read_bytes()).decode("utf-8")
    assert raw.count("&lt;ref") == 8551
    naive = set()
    for text in re.findall(r"<text[^>]*>(.*?)</text>", raw, re.DOTALL):
        for reference in re.findall(r"(?is)<ref(?:\s[^>]*[^/])?>(.*?)</ref", html.unescape(text)):
            naive |= {canonical(u.rstrip(".,;)")) for u in re.findall(r"https?://[^\s|\]}<>\"]+", reference)}
    naive = {key for key in naive if not re.search("archive|wiki|webcitation", host(key))}
    scan = Scan()
    found = {key for key, _ in citations(str(path), scan)}
    assert scan.articles == 106  # of 206 pages, 100 are redirects
    assert scan.citations >= 4000
    assert len(naive & found) / len(naive) >= 0.99
    assert len(naive) > 3000


def test_real_dump_against_mwparserfromhell(shared_data: Path) -> None:
    parser = pytest.importorskip("mwparserfromhell", reason="oracle: pip install mwparserfromhell")
    ours, theirs = set(), set()
    for article in list(articles(str(shared_data / "quality/enwiki-sample.xml.bz2")))[:40]:
        ours |= {canonical(url) for url in cited_urls(article.text)}
        code = parser.parse(article.text)
        urls: list[str] = []
        for tag in code.filter_tags(matches=lambda tag: str(tag.tag).lower() == "ref"):
            if tag.contents is not None:
                urls += [str(link.url) for link in tag.contents.filter_external_links()]
        for template in code.filter_templates():
            if re.match(r"\s*(cite|citation|vcite)\b", str(template.name), re.IGNORECASE):
                names = [p for p in template.params if re.fullmatch(r"([a-z]+[ _-]?)?url", str(p.name).strip().lower())]
                urls += [str(p.value).strip() for p in names]
        originals = [original_url(url.split()[0].replace("&amp;", "&")) for url in urls if url.startswith("http")]
        theirs |= {canonical(url) for url in originals if url}
    assert len(ours & theirs) / len(ours | theirs) >= 0.98


@pytest.mark.parametrize("token", ["<page note='", "<!-- ", "<?note ", "<page a='1' note='"])
def test_a_token_without_an_end_stops_the_dump_and_keeps_what_came_before(tmp_path, token):
    """1 GB of it, from bz2 of 1 KB: expat would hold it all."""
    sound = "<mediawiki><page><title>T</title><ns>0</ns><revision><text>&lt;ref&gt;http://a.org/x&lt;/ref&gt;</text></revision></page>"
    path = tmp_path / "dump.xml.bz2"
    block = bz2.compress(b"x" * (16 << 20))
    path.write_bytes(bz2.compress((sound + token).encode()) + block * 64)
    scan, began = Scan(), time.process_time()
    assert [key for key, _ in citations(str(path), scan)] == ["https://a.org/x"]
    assert time.process_time() - began < 5 and "no end within 8 MB" in (scan.broken or "")


def test_long_articles_are_no_tokens_without_an_end(tmp_path):
    text = "word &amp; word\n" * 2_000_000
    path = tmp_path / "dump.xml"
    path.write_text(
        f"<mediawiki><page><title>T</title><ns>0</ns><revision><text>{text}</text></revision></page></mediawiki>"
    )
    scan = Scan()
    list(citations(str(path), scan))
    assert scan.broken is None and scan.articles == 1
