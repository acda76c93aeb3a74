"""`skypile leakage`: was a model trained on a benchmark?"""

from __future__ import annotations

import itertools
from collections.abc import Container, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from skypile.cli.console import AsJson, err, out, print_json, shown
from skypile.cli.proxy import Device, model_scorer
from skypile.errors import Refused

if TYPE_CHECKING:
    from skypile.leakage.judge import Finding
    from skypile.leakage.measure import ItemSet, Measured


def leakage(
    model: Annotated[
        list[Path], typer.Option("--model", help="Folder of a proxy, or of a Hugging Face causal model; repeatable")
    ],
    train: Annotated[str, typer.Option(help="Items of the train split: JSONL or Parquet, in the published order")],
    test: Annotated[str, typer.Option(help="Items of the test split, likewise")],
    reference: Annotated[str, typer.Option(help="Look-alikes that no model can have seen, likewise")],
    clean: Annotated[
        list[Path] | None,
        typer.Option("--clean", help="A model that cannot have seen the items; repeatable, and several are better"),
    ] = None,
    shuffles: Annotated[int, typer.Option(min=0, help="Other orders that each run of items is scored in; 0: none")] = 9,
    vocabulary: Annotated[
        Path | None, typer.Option(help="SentencePiece .model whose tokens losses are per; default: skypile's")
    ] = None,
    context: Annotated[int | None, typer.Option(min=2, help="Tokens in a window, for Hugging Face models")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap, permutations and orders")] = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Was a model trained on a benchmark? Its losses on train, test and look-alike items, and what they can mean.

    An item has a question, perhaps choices, and an answer, or only a text.

    With --json: items ({set: {items, tokens}}) and models, a list of objects with losses, delta1, delta2, calibrated,
    split, order, threshold, signs and verdict.
    """
    import numpy as np

    from skypile.leakage.judge import judge
    from skypile.leakage.measure import REFERENCE, TEST, TRAIN, item_set
    from skypile.runtime import files
    from skypile.tokens.encoder import Encoder

    encoder = Encoder.load(vocabulary)
    paths = {TRAIN: train, TEST: test, REFERENCE: reference}
    for (one, items), (other, same) in itertools.combinations(paths.items(), 2):
        if files.absolute(items) == files.absolute(same):
            raise Refused(f"{items} is given as {one} and as {other}: two sets of the same items tell nothing")
    sets = {name: item_set(path, lambda texts: np.diff(encoder.encode_batch(texts)[1])) for name, path in paths.items()}
    measured: dict[str, Measured] = {}
    for path in [*model, *(clean or [])]:
        found = _measured(path, sets, measured, shuffles, seed, device, context)
        measured[found.name] = found
    every = list(measured.values())
    findings = judge(every[: len(model)], every[len(model) :], seed)
    if as_json:
        counts = {name: {"items": len(one.texts), "tokens": int(one.tokens.sum())} for name, one in sets.items()}
        print_json({"items": counts, "models": [_as_json(finding) for finding in findings]})
        return
    _print(findings)


def _measured(
    path: Path,
    sets: dict[str, ItemSet],
    before: Container[str],
    shuffles: int,
    seed: int,
    device: str | None,
    context: int | None,
) -> Measured:
    from skypile.leakage.measure import measure

    scorer = model_scorer(path, device, context)
    if scorer.name in before:
        raise Refused(f"two models are called {scorer.name}: give each folder a name of its own")
    err.print(f"{shown(scorer.name)}: scoring {sum(len(one.texts) for one in sets.values()):,} items", highlight=False)
    return measure(scorer, sets, shuffles, seed)


def _as_json(finding: Finding) -> dict[str, Any]:
    found = asdict(finding)
    for name in ("delta1", "delta2", "calibrated", "split"):
        value = getattr(finding, name)
        found[name] = None if value is None else value._asdict()
    return found


def _print(findings: Sequence[Finding]) -> None:
    table = Table("model", title="nats per token", title_justify="left")
    sets = ("train", "test", "reference")
    columns = [*(f"L_{name}" for name in sets), "Δ1", "Δ2", "Δ1 calibrated", "p", "Δ2: p"]
    ordered = [name for name in ("test", "train") if any(name in one.order for one in findings)]
    for column in [*columns, *(f"{name} order: p" for name in ordered)]:
        table.add_column(column, justify="right")
    for one in findings:
        moved = one.calibrated
        table.add_row(
            shown(one.model) + " (clean)" * one.clean,
            *(f"{one.losses[name]:.3f}" for name in sets),
            f"{one.delta1.value:+.3f}",
            f"{one.delta2.value:+.3f}",
            f"{moved.value:+.3f} {shown(f'[{moved.low:+.3f}, {moved.high:+.3f}]')}" if moved else "",
            f"{moved.p:.2g}" if moved else "",
            f"{one.split.p:.2g}",
            *(f"{one.order[name]:.2g}" if name in one.order else "" for name in ordered),
        )
    out.print(table)
    for one in findings:
        out.print(f"{shown(one.model)}: {shown(' '.join(one.verdict))}", highlight=False, soft_wrap=True)
