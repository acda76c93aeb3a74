"""URL keys: folds that must hold, and differences that must survive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypile.crawl.url import canonical, host, spelled


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:pw@WWW.Example.com:8080/a", "example.com"),
        ("http://www.com/", "www.com"),
        ("http://[2001:DB8::1]:80/", "[2001:db8::1]"),
        ("https://例子.中国/路", "xn--fsqu00a.xn--fiqs8s"),
        ("//cdn.example.org/x", "cdn.example.org"),
        ("http://example.com./", "example.com"),
        ("http://exa\tmple.com", "example.com"),
        ("dns:example.com", ""),
        ("part-0.warc.gz#12", ""),
        ("", ""),
        ("http://[broken", "[broken"),
        ("http://example.com:99999999/", "example.com"),
    ],
)
def test_host(url: str, expected: str) -> None:
    assert host(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a?x=1&y=2",
        "http://EXAMPLE.com/a?x=1&y=2",
        "http://www.example.com:80/a/?y=2&x=1",
        "https://example.com:443/a/index.html?x=1&y=2#part",
        "https://example.com/a/index.php?utm_source=q&x=1&fbclid=z&y=2&spm=a.b",
        " https://example.com/%61?x=1&&y=2\n",
        "https://example.com/a;jsessionid=0F?x=1&y=2",
    ],
)
def test_addresses_of_one_page_share_a_key(url: str) -> None:
    assert canonical(url) == "https://example.com/a?x=1&y=2"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://example.com/a", "http://example.com/A"),
        ("http://example.com/?p=1", "http://example.com/?p=2"),
        ("http://example.com:8080/", "http://example.com/"),
        ("http://m.example.com/", "http://example.com/"),
        ("http://example.com/a%2Fb", "http://example.com/a/b"),
        ("http://example.com/?source=1", "http://example.com/"),
        ("http://example.com/myindex.html", "http://example.com/my"),
        ("dns:a.example", "dns:b.example"),
    ],
)
def test_different_pages_keep_different_keys(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_non_ascii_and_its_percent_form_are_one() -> None:
    assert canonical("http://zh.example.org/wiki/北京") == canonical("http://zh.example.org/wiki/%e5%8c%97%E4%BA%AC")


def test_bytes_of_another_charset_stay_what_they_are() -> None:
    """They stood in a page in that charset; as UTF-8 they would all be replaced, and so be one address."""
    urls = {
        spelled(f"http://a.cn/模板/{word}.html".encode("gbk").decode("utf-8", "surrogateescape"))
        for word in ("体育", "新闻")
    }
    assert urls == {"http://a.cn/%C4%A3%B0%E5/%CC%E5%D3%FD.html", "http://a.cn/%C4%A3%B0%E5/%D0%C2%CE%C5.html"}
    assert len(set(map(canonical, urls))) == 2
    assert spelled("http://a.cn/体\ud800") == "http://a.cn/体\ufffd" and spelled("http://a.cn/体") == "http://a.cn/体"


@given(st.text(st.characters(exclude_categories=[]) | st.sampled_from("\udc80\udcff")))
def test_a_spelled_address_can_be_written(url: str) -> None:
    spelled(url).encode()


@given(st.text() | st.builds("http://{}/{}?{}".format, st.text(), st.text(), st.text()))
def test_any_text_has_a_stable_key(url: str) -> None:
    key = canonical(url)
    assert canonical(key) == key
    host(url)
