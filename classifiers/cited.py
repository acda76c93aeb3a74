"""What Wikipedia cites: URL -> the articles that cite it, from dumps of any languages, as rows.

A copy in a web archive counts as the page it is a copy of; Wikimedia's own pages do not count. A row is a page (its
canonical key) and a language: `references` are the <ref> elements and citation templates that name it, `links` all
of its mentions, infoboxes and external links included. `url` is its shortest spelling. Cost, on one core: 50 MB of
XML a second (decompression apart, see `dumps`), of which the canonical keys take a fifth.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from skypile.classifiers.archived import original_url
from skypile.classifiers.dumps import Article
from skypile.classifiers.wikitext import links
from skypile.crawl.url import canonical, host

MAX_TITLES: Final = 100  # of the articles that cite a page, the first in order of their names
_MOST_PAGES: Final = 50_000  # in memory, before they are handed on; 40 MB

# Hosts of the Wikimedia Foundation: a link to them is no outside reference.
_WIKIMEDIA: Final = re.compile(
    r"(?:^|\.)(?:wiki(?:pedia|media|data|books|source|news|quote|species|versity|voyage|functions)|wiktionary"
    r"|mediawiki|wmflabs|wmcloud|toolforge|toolserver)\.org$"
)

SCHEMA: Final = pa.schema(
    {
        "key": pa.string(),
        "host": pa.string(),
        "language": pa.string(),
        "url": pa.string(),
        "references": pa.int64(),
        "links": pa.int64(),
        "articles": pa.int64(),
        "titles": pa.list_(pa.string()),
    }
)


@dataclass
class Page:
    """What is known of one cited page."""

    host: str
    url: str
    references: int = 0
    links: int = 0
    articles: int = 0
    titles: list[str] = field(default_factory=list)


def cited_pages(article: Article) -> dict[str, Page]:
    """key -> Page of what one article mentions.

    >>> cited_pages(Article("T", "<ref>http://www.a.org/x</ref> [http://a.org/x/ A]"))["https://a.org/x"].references
    1
    """
    found: dict[str, Page] = {}
    counted: dict[str, int] = {}  # the unit in which a page was last seen; those of a unit follow each other
    for url, unit in links(article.text):
        original = original_url(url)
        if original is None:
            continue
        key = canonical(original)
        page = found.get(key)
        if page is None:
            name = host(key)
            if "." not in name or (name.endswith(".org") and _WIKIMEDIA.search(name)):
                continue
            page = found[key] = Page(name, original, articles=1, titles=[article.title])
        elif original != page.url:
            page.url = _shorter(page.url, original)
        page.links += 1
        if unit >= 0 and counted.get(key) != unit:  # url and archive-url of one reference are one citation
            counted[key] = unit
            page.references += 1
    return found


def _shorter(one: str, other: str) -> str:
    return min(one, other, key=lambda url: (len(url), url))


def rows(articles: Iterable[Article], language: str) -> Iterator[pa.RecordBatch]:
    """Batches of SCHEMA; a page comes in each batch once, and in several if they are many."""
    pages: dict[str, Page] = {}
    for article in articles:
        for key, new in cited_pages(article).items():
            page = pages.get(key)
            if page is None:
                pages[key] = new
                continue
            page.references += new.references
            page.links += new.links
            page.articles += 1
            page.titles += new.titles
            page.url = _shorter(page.url, new.url)
            if len(page.titles) > 2 * MAX_TITLES:
                page.titles = sorted(page.titles)[:MAX_TITLES]
        if len(pages) >= _MOST_PAGES:
            yield _batch(pages, language)
            pages = {}
    if pages:
        yield _batch(pages, language)


def _batch(pages: dict[str, Page], language: str) -> pa.RecordBatch:
    found = list(pages.values())
    columns = [
        pa.array(list(pages), pa.string()),
        pa.array([page.host for page in found], pa.string()),
        pa.array([language] * len(found), pa.string()),
        *(pa.array([getattr(page, name) for page in found], SCHEMA.field(name).type) for name in SCHEMA.names[3:7]),
        pa.array([sorted(page.titles)[:MAX_TITLES] for page in found], pa.list_(pa.string())),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
