"""The report as one HTML page that loads nothing: no script, no font, no picture, no network.

Page text is hostile. It reaches the template only as values, which Jinja2 escapes; a URL becomes a link only if
it is http or https; control and direction-changing characters are spelled out, so that a text cannot
rearrange the page around it; and the page forbids itself everything but its own style sheet (CSP).
"""

import re
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from skypile.report.collect import OTHERS, Facts, Sample
from skypile.report.compare import mark
from skypile.schema import DROPPED, FAILED, KEPT, REASONS, STAGES
from skypile.text.visible import JOINERS, visible
from skypile.version import __version__

EXCERPT = 700  # characters: about what fits a screen beside another
TOP = 20  # hosts, languages and charsets shown

_LINK = re.compile(r"https?://[^\s\x00-\x20\"'<>\\]+", re.IGNORECASE)
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
            unfinished=facts.unfinished,
            titles=TITLES,
            **_funnel(facts),
            **_tables(facts),
            outcomes=_outcomes(facts),
        )
    )


def clean(text: Any, limit: int = 0) -> str:
    """`text` with unseen characters spelled out (see `visible`), cut after `limit` characters.

    >>> print(clean("a\\u202eb\\x07", 0))
    a\\u202eb\\u0007
    """
    text = visible(str(text), keep="\n\t" + JOINERS)
    return text[:limit].rstrip() + " …" if limit and len(text) > limit else text


def is_link(url: str) -> bool:
    """Whether a URL may become a link.

    >>> is_link("https://a.example/x"), is_link("javascript:alert(1)"), is_link("http://a/ onclick=b")
    (True, False, False)
    """
    return _LINK.fullmatch(url) is not None


def number(value: float) -> str:
    """
    >>> number(1234567), number(0.98765), number(12.5)
    ('1,234,567', '0.9877', '12.5')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def percent(part: float, whole: float) -> str:
    """
    >>> percent(1, 3), percent(0, 0), percent(1, 4000)
    ('33.3 %', '–', '< 0.1 %')
    """
    if not whole:
        return "–"
    share = 100 * part / whole
    return "< 0.1 %" if 0 < share < 0.1 else f"{share:.1f} %"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("skypile.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clean": clean, "number": number}
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
        "notes": [(stage["title"], note) for stage in stages for note in stage["notes"]],
    }


def _tables(facts: Facts) -> dict[str, Any]:
    tally = facts.tally
    languages = sorted(tally.languages.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    hosts = list(tally.hosts.items())
    charsets = sorted(tally.charsets.items(), key=lambda item: (-sum(item[1][:2]), item[0]))
    return {
        "languages": [
            {"name": name, "kept": kept, "lost": lost, "characters": characters}
            for name, (kept, lost, characters) in languages[:TOP]
        ],
        "more_languages": max(0, len(languages) - TOP),
        "hosts_kept": _top_hosts(hosts, 0),
        "hosts_lost": _top_hosts(hosts, 1),
        "host_count": len(hosts),
        "hosts_forgotten": tally.hosts_forgotten,
        "charsets": [
            {"name": name, "rung": rung, "kept": kept, "lost": lost, "damaged": damaged}
            for (name, rung), (kept, lost, damaged) in charsets[:TOP]
        ],
        "lengths": _histogram(tally.lengths, lambda size: f"{2 ** (size / 2):,.0f}"),
        "citation": _histogram(tally.citation, lambda size: f"{size / 20:.2f}"),
    }


def _top_hosts(hosts: list[tuple[str, list[int]]], which: int) -> list[dict[str, Any]]:
    ranked = sorted((item for item in hosts if item[1][which]), key=lambda item: (-item[1][which], item[0]))
    return [{"name": name, "kept": pair[0], "lost": pair[1]} for name, pair in ranked[:TOP]]


def _histogram(bins: dict[int, list[int]], label: Any) -> list[dict[str, Any]]:
    """Every bin from the first to the last, with heights in per cent of the tallest."""
    if not bins:
        return []
    tallest = max(sum(pair) for pair in bins.values())
    rows = []
    for size in range(min(bins), max(bins) + 1):
        kept, lost = bins.get(size, [0, 0])
        heights = {"kept_height": 100 * kept / tallest, "lost_height": 100 * lost / tallest}
        rows.append({"label": label(size), "kept": kept, "lost": lost} | heights)
    return rows


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
    hidden = {key for pair in OTHERS for key in pair[:2]}
    shown: dict[str, Any] = {
        "sample": sample,
        "evidence": [
            (key, number(value) if isinstance(value, float) else value)
            for key, value in sample.evidence.items()
            if key not in hidden
        ],
        "excerpt": clean(sample.text, EXCERPT),
        "pair": None,
    }
    if sample.other_text and sample.text:
        ours, theirs = clean(sample.text), clean(sample.other_text)
        shown["pair"] = (mark(ours, theirs), mark(theirs, ours))
    return shown
