"""A run folder written by hand: what the stages write, without the stages."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.config import Config
from skypile.schema import DROPPED, FAILED, KEPT, LEDGER_COLUMNS, STAGE_COLUMNS, STAGES, arrow_schema, names

MARKUP = "<script>document.title='owned'</script>"
IMAGE = "<img src=http://tracker.example/pixel onerror=\"document.title='owned'\">"
# A page that breaks no rule.
MEASURED = {
    **{"words": 300.0, "letter_share": 0.9, "mean_word_length": 5.0, "function_en": 0.4, "function_zh": 0.1},
    **{"sentence_lines": 0.8, "symbol_share": 0.0, "bullet_lines": 0.0, "ellipsis_lines": 0.0, "short_lines": 0.1},
    **{"repeated_lines": 0.0, "repeated_ngrams": 0.1, "top_ngram": 0.02, "code_lines": 0.0, "bad_words": None},
}
CLUSTERS = [
    {"cluster": 0, "size": 9, "core": 0, "budget": 5, "medoid": "0", "medoid_url": "https://a.example/"},
    {"cluster": 1, "size": 9, "core": 4, "budget": 5, "medoid": "1", "medoid_url": f"https://b.example/{MARKUP}"},
    {"cluster": 2, "size": 9, "core": 8, "budget": 5, "medoid": "2", "medoid_url": "https://c.example/"},
]
LONG = "https://long.example/" + "a" * 3000


def record(number: int, lost_in: str | None = None, **columns: Any) -> dict[str, Any]:
    """A record that `lost_in` drops (verdict, reason in `columns`), or that all stages keep."""
    row: dict[str, Any] = {
        "record_id": f"{number:032x}",
        "url": f"https://site{number % 7}.example/{number}",
        "source": "a.warc.gz",
        "offset": number * 1000,
        "host": f"site{number % 7}.example",
        "charset": "utf-8",
        "charset_rung": "http",
        "replacements": 0,
        "title": f"Title {number}",
        "text": f"The first line of text {number}.\n\nThe second line of text {number}.",
        "language": ("en", "zh")[number % 2],
        "language_score": 1.0,
        "date": f"2024-03-{number % 28 + 1:02d}T08:00:00Z",
        "rules": json.dumps(MEASURED),
        "cut_paragraphs": 0,
        "cluster": number % 3,
        "centroid_similarity": 0.5,
        "lost_in": lost_in,
        "verdict": DROPPED if lost_in else KEPT,
    } | columns
    if row["text"] is not None:
        row.setdefault("characters", len(row["text"]))
    return row


def records() -> list[dict[str, Any]]:
    """Forty-two records, every outcome that the report treats in its own way, and markup wherever a page can put it."""
    hostile = {
        "url": "javascript:document.title='owned'",
        "host": IMAGE,
        "charset": MARKUP,
        "title": f"</title></h4>{MARKUP}{IMAGE}",
        "text": f"</blockquote></details></main>{MARKUP}{IMAGE}\n\u202egnissap {{{{ 7 * 7 }}}}\x07.",
        "evidence": json.dumps({f"key {IMAGE}": f"value {MARKUP}"}),
        "language": "xx",
    }
    broken = json.dumps(MEASURED | {"symbol_share": 0.25, "repeated_ngrams": 0.5})
    footer = {"text": f"All rights reserved. {MARKUP}", "pages": 1234}
    twin = "The common start. The dropped middle. The common end. " + MARKUP
    return [
        *(record(n) for n in range(20)),
        record(20, **hostile),
        record(21, "quality_filter", reason="symbols", score=0.25, threshold=0.1, rules=broken, **hostile),
        record(22, url='https://a.example/"onmouseover="document.title=1', title=None),
        record(23, url=LONG, text="x" * 5000, host="long.example"),
        record(24, text="The common start. The kept middle. The common end.", text_since_dedup="The kept middle."),
        record(
            25,
            "dedup",
            reason="near_duplicate",
            score=0.91,
            threshold=0.8,
            text=twin,
            evidence=json.dumps({"survivor": f"{24:032x}", "survivor_url": "https://site3.example/24", "bands": 7}),
        ),
        record(
            26, "extraction", verdict=FAILED, reason="bad_compression", text=None, title=None, language=None,
            charset=None, charset_rung=None, replacements=None, url="a.warc.gz#26000",
            evidence=json.dumps({"detail": "the stream breaks"}),
        ),
        *(record(n, "extraction", reason="too_short", text="short") for n in range(27, 37)),
        record(37, "quality_filter", reason="low_citation_score", score=0.1, threshold=0.3, citation_score=0.1),
        record(38, "distribution_filter", reason="dense_cluster", evidence="no JSON", centroid_similarity=0.9),
        record(39, replacements=3, charset="gb18030", charset_rung="meta", citation_score=0.97),
        record(
            40, "dedup", reason="boilerplate", score=0.79, threshold=0.5, cut_paragraphs=7, text="x" * 400,
            evidence=json.dumps({"cut_characters": 300, "cut": [footer, {"text": "Menu", "pages": 12}]}),
        ),
        record(
            41, text="y" * 60, cut_paragraphs=1, cut_in="dedup",
            evidence=json.dumps({"cut_characters": 40, "cut": [footer]}),
        ),
    ]  # fmt: skip


def write_run(root: Path, rows: list[dict[str, Any]], stages: tuple[str, ...] = STAGES) -> Path:
    """Write the folders of `stages` for `rows`, as storage.py lays them out; two waves of extraction."""
    remaining = rows
    for stage in stages:
        folder = root / f"{STAGES.index(stage) + 1:02d}_{stage}"
        verdicts = [
            row
            if row["lost_in"] == stage
            else row | dict.fromkeys(("reason", "score", "threshold")) | {"verdict": KEPT} | _kept_evidence(row, stage)
            for row in remaining
        ]
        _write(folder, stage, verdicts)
        remaining = [row for row in remaining if row["lost_in"] != stage]
        lost = {v: [r["reason"] for r in verdicts if r["verdict"] == v] for v in (DROPPED, FAILED)}
        manifest = {
            "stage": stage,
            "read": len(verdicts),
            "kept": len(remaining),
            **{v: {reason: reasons.count(reason) for reason in reasons} for v, reasons in lost.items()},
            "digest": "0123456789abcdef",
            "fingerprint": f"{STAGES.index(stage)}",
            "settings": getattr(Config(), stage).model_dump(mode="json"),
            "inputs": {"files": 1, "bytes": 38_453_469} if stage == "extraction" else {},
            "finished": f"2026-11-26T20:2{STAGES.index(stage)}:57+00:00",
            "seconds": 2.5,
            "notes": [f"no citation classifier {MARKUP}"] if stage == "quality_filter" else [],
            "versions": {"python": "3.11", "skypile": MARKUP},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (root / "config.toml").write_text(f"# </pre>{MARKUP}\n", encoding="utf-8")
    return root


def _kept_evidence(row: dict[str, Any], stage: str) -> dict[str, Any]:
    """Evidence on a record that `stage` kept, if it is that stage's."""
    return {} if row.get("cut_in") in (None, stage) else {"evidence": None}


def _write(folder: Path, stage: str, rows: list[dict[str, Any]]) -> None:
    by_language = stage == "shards"
    for kept in (True, False):
        for wave in (0, 1) if stage == "extraction" else (0,):
            part = [
                r
                for r in rows
                if (r["verdict"] == KEPT) == kept and (wave == 0) == (r["offset"] < 15000 or stage != "extraction")
            ]
            languages = sorted({r["language"] for r in part}) if by_language else [None]
            for language in languages:
                chosen = [r for r in part if language is None or r["language"] == language]
                if not chosen:
                    continue
                where = folder / f"documents/kept={str(kept).lower()}/wave={wave}"
                table(chosen, STAGE_COLUMNS[stage], where / f"lang={language}" if by_language else where)
    table([r | {"stage": stage} for r in rows], LEDGER_COLUMNS, folder / "verdicts/wave=0")
    if stage == "distribution_filter":
        (folder / "clusters").mkdir()
        pq.write_table(pa.Table.from_pylist(CLUSTERS), folder / "clusters/clusters.parquet")


def table(rows: list[dict[str, Any]], columns: Any, folder: Path) -> None:
    folder.mkdir(parents=True)
    later = "duplicates" in names(columns)  # columns of deduplication or after it
    rows = [row | {"text": row.get("text_since_dedup", row.get("text"))} for row in rows] if later else rows
    chosen = [{name: row.get(name) for name in names(columns)} for row in rows]
    pq.write_table(pa.Table.from_pylist(chosen, schema=arrow_schema(columns)), folder / "part-0.parquet")
