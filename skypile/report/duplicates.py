"""What deduplication measured: how alike the pairs are, and what was cut as boilerplate, from the stage's evidence."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.report.bounded import forget
from skypile.report.charts import Bound, Chart
from skypile.report.documents import batches, flags
from skypile.report.evidence import quoted_text
from skypile.report.histogram import Histogram, histogram, linear
from skypile.schema import KEPT

PAIRS = ("near_duplicate", "contained", "in_corpus")  # reasons with a measured similarity


@dataclass
class Boilerplate:
    pages: int = 0  # of which something was cut
    dropped: int = 0  # pages, because too much was
    paragraphs: int = 0  # cut, from pages that stay or not
    characters: int = 0
    whole: int = 0  # characters of all pages that were searched
    # how it begins: [pages it stands on, pages that it was cut from]
    commonest: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    forgotten: bool = False


@dataclass
class Duplicates:
    charts: list[Chart]
    boilerplate: Boilerplate


def duplicates(folder: str, settings: dict[str, Any]) -> Duplicates:
    """Distributions and cut paragraphs of the stage in `folder`."""
    limits = {name: settings.get(name) for name in ("jaccard_threshold", "containment_threshold", "boilerplate_share")}
    charts = _charts(limits)
    jaccard, containment, share = (chart.histogram for chart in charts)
    cuts = Boilerplate()
    columns = ["verdict", "reason", "score", "characters", "cut_paragraphs", "evidence"]
    for _, batch in batches("dedup", folder, columns):
        pairs = pc.is_in(batch["reason"], pa.array(PAIRS))
        _add_pairs(batch.filter(pairs), jaccard, containment)
        searched = flags(pc.equal(batch["verdict"], KEPT)) | flags(pc.equal(batch["reason"], "boilerplate"))
        cuts.whole += pc.sum(batch["characters"].filter(pa.array(searched))).as_py() or 0
        _add_cuts(batch.filter(flags(pc.greater(batch["cut_paragraphs"], 0))), cuts, share)
    return Duplicates(charts, cuts)


def _charts(limits: dict[str, float | None]) -> list[Chart]:
    def chart(title: str, limit: str, series: tuple[str, str], colours: tuple[str, str], word: str, caption: str):
        value = limits[limit]
        lines = [] if value is None else [Bound(value, f"{word} {value:g}")]
        axis = linear(1.0, tuple(line.value for line in lines), closed_above=word == "at most")
        return Chart(title, histogram(axis, *series), colours, lines, caption)

    return [
        chart(
            "Jaccard similarity", "jaccard_threshold", ("near duplicate", "contained"), ("dropped", "plain"),
            "at least", "Of each page dropped for its likeness to the survivor: shingles in both among shingles in "
            "either.",
        ),
        chart(
            "Containment", "containment_threshold", ("near duplicate", "contained"), ("plain", "dropped"), "at least",
            "Of the same pages: the share of their shingles that stand in the survivor.",
        ),
        chart(
            "Share of a page that was cut", "boilerplate_share", ("kept", "dropped"), ("kept", "dropped"), "at most",
            "Of pages with recurring paragraphs. A page beyond the line that is kept is the one that keeps such a "
            "paragraph for the corpus, or the survivor of others.",
        ),
    ]  # fmt: skip


def _add_pairs(rows: pa.RecordBatch, jaccard: Histogram, containment: Histogram) -> None:
    evidence = [_object(text) for text in rows["evidence"].to_pylist()]
    contained = np.array(
        [reason == "contained" or found.get("match") == "contained"
         for reason, found in zip(rows["reason"].to_pylist(), evidence, strict=True)], np.int64,
    )  # fmt: skip
    for name, counts in (("jaccard", jaccard), ("containment", containment)):
        values = [found.get(name) for found in evidence]
        counts.add(np.array([v if isinstance(v, int | float) else np.nan for v in values], float), contained)


def _add_cuts(rows: pa.RecordBatch, cuts: Boilerplate, share: Histogram) -> None:
    names = ("verdict", "score", "characters", "cut_paragraphs", "evidence")
    shares, gone = [], []
    for verdict, score, characters, paragraphs, text in zip(*(rows[n].to_pylist() for n in names), strict=True):
        found = _object(text)
        cut = int(found.get("cut_characters") or 0)
        kept = verdict == KEPT
        # Of a page that stays the stage tells no share; what stood between paragraphs is left out of this one.
        shares.append((cut / (cut + (characters or 0)) if cut else np.nan) if kept else score)
        gone.append(not kept)
        cuts.pages += 1
        cuts.dropped += not kept
        cuts.paragraphs += paragraphs
        cuts.characters += cut
        cuts.whole += cut if kept else 0
        quoted = [item for item in found.get("cut") or [] if isinstance(item, dict) and "text" in item]
        for item in quoted:
            entry = cuts.commonest[quoted_text(item)]
            entry[0] = max(entry[0], int(item.get("pages") or 0))
            entry[1] += 1
    cuts.forgotten |= forget(cuts.commonest)
    share.add(np.array(shares, float), np.array(gone, np.int64))


def _object(text: str | None) -> dict[str, Any]:
    """Evidence as the stage wrote it; an empty object where there is none or it cannot be read."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
