"""The addresses that one article cites, for who has wikitext and no dump."""

from collections.abc import Iterator

from skypile.classifiers.archived import original_url
from skypile.classifiers.wikitext import links


def cited_urls(wikitext: str) -> Iterator[str]:
    """Addresses in <ref> and citation templates, as often as they are cited; a copy in a web archive is the page that
    it is a copy of, and one with it.

    >>> list(cited_urls("A.<ref>[http://a.org/x Title].</ref> {{cite web|url=http://b.org/|title=B}} [http://c.org C]"))
    ['http://a.org/x', 'http://b.org/']
    """
    last, seen = -1, set[str]()
    for url, unit in links(wikitext):
        if unit != last:
            last, seen = unit, set()
        original = original_url(url) if unit >= 0 else None
        if original is not None and original not in seen:
            seen.add(original)
            yield original
