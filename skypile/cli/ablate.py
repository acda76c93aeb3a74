"""`skypile ablate`: what a run's stages, rules and thresholds are worth to a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from skypile.cli.console import AsJson, RunFolder, err, out, print_json, shown, warned
from skypile.cli.proxy import SAID_EVERY, Device, chosen_device, needs_pytorch
from skypile.errors import Refused
from skypile.runtime.progress import seldom

if TYPE_CHECKING:
    from skypile.proxy.comparison import Finding, MakeProxy
    from skypile.proxy.treatments import Treatment

NGRAM = "ngram"


def ablate(
    run: RunFolder,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Stage, or stage:reason, whose verdicts are taken back; repeatable", metavar="STAGE[:REASON]"
        ),
    ] = None,
    until: Annotated[
        list[str] | None,
        typer.Option(help="Stage behind which nothing more is dropped or cut; repeatable", metavar="STAGE"),
    ] = None,
    changed: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Setting of the quality filter or of [recurrence], decided anew; repeatable",
            metavar="KEY=VALUE",
        ),
    ] = None,
    shares: Annotated[
        str | None,
        typer.Option(
            help="Best so many per cent of each language's pages by the judges, against all of them, at equal tokens",
            metavar="5,10,20,40",
        ),
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option(help="Another run, over the same crawl; repeatable", metavar="RUN")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every stage and reason that dropped something")] = False,
    validation: Annotated[
        list[str] | None,
        typer.Option(
            help="Held-out texts: JSONL, Parquet, .txt or folders of them; repeatable", metavar="[DOMAIN=]PATH"
        ),
    ] = None,
    hold_out: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the run's hosts that is judged on and not trained on")
    ] = 0.1,
    proxy: Annotated[str, typer.Option(help="ngram, or a transformer (extra models): 1m, 6m, 30m or 125m")] = NGRAM,
    pairs: Annotated[
        int | None,
        typer.Option(min=2, help="Pairs of trainings, each on documents of its own; default: 8, 6 of transformers"),
    ] = None,
    tokens: Annotated[
        int, typer.Option(min=1, help="Tokens that a transformer is trained on, after four times as many in common")
    ] = 100_000,
    rate: Annotated[
        list[float] | None,
        typer.Option(help="Learning rate of a transformer; repeatable; default: two, of 1m 0.003 and 0.001"),
    ] = None,
    characters: Annotated[
        int | None,
        typer.Option(min=1, help="Leading characters read of a held-out text; default: 4000, 1000 by transformers"),
    ] = None,
    uncoupled: Annotated[bool, typer.Option("--uncoupled", help="Judge without coupling, to see its worth")] = False,
    until_decided: Annotated[
        bool, typer.Option("--until-decided", help="Stop after the pair that decides: look at `p any time` alone then")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of held-out hosts, pairs and weights")] = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a decision of a run makes a model better, by how much, and how surely.

    Small models are trained in pairs on the run's corpus as it is and as it would be, alike but for the documents that
    the decision is about, and compared on held-out text in bits per byte: above 0, the corpus is worse without what was
    taken out.

    With --json: asked, and findings, a list of objects with name, gone, come (texts), share (of the tokens after),
    common, tokens, epochs, notes, budgets (tokens of each pair), and rows: domain, language, rate, texts, q, and
    comparison (mean, low, high, p, anytime_p, visible, needed, sd, pairs, documents).
    """
    from skypile.proxy import ablate as ablation
    from skypile.proxy.comparison import Plan

    treatments = _treatments(run, without or [], until or [], changed or [], shares, against or [], everything)
    make, how, usual = _proxy(proxy, rate, tokens, device)
    number, characters = pairs or usual[0], characters or usual[1]
    plan = Plan(number, seed, not uncoupled, until_decided)
    sets = ablation.validation(run, validation or [], hold_out, seed, characters, warned)
    told = _progress(treatments)
    found = list(ablation.findings(run, treatments, sets, hold_out, make, plan, told=told))
    found = ablation.ranked(found) if everything else found
    asked = {
        **{"treatments": [treatment.name for treatment in treatments], "proxy": how, "pairs": number, "seed": seed},
        **{"coupled": not uncoupled, "until_decided": until_decided, "validation": validation or []},
        **{"hold_out": hold_out, "characters": characters},
        **({"shares": [int(t.name.split()[0]) for t in treatments if t.base]} if shares else {}),
    }
    path = ablation.keep(run, found, asked)
    if as_json:
        from skypile.runtime import files

        print_json(files.read_json(path) or {})
        return
    _print(found, ablation.discoveries(found), until_decided)
    out.print(f"kept in {shown(path)}", highlight=False, soft_wrap=True)


def _treatments(
    run: str,
    without: Sequence[str],
    until: Sequence[str],
    changed: Sequence[str],
    shares: str | None,
    against: Sequence[str],
    everything: bool,
) -> list[Treatment]:
    from skypile.proxy import treatments

    found = treatments.every(run) if everything else []
    found += [treatments.without(run, one) for one in without]
    found += [treatments.until(run, one) for one in until]
    found += [treatments.changed(run, one) for one in changed]
    found += treatments.shares(run, shares) if shares else []
    found += [treatments.against(run, one) for one in against]
    if not found:
        name = "name what to take back: --without, --until, --set, --shares, --against or --all"
        what = "it dropped nothing" if everything else name
        raise Refused(f"{run}: nothing to compare; {what}")
    return found


def _proxy(
    name: str, rates: Sequence[float] | None, tokens: int, device: str | None
) -> tuple[MakeProxy, dict[str, Any], tuple[int, int]]:
    """How it is made, how it is told, and the usual numbers of pairs and of characters read of a text."""
    if name == NGRAM:
        from skypile.proxy import pairs
        from skypile.proxy.pairs import ngram_proxy

        return ngram_proxy, {"name": NGRAM}, (pairs.PAIRS, pairs.CHARACTERS)
    needs_pytorch()
    from skypile.proxy.model import SIZES
    from skypile.proxy.transformer_pairs import CHARACTERS, PAIRS, rates_of, transformer_proxy

    if name not in SIZES:
        raise Refused(f"proxy={name!r} is none of {NGRAM}, {', '.join(SIZES)}")
    rates = rates or rates_of(name)
    how = {"name": name, "rates": list(rates), "tokens": tokens}
    return transformer_proxy(name, rates, tokens, chosen_device(device)), how, (PAIRS, CHARACTERS)


def _progress(treatments: Sequence[Treatment]):  # type: ignore[no-untyped-def]
    """Says on standard error, now and then, how far it is."""
    names = [treatment.name for treatment in treatments]
    is_time = seldom(SAID_EVERY)

    def told(name: str, done: int, of: int) -> None:
        if is_time():
            place = f"{names.index(name) + 1} of {len(names)}: " if len(names) > 1 else ""
            err.print(f"{place}{shown(name)}, {done} of {of} trainings", highlight=False, soft_wrap=True)

    return told


def _print(found: Sequence[Finding], q: dict[Any, float], until_decided: bool) -> None:
    from skypile.proxy.statistics import ALPHA

    several = len(found) > 1
    rates = any(row.rate for finding in found for row in finding.rows)
    names = ["", "domain", "", *(["rate"] if rates else []), "texts", "Δ bits/byte", "95 % interval", "p"]
    names += [*(["q"] if several else []), "p any time", "visible", "pairs", "decided by"]
    table = Table(*names)
    for column in table.columns[3:]:
        column.justify = "right"
    for finding in found:
        for at, row in enumerate(finding.rows):
            one = row.comparison
            p = one.anytime_p if until_decided else one.p
            style = "" if p >= ALPHA else "green" if one.mean > 0 else "red"
            cells = [shown(finding.name) if not at else "", shown(row.domain), row.language]
            cells += [f"{row.rate:g}"] if rates else []
            cells += [f"{row.texts:,}", f"{one.mean:+.5f}", f"{one.low:+.5f} to {one.high:+.5f}", f"{one.p:.2g}"]
            cells += [f"{q[finding.name, row.domain, row.language, row.rate]:.2g}"] if several else []
            cells += [f"{one.anytime_p:.2g}", f"{one.visible:.5f}", f"{one.pairs}"]
            table.add_row(*cells, f"{one.needed:,}" if one.needed else "no number", style=style)
    if table.rows:
        out.print(table)
    for finding in found:
        for line in _told(finding):
            out.print(f"{shown(finding.name)}: {shown(line)}", highlight=False, soft_wrap=True)


def _told(finding: Finding) -> list[str]:
    """What stands below the table."""
    lines = []
    if finding.rows:
        share = f"{finding.come:,} texts come, {finding.gone:,} go, {finding.share:.1%} of the tokens then are new"
        before, after = finding.epochs
        begun = f"{finding.common:,} in common, then " if finding.common else ""
        lines.append(f"{share}; {begun}{finding.tokens:,} tokens a training, {before:.2f} and {after:.2f} epochs")
    return lines + list(finding.notes)
