"""Which pages say that they are one page in two languages: candidates, of which the texts decide later.

Three ways, the surest first: pairs that the user gives; hreflang links of the page's head; addresses that differ in a
language tag alone (/zh/ and /en/, _zh, -cn, .zh-cn.html, ?lang=zh, zh.example.org, or the tag on one side only). A page
stands in a group of pages for every way; a group proposes its best English page for its best Chinese page of each
script. No group is compared all with all, so that a site of one address, or a key met by chance, costs no more.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from skypile.crawl.url import page_key

GIVEN, HREFLANG, URL = range(3)
SOURCES: Final = ("given", "hreflang", "url")  # by number; the smaller goes first
OTHER, ENGLISH, CHINESE = range(3)
_LANGUAGES: Final = {"en": ENGLISH, "zh": CHINESE}

# Tags that sites use for the two languages; country codes and BIG5 or GB (its charsets) stand for Chinese, too.
_CHINESE: Final = (
    "zh(?:[-_]?(?:cn|sg|my|tw|hk|mo)|[-_]han[st](?:[-_](?:cn|sg|tw|hk|mo))?)?"
    "|s?chinese|tchinese|ch[st]|cn|tw|hk|sc|tc|chi|zho|gb|big5"
)
_ENGLISH: Final = "en(?:[-_][a-z]{2})?|eng|english"
_TAG: Final = f"(?:{_CHINESE}|{_ENGLISH})"
# A folder, a file name or a part of one, cut off by a mark; of the host a label or the end of one.
_IN_PATH: Final = re.compile(
    rf"/({_TAG})(?=/|$)|[-_.]({_TAG})(?=/|\.\w{{1,5}}$|$)|(?<=/)({_TAG})(?=\.\w{{1,5}}$)|(?<=/)({_TAG})[-_.](?=\w)",
    re.IGNORECASE,
)
_IN_HOST: Final = re.compile(rf"^({_TAG})\.(?=[^.]+\.)|(?<=[^.])-({_TAG})(?=\.)|^({_TAG})-(?=[^.])", re.IGNORECASE)
_IN_QUERY: Final = re.compile(
    rf"(?<=[?&])(?:lang|language|locale|hl|l|ln|lng|uselang|setlang|lc)=({_TAG})(?:&|$)", re.IGNORECASE
)
_NAMELESS: Final = re.compile(r"/(?:\.\w{1,5})?$")  # what is left of zh.html
_ADDRESS: Final = re.compile(r"(https://)([^/?#]*)([^?#]*)(.*)", re.DOTALL)
_IS_CHINESE: Final = re.compile(_CHINESE, re.IGNORECASE)

# One page in one group. `kind`: MEMBER of the pages of one address but for tags, OWNER of an address that others link
# to, LINK from another page. `claims`: the language that an address, or a link of its target, is tagged with.
MEMBER, OWNER, LINK, PAIRED = range(4)
ENTRY: Final = np.dtype(
    [
        ("key", "<u8"),
        ("high", "<u8"),
        ("low", "<u8"),
        ("characters", "<u4"),
        ("kind", "u1"),
        ("language", "u1"),
        ("claims", "u1"),
        ("traditional", "u1"),
    ]
)


class Address(NamedTuple):
    """A web address without language tags, and what the last tag claims: OTHER, ENGLISH or CHINESE."""

    key: str
    claims: int


def address(url: str | None) -> Address | None:
    """None for what is no web address.

    >>> address("http://www.example.org/zh_CN/guide.html"), address("https://example.org/guide-en.html")
    (Address(key='https://example.org/guide.html', claims=2), Address(key='https://example.org/guide.html', claims=1))
    """
    key = page_key(url)
    found = _ADDRESS.fullmatch(key) if key else None
    if found is None:
        return None
    claims: list[int] = []

    def cut(match: re.Match[str]) -> str:
        tag = next(group for group in match.groups() if group)
        claims.append(CHINESE if _IS_CHINESE.fullmatch(tag) else ENGLISH)
        return ""

    scheme, host, path, rest = found.groups()
    host, path, rest = _IN_HOST.sub(cut, host), _IN_PATH.sub(cut, path), _IN_QUERY.sub(cut, rest)
    without = f"{scheme}{host}{_NAMELESS.sub('', path)}{rest.rstrip('?&')}"
    return Address(page_key(without) or without, claims[-1] if claims else OTHER)


def entries(
    record_id: str,
    url: str,
    language: str | None,
    script: str | None,
    characters: int,
    alternates: Mapping[str, str],
    given: Mapping[str, list[int]],
) -> Iterator[tuple[int, int, int, int, int, int, int, int]]:
    """Rows of ENTRY: the groups that a page belongs to. `given`: numbers of the user's pairs, by `page_key`."""
    high, low = halves(record_id)
    own = (_LANGUAGES.get(language or "", OTHER), int(script == "Hant"))

    def entry(way: int, group: object, kind: int, claims: int) -> tuple[int, int, int, int, int, int, int, int]:
        key = xxhash.xxh3_64_intdigest(f"{way} {group}".encode("utf-8", "surrogatepass"))
        return key, high, low, min(characters, 2**32 - 1), kind, own[0], claims, own[1]

    found, page = address(url), page_key(url)
    if found is None or page is None:
        return
    for number in given.get(page, ()):
        yield entry(GIVEN, number, PAIRED, OTHER)
    yield entry(HREFLANG, page, OWNER, OTHER)
    for tag, target in sorted(alternates.items()):
        claims = _LANGUAGES.get(re.split("[-_]", tag.lower())[0], OTHER)
        if claims and (linked := page_key(target)) and linked != page:
            yield entry(HREFLANG, linked, LINK, claims)
    yield entry(URL, found.key, MEMBER, found.claims)


def halves(record_id: str) -> tuple[int, int]:
    """A record id as two unsigned 64-bit integers."""
    return int(record_id[:16], 16), int(record_id[16:32], 16)


# A page that should be English, one that should be Chinese, and by which way: GIVEN, HREFLANG or URL. `untranslated`:
# the side that is not in its language, OTHER if both are.
PAIR: Final = np.dtype(
    [
        ("way", "u1"),
        ("untranslated", "u1"),
        ("en_high", "<u8"),
        ("en_low", "<u8"),
        ("zh_high", "<u8"),
        ("zh_low", "<u8"),
        ("traditional", "u1"),
        ("characters", "<u8"),
    ]
)
_ENGLISH_PAGE: Final = ["en_high", "en_low"]
_CHINESE_PAGE: Final = ["zh_high", "zh_low"]
_MOST_UNTRANSLATED: Final = 16  # of one group, as evidence


def proposed(found: NDArray[np.void]) -> NDArray[np.void]:
    """Pairs (PAIR) of all groups in entries (ENTRY) that hold groups whole, in any order."""
    found = np.sort(found, order=["key", "kind", "high", "low"])
    starts = np.flatnonzero(np.r_[True, found["key"][1:] != found["key"][:-1]]) if len(found) else np.zeros(0, int)
    sizes = np.diff(np.r_[starts, len(found)])
    pairs: list[tuple[int, ...]] = []
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        group = found[start : start + size]
        kinds = group["kind"]
        if kinds[0] == MEMBER:
            pairs += _tagged(group)
        elif kinds[0] == PAIRED:
            pairs += _given(group)
        elif kinds[0] == OWNER and kinds[-1] == LINK:
            pairs += _linked(group[kinds == OWNER], group[kinds == LINK])
    return np.array(pairs, PAIR)


def _tagged(group: NDArray[np.void]) -> Iterator[tuple[int, ...]]:
    """Of pages whose addresses differ in tags alone, those with a tag go before the one without."""
    language, claims = group["language"], group["claims"]
    if not claims.any():
        return
    truly = (claims == OTHER) | (claims == language)
    english = _best(group[truly & (language == ENGLISH)])
    chinese = [
        page
        for traditional in (0, 1)
        if (page := _best(group[truly & (language == CHINESE) & (group["traditional"] == traditional)])) is not None
    ]
    if english is not None:
        yield from (_pair(URL, OTHER, english, page) for page in chinese)
        for page in group[(claims == CHINESE) & (language != CHINESE)][:_MOST_UNTRANSLATED]:
            yield _pair(URL, CHINESE, english, page)
    if chinese:
        for page in group[(claims == ENGLISH) & (language != ENGLISH)][:_MOST_UNTRANSLATED]:
            yield _pair(URL, ENGLISH, page, chinese[0])


def _linked(owners: NDArray[np.void], links: NDArray[np.void]) -> Iterator[tuple[int, ...]]:
    """Of the pages that link to an address as one in another language, the first of each script."""
    for owner in owners[:_MOST_UNTRANSLATED]:
        for claims in (ENGLISH, CHINESE):
            other = ENGLISH + CHINESE - claims
            for traditional in (0, 1):
                asked = links[(links["claims"] == claims) & (links["traditional"] == traditional)]
                if not len(asked):
                    continue
                fits = asked[asked["language"] == other]
                page = fits[0] if len(fits) else asked[0]
                wrong = claims if owner["language"] != claims else OTHER if len(fits) else other
                yield _pair(HREFLANG, wrong, *((page, owner) if claims == CHINESE else (owner, page)))


def _given(group: NDArray[np.void]) -> Iterator[tuple[int, ...]]:
    english, chinese = (_best(group[group["language"] == language]) for language in (ENGLISH, CHINESE))
    if english is not None and chinese is not None:
        yield _pair(GIVEN, OTHER, english, chinese)
    elif chinese is None:
        yield _pair(GIVEN, CHINESE, group[0], group[1])
    else:
        yield _pair(GIVEN, ENGLISH, group[0], group[1])


def _best(pages: NDArray[np.void]) -> np.void | None:
    """The first page with a tag, or else without, in the order of record ids."""
    tagged = pages[pages["claims"] != OTHER]
    pages = tagged if len(tagged) else pages
    return pages[0] if len(pages) else None


def _pair(way: int, untranslated: int, english: np.void, chinese: np.void) -> tuple[int, ...]:
    ids = (english["high"], english["low"], chinese["high"], chinese["low"])
    size = int(english["characters"]) + int(chinese["characters"])
    return way, int(untranslated), *map(int, ids), int(chinese["traditional"]), size


def chosen(pairs: Iterable[NDArray[np.void]]) -> NDArray[np.void]:
    """Each Chinese page in one pair, each English page in one a script; the surest way first, then by record id.

    An untranslated page is named once, and not at all if it is in a pair by another way.
    """
    found = np.sort(np.concatenate([np.zeros(0, PAIR), *pairs]), order=["way", *_ENGLISH_PAGE, *_CHINESE_PAGE])
    good = found[found["untranslated"] == OTHER]
    for columns in (_CHINESE_PAGE, [*_ENGLISH_PAGE, "traditional"]):
        good = good[_first_of(good, columns)]
    made = [good]
    for side, columns in ((ENGLISH, _ENGLISH_PAGE), (CHINESE, _CHINESE_PAGE)):
        wrong = found[found["untranslated"] == side]
        wrong = wrong[_first_of(wrong, columns)]
        made.append(wrong[~np.isin(_ids(wrong, columns), _ids(good, _ENGLISH_PAGE) + _ids(good, _CHINESE_PAGE))])
    return np.concatenate(made)


def _ids(rows: NDArray[np.void], columns: list[str]) -> list[str]:
    return [f"{high:016x}{low:016x}" for high, low in rows[columns].tolist()]


def _first_of(rows: NDArray[np.void], columns: list[str]) -> NDArray[np.int64]:
    """Places, in order, of the first row with each value of `columns`."""
    return np.sort(np.unique(rows[columns], return_index=True)[1]) if len(rows) else np.zeros(0, np.int64)
