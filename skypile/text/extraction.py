"""Main text of a page, by the engine of choice."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Engine = Literal["trafilatura", "resiliparse"]

_INVISIBLE: Final = re.compile(r"(?is)<(script|style|noscript|template|svg)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>")


@dataclass(frozen=True)
class Extraction:
    text: str
    title: str | None
    engine: str


def extract(html: str, url: str | None = None, engine: Engine = "trafilatura") -> Extraction:
    """Main text of `html`: paragraphs separated by blank lines."""
    if engine == "trafilatura":
        import trafilatura

        text = trafilatura.extract(html, url=url, fast=True, include_comments=False, include_tables=True) or ""
        title = re.search(r"(?is)<title[^>]*>(.*?)</title>", html)
        return Extraction(text, title[1].strip() if title else None, engine)
    from resiliparse.extract.html2text import extract_plain_text

    return Extraction(extract_plain_text(html, main_content=True), None, engine)


def pretext(html: str, limit: int) -> str:
    """Visible text of the page, roughly: tags and scripts stripped, at most `limit` characters."""
    return re.sub(r"\s+", " ", _INVISIBLE.sub(" ", html)).strip()[:limit]
