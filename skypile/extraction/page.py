"""One page from bytes to document: decode, gate, extract, identify the language.

The gate spares the expensive call: the tags are stripped, and a page whose whole visible text is already too
short, or is certainly in another language, is dropped on that evidence. The fast engine's scan, a quarter of its
time, yields that text on the way; for the other engines it is one more scan, a hundredth of theirs.
"""

import functools
import json
from typing import Any, Final, NamedTuple

from skypile.crawl import charset
from skypile.extraction import engines, script_data
from skypile.extraction.alternates import alternates
from skypile.extraction.document import document_from_text, drop, lost, packed, weight
from skypile.extraction.fast.blocks import Scanned, cut, visible_text
from skypile.extraction.fast.engine import warm_up
from skypile.extraction.fast.utf8 import foreign_characters
from skypile.text import language
from skypile.text.limits import MAX_TITLE, shortened
from skypile.text.nfc import nfc
from skypile.verdict import FAILED

# Visible text looked at by the gate: enough for a certain language verdict, and a bound on its cost.
GATE_CHARACTERS: Final = 4000
# Elements open at once. The deepest of 2,748 real pages has 53, browsers stop at 512: what goes this far was
# made to break parsers, and its text is not to be trusted.
MAX_NESTING: Final = 10_000


class PageSettings(NamedTuple):
    """What a page needs of `ExtractionConfig`, which takes 50 ms to import."""

    engine: engines.Engine
    languages: tuple[str, ...]
    min_characters: int


def document_from_html(body: bytes, url: str, content_type: str | None, settings: PageSettings) -> dict[str, Any]:
    """Columns of DOCUMENT_COLUMNS that follow from the page, verdict included."""
    decoded = charset.decode(body, content_type, foreign_characters)
    columns: dict[str, Any] = {
        "charset": decoded.charset,
        "charset_rung": decoded.rung,
        "replacements": decoded.replacements,
        "engine": settings.engine,
    }
    source = decoded.source
    scanned = cut(source, is_xml(content_type)) if settings.engine == "fast" else None
    visible = visible_text(scanned[0], GATE_CHARACTERS) if scanned else engines.pretext(source, GATE_CHARACTERS)
    data = _data(source, scanned, visible)
    if data:
        visible = data.text[:GATE_CHARACTERS]
    if (size := weight(visible)) < settings.min_characters:
        return columns | drop("short_gate", size, settings.min_characters, {"visible": visible[:200]})
    columns["alternates"] = alternates(source, url)
    if settings.languages and language.certainly_other(visible, settings.languages):
        found = language.identify(visible)
        evidence = {"language": found.code, "visible": visible[:200]}
        return (
            columns
            | {"language": found.code, "language_score": found.score}
            | drop("language_gate", found.score, None, evidence)
        )
    if data and scanned:
        title = shortened(scanned[1].tobytes().decode("utf-8", "replace"), MAX_TITLE) or None
        known = {"text_from": data.source}
        return columns | {"title": title} | document_from_text(data.text, settings.min_characters, known)
    if scanned:
        page = engines.of_scanned(source, scanned, url)
    else:
        page = engines.extract(decoded.text, url=url, engine=settings.engine)
    if page.nesting > MAX_NESTING:
        return columns | lost(FAILED, "too_deep", page.nesting, MAX_NESTING, {})
    title = shortened(page.title, MAX_TITLE) if page.title else None
    facts = {"other_charset": decoded.other} if decoded.other else {}
    return columns | {"title": title} | document_from_text(page.text, settings.min_characters, facts)


def is_xml(content_type: str | None) -> bool:
    """Whether a Content-Type names XML: application/xhtml+xml, text/xml, ….

    >>> is_xml("application/xhtml+xml; charset=utf-8"), is_xml("text/html")
    (True, False)
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    return kind.endswith(("+xml", "/xml"))


def _data(source: bytes, scanned: Scanned | None, visible: str) -> script_data.Article | None:
    """The article in the page's scripts if its markup holds little text."""
    if scanned is None or len(visible) >= GATE_CHARACTERS:
        return None
    title = scanned[1].tobytes().decode("utf-8", "replace")
    return script_data.article(source, title, weight(visible))


def prepare() -> None:
    """Load what every page needs. Where the fast engine's kernels were never compiled, this compiles and stores
    them for all processes to come: 30 to 80 s, once an installation."""
    warm_up()
    language.identify("One sentence.")
    nfc("é")


def serve(request: bytes) -> bytes:
    """`document_from_html` for the sandbox: lines of JSON, [url, content_type] and PageSettings, and the body, to
    columns as `packed`. Instead of the first line `null`: `document_from_text`, and the body is ready text in UTF-8."""
    header, line, body = request.split(b"\n", 2)
    page, settings = json.loads(header), _settings(line)
    if page is None:
        columns = document_from_text(body.decode("utf-8", "replace"), settings.min_characters)
    else:
        url, content_type = page
        columns = document_from_html(body, url, content_type, settings)
    return packed(columns)


@functools.lru_cache(1)
def _settings(line: bytes) -> PageSettings:
    engine, languages, min_characters = json.loads(line)
    return PageSettings(engine, tuple(languages), min_characters)
