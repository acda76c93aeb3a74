"""What a run's report shows, gathered from its folders through pyarrow: no Spark session needed.

Every record is counted where its way ended: among the rows a stage did not keep, or among all rows of the last
stage. So one pass over those files counts each record once; then one pass a stage over all that it judged gives the
distributions of its scores. All counts are of all records: nothing is estimated from a sample. Only narrow columns
are read, in batches; texts are read afterwards, for the samples alone.

Cost: 16 s of processor time a million records, and 18 s more where there are clusters to be named
(`skypile.report.portraits`). Memory: 0.7 GB at most in a run of 3.4 million, and 0.3 GB for the names: a batch of
65,536 narrow rows, and counters, one a bin, language, charset and reason. Hosts, input files and cut paragraphs may be
too many to count exactly; beyond 200,000 of a kind the rarest are forgotten, and the report says so
(`skypile.report.bounded`).
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from skypile.classifiers.receipt import classifier_of
from skypile.report.ablations import Answer, ablations
from skypile.report.bounded import forget
from skypile.report.charts import Bound, Chart
from skypile.report.clusters import Clusters, clusters
from skypile.report.documents import batches, flags, floats, groups
from skypile.report.duplicates import Duplicates, duplicates
from skypile.report.histogram import Histogram, histogram, logarithmic
from skypile.report.masks import Masked, masks
from skypile.report.portrait import STAGE, Portraits
from skypile.report.portraits import portraits
from skypile.report.recurrence import Recurrence, recurrence
from skypile.report.rules import Judged, judged
from skypile.report.samples import Draws, Sample, draw, drawn, fill, liken
from skypile.run_folder import ledger
from skypile.runtime import files
from skypile.schema import KEPT

NARROW = (
    *("record_id", "source", "date", "host", "charset", "charset_rung", "replacements", "characters", "language"),
    *("verdict", "reason", "score", "threshold"),
)
_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"


@dataclass
class Range:
    """Scores of what one reason lost."""

    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")
    least_bound: float = float("inf")
    most_bound: float = float("-inf")


def pairs() -> dict[str, list[int]]:
    return defaultdict(lambda: [0, 0])


@dataclass
class Tally:
    """Counts over the last verdicts. Pairs are [kept, lost]."""

    languages: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    hosts: dict[str, list[int]] = field(default_factory=pairs)
    sources: dict[str, list[int]] = field(default_factory=pairs)
    forgotten: set[str] = field(default_factory=set)  # of "hosts", "sources": what became too many
    charsets: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    ranges: dict[tuple[str, str], Range] = field(default_factory=lambda: defaultdict(Range))  # stage, reason
    dates: tuple[str, str] | None = None  # first and last day of capture
    lengths: Histogram = field(default_factory=lambda: histogram(logarithmic(), "kept", "lost"))


@dataclass
class Facts:
    run: str
    manifests: list[dict[str, Any]]
    unfinished: list[str]
    outdated: list[str]  # stages that are finished, but made from what the one before them no longer holds
    tally: Tally
    lengths: Chart
    clusters: Clusters | None
    portraits: Portraits | None
    duplicates: Duplicates | None
    judged: Judged | None
    masks: list[Masked] | None  # None if the quality filter has not run
    samples: list[Sample]
    config: str
    ablations: list[Answer]
    recurrence: Recurrence | None  # None if the quality filter has not run


def collect(run: str) -> Facts:
    """Everything the report of `run` shows. Raises FileNotFoundError if it holds no stage with verdicts."""
    folders = ledger.stage_folders(run)
    if not folders:
        raise FileNotFoundError(f"{run} holds no finished wave of any stage yet; there is nothing to report")
    manifests, unfinished, outdated, settings = [], [], [], {}
    for stage, folder in ledger.stage_folders(run, begun=True).items():
        manifest = files.read_json(files.join(folder, "manifest.json"))
        if manifest is None:
            unfinished.append(stage)
        elif stage not in folders:
            outdated.append(stage)
        else:
            manifests.append(manifest)
        plan = manifest or files.read_json(files.join(folder, "plan.json")) or {}
        settings[stage] = plan.get("settings", {})
    least = settings["extraction"].get("min_characters") if "extraction" in settings else None
    tally = Tally(lengths=histogram(logarithmic(least), "kept", "lost"))
    draws: Draws = defaultdict(list)
    last = list(folders)[-1]
    for stage, folder in folders.items():
        for path, batch in batches(stage, folder, list(NARROW), lost_only=stage != last):
            count(tally, stage, batch)
            draw(draws, stage, path, batch)
    # Of a pruned stage only what it lost is there: a distribution of that would be taken for one of all.
    pruned = {manifest["stage"] for manifest in manifests if manifest.get("pruned")}
    whole = {stage: folder for stage, folder in folders.items() if stage not in pruned}
    samples = drawn(draws)
    for stage in folders:
        fill([s for s in samples if s.stage == stage], stage, folders)
    if "quality_filter" in folders:
        liken([s for s in samples if s.stage in ("quality_filter", "shards")], classifier_of(run))
    return Facts(
        run=run.rstrip("/").rpartition("/")[2] or run,
        manifests=manifests,
        unfinished=unfinished,
        outdated=outdated,
        tally=tally,
        lengths=_lengths(tally.lengths, least),
        clusters=_of("distribution_filter", whole, settings, clusters),
        portraits=portraits(folders, settings[STAGE]) if STAGE in folders else None,
        duplicates=_of("dedup", whole, settings, duplicates),
        judged=_of("quality_filter", whole, settings, judged),
        masks=_of("quality_filter", whole, settings, masks),
        samples=samples,
        config=_config(run),
        recurrence=_of("quality_filter", whole, settings, lambda _, quality: recurrence(run, settings, quality)),
        ablations=ablations(run, next((m["digest"] for m in manifests if m["stage"] == "quality_filter"), None)),
    )


def count(tally: Tally, stage: str, batch: pa.RecordBatch) -> None:
    """Add the rows of `batch` to the counts."""
    kept = pc.equal(batch["verdict"], KEPT)
    table = pa.table({**{name: batch[name] for name in NARROW}, "is_kept": kept})
    for row in groups(table, ["language", "is_kept"], [("characters", "sum")]):
        if row["language"] is not None:
            entry = tally.languages[row["language"]]
            entry[0 if row["is_kept"] else 1] += row["count_all"]
            entry[2] += (row["characters_sum"] or 0) if row["is_kept"] else 0
    for name, counts in (("host", tally.hosts), ("source", tally.sources)):
        for row in groups(table, [name, "is_kept"]):
            if row[name]:
                counts[row[name]][0 if row["is_kept"] else 1] += row["count_all"]
        if forget(counts):
            tally.forgotten.add(f"{name}s")
    damaged = table.append_column("damaged", pc.greater(pc.fill_null(table["replacements"], 0), 0))
    for row in groups(damaged, ["charset", "charset_rung", "is_kept", "damaged"]):
        if row["charset"]:
            entry = tally.charsets[row["charset"], row["charset_rung"] or ""]
            entry[0 if row["is_kept"] else 1] += row["count_all"]
            entry[2] += row["count_all"] if row["damaged"] else 0
    characters = pc.if_else(pc.greater(batch["characters"], 0), batch["characters"], None)
    tally.lengths.add(floats(characters), (~flags(kept)).astype(int))
    _add_ranges(tally, stage, table.filter(pc.and_(pc.invert(kept), pc.is_valid(table["score"]))))
    days = pc.utf8_slice_codeunits(batch["date"], 0, 10)
    found = pc.min_max(days.filter(pc.fill_null(pc.match_substring_regex(days, _DATE), False))).as_py()
    if found["min"] is not None:
        known = tally.dates or (found["min"], found["max"])
        tally.dates = min(known[0], found["min"]), max(known[1], found["max"])


def _add_ranges(tally: Tally, stage: str, scored: pa.Table) -> None:
    figures = [("score", "min"), ("score", "max"), ("score", "sum"), ("threshold", "min"), ("threshold", "max")]
    for row in groups(scored, ["reason"], figures):
        known = tally.ranges[stage, row["reason"]]
        known.count += row["count_all"]
        known.total += row["score_sum"]
        known.least, known.most = min(known.least, row["score_min"]), max(known.most, row["score_max"])
        if row["threshold_min"] is not None:
            known.least_bound = min(known.least_bound, row["threshold_min"])
            known.most_bound = max(known.most_bound, row["threshold_max"])


def _lengths(counts: Histogram, least: float | None) -> Chart:
    bounds = [] if least is None else [Bound(least, f"at least {least:,}")]
    caption = "Characters of main text, of every record that had any, by where its way ended."
    if bounds:
        caption += " The line is extraction.min_characters, for which a Han character counts as 2."
    return Chart("Characters of main text", counts, ("kept", "dropped"), bounds, caption, "records", log=False)


def _of(stage: str, folders: dict[str, str], settings: dict[str, Any], gather: Any) -> Any:
    return gather(folders[stage], settings[stage]) if stage in folders else None


def _config(run: str) -> str:
    path = files.join(run, "config.toml")
    if not files.exists(path):
        return ""
    with files.open_uri(path) as file:
        return file.read().decode("utf-8", "replace")
