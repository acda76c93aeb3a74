"""The article of a page that scripts draw: JSON that the page carries, where its markup holds no text.

Publishers put the whole article into JSON-LD (`articleBody`, schema.org) for search engines, and frameworks the state
that they draw from into a script (`__NEXT_DATA__`, `__NUXT_DATA__`, `__INITIAL_STATE__`). It is taken for the page's
text only if it is at least LONGER times as long as all that the markup shows; of a state only what stands beside the
page's own title.
"""

import html as html_entities
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from skypile.extraction.document import weight
from skypile.extraction.fast.blocks import block_texts, cut, following
from skypile.extraction.fast.window import Page

LONGER: Final = 2  # than the visible text; a page with the article in its markup shows more than the article
MAX_JSON: Final = 8 << 20  # bytes of one script
MAX_SCRIPTS: Final = 50
MAX_VALUES: Final = 200_000  # of one script's JSON that are looked at
MIN_STATE: Final = 400  # weight of an article in a state: shorter strings are labels
MAX_TAG: Final = 2000  # bytes of a <script …> tag

_ARTICLE: Final = re.compile(r"(?:Article|Posting|Report|Review|Recipe|CreativeWork)\Z")
_MARKUP: Final = re.compile(r"</?(?:p|br|div|h[1-6]|ul|ol|li|table|section|article|figure|blockquote)\b", re.IGNORECASE)
_INLINE: Final = re.compile(r"<(?:a|b|i|em|strong|span|img|sup|sub|code)\b[^<>]*>", re.IGNORECASE)
_STATE: Final = re.compile(
    rb"(?:__NEXT_DATA__|__NUXT_DATA__|__NUXT__|__INITIAL_STATE__|__PRELOADED_STATE__|__APOLLO_STATE__|__INITIAL_DATA__|"
    rb"application/json)"
)
_QUOTED: Final = re.compile(r"JSON\.parse\(\s*+\"")
_LAST_COMMA: Final = re.compile(r",\s*+([}\]])")
_TITLES: Final = ("title", "headline", "name", "heading", "subject")
_BODIES: Final = (
    "articleBody", "article_body", "body", "content", "contentHtml", "content_html", "bodyHtml", "body_html", "html",
    "text", "articleContent", "fullText", "detail", "contents", "paragraphs", "blocks",
)  # fmt: skip


class Article(NamedTuple):
    """`source`: which data it stood in, for the evidence."""

    text: str
    source: str


def article(page: bytes, title: str, visible: int) -> Article | None:
    """The article in the scripts of a page in UTF-8, None where there is none of LONGER times `visible`, the weight of
    the text that the markup shows. `title`: the page's."""
    found: list[Article] = []
    for head, script in _scripts(page):
        if b"ld+json" in head.lower():
            value = _json(script)
            found += [Article(text, "json-ld articleBody") for text in map(_text, _linked_articles(value)) if text]
        elif state := _STATE.search(head) or _STATE.search(script, 0, 200):
            value = _json(script[max(0, script.find(b"=") + 1) :] if b"=" in script[:200] else script)
            name = state[0].decode()
            found += [Article(text, f"script {name}") for text in map(_text, _stated_articles(value, title)) if text]
    if not found:
        return None
    best = max(found, key=lambda one: (one.source.startswith("json-ld"), weight(one.text)))
    return best if weight(best.text) > LONGER * visible else None


def _scripts(page: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Tag and content of the first scripts of data."""
    lower, at = page.lower(), 0
    for _ in range(4 * MAX_SCRIPTS):
        at = lower.find(b"<script", at)
        start = lower.find(b">", at)
        stop = lower.find(b"</script", start)
        if min(at, start, stop) < 0:
            return
        if start - at <= MAX_TAG and stop - start <= MAX_JSON:
            yield page[at:start], page[start + 1 : stop]
        at = stop


def _json(script: bytes) -> Any:
    """The JSON value that a script begins with, be it in a string or with a comma too many; None where it is none."""
    text = script.decode("utf-8", "replace").strip()
    text = text.removeprefix("<!--").removeprefix("//").strip().removeprefix("<![CDATA[").lstrip()
    if quoted := _QUOTED.match(text):
        value = _decoded(text[quoted.end() - 1 :])
        return _json(value.encode("utf-8", "replace")) if isinstance(value, str) else value
    value = _decoded(text)
    return _decoded(_LAST_COMMA.sub(r"\1", text)) if value is None else value


def _decoded(text: str) -> Any:
    try:
        return json.JSONDecoder(strict=False).raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _values(value: Any) -> Iterator[dict[str, Any]]:
    """The objects in a JSON value, outer ones first, in the order of the text."""
    left, seen = [value], 0
    while left and seen < MAX_VALUES:
        one = left.pop()
        seen += 1
        if isinstance(one, dict):
            yield one
            left += [inner for inner in reversed(one.values()) if isinstance(inner, dict | list)]
        elif isinstance(one, list):
            left += [inner for inner in reversed(one) if isinstance(inner, dict | list)]


def _linked_articles(value: Any) -> Iterator[Any]:
    for one in _values(value):
        types = one.get("@type")
        names = types if isinstance(types, list) else [types]
        if "articleBody" in one:
            yield one["articleBody"]
        elif any(isinstance(name, str) and _ARTICLE.search(name) for name in names):
            yield one.get("text")


def _stated_articles(value: Any, title: str) -> Iterator[Any]:
    """What stands as the body of an object with the page's title."""
    table = value if isinstance(value, list) else None
    wanted = _words(title)
    for one in _values(value):
        if table is not None:  # Nuxt's state: numbers that say where in the list a value stands
            one = {key: _deref(table, inner) for key, inner in one.items()}
        names = [one[key] for key in _TITLES if isinstance(one.get(key), str)]
        if not any(len(words := _words(name)) >= 2 and words <= wanted for name in names):
            continue
        for key in _BODIES:
            if key in one and weight(_text(one[key])) >= MIN_STATE:
                yield one[key]
                break


def _deref(table: list[Any], value: Any) -> Any:
    return table[value] if type(value) is int and 0 <= value < len(table) else value


def _words(title: str) -> set[str]:
    """Words and Han characters of a title."""
    return set(re.findall(r"[a-z0-9]+|[^\W\da-z_]", title.lower()))


def _text(value: Any) -> str:
    """Text of an article's body: a string, plain or HTML, or a list of them, or of objects that hold them."""
    if isinstance(value, list):
        return "\n\n".join(filter(None, map(_part, value[:MAX_VALUES])))
    return _plain(value) if isinstance(value, str) else ""


def _part(value: Any) -> str:
    """Text of one block of an article: the string that it is, or holds."""
    if isinstance(value, dict):
        if isinstance(children := value.get("children"), list):  # Portable Text, Slate: runs of text
            return "".join(
                run["text"] for run in children if isinstance(run, dict) and isinstance(run.get("text"), str)
            )
        value = next((value[key] for key in (*_BODIES, "value", "data") if isinstance(value.get(key), str)), None)
    return _plain(value) if isinstance(value, str) else ""


def _plain(text: str) -> str:
    if not _MARKUP.search(text) and "&lt;" in text:
        text = html_entities.unescape(text)
    if _MARKUP.search(text) or _INLINE.search(text):
        page = text.encode("utf-8", "replace")
        window: Page | None = cut(page)[0]
        blocks: list[str] = []
        while window is not None:
            blocks += block_texts(window)
            window = following(page, window)
        return "\n\n".join(blocks)
    lines = (" ".join(line.split()) for line in html_entities.unescape(text).splitlines())
    return "\n\n".join(filter(None, lines))
