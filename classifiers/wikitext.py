"""The web addresses in wikitext, and which of them are references.

Addresses are found as MediaWiki finds them: bare, in brackets and as arguments of templates, in <ref> and outside,
with `&amp;` and its kind decoded and comments and <nowiki> gone. One is a **reference** if it stands in <ref> or in a
citation template; what an infobox or the list of external links points to is a mere link.

Wikitext is taken apart by looking for the next marker, never by patterns that can go back: the time is linear in
the text whatever it holds.
"""

import html
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_URL: Final = 2048
MAX_TEMPLATE: Final = 20_000  # characters of one citation template

_COMMENT: Final = re.compile("<!--")
_COMMENT_END: Final = re.compile("-->")
_NOWIKI: Final = re.compile(r"<nowiki\s*>", re.IGNORECASE)
_NOWIKI_END: Final = re.compile(r"</nowiki\s*>", re.IGNORECASE)
_REF: Final = re.compile(r"<ref(?=[\s>/])[^<>]*>", re.IGNORECASE)
_REF_END: Final = re.compile(r"</ref\s*>", re.IGNORECASE)
# Citation templates by the beginning of their names: English and, from it, most languages; Chinese (引用网页,
# 引用新聞, 書籍引用); German, French, Spanish and Portuguese, Italian, Dutch, Polish, Russian. {{#tag:ref|…}} is <ref>.
_CITE: Final = re.compile(
    r"\{\{\s*(?:(?:cite|citation|vcite|cita|citar|citeer|cytuj|internetquelle|literatur|lien[ _]web|ouvrage|article"
    r"|книга|статья|публикация)(?![^\W_])|引[用文]|[\u4e00-\u9fff]{1,6}引用|#tag:\s*ref\s*\|)",
    re.IGNORECASE,
)
_BRACES: Final = re.compile(r"\{\{|\}\}")
# {{URL|example.org}} and {{official website|example.org}}: the template adds the scheme.
_BARE_HOST: Final = re.compile(
    r"\{\{\s*(?:url2?|official[ _](?:website|url|site)|homepage|官方?[网網]站?|主[页頁])\s*\|\s*(?:(?:1|url)\s*=\s*)?"
    r"(?=[a-z0-9-]+\.[a-z0-9])(?!https?:)([^\s|{}<>\[\]\"]+)",
    re.IGNORECASE,
)
# Full-width punctuation ends an address: Chinese sets no blank between the two. (MediaWiki takes it into the link.)
_URL_REST: Final = re.compile(
    r"[^\s|{}\[\]<>\"\x00-\x1f\x7f、。，．；：！？…—～｜（）｛｝［］〈〉《》「」『』【】〔〕〖〗“”‘’]+"
)
_MAGIC_WORDS: Final = {"{{=}}": "=", "{{!}}": "|"}  # for what a template's argument cannot hold
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_ENDING_ENTITY: Final = re.compile(r"&(?:lt|gt|nbsp|#x0*(?:3[ce]|a0)|#0*(?:60|62|160));", re.IGNORECASE)


class Link(NamedTuple):
    url: str
    unit: int  # addresses of one unit (a <ref>, a template) are one citation; -1: no reference; numbers may be left out


def links(wikitext: str) -> Iterator[Link]:
    """The http and https addresses of one article, as often as they stand there; of references first.

    >>> list(links("A.<ref>[http://a.org/x Title]</ref> {{cite web|url=http://b.org/}} [http://c.org C]"))
    [Link(url='http://a.org/x', unit=0), Link(url='http://b.org/', unit=2), Link(url='http://c.org', unit=-1)]
    """
    if "//" not in wikitext and "." not in wikitext:
        return
    text = _without(wikitext)
    outside = []
    position = unit = 0
    while opening := _REF.search(text, position):
        outside.append(text[position : opening.start()])
        position = opening.end()
        if text[position - 2] == "/":
            continue
        closing = _REF_END.search(text, position)
        if closing is None:
            break
        if text.find("//", position, closing.start()) >= 0:
            for _, url in _urls(text[position : closing.start()]):
                yield Link(url, unit)
            unit += 1
        position = closing.end()
    outside.append(text[position:])
    yield from _outside(" ".join(outside), unit)


def _outside(text: str, unit: int) -> Iterator[Link]:
    found = list(_urls(text))
    if "{{" in text:
        found += [(bare.start(1), "http://" + bare[1]) for bare in _BARE_HOST.finditer(text) if len(bare[1]) <= MAX_URL]
    spans = _templates(text) if found else iter(())
    begin = end = -1
    for at, url in sorted(found):
        while at >= end and begin < len(text):
            begin, end = next(spans, (len(text), len(text)))
            unit += 1
        yield Link(url, unit if begin <= at < end else -1)


def _urls(text: str) -> Iterator[tuple[int, str]]:
    """(position, address) of all that begins with http:// or https://, or with // where that is an address."""
    slashes = text.find("//")
    while slashes >= 0:
        rest = _URL_REST.match(text, slashes + 2)
        if rest is None:
            slashes = text.find("//", slashes + 2)
            continue
        end = rest.end()
        start = _scheme(text, slashes)
        if start is not None:
            url = text[start:end]
            while text[end : end + 5] in _MAGIC_WORDS:
                rest = _URL_REST.match(text, end + 5)
                url += _MAGIC_WORDS[text[end : end + 5]] + (rest[0] if rest else "")
                end = rest.end() if rest else end + 5
            bracketed = start > 0 and text[start - 1] == "["
            if len(url) <= MAX_URL and (cleaned := _cleaned(url, bracketed)):
                yield start, cleaned if start < slashes else "http:" + cleaned
        slashes = text.find("//", end)


def _scheme(text: str, slashes: int) -> int | None:
    """Where the address with these slashes begins; None if it is none."""
    if text[slashes - 1 : slashes] == ":":
        scheme = text[max(0, slashes - 6) : slashes - 1].lower()
        length = 5 if scheme == "https" else 4 if scheme.endswith("http") else 0
        start = slashes - 1 - length
        before = text[start - 1 : start]
        return start if length and not (before.isascii() and before.isalnum()) else None
    before = text[max(0, slashes - 8) : slashes].rstrip(" ")
    return slashes if before.endswith(("[", "=")) and "." in text[slashes : slashes + 64] else None


def _cleaned(url: str, bracketed: bool) -> str:
    """What MediaWiki leaves out: what follows quotes of bold and italics or an escaped bracket and, of an address
    without brackets, final punctuation and a stray parenthesis. Entities are decoded."""
    url = url.split("''", 1)[0]
    if "&" in url:
        url = _ENTITY.sub(lambda entity: html.unescape(entity[0]), _ENDING_ENTITY.split(url, maxsplit=1)[0])
    if not bracketed:
        url = url.rstrip(",;.:!?" if "(" in url else ",;.:!?)")
    return url if len(url) > url.find("//") + 2 else ""


def _without(text: str) -> str:
    """`text` without comments and what stands in <nowiki>."""
    return _cut(_cut(text, _COMMENT, _COMMENT_END), _NOWIKI, _NOWIKI_END)


def _cut(text: str, begin: re.Pattern[str], end: re.Pattern[str]) -> str:
    parts, position = [], 0
    while opening := begin.search(text, position):
        parts.append(text[position : opening.start()])
        closing = end.search(text, opening.end())
        position = closing.end() if closing else len(text)
    return "".join([*parts, text[position:]]) if parts else text


def _templates(text: str) -> Iterator[tuple[int, int]]:
    """Begin and end of citation templates, up to their closing braces or MAX_TEMPLATE."""
    position = 0
    while opening := _CITE.search(text, position):
        depth, end = 1, min(len(text), opening.end() + MAX_TEMPLATE)
        for brace in _BRACES.finditer(text, opening.end(), end):
            depth += 1 if brace[0] == "{{" else -1
            if depth == 0:
                end = brace.end()
                break
        # One that is never closed takes what follows with it; to look again right after its opening would cost
        # MAX_TEMPLATE for each of a million openings.
        yield opening.start(), end
        position = end
