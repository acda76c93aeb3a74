"""Two pages to rows: each link of their alignment a pair of paragraphs with its verdict; and a verdict on the pages."""

import json
from typing import Any, Final, NamedTuple

import pyarrow as pa
import xxhash

from skypile.config import ParallelConfig
from skypile.parallel.alignment import Link, align
from skypile.parallel.lines import Lines, han_share, joined, lines, same, weight
from skypile.parallel.pages import CHINESE, OTHER, SOURCES
from skypile.parallel.scores import scores
from skypile.schema import DROPPED, KEPT, Column, arrow_schema, names

# reason -> meaning, of pairs of pages and of pairs of paragraphs. The vocabulary is closed.
REASONS: Final = {
    "untranslated": "one side is not in its language, or says the same in the same words",
    "not_parallel": "too little of the two pages is aligned: they are no translations of each other",
    "too_long": "one page has more lines than parallel.max_lines",
    "short": "one side is shorter than parallel.min_letters",
    "low_confidence": "the pair is too uncertain among all alignments of its pages",
    "duplicate": "the same pair of paragraphs stands on other pages, or elsewhere on these",
}

PAGE_COLUMNS: Final = (
    Column("en_record_id", pa.string(), "record id of the page that is, or should be, English"),
    Column("zh_record_id", pa.string(), "record id of the page that is, or should be, Chinese"),
    Column("en_url", pa.string(), "its URL"),
    Column("zh_url", pa.string(), "its URL"),
    Column("source", pa.string(), "what names them a pair: given, hreflang or url"),
    Column("script", pa.string(), "of the Chinese page: Hans or Hant; null if no character tells"),
    Column("verdict", pa.string(), "kept or dropped"),
    Column("reason", pa.string(), "a key of REASONS; null when kept"),
    Column("score", pa.float64(), "share of the text of both that is aligned with enough confidence; null if untried"),
    Column("threshold", pa.float64(), "parallel.min_aligned"),
    Column("evidence", pa.string(), "JSON object: lines of each page, links, lines skipped; languages if untranslated"),
)

PARAGRAPH_COLUMNS: Final = (
    Column("pair_id", pa.string(), "32 hex characters: of both record ids and both places"),
    Column("text", pa.string(), "the English paragraph, a blank line, its Chinese counterpart"),
    Column("en", pa.string(), "the English side: a line of the page's text, or two"),
    Column("zh", pa.string(), "the Chinese side"),
    Column("source", pa.string(), "parallel/given, parallel/hreflang or parallel/url: what names the pages a pair"),
    Column("confidence", pa.float64(), "posterior of the pair among all alignments of its pages, 0 to 1"),
    Column("score", pa.float64(), "log-likelihood ratio, scaled: how much likelier as translations than by chance"),
    Column("script", pa.string(), "Hans or Hant; null if no character of the page tells"),
    Column("en_url", pa.string(), "URL of the English page"),
    Column("zh_url", pa.string(), "URL of the Chinese page"),
    Column("en_record_id", pa.string(), "record id of the English page"),
    Column("zh_record_id", pa.string(), "record id of the Chinese page"),
    Column("en_line", pa.int32(), "number of the first English line among those of the page that hold anything"),
    Column("en_lines", pa.int32(), "how many lines: 1 or 2"),
    Column("zh_line", pa.int32(), "number of the first Chinese line"),
    Column("zh_lines", pa.int32(), "how many lines: 1 or 2"),
    Column("verdict", pa.string(), "kept or dropped"),
    Column("reason", pa.string(), "a key of REASONS; null when kept"),
)
PAGES, PARAGRAPHS = arrow_schema(PAGE_COLUMNS), arrow_schema(PARAGRAPH_COLUMNS)


class Page(NamedTuple):
    record_id: str
    url: str
    language: str | None
    script: str | None
    text: str


def paragraphs(
    english: Page, chinese: Page, way: int, untranslated: int, config: ParallelConfig
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """PAGE_COLUMNS of two pages, and PARAGRAPH_COLUMNS of every link; no links where the pages are no pair.

    `way`: GIVEN, HREFLANG or URL. `untranslated`: OTHER, or the side that is not in its language.
    """
    page: dict[str, Any] = dict.fromkeys(names(PAGE_COLUMNS)) | {
        "en_record_id": english.record_id,
        "zh_record_id": chinese.record_id,
        "en_url": english.url,
        "zh_url": chinese.url,
        "source": SOURCES[way],
        "script": chinese.script,
        "verdict": DROPPED,
    }
    if untranslated != OTHER:
        facts = {"side": "zh" if untranslated == CHINESE else "en", "languages": [english.language, chinese.language]}
        return page | {"reason": "untranslated", "evidence": json.dumps(facts)}, []
    one, other = lines(english.text), lines(chinese.text)
    counted = {"en_lines": len(one.texts), "zh_lines": len(other.texts)}
    if max(counted.values()) > config.max_lines:
        return page | {"reason": "too_long", "evidence": json.dumps(counted)}, []
    links = align(scores(one, other))
    aligned = _aligned(one, other, links, config.min_confidence)
    page |= {"score": aligned, "threshold": config.min_aligned}
    skipped = {
        "en_skipped": len(one.texts) - sum(link.english_lines for link in links),
        "zh_skipped": len(other.texts) - sum(link.chinese_lines for link in links),
    }
    page["evidence"] = json.dumps(counted | {"links": len(links)} | skipped)
    if aligned < config.min_aligned:
        return page | {"reason": "not_parallel"}, []
    rows = [_row(link, one, other, page, config) for link in links]
    if not any(row["reason"] != "untranslated" for row in rows):
        return page | {"reason": "untranslated"}, []
    return page | {"verdict": KEPT}, rows


def _aligned(english: Lines, chinese: Lines, links: list[Link], confidence: float) -> float:
    """Share of the weight of both pages in links of at least this confidence."""
    found = sum(
        english.weights[link.english : link.english + link.english_lines].sum()
        + chinese.weights[link.chinese : link.chinese + link.chinese_lines].sum()
        for link in links
        if link.posterior >= confidence
    )
    whole = english.weights.sum() + chinese.weights.sum()
    return round(float(found / whole), 4) if whole else 0.0


def _row(link: Link, english: Lines, chinese: Lines, page: dict[str, Any], config: ParallelConfig) -> dict[str, Any]:
    en = joined(english.texts[link.english : link.english + link.english_lines])
    zh = joined(chinese.texts[link.chinese : link.chinese + link.chinese_lines])
    reason = None
    if same(en, zh) or han_share(zh) < config.min_han_share or han_share(en) >= config.min_han_share:
        reason = "untranslated"
    elif min(weight(en), weight(zh)) < config.min_letters:
        reason = "short"
    elif link.posterior < config.min_confidence:
        reason = "low_confidence"
    ids = f"{page['en_record_id']} {page['zh_record_id']} {link.english} {link.chinese}"
    carried = ("script", "en_url", "zh_url", "en_record_id", "zh_record_id")
    return {name: page[name] for name in carried} | {
        "pair_id": xxhash.xxh3_128_hexdigest(ids.encode()),
        "text": f"{en}\n\n{zh}",
        "en": en,
        "zh": zh,
        "source": f"parallel/{page['source']}",
        "confidence": link.posterior,
        "score": link.score,
        "en_line": link.english,
        "en_lines": link.english_lines,
        "zh_line": link.chinese,
        "zh_lines": link.chinese_lines,
        "verdict": DROPPED if reason else KEPT,
        "reason": reason,
    }
