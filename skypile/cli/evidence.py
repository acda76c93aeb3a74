"""Commands that read a run, or what another command wrote verdicts into: `status`, `why`, `diff`, `report`."""

import itertools
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.table import Table

from skypile import schema
from skypile.cli.console import (
    AsJson,
    Key,
    RunFolder,
    VerdictsFolder,
    VerdictsOption,
    err,
    line,
    out,
    print_json,
    shown,
)
from skypile.cli.receipt import print_receipt, receipt
from skypile.errors import Refused
from skypile.run_folder import ledger
from skypile.run_folder.output import tokens_folder
from skypile.run_folder.run_config import check_run, run_config
from skypile.runtime import files

MOST_RECORDS = 20  # printed by `why`, of those that a host or a prefix names


def status(run: VerdictsFolder, as_json: AsJson = False) -> None:
    """Table of a run's stages: read, kept, dropped and failed by reason, speed.

    With --json: run, and stages, a list of objects with stage, finished (true or false); if finished: read, kept,
    dropped and failed ({reason: records}), seconds, notes (sentences), outdated (true if a stage before it was
    done anew since); if not: waves and waves_done. Of a run with [tokens], tokens: folder, finished and, by split,
    documents, tokens and sequences.
    """
    up_to_date = ledger.stage_folders(run)
    stages = [
        _stage_status(stage, folder, stage in up_to_date)
        for stage, folder in ledger.stage_folders(run, begun=True).items()
    ]
    tokens = _tokens_status(run)
    if as_json:
        print_json({"run": run, "stages": stages} | ({"tokens": tokens} if tokens else {}))
        return
    table = Table("stage", "read", "kept", "dropped", "failed", "records/s", "seconds", title=shown(run))
    for column in table.columns[1:]:
        column.justify = "right"
    for done in stages:
        if not done["finished"]:
            waves = f": {done['waves_done']} of {done['waves']} waves" if done["waves"] else ""
            table.add_row(done["stage"], f"unfinished{waves}")
            continue
        lost = [f"{sum(done[verdict].values()):,}" for verdict in (schema.DROPPED, schema.FAILED)]
        speed = f"{done['read'] / done['seconds']:,.0f}" if done["seconds"] else ""
        table.add_row(done["stage"], f"{done['read']:,}", f"{done['kept']:,}", *lost, speed, f"{done['seconds']:,.1f}")
        for reason, n in sorted(done[schema.DROPPED].items(), key=lambda item: (-item[1], item[0])):
            table.add_row(f"  {reason}", "", "", f"{n:,}", style="dim")
        for reason, n in sorted(done[schema.FAILED].items(), key=lambda item: (-item[1], item[0])):
            table.add_row(f"  {reason}", "", "", "", f"{n:,}", style="dim")
    out.print(table)
    if not stages:
        out.print("no stage has written a verdict yet")
    if tokens:
        told = [
            f"{split} {of['documents']:,} documents, {of['tokens']:,} tokens, {of['sequences']:,} sequences"
            for split, of in tokens["splits"].items()
        ]
        out.print(line(f"tokens: {'; '.join(told) or 'not packed yet'}, in ", tokens["folder"]), soft_wrap=True)
    for done in stages:
        for note in done.get("notes", ()):
            out.print(f"  {done['stage']}: {shown(note)}", style="yellow", highlight=False, soft_wrap=True)


def _tokens_status(run: str) -> dict[str, Any] | None:
    """What `status --json` shows of a run's token shards; None where its settings ask for none, or cannot be read."""
    try:
        wanted = run_config(run).tokens
    except (FileNotFoundError, Refused):  # another command's folder, or another version's run: its stages are told
        return None
    if not wanted.enabled:
        return None
    folder = tokens_folder(run, wanted.output)
    done = files.read_json(files.join(folder, "manifest.json"))
    shown_of = ("documents", "tokens", "sequences")
    splits = {
        split: {name: of[name] for name in shown_of} for split, of in sorted((done or {}).get("totals", {}).items())
    }
    return {"folder": folder, "finished": done is not None, "splits": splits}


def _stage_status(stage: str, folder: str, up_to_date: bool) -> dict[str, Any]:
    """What `status --json` shows of a stage."""
    done = files.read_json(files.join(folder, "manifest.json"))
    if done is None:
        plan = files.read_json(files.join(folder, "plan.json")) or {}
        stamped = len(files.list_names(files.join(folder, "waves")))
        return {"stage": stage, "finished": False, "waves": plan.get("waves"), "waves_done": stamped}
    # `skypile dedup` fails no row and takes no notes
    counts = {"read": done["read"], "kept": done["kept"], "dropped": done["dropped"], "failed": done.get("failed", {})}
    notes = list(done.get("notes", []))
    if not up_to_date:
        notes.append(ledger.OUTDATED)
    rest = {"seconds": done["seconds"], "notes": notes, "outdated": not up_to_date}
    return {"stage": stage, "finished": True} | counts | rest


def why(
    key: Annotated[
        str, typer.Argument(help="URL, record id, host (example.com) or the beginning of URLs", metavar="URL_OR_ID")
    ],
    run: VerdictsOption,
    most: Annotated[int, typer.Option(min=1, help="Records shown of those a host or a beginning names")] = MOST_RECORDS,
    tokens: Annotated[bool, typer.Option("--tokens", help="Also what the citation score is made of")] = False,
    citations: Annotated[
        str | None, typer.Option(help="Folder of `citations extract`: also which articles cite it, or its host")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of a page, stage by stage, and on what evidence.

    With --json: key; by, what it was found as (id or URL, host, prefix); records, a list of objects with record_id,
    url and verdicts (stage, verdict, reason, meaning, score, threshold, evidence); more, the number of records that
    fit beyond those; similar, URLs that differ from key by scheme, www., slash or fragment alone. With --tokens or
    --citations each record has citation: score, up and down (tokens, times, log_odds), nearest (url, similarity,
    titles), cited_by.
    """
    found = ledger.find(run, key, most)
    records = [list(group) for _, group in itertools.groupby(found.verdicts, key=lambda v: v.record_id)]
    if as_json:
        told = [_record(record) for record in records]
        for one, record in zip(told, records, strict=True):
            one |= {"citation": receipt(run, record[0], citations)} if tokens or citations else {}
        print_json({"key": key, "by": found.by, "records": told, "more": found.more, "similar": found.similar})
        raise typer.Exit(0 if records else 1)
    if not records:
        folders = ledger.stage_folders(run)
        nameless = run in folders.values() and not _has_urls(run)
        which = (
            f"id (none has a URL: {next(iter(folders))} was given no --url-column)"
            if nameless
            else "id, URL, host or beginning of its URL"
        )
        err.print(f"{shown(key)} is not in {shown(run)}: no record has this {which}", highlight=False)
    for url in found.similar:
        err.print(f"differs only by scheme, www., slash or fragment: {shown(url)}", highlight=False, soft_wrap=True)
    if not records:
        raise typer.Exit(1)
    for record in records:
        named = f"[bold]{shown(record[0].url)}[/bold]  " if record[0].url else ""
        out.print(f"{named}record {shown(record[0].record_id)}", highlight=False, soft_wrap=True)
        for verdict in record:
            _print_verdict(verdict)
        if tokens or citations:
            print_receipt(receipt(run, record[0], citations))
    if found.by != "id or URL" or found.more:
        more = f"; {found.more:,} more: --most {len(records) + found.more} shows all" if found.more else ""
        what = {"host": "of this host", "prefix": "whose URL begins so", "id or URL": "with this id or URL"}[found.by]
        number = "1 record" if len(records) == 1 else f"{len(records):,} records"
        err.print(f"{number} {what}{more}", highlight=False, soft_wrap=True)


def _has_urls(output: str) -> bool:
    """Whether a command that is told columns was told where URLs stand."""
    return bool((files.read_json(files.join(output, "manifest.json")) or {}).get("columns", {"url": True})["url"])


def _record(verdicts: list[ledger.Verdict]) -> dict[str, Any]:
    """What `why --json` shows of a record."""
    names = ("stage", "verdict", "reason", "meaning", "score", "threshold", "evidence")
    told = [{name: getattr(verdict, name) for name in names} for verdict in verdicts]
    return {"record_id": verdicts[0].record_id, "url": verdicts[0].url or None, "verdicts": told}


def _print_verdict(verdict: ledger.Verdict) -> None:
    words = f"{verdict.reason}: {verdict.meaning}" if verdict.reason else ""
    numbers = "" if verdict.score is None else f"  score {verdict.score:.4g}"
    numbers += "" if verdict.threshold is None else f", threshold {verdict.threshold:.4g}"
    out.print(line(f"  {verdict.stage:<20} {verdict.verdict:<8} {words}{numbers}".rstrip()), soft_wrap=True)
    for name, value in verdict.evidence.items():
        for told in _lines(name, value):
            out.print(line(f"      {told}"), soft_wrap=True)


def _lines(name: str, value: object) -> Iterator[str]:
    """A member of the evidence in words: one line, but for what was cut, masked or found, of which each has one."""
    if name == "masked" and isinstance(value, list):
        for span in value:
            where = f" of the {span['in']}" if "in" in span else ""
            yield f"masked {span['start']}-{span['end']}{where}: {span['kind']}, hash {span['hash']}"
        return
    if name == "items" and isinstance(value, list):
        for item in value:
            places = ", ".join(f"{begin}-{end}" for begin, end in item["spans"])
            share = f"share {item['share']:g}, {item['exact_share']:g} with its numbers"
            yield f"item {item['item']} of {item['benchmark']}, {item['match']}, {share}, at {places}: {item['text']}"
        return
    if name != "cut" or not isinstance(value, list):
        yield f"{name}: {value}"
        return
    for span in value:
        yield f"cut {span['start']}-{span['end']}{_recurs(span)}"


def _recurs(span: dict[str, Any]) -> str:
    """Where else a cut passage stands; decontamination cuts what stands in a benchmark and says no more."""
    if "pages" not in span:
        return ""
    where = f"of {span['host_pages']} pages of its host" if span["host_pages"] else "pages"
    return f", stands on {span['pages']} {where}: {span['text']}"


def diff(
    key: Key,
    run: VerdictsOption,
) -> None:
    """Print where a dropped duplicate and the document that stayed in its place differ."""
    from skypile.dedup.passages import differing_passages

    pairs = ledger.duplicate_pairs(run, key)
    if not pairs:
        err.print(f"{shown(key)} was dropped as no duplicate in {shown(run)}: `skypile why` says what became of it")
        raise typer.Exit(1)
    for dropped, survivor in pairs:
        out.print(
            f"[red]- {shown(dropped.url)}[/red]  dropped\n[green]+ {shown(survivor.url)}[/green]  kept",
            highlight=False,
            soft_wrap=True,
        )
        passages = differing_passages(dropped.text, survivor.text)
        for passage in passages:
            before, gone, new, behind = (part.replace("\n", " ") for part in passage)
            cut = line("  … ", before, (f"[-{gone}-]", "red"), (f"{{+{new}+}}", "green"), behind, " …")
            out.print(cut, soft_wrap=True)
        if not passages:
            out.print("  the texts are the same")


def report(run: RunFolder) -> None:
    """Write the run's report: one self-contained HTML page."""
    check_run(run)
    from skypile.report import write_report

    out.print(write_report(run), highlight=False, soft_wrap=True)


def verify(
    folder: Annotated[str, typer.Argument(help="Run, output of dedup, or token shards", metavar="FOLDER")],
) -> None:
    """Read every part of a result and hold it against the sizes and checksums that its manifests name."""
    from skypile.run_folder.verify import verify as verify_folder

    found = verify_folder(files.absolute(folder))
    for sentence in found.wrong:
        out.print(line(sentence), soft_wrap=True)
    out.print(f"{found.parts:,} files, {found.size:,} bytes, {len(found.wrong)} wrong", highlight=False)
    if found.wrong:
        raise typer.Exit(1)
