"""The clusters' portraits as what the report's template shows: a map, a table, and pages of the largest."""

import re
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skypile.report.formats import clean
from skypile.report.portrait import Mapped, Page, Portrait, Portraits

ROWS = 25  # clusters in the table, and topics
WIDTH, HEIGHT, EDGE = 1000, 640, 40  # of the map
LABELS = 32
COLOURS = 10
FONT = 15  # of a label, as in report.css
EXCERPT = 240  # characters of a page

TITLES = {
    "extraction": "extraction",
    "distribution_filter": "the distribution filter",
    "dedup": "deduplication",
    "quality_filter": "the quality filter",
    "shards": "the whole run",
}
NONE = "(no cluster: too little that the embedder knows)"


def named(words: list[str], most: int = 4) -> str:
    """A name to show: its first words.

    >>> named(["hotel", "beach", "北京"], 2), named([])
    ('hotel · beach', '(no word sets it apart)')
    """
    return " · ".join(words[:most]) or "(no word sets it apart)"


def described(found: Portraits) -> dict[str, Any]:
    """What the template needs."""
    clusters = [one for one in found.clusters if one.cluster is not None]
    names = {one.cluster: named(one.name) for one in clusters}
    before, after = (_shares(found, clusters, late) for late in (False, True))
    topics = _topics(found, clusters)
    rows = [_row(one, names) for one in found.clusters[:ROWS]]
    # the widest bar of any
    widest = max(
        max(one["size"] / before["documents"], one["kept"] / (after["documents"] or 1)) for one in [*rows, *topics]
    )
    return {
        "count": len(clusters),
        "documents": found.documents,
        "last": TITLES[found.last],
        "before": before,
        "after": after,
        "widest": widest or 1.0,
        "map": drawn_map(found.mapped, clusters, found.topics),
        "topics": topics,
        "rows": rows,
        "more": max(0, len(found.clusters) - ROWS),
        "hosts_forgotten": found.hosts_forgotten,
    }


def _shares(found: Portraits, clusters: list[Portrait], after: bool) -> dict[str, Any]:
    sizes = [one.kept if after else one.size for one in clusters]
    entropy, effective = found.spread(after)
    return {"documents": sum(sizes), "largest": max(sizes), "entropy": entropy, "effective": effective}


def _topics(found: Portraits, clusters: list[Portrait]) -> list[dict[str, Any]]:
    sums: dict[int, list[int]] = {}
    for one in clusters:
        if one.topic is not None:
            figures = sums.setdefault(one.topic, [0, 0, 0])
            for at, n in enumerate((one.size, one.kept, 1)):
                figures[at] += n
    ranked = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))[:ROWS]
    return [
        {"name": named(found.topics.get(topic, [])), "size": size, "kept": kept, "clusters": n}
        for topic, (size, kept, n) in ranked
    ]


def _row(one: Portrait, names: dict[int | None, str]) -> dict[str, Any]:
    pages = [(title, [_page(page, names) for page in found if page.text or page.title]) for title, found in one.quoted]
    pages = [(title, found) for title, found in pages if found]
    return {
        "cluster": one.cluster,
        "anchor": f"cluster-{one.cluster}" if pages else "",
        "name": NONE if one.cluster is None else names[one.cluster],
        "size": one.size,
        "kept": one.kept,
        "thinned": one.thinned,
        "languages": told_languages(one),
        "hosts": ", ".join(f"{host} {n:,}" for host, n in one.hosts[:2]),
        "core": one.core,
        "budget": one.budget,
        "lost": lost(one),
        "pages": pages,
    }


def lost(one: Portrait) -> list[tuple[str, str, int]]:
    """Stage, reason and documents lost for it, the commonest first."""
    ranked = sorted(one.lost.items(), key=lambda item: (-item[1], item[0]))
    return [(stage, reason, n) for (stage, reason), n in ranked]


def told_languages(one: Portrait, most: int = 3) -> str:
    """
    >>> told_languages(Portrait(0, size=10, languages=Counter(zh=7, en=3)))
    'zh 70 %, en 30 %'
    """
    ranked = sorted(one.languages.items(), key=lambda item: (-item[1], item[0]))[:most]
    return ", ".join(f"{language} {100 * n / one.size:.0f} %" for language, n in ranked)


def _page(page: Page, names: dict[int | None, str]) -> dict[str, Any]:
    excerpt = clean(re.sub(r"\s+", " ", page.text), EXCERPT)
    other = names.get(page.other, "another") if page.other is not None else None
    return {
        "title": page.title,
        "url": page.url,
        "similarity": page.similarity,
        "excerpt": excerpt,
        "other": other,
        "margin": page.margin,
    }


def drawn_map(mapped: Mapped, clusters: list[Portrait], topics: dict[int, list[str]]) -> dict[str, Any] | None:
    """Points by colour and labels of the map, in its own units; None where there is nothing to show.

    Colours and names are of topics, where there are any, else of clusters.
    """
    if len(mapped.clusters) < 2:
        return None
    from skypile.distribution.layout import layout  # only here: it loads numba, for which the command line would wait

    places = layout(mapped.vectors) * [WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE] + EDGE
    topic = {one.cluster: one.topic for one in clusters}
    group = [topic.get(cluster) if topics else cluster for cluster in mapped.clusters]
    words = topics or {one.cluster: one.name for one in clusters if one.cluster is not None}
    ranked = [one for one, _ in sorted(Counter(group).items(), key=lambda item: (-item[1], str(item[0])))]
    colour = {one: rank % COLOURS for rank, one in enumerate(ranked)}
    groups: dict[int, list[tuple[str, str, bool, str]]] = {}
    for (x, y), one, kept, says in zip(places, group, mapped.kept, mapped.says, strict=True):
        groups.setdefault(colour[one], []).append((f"{x:.1f}", f"{y:.1f}", kept, says))
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "sample": mapped.sample,
        "total": len(mapped.clusters),
        "groups": sorted(groups.items()),
        "labels": _labels(places, group, {one: words.get(one, []) for one in ranked if one is not None}),
    }


def _labels(
    places: NDArray[np.float64], group: list[int | None], words: dict[int, list[str]]
) -> list[tuple[str, str, str]]:
    """Where names stand, of the largest groups first: on the median of their points or beside it, none on another."""
    taken: list[tuple[float, float, float, float]] = []
    found: list[tuple[str, str, str]] = []
    of = np.array([-1 if one is None else one for one in group])
    for one, name in words.items():
        if len(found) == LABELS or not name:
            continue
        text = named(name, 2)
        x, y = np.median(places[of == one], axis=0)
        half = FONT * _ems(text) / 2 + 4
        x = min(max(x, half), WIDTH - half)
        for off in (0, -1, 1, -2, 2):
            box = (x - half, y + off * FONT - FONT * 0.6, x + half, y + off * FONT + FONT * 0.6)
            if not any(_meet(box, other) for other in taken):
                taken.append(box)
                found.append((f"{x:.1f}", f"{y + off * FONT:.1f}", text))
                break
    return found


def _ems(text: str) -> float:
    """Width of a text in its font's size, about."""
    return sum(1.0 if char >= "\u2e80" else 0.56 for char in text)


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
