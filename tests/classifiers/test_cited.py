"""Cited pages as rows: of an article, of a dump, of many in Spark."""

import bz2
import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from skypile.classifiers import cited, dumps
from skypile.classifiers.archived import original_url
from skypile.classifiers.cited import MAX_TITLES, cited_pages, rows
from skypile.classifiers.cited_in_spark import cited_frame, extract
from skypile.classifiers.dumps import Article, DumpError
from skypile.crawl import url as urls
from skypile.crawl.url import canonical, host
from tests.classifiers.wiki import HEAD, page, write


def test_pages_of_an_article() -> None:
    text = (
        "<ref>http://www.a.org/x/ and http://a.org/x</ref> {{cite web|url=http://a.org/x#part|archive-url="
        "https://web.archive.org/web/2012/http://a.org/x}} [http://a.org/x A] <ref>https://archive.is/AbCd1</ref>"
        "<ref>https://zh.wikipedia.org/wiki/X https://upload.wikimedia.org/x.png http://localhost/x</ref>"
        "[http://notwikipedia.org Not]"
    )
    found = cited_pages(Article("T", text))
    assert list(found) == ["https://a.org/x", "https://notwikipedia.org"]
    one = found["https://a.org/x"]
    assert (one.references, one.links, one.articles, one.titles) == (2, 5, 1, ["T"])
    assert (one.url, one.host) == ("http://a.org/x", "a.org")
    assert found["https://notwikipedia.org"].references == 0


def test_rows_add_up_however_often_they_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    articles = [Article(f"T{i:04}", f"<ref>http://h{i % 7}.org/x</ref> http://all.org") for i in range(500)]
    (whole,) = rows(articles, "en")
    monkeypatch.setattr(cited, "_MOST_PAGES", 3)
    parts = list(rows(articles, "en"))
    assert len(parts) > 10 and whole.num_rows == 8
    every = {row["key"]: row for row in whole.to_pylist()}
    for key, row in every.items():
        of_parts = [part for batch in parts for part in batch.to_pylist() if part["key"] == key]
        for name in ("references", "links", "articles"):
            assert row[name] == sum(part[name] for part in of_parts)
    assert every["https://all.org"]["articles"] == 500
    assert every["https://all.org"]["titles"] == [article.title for article in articles[:MAX_TITLES]]


_TEXTS = st.text(st.sampled_from("aAw.-:/?#%&=_~;1 é\n[@"), max_size=30)


@given(_TEXTS, st.sampled_from(["http://", "https://www.", ""]))
def test_the_quick_way_to_a_key_is_the_long_one(rest: str, begin: str) -> None:
    url = begin + rest
    quick = canonical(url), host(url)
    plain, plain_host = urls._PLAIN, urls._PLAIN_HOST
    try:
        urls._PLAIN = urls._PLAIN_HOST = re.compile(r"(?!)")
        assert quick == (canonical(url), host(url))
    finally:
        urls._PLAIN, urls._PLAIN_HOST = plain, plain_host


@pytest.mark.parametrize(
    "url", ["http://a.org/index.html", "http://a.org/b/index.html/", "http://www.com/", "http://a.org/b/INDEX.php"]
)
def test_keys_of_index_files(url: str) -> None:
    test_the_quick_way_to_a_key_is_the_long_one.hypothesis.inner_test(url.split("//")[1], "http://")


def test_dumps_of_two_languages_in_spark(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces and files give what one pass over all articles gives."""
    english = [page(f"<ref>http://a{i % 40}.org/x</ref> http://all.org/", title=f"E{i:03}") for i in range(300)]
    (tmp_path / "en.bz2").write_bytes(bz2.compress((HEAD.replace("zh", "en") + "".join(english)).encode()))
    chinese = [
        page(f"{{{{引用网页|网址=http://a{i}.org/x|存档网址=http://all.org}}}}", title=f"条{i}") for i in range(5)
    ]
    zh = write(tmp_path / "zh.xml", *chinese)
    monkeypatch.setattr(dumps, "PIECE_BZ2", 2_000)
    monkeypatch.setattr(dumps, "PIECE_PLAIN", 300)
    manifest, fresh = extract(spark, [str(tmp_path / "en.bz2"), zh], str(tmp_path / "out"))
    assert fresh and manifest["articles"] == 305 and manifest["damage"] == []
    assert manifest["counts"]["en"] == {"pages": 41, "cited": 40, "hosts": 41, "references": 300, "links": 600}
    assert manifest["counts"]["zh"] == {"pages": 6, "cited": 6, "hosts": 6, "references": 10, "links": 10}
    found = {(row["key"], row["language"]): row.asDict() for row in cited_frame(spark, str(tmp_path / "out")).collect()}
    assert len(found) == 47
    assert found["https://a7.org/x", "en"]["titles"] == [f"E{i:03}" for i in range(7, 300, 40)]
    assert found["https://all.org", "en"]["articles"] == 300
    assert found["https://all.org", "en"]["titles"] == [f"E{i:03}" for i in range(MAX_TITLES)]
    assert found["https://all.org", "zh"]["references"] == 5
    again, fresh = extract(spark, [str(tmp_path / "en.bz2"), zh], str(tmp_path / "out"))
    assert not fresh and again == manifest


def test_damage_is_told_and_a_dump_without_articles_refused(spark: SparkSession, tmp_path: Path) -> None:
    cut = tmp_path / "cut.xml"
    cut.write_text(HEAD + page("<ref>http://a.org</ref>") + "<page><title>T")
    manifest, _ = extract(spark, [str(cut)], str(tmp_path / "out"))
    assert manifest["articles"] == 1 and "breaks off" in manifest["damage"][0]
    with pytest.raises(DumpError, match="no article in"):
        extract(spark, [write(tmp_path / "empty.xml")], str(tmp_path / "empty"))
    with pytest.raises(DumpError, match="none of the 1 articles"):
        extract(spark, [write(tmp_path / "bare.xml", page("none"))], str(tmp_path / "bare"))


def test_real_dump_against_the_oracle(shared_data: Path) -> None:
    """Distinct pages, archives undone: RedPajama's pattern finds 59 % of those in <ref>."""
    parser = pytest.importorskip("mwparserfromhell", reason="oracle: pip install mwparserfromhell")
    (piece,) = dumps.pieces(str(shared_data / "quality/enwiki-sample.xml.bz2"))
    articles = list(dumps.articles(piece))[::3]
    (batch,) = rows(articles, piece.language)
    assert batch.schema == cited.SCHEMA and isinstance(batch, pa.RecordBatch)
    ours, theirs = set(batch["key"].to_pylist()), set()
    for article in articles:
        for link in parser.parse(article.text).filter_external_links():
            url = str(link.url).replace("&amp;", "&")
            original = original_url(url) if url.startswith(("http:", "https:")) else None
            if original and not cited._WIKIMEDIA.search(host(original)):
                theirs.add(canonical(original))
    assert len(theirs) > 1000
    assert len(ours & theirs) / len(theirs) >= 0.995
    assert len(ours - theirs) / len(ours) <= 0.01
