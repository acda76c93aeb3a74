"""The article that stands in a page's scripts, where its markup has none."""

import json

import pytest

from skypile.extraction.page import PageSettings, document_from_html
from skypile.extraction.script_data import article

STORY = [
    "The ferry to the outer islands has been running again since Tuesday, after eleven weeks in the dock.",
    "Its new engine was built in the town itself, by a company that had made tractors until last year.",
    "Fishermen who had carried the mail in the meantime say that they will miss the company on board.",
] * 2  # fmt: skip
SETTINGS = PageSettings("fast", ("en", "zh"), 100)


def page(script: str, body: str = "<div id=root></div>") -> bytes:
    return (
        f"<html><head><title>The ferry is back | Harbour News</title>{script}</head><body>{body}</body></html>".encode()
    )


def ld(value: object) -> str:
    return f"<script type='application/ld+json'>{json.dumps(value)}</script>"


NEXT = {
    "props": {"pageProps": {"post": {"title": "The ferry is back", "content": "".join(f"<p>{p}</p>" for p in STORY)}}}
}
NUXT = [{"data": 1}, {"title": 2, "body": 3}, "The ferry is back", "\n".join(STORY)]
SCRIPTS = {
    "article": ld({"@type": "NewsArticle", "articleBody": "\n".join(STORY)}),
    "graph": ld({"@graph": [{"@type": "Site", "text": "no"}, {"@type": ["BlogPosting"], "text": "\n\n".join(STORY)}]}),
    "a comma too many": ld({"@type": "Article", "articleBody": "\n".join(STORY)}).replace('"}', '",}'),
    "list, markup inside": ld([{"@type": "Article", "articleBody": "".join(f"<p>{p}</p>" for p in STORY)}]),
    "escaped markup": ld({"@type": "Article", "articleBody": "".join(f"&lt;p&gt;{p}&lt;/p&gt;" for p in STORY)}),
    "Next": f"<script id=__NEXT_DATA__ type=application/json>{json.dumps(NEXT)}</script>",
    "Nuxt": f"<script id=__NUXT_DATA__ type=application/json>{json.dumps(NUXT)}</script>",
    "state in a string": f"<script>window.__PRELOADED_STATE__ = JSON.parse({json.dumps(json.dumps(NEXT))});</script>",
    "state": f"<script>window.__INITIAL_STATE__ = {json.dumps(NEXT)};(function(){{}})()</script>",
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_article_is_found_and_the_evidence_says_where(name):
    found = document_from_html(page(SCRIPTS[name]), "http://a.example/", None, SETTINGS)
    assert found["verdict"] == "kept"
    assert found["text"] == "\n\n".join(STORY)
    assert "text_from" in json.loads(found["evidence"])
    assert found["title"] == "The ferry is back | Harbour News"


def test_the_markup_goes_first():
    told = "".join(f"<p>{line}</p>" for line in STORY)
    found = document_from_html(
        page(SCRIPTS["article"], f"<article>{told}</article>"), "http://a.example/", None, SETTINGS
    )
    assert "text_from" not in (found["evidence"] or "")


@pytest.mark.parametrize(
    "script",
    [
        ld({"@type": "Product", "text": "\n".join(STORY)}),
        f"<script id=__NEXT_DATA__>{json.dumps(NEXT).replace('The ferry is back', 'Our cookies and you')}</script>",
        "<script type=application/ld+json>{broken</script>",
        "<script type=application/ld+json>" + "[" * 100_000 + "</script>",
        '<script type=application/ld+json>{"@type":"Article","articleBody":[{"a":1},7,null]}</script>',
        "<script type=application/ld+json>",
    ],
)
def test_what_is_no_article_is_none(script):
    assert article(page(script), "The ferry is back", 0) is None
