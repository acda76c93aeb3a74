"""Which pages say that they are one page in two languages."""

import json
import random

import numpy as np
import pytest

from skypile.parallel.pages import (
    CHINESE,
    ENGLISH,
    ENTRY,
    GIVEN,
    HREFLANG,
    OTHER,
    URL,
    address,
    chosen,
    entries,
    proposed,
)

SAME = [
    ("https://kiln.example/en/glaze/7", "https://kiln.example/zh/glaze/7"),
    ("https://kiln.example/glaze/7", "https://kiln.example/zh-CN/glaze/7"),
    ("http://www.kiln.example/en-US/", "https://kiln.example/zh_Hant/"),
    ("https://kiln.example/glaze_en.html", "https://kiln.example/glaze_zh.html"),
    ("https://kiln.example/glaze.html", "https://kiln.example/glaze-cn.html"),
    ("https://kiln.example/glaze.en.html", "https://kiln.example/glaze.zh-tw.html"),
    ("https://kiln.example/en.html", "https://kiln.example/zh.html"),
    ("https://kiln.example/g?lang=en&id=4", "https://kiln.example/g?id=4&lang=zh-hans"),
    ("https://kiln.example/g?id=4", "https://kiln.example/g?hl=zh_CN&id=4"),
    ("https://kiln.example/a", "https://zh.kiln.example/a"),
    ("https://en.kiln.example/a", "https://cn.kiln.example/a/"),
    ("https://book-en.kiln.example/book-en/1.en.html", "https://book-zh-cn.kiln.example/book-zh-cn/1.zh-cn.html"),
]
DIFFERENT = [
    ("https://kiln.example/zhang/7", "https://kiln.example/7"),
    ("https://kiln.example/en/glaze/7", "https://kiln.example/zh/glaze/8"),
    ("https://kiln.example/men.html", "https://kiln.example/mzh.html"),
    ("https://kiln.example/g?q=zh", "https://kiln.example/g"),
    ("https://zh.example/a", "https://example/a"),
]


@pytest.mark.parametrize(("english", "chinese"), SAME)
def test_addresses_that_differ_in_a_language_tag_alone_have_one_key(english: str, chinese: str) -> None:
    one, other = address(english), address(chinese)
    assert one and other and one.key == other.key
    assert other.claims == CHINESE and one.claims in (ENGLISH, OTHER)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_addresses_do_not(one: str, other: str) -> None:
    found = address(one), address(other)
    assert found[0] and found[1] and found[0].key != found[1].key


def test_what_is_no_web_address_is_in_no_group() -> None:
    assert address("pages.jsonl#17") is None
    assert list(entries("0" * 32, "pages.jsonl#17", "en", None, 9, {}, {})) == []


def found(pages: list[dict], given: dict | None = None, seed: int = 0) -> list[tuple[int, int, int, int]]:
    """(way, untranslated, number of the English page, of the Chinese page), sorted."""
    rows = [
        row
        for number, page in enumerate(pages)
        for row in entries(
            f"{number:032x}",
            page["url"],
            page["language"],
            page.get("script"),
            100,
            json.loads(page.get("alternates") or "{}"),
            given or {},
        )
    ]
    random.Random(seed).shuffle(rows)
    pairs = chosen([proposed(np.array(rows, ENTRY))])
    return sorted((int(p["way"]), int(p["untranslated"]), int(p["en_low"]), int(p["zh_low"])) for p in pairs)


def page(url: str, language: str, script: str | None = None, **alternates: str) -> dict:
    script = script or ("Hans" if language == "zh" else None)
    return {"url": url, "language": language, "script": script, "alternates": json.dumps(alternates)}


def test_each_script_is_paired_with_the_english_page() -> None:
    pages = [
        page("https://a.example/en/x", "en"),
        page("https://a.example/zh-cn/x", "zh"),
        page("https://a.example/zh-tw/x", "zh", "Hant"),
        page("https://a.example/en/y", "en"),
    ]
    for seed in range(5):
        assert found(pages, seed=seed) == [(URL, OTHER, 0, 1), (URL, OTHER, 0, 2)]


def test_a_page_under_a_chinese_name_with_english_text_is_untranslated() -> None:
    pages = [page("https://a.example/x.html", "en"), page("https://a.example/x.zh-cn.html", "en")]
    assert found(pages) == [(URL, CHINESE, 0, 1)]
    pages = [page("https://a.example/en/x", "zh"), page("https://a.example/zh/x", "zh")]
    assert found(pages) == [(URL, ENGLISH, 0, 1)]


def test_a_page_whose_own_tag_is_another_language_is_not_the_english_one() -> None:
    """The Chinese name of an untranslated page must not stand in for the English original."""
    pages = [page("https://a.example/zh-tw/x", "en"), page("https://a.example/zh-cn/x", "zh")]
    assert found(pages) == []


def test_hreflang_pairs_pages_of_any_address_in_either_direction() -> None:
    english, chinese = "https://a.example/tea", "https://b.example/cha"
    for there, back in (({"zh-cn": chinese}, {}), ({}, {"en-gb": english}), ({"zh": chinese}, {"en": english})):
        assert found([page(english, "en", **there), page(chinese, "zh", **back)]) == [(HREFLANG, OTHER, 0, 1)]
    assert found([page(english, "en", zh=chinese), page(chinese, "en")]) == [(HREFLANG, CHINESE, 0, 1)]


def test_pairs_that_are_given_go_first() -> None:
    pages = [
        page("https://a.example/en/x", "en"),
        page("https://a.example/zh/x", "zh"),
        page("https://a.example/other", "zh"),
    ]
    given = {"https://a.example/en/x": [1], "https://a.example/other": [1]}
    assert found(pages, given) == [(GIVEN, OTHER, 0, 2)]


def test_a_site_of_one_address_costs_no_product() -> None:
    pages = [
        page("https://a.example/en/x" if n % 2 else "https://a.example/zh/x", ("zh", "en")[n % 2]) for n in range(4000)
    ]
    assert found(pages) == [(URL, OTHER, 1, 0)]
