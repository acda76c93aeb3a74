"""page_key: equal for spellings of one page, different for different pages."""

import pytest

from skypile.crawl.url import page_key


@pytest.mark.parametrize(
    "one, other",
    [
        ("HTTP://www.Example.com:80/a/?utm_source=x&b=2&a=1#top", "https://example.com/a?a=1&b=2"),
        ("http://example.com", "http://example.com/"),
        ("https://example.com:443/%7Euser", "http://example.com/~user"),
        ("http://a.cn/x?spm=1.2.3", "http://a.cn/x"),
        ("http://a.cn/体", "http://a.cn/%e4%bd%93"),
        ("http://a.cn/x;jsessionid=0A1B?y=1", "http://a.cn/x?y=1"),
        ("http://a.cn/x?pk_campaign=m&pk_kwd=k&y=1", "http://a.cn/x?y=1"),
        ("http://a.cn/x?mtm_source=m&_hsenc=k&GCLID=1&y=1", "http://a.cn/x?y=1"),
        ("http://a.cn/#/", "http://a.cn/"),
        ("http://a.cn/#!", "http://a.cn"),
        ("http://a.cn/#/one/", "https://www.a.cn/#/one?utm_source=x"),
        ("http://a.cn/#/%e4%bd%93", "http://a.cn/#/体"),
        ("http://a.cn/#:~:text=one", "http://a.cn/#two"),
        ("http://a.cn/x#/a:~:text=one", "http://a.cn/x#/a"),
    ],
)
def test_spellings_of_one_page(one: str, other: str) -> None:
    assert page_key(one) == page_key(other) is not None


@pytest.mark.parametrize(
    "one, other",
    [
        ("http://a.cn/x?id=1", "http://a.cn/x?id=2"),
        ("http://a.cn/X", "http://a.cn/x"),
        ("http://a.cn/#!/one", "http://a.cn/#!/two"),
        ("http://a.cn/#!one", "http://a.cn/"),
        ("http://a.cn/#/one", "http://a.cn/#/two"),
        ("http://a.cn/app/#/one?page=1", "http://a.cn/app/#/one?page=2"),
        ("http://a.cn/#/One", "http://a.cn/#/one"),
        ("http://a.cn/x?pk_id=1", "http://a.cn/x?pk_id=2"),
        ("http://a.cn/x?mtm_no=1", "http://a.cn/x?mtm_no=2"),
        ("http://a.cn/x?_hsid=1", "http://a.cn/x"),
        ("http://a.cn/x?cmpid=1", "http://a.cn/x?cmpid=2"),
        ("http://a.cn/s?key=%D0%C2", "http://a.cn/s?key=%CE%C5"),  # GBK: no UTF-8, and two different words
        ("http://a.cn/a%2Fb", "http://a.cn/a/b"),
        ("http://a.cn:8080/", "http://a.cn/"),
        ("http://www.cn/", "http://cn/"),
    ],
)
def test_different_pages(one: str, other: str) -> None:
    assert page_key(one) != page_key(other)


@pytest.mark.parametrize("url", [None, "", "ftp://a.cn/x", "warc.gz#12", "http:///x"])
def test_what_is_no_address_has_no_canonical_form(url: str | None) -> None:
    assert page_key(url) is None
