"""Command `rules`: what each rule of the quality filter does by itself, by language."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from skypile.cli.console import AsJson, RunFolder, out, print_json, shown
from skypile.errors import SkypileError
from skypile.run_folder import ledger, stage_folder

if TYPE_CHECKING:
    from skypile.report.rules import Rate

STAGE = "quality_filter"
MOST_LANGUAGES = 4  # shown; --json has all


def rules(run: RunFolder, as_json: AsJson = False) -> None:
    """Table of the quality filter's rules: pages that break each, that break it alone, and that were dropped for it.

    With --json: run, and languages, a list of objects with language, pages, broken (pages that break any rule) and
    rules, a list of objects with reason, measure, bound, setting, measured (pages with a value), alone (pages that
    break it, whatever else they break), only (that break no other rule) and first (that were dropped for it).
    """
    from skypile.report.rules import judged, languages

    folder = ledger.stage_folders(run).get(STAGE)
    manifest = stage_folder.manifest(run, STAGE) if folder else None
    if folder is None or manifest is None:
        raise SkypileError(f"{run} has no finished quality filter, or an outdated one: `skypile run` makes it")
    stage_folder.check_not_pruned(run, STAGE)
    found = [(name, judged(folder, manifest["settings"], name)) for name in languages(folder)]
    if as_json:
        told: list[dict[str, Any]] = [
            {
                "language": name,
                "pages": of_one.pages,
                "broken": of_one.broken,
                "rules": [asdict(rate) for rate in of_one.rates],
            }
            for name, of_one in found
        ]
        print_json({"run": run, "languages": told})
        return
    for name, of_one in found[:MOST_LANGUAGES]:
        title = f"{shown(name)}: {of_one.pages:,} pages, {of_one.broken:,} break a rule"
        table = Table("reason", "measure", "bound", "break it", "", "only it", "dropped for it", title=title)
        for column in table.columns[3:]:
            column.justify = "right"
        for rate in of_one.rates:
            table.add_row(*_row(rate, of_one.pages))
        out.print(table)


def _row(rate: "Rate", pages: int) -> list[str]:
    if not rate.measured:
        return [rate.reason, rate.measure, shown(rate.bound), "–", "", "", ""]
    counts = [f"{rate.alone:,}", f"{rate.alone / pages:.1%}", f"{rate.only:,}", f"{rate.first:,}"]
    return [rate.reason, rate.measure, shown(rate.bound), *counts]
