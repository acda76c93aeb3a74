"""The report as one HTML page that loads nothing: no script, no font, no picture, no network.

Page text is hostile. It reaches the template only as values, which Jinja2 escapes; a URL becomes a link only if
it is http or https; control and direction-changing characters are spelled out, so that a text cannot
rearrange the page around it; and the page forbids itself everything but its own style sheet (CSP).
"""

from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from skypile.report.charts import Chart, drawn
from skypile.report.collect import Facts
from skypile.report.compare import mark
from skypile.report.evidence import cuts, told
from skypile.report.formats import clean, is_link, moment, number, percent, place, size
from skypile.report.masks import KINDS
from skypile.report.portrait_page import described, named
from skypile.report.rules import MEASURES
from skypile.report.samples import Sample
from skypile.run_folder.ledger import OUTDATED
from skypile.schema import DROPPED, FAILED, KEPT, REASONS, STAGES
from skypile.version import __version__

EXCERPT = 700  # characters: about what fits a screen beside another
TOP = 20  # hosts, files, languages, charsets and paragraphs shown
NAMED = 3  # input files named in the title

TITLES = {
    "extraction": "Extraction",
    "distribution_filter": "Distribution filter",
    "dedup": "Deduplication",
    "quality_filter": "Quality filter",
    "shards": "Shards",
}
MEANINGS = {
    "extraction": "read the records, decode them, take the main text out of each page",
    "distribution_filter": "embed and cluster the documents, thin what recurs too often",
    "dedup": "drop exact and verified near-duplicates, cut recurring paragraphs",
    "quality_filter": "language, heuristics, and whether Wikipedia would cite the page",
    "shards": "write the Parquet shards, by language",
}


def render(facts: Facts) -> str:
    """The page. Same facts, same bytes."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            css=(files("skypile.report") / "report.css").read_text(encoding="utf-8"),
            run=facts.run,
            skypile=__version__,
            config=facts.config,
            ablations=facts.ablations,
            recurrence=facts.recurrence,
            topic_names={topic: named(words) for topic, words in facts.portraits.topics.items()}
            if facts.portraits
            else {},
            unfinished=facts.unfinished,
            titles=TITLES,
            **_funnel(facts),
            **_inputs(facts),
            **_tables(facts),
            **_scores(facts),
            portraits=described(facts.portraits) if facts.portraits else None,
            outcomes=_outcomes(facts),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("skypile.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clean": clean, "number": number, "size": size, "moment": moment, "place": place}
    environment.tests["link"] = is_link
    environment.globals["percent"] = percent
    return environment


def _funnel(facts: Facts) -> dict[str, Any]:
    manifests = facts.manifests
    read = manifests[0]["read"] if manifests else 0
    stages = []
    for manifest in manifests:
        lost = [
            {"verdict": verdict, "reason": reason, "count": n, "meaning": REASONS.get(reason, "")}
            for verdict in (DROPPED, FAILED)
            for reason, n in sorted(manifest[verdict].items(), key=lambda item: (-item[1], item[0]))
        ]
        stages.append(
            {
                "name": manifest["stage"],
                "title": TITLES.get(manifest["stage"], manifest["stage"]),
                "meaning": MEANINGS.get(manifest["stage"], ""),
                "read": manifest["read"],
                "kept": manifest["kept"],
                "dropped": sum(manifest[DROPPED].values()),
                "failed": sum(manifest[FAILED].values()),
                "lost": lost,
                "largest": max((row["count"] for row in lost), default=0),
                "seconds": manifest["seconds"],
                "speed": manifest["read"] / manifest["seconds"] if manifest["seconds"] else None,
                "notes": manifest["notes"],
                "digest": manifest["digest"],
                "settings": manifest.get("settings", {}),
            }
        )
    finished = len(manifests) == len(STAGES)
    return {
        "stages": stages,
        "read": read,
        "kept": manifests[-1]["kept"] if manifests else 0,
        "finished": finished,
        "seconds": sum(stage["seconds"] for stage in stages),
        "slowest": max((stage["seconds"] for stage in stages), default=0),
        "versions": manifests[-1]["versions"] if manifests else {},
        "notes": [
            *((TITLES[stage], f"not shown, {OUTDATED}") for stage in facts.outdated),
            *((stage["title"], note) for stage in stages for note in stage["notes"]),
        ],
    }


def _tables(facts: Facts) -> dict[str, Any]:
    tally = facts.tally
    languages = sorted(tally.languages.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    charsets = sorted(tally.charsets.items(), key=lambda item: (-sum(item[1][:2]), item[0]))
    return {
        "languages": [
            {"name": name, "kept": kept, "lost": lost, "characters": characters}
            for name, (kept, lost, characters) in languages[:TOP]
        ],
        "more_languages": max(0, len(languages) - TOP),
        "hosts_kept": _top(tally.hosts, 0),
        "hosts_lost": _top(tally.hosts, 1),
        "host_count": len(tally.hosts),
        "hosts_forgotten": "hosts" in tally.forgotten,
        "charsets": [
            {"name": name, "rung": rung, "kept": kept, "lost": lost, "damaged": damaged}
            for (name, rung), (kept, lost, damaged) in charsets[:TOP]
        ],
    }


def _top(counts: dict[str, list[int]], which: int | None) -> list[dict[str, Any]]:
    """The TOP names with the most kept (0), most lost (1) or most records (None)."""

    def size(pair: list[int]) -> int:
        return sum(pair) if which is None else pair[which]

    ranked = sorted((item for item in counts.items() if size(item[1])), key=lambda item: (-size(item[1]), item[0]))
    return [{"name": name, "kept": pair[0], "lost": pair[1]} for name, pair in ranked[:TOP]]


def _inputs(facts: Facts) -> dict[str, Any]:
    """Where the records came from and when the run was finished, for the title."""
    described: dict[str, Any] = next((m["inputs"] for m in facts.manifests if m["stage"] == "extraction"), {})
    sources = _top(facts.tally.sources, None)
    names = [row["name"] for row in sources]
    return {
        "finished_at": max((m["finished"] for m in facts.manifests if m.get("finished")), default=None),
        "bytes": described.get("bytes"),
        "dates": facts.tally.dates,
        "named": names[:NAMED],
        "sources": sources,
        "source_count": len(facts.tally.sources),
        "sources_forgotten": "sources" in facts.tally.forgotten,
    }


def _scores(facts: Facts) -> dict[str, Any]:
    """Distributions of the scores, stage by stage; a chart without a measured value is left out."""
    clusters, duplicates, judged = facts.clusters, facts.duplicates, facts.judged
    cuts = duplicates.boilerplate if duplicates else None
    commonest = sorted(cuts.commonest.items(), key=lambda item: (-item[1][0], -item[1][1], item[0])) if cuts else []
    return {
        "lengths": drawn(facts.lengths),
        "clusters": clusters,
        "cluster_charts": _drawn(clusters.charts if clusters else []),
        "pair_charts": _drawn(duplicates.charts[:2] if duplicates else []),
        "cut_charts": _drawn(duplicates.charts[2:] if duplicates else []),
        "cuts": cuts,
        "commonest": [{"text": text, "pages": n, "cut": cut} for text, (n, cut) in commonest[:TOP]],
        "judged": judged,
        "masks": [(KINDS[one.kind], one) for one in facts.masks or []],
        "rule_charts": _drawn(judged.charts if judged else []),
        "measures": MEASURES,
        "ranges": [
            {"stage": TITLES[stage], "reason": reason, "range": found}
            for stage in STAGES
            for (where, reason), found in sorted(facts.tally.ranges.items())
            if where == stage
        ],
    }


def _drawn(charts: list[Chart]) -> list[dict[str, Any]]:
    return [shown for chart in charts if (shown := drawn(chart))]


def _outcomes(facts: Facts) -> list[dict[str, Any]]:
    """Samples in chapters: what was kept, by language, then what each stage lost, by reason."""
    kept = sorted((s for s in facts.samples if s.verdict == KEPT), key=lambda s: s.language or "")
    chapters = [
        {
            "title": "Kept",
            "sections": [
                _section(f"kept-{language}", language or "no language", "", list(group))
                for language, group in groupby(kept, key=lambda s: s.language)
            ],
        }
    ]
    for stage in STAGES:
        lost = [s for s in facts.samples if s.stage == stage and s.verdict != KEPT]
        lost.sort(key=lambda s: (s.verdict, s.reason or ""))
        sections = [
            _section(f"{stage}-{reason}", reason or "", REASONS.get(reason or "", ""), list(group))
            for reason, group in groupby(lost, key=lambda s: s.reason)
        ]
        chapters.append({"title": f"Lost in {TITLES[stage].lower()}", "sections": sections})
    return [chapter for chapter in chapters if chapter["sections"]]


def _section(anchor: str, title: str, meaning: str, samples: list[Sample]) -> dict[str, Any]:
    return {
        "anchor": anchor,
        "title": title,
        "meaning": meaning,
        "verdict": samples[0].verdict,
        "records": [_shown(sample) for sample in samples],
    }


def _shown(sample: Sample) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "sample": sample,
        "evidence": told(sample.evidence),
        "cuts": cuts(sample.evidence),
        "excerpt": clean(sample.text, EXCERPT),
        "pair": None,
    }
    if sample.other_text and sample.text:
        ours, theirs = clean(sample.text), clean(sample.other_text)
        shown["pair"] = (mark(ours, theirs), mark(theirs, ours))
    return shown
