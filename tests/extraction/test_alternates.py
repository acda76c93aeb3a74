"""hreflang links of a page's head."""

import json
import time

import pytest

from skypile.extraction.alternates import alternates
from skypile.extraction.page import PageSettings, document_from_html

URL = "https://loom.example/patterns/3"


def found(head: str) -> dict[str, str]:
    return json.loads(alternates(head.encode(), URL) or "{}")


def test_links_in_both_languages_absolute_and_by_tag() -> None:
    head = """<head><LINK REL='alternate' hreflang=zh-Hant href=/zh-hant/patterns/3>
    <link href="https://en.loom.example/a?b=1&amp;c=2" rel="alternate" hreflang="EN_gb"/>
    <link rel="alternate" hreflang="fr" href="/fr/patterns/3"><link rel="alternate" hreflang="x-default" href="/">"""
    assert found(head) == {
        "zh-hant": "https://loom.example/zh-hant/patterns/3",
        "en_gb": "https://en.loom.example/a?b=1&c=2",
    }


@pytest.mark.parametrize(
    "head",
    [
        '<!-- <link rel="alternate" hreflang="zh" href="/zh"> -->',
        '<script>var a = \'<link rel="alternate" hreflang="zh" href="/zh">\'</script>',
        '<link rel="canonical" hreflang="zh" href="/zh">',
        '<link rel="alternate" hreflang="zh">',
        '<a rel="alternate" hreflang="zh" href="/zh">中文</a>',
        '<link rel="alternate" hreflang="zhongwen" href="/zh">',
        '<link rel="alternate" hreflang="zh" href="http://[bad">',
    ],
)
def test_what_names_no_page_is_nothing(head: str) -> None:
    assert alternates(head.encode(), URL) is None


@pytest.mark.parametrize(
    "piece", ["<link ", "<link " + "a" * 2000, "<!--", "<script ", "<link hreflang=" + "a " * 50, "</script  "]
)
def test_a_hostile_head_takes_no_longer(piece: str) -> None:
    page = ("hreflang" + piece * (300_000 // len(piece))).encode()
    started = time.process_time()
    alternates(page, URL)
    assert time.process_time() - started < 0.5


def test_the_document_carries_them() -> None:
    prose = "<p>" + "The weaver sets the loom before dawn and counts the threads of the warp. " * 5 + "</p>"
    page = f'<html><head><link rel="alternate" hreflang="zh" href="/zh/3"></head><body>{prose}</body></html>'
    columns = document_from_html(page.encode(), URL, "text/html", PageSettings("fast", ("en",), 20))
    assert json.loads(columns["alternates"]) == {"zh": "https://loom.example/zh/3"}
