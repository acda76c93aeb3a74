"""Which uncited pages stand beside which cited ones, so that nothing but the writing tells them apart.

What a crawl's file, a page's length or the software of its site betrays, a classifier learns before anything else. A
cited page's counterpart therefore is always in its language and of its length (within a fifth, see `length_bin`) and,
as far as there are such pages, from the same file of the crawl and of the same template family.
"""

import math
import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple
from urllib.parse import urlsplit

MOST_SEGMENTS: Final = 4  # of a path that make its family
_WORD: Final = re.compile(r"[^\W\d_]+")
_NUMBER: Final = re.compile(r"\d+")
_EXTENSION: Final = re.compile(r"\.[a-z][a-z0-9]{1,4}", re.IGNORECASE)


class Page(NamedTuple):
    record_id: str
    language: str
    host: str
    length_bin: int
    source: str  # file of the crawl
    family: str


class Pair(NamedTuple):
    cited: int  # row of the one list
    other: int  # and of the other
    alike: str  # what they share besides language and length: "file+template", "template", "file" or "length"


def length_bin(characters: int) -> int:
    """Quarter of an octave: texts of one bin differ in length by 19 % at most.

    >>> length_bin(1000), length_bin(1100), length_bin(1200)
    (39, 40, 40)
    """
    return int(4 * math.log2(max(characters, 1)))


def family(url: str) -> str:
    """What the address tells of the template behind it: words and numbers of the path as such, its extension, and
    how many parameters there are. Pages of one site's software share it, as do sites of the same software.

    >>> family("https://news.example/2022/0314/61491.html"), family("http://b.example/blog/a-title-of-five/?p=7&q=x")
    ('/9/9/9.html', '/a/a-?2')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    segments = [segment for segment in parts.path.split("/") if segment]
    shapes = [_shape(segment) for segment in segments[:MOST_SEGMENTS]]
    if len(segments) > MOST_SEGMENTS:
        shapes[-1] = _shape(segments[-1])
    query = f"?{parts.query.count('=')}" if parts.query else ""
    return "/" + "/".join(shapes) + query


def _shape(segment: str) -> str:
    name, dot, extension = segment.rpartition(".")
    ending = dot + extension.lower() if _EXTENSION.fullmatch(dot + extension) else ""
    name = name if ending else segment
    shape = _NUMBER.sub("9", _WORD.sub("a", name))
    return shape[:2] + ending  # titles of three words and of ten are alike


def match(cited: Sequence[Page], others: Sequence[Page], seed: int) -> list[Pair]:
    """A counterpart for each cited page that has one, of a host with no cited page; each page is taken once.

    Whoever comes first in the order of a keyed hash chooses first, best likeness before all lesser ones, so the
    pairs do not depend on the order of the rows.
    """
    hosts = {page.host for page in cited}
    taken: set[int] = set()
    pairs: list[Pair] = []
    waiting = _in_order(cited, range(len(cited)), seed)
    free = _in_order(others, (row for row, page in enumerate(others) if page.host not in hosts), seed)
    for alike, shared in (
        ("file+template", ("source", "family")),
        ("template", ("family",)),
        ("file", ("source",)),
        ("length", ()),
    ):
        heaps: dict[tuple[object, ...], list[int]] = {}
        for row in reversed(free):
            if row not in taken:
                heaps.setdefault(_likeness(others[row], shared), []).append(row)
        left = []
        for row in waiting:
            heap = heaps.get(_likeness(cited[row], shared))
            if heap:
                other = heap.pop()
                taken.add(other)
                pairs.append(Pair(row, other, alike))
            else:
                left.append(row)
        waiting = left
    return pairs


def _likeness(page: Page, shared: Sequence[str]) -> tuple[object, ...]:
    return (page.language, page.length_bin, *(getattr(page, name) for name in shared))


def _in_order(pages: Sequence[Page], rows: Iterable[int], seed: int) -> list[int]:
    key = str(seed).encode()
    return sorted(rows, key=lambda row: blake2b(pages[row].record_id.encode(), digest_size=8, key=key).digest())
