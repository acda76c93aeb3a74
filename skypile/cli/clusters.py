"""Command `clusters`: what the distribution filter's clusters are, and what became of them."""

from typing import Annotated, Any

import typer
from rich.table import Table

from skypile.cli.console import AsJson, RunFolder, err, line, out, print_json, shown
from skypile.errors import SkypileError
from skypile.report.portrait import STAGE, Page, Portrait, Portraits
from skypile.report.portrait_page import NONE, lost, named, told_languages
from skypile.run_folder import ledger, stage_folder

MOST = 40  # rows of the table
WIDEST = 160  # characters of a page


def clusters(
    run: RunFolder,
    cluster: Annotated[
        int | None, typer.Argument(help="Number of a cluster: show it, and pages of it", metavar="[ID]", min=0)
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Clusters shown, of the largest")] = MOST,
    as_json: AsJson = False,
) -> None:
    """What the clusters of a run are: names, sizes, languages, hosts; with an ID, its pages and what was lost, and why.

    With --json: run, documents, kept, last (stage after which kept is counted), before and after (entropy in nats,
    effective: number of clusters), topics (topic, name) and clusters, a list of objects with cluster (null: what has
    none), topic, name (words), size, kept, thinned, core, budget, languages, hosts, lost (stage, reason, documents),
    and with an ID nearest, borders and farthest: record_id, url, title, similarity, other, margin, text.
    """
    from skypile.report.portraits import portraits

    folders = ledger.stage_folders(run)
    manifest = stage_folder.manifest(run, STAGE) if STAGE in folders else None
    if manifest is None:
        raise SkypileError(f"{run} has no finished distribution filter, or an outdated one: `skypile run` makes it")
    found = portraits(folders, manifest["settings"], 0, cluster)
    if found is None:
        raise SkypileError(f"{run} has no clusters: its distribution filter was off, or no text had a word it knows")
    one = next((one for one in found.clusters if one.cluster == cluster), None) if cluster is not None else None
    if cluster is not None and one is None:
        raise SkypileError(f"{run} has no cluster {cluster}: `skypile clusters` lists those it has")
    if as_json:
        print_json(_as_json(run, found, [one] if one else found.clusters, one is not None))
    elif one:
        _print_one(one, found)
    else:
        _print_all(found, most)


def _as_json(run: str, found: Portraits, chosen: list[Portrait], pages: bool) -> dict[str, Any]:
    before, after = found.spread(), found.spread(after=True)
    return {
        "run": run,
        "documents": found.documents,
        "kept": found.kept,
        "last": found.last,
        "before": {"entropy": before[0], "effective": before[1]},
        "after": {"entropy": after[0], "effective": after[1]},
        "topics": [{"topic": topic, "name": words} for topic, words in found.topics.items()],
        "clusters": [_cluster(one, pages) for one in chosen],
    }


def _cluster(one: Portrait, pages: bool) -> dict[str, Any]:
    told = {
        name: getattr(one, name) for name in ("cluster", "topic", "name", "size", "kept", "thinned", "core", "budget")
    }
    told |= {
        "languages": dict(sorted(one.languages.items())),
        "hosts": dict(one.hosts),
        "lost": [{"stage": stage, "reason": reason, "documents": n} for stage, reason, n in lost(one)],
    }
    if pages:
        told |= {kind: [vars(page) for page in getattr(one, kind)] for kind in ("nearest", "borders", "farthest")}
    return told


def _print_all(found: Portraits, most: int) -> None:
    topics = bool(found.topics)
    columns = (
        "cluster",
        "name",
        *(["topic"] if topics else []),
        "documents",
        "",
        "kept",
        "thinned",
        "languages",
        "hosts",
    )
    table = Table(*columns)
    for column in table.columns:
        if column.header in ("cluster", "documents", "", "kept", "thinned"):
            column.justify = "right"
    for one in found.clusters[:most]:
        is_none = one.cluster is None
        topic = (
            [shown(f"{one.topic} {named(found.topics.get(one.topic, []), 2)}") if one.topic is not None else ""]
            if topics
            else []
        )
        table.add_row(
            "–" if is_none else str(one.cluster),
            shown(NONE if is_none else named(one.name)),
            *topic,
            f"{one.size:,}",
            f"{one.size / found.documents:.1%}",
            f"{one.kept:,}",
            f"{one.thinned:,}",
            shown(told_languages(one)),
            shown(", ".join(f"{host} {n:,}" for host, n in one.hosts)),
        )
    out.print(table)
    if len(found.clusters) > most:
        out.print(f"{len(found.clusters) - most:,} more: --most {len(found.clusters)} shows all", highlight=False)
    (_, before), (_, after) = found.spread(), found.spread(after=True)
    told = f"effective number of clusters {before:,.1f} before, {after:,.1f} after the {found.last} stage"
    out.print(f"{told}: {found.kept:,} of {found.documents:,} documents kept", highlight=False)
    if found.hosts_forgotten:
        err.print("there were too many hosts to count them all: theirs are lower bounds", highlight=False)


def _print_one(one: Portrait, found: Portraits) -> None:
    names = {other.cluster: named(other.name) for other in found.clusters}
    out.print(f"[bold]{shown(', '.join(one.name) or named([]))}[/bold]  cluster {one.cluster}", highlight=False)
    if one.topic is not None:
        curve = f"its recurrence: skypile recurrence RUN --topic {one.topic}"
        out.print(line(f"  topic      {one.topic}, {named(found.topics.get(one.topic, []))}", (f"  {curve}", "dim")))
    out.print(f"  documents  {one.size:,}, {one.size / found.documents:.1%} of all; {one.kept:,} kept", highlight=False)
    out.print(line(f"  languages  {told_languages(one, 5)}"))
    out.print(line(f"  hosts      {', '.join(f'{host} {n:,}' for host, n in one.hosts)}"), soft_wrap=True)
    if one.core is not None:
        out.print(f"  core       {one.core:,} documents, budget {one.budget:,}", highlight=False)
    for stage, reason, n in lost(one):
        out.print(line(f"  lost       {n:,} in {stage}: {reason}"))
    for title, pages in one.quoted:
        if pages:
            out.print(f"\n{title}", highlight=False)
        for page in pages:
            _print_page(page, names)


def _print_page(page: Page, names: dict[int | None, str]) -> None:
    beside = ""
    if page.other is not None and page.margin is not None:
        beside = f"  {page.margin:.3f} nearer than to {page.other} ({names.get(page.other, named([]))})"
    out.print(line(f"  {page.similarity:.3f}  {page.url}", (beside, "dim")), soft_wrap=True)
    out.print(line(f"         {page.title}"), soft_wrap=True)
    text = " ".join(page.text.split())
    out.print(line((f"         {text[:WIDEST]}{' …' if len(text) > WIDEST else ''}", "dim")), soft_wrap=True)
