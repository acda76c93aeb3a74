"""A miniature Wikipedia dump that cites some of the sample's pages, in the ways real articles do."""

import bz2
from collections.abc import Sequence
from random import Random
from xml.sax.saxutils import escape

from skypile.sample.pages import Planted

_HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Sample encyclopedia</sitename>
    <dbname>samplewiki</dbname>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Talk</namespace>
    </namespaces>
  </siteinfo>
"""
_PAGE = """  <page>
    <title>{title}</title>
    <ns>{ns}</ns>
    <id>{number}</id>
    <revision>
      <id>{number}000</id>
      <timestamp>2024-01-{day:02d}T00:00:00Z</timestamp>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text xml:space="preserve">{text}</text>
    </revision>
  </page>
"""
_CITATIONS = {
    "en": (
        "<ref>{{{{cite web |url={url} |title={title} |access-date=2023-05-0{day}}}}}</ref>",
        '<ref name="r{number}">{{{{Cite news|title={title}|url={url}|work=Local press}}}}</ref>',
        "<ref>[{url} {title}], retrieved in May.</ref>",
        "<ref>{{{{cite web|title={title}|archive-url=https://web.archive.org/web/20230101000000/{url}|url={url}"
        "|url-status=dead}}}}</ref>",
    ),
    "zh": (
        "<ref>{{{{cite web |url={url} |title={title} |language=zh |accessdate=2023-05-0{day}}}}}</ref>",
        "<ref>{{{{Cite news|title={title}|url={url}|work=地方报}}}}</ref>",
        "<ref>[{url} {title}]，五月查阅。</ref>",
    ),
}
_STOP = {"en": ". ", "zh": "。"}


def dump(cited: Sequence[Planted], random: Random) -> bytes:
    """A bz2 pages-articles dump whose articles cite every page of `cited` once, three to an article."""
    parts = [_HEAD]
    for language in ("en", "zh"):
        pages = [page for page in cited if page.article and page.article.language == language]
        for start in range(0, len(pages), 3):
            text = "".join(_sentence(page, random) for page in pages[start : start + 3])
            subject = pages[start].article
            assert subject is not None
            text = f"'''{subject.title}''' {text}\n\n== See also ==\n* [[{subject.topic}]]\n{{{{reflist}}}}\n"
            parts.append(_entry(subject.title, 0, text, len(parts)))
    parts.append(_entry("Old name", 0, "#REDIRECT [[Lighthouse]]", len(parts)))
    # A talk page: what is linked there is not cited.
    parts.append(_entry("Talk:Tea", 1, "Is [http://win0.best-offer.example/ this] a source? No.", len(parts)))
    return bz2.compress(("".join(parts) + "</mediawiki>\n").encode(), 9)


def _sentence(page: Planted, random: Random) -> str:
    """The article's first sentence in other words' company, with its citation."""
    article = page.article
    assert article is not None
    first = article.paragraphs[0].partition(_STOP[article.language])[0]
    title = article.title.replace("|", " ")
    citation = random.choice(_CITATIONS[article.language]).format(
        url=page.url, title=title, day=random.randint(1, 9), number=random.randrange(1000)
    )
    return first + _STOP[article.language].strip() + citation + " "


def _entry(title: str, ns: int, text: str, number: int) -> str:
    return _PAGE.format(title=escape(title), ns=ns, text=escape(text), number=number, day=number % 28 + 1)
