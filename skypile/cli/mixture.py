"""`skypile mixture …`: what a training run draws of which source, in which phase, in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from skypile.cli.console import AsJson, err, out, print_json, shipped, shown
from skypile.errors import Refused
from skypile.text.visible import visible

mixture = typer.Typer(no_args_is_help=True, help="Plan what a training run draws of which source, and when.")

PlanFolder = Annotated[Path, typer.Argument(help="Folder that `skypile mixture plan` wrote", metavar="PLAN")]


@mixture.command()
def catalogue(
    folders: Annotated[
        list[str],
        typer.Argument(
            help="Folders of token shards with their kind: web=TOKENS, en/book=BOOKS",
            metavar="[LANGUAGE/]KIND=FOLDER...",
        ),
    ],
    output: Annotated[str, typer.Option(help="The catalogue, a .jsonl file")],
) -> None:
    """List token shards with their kind, language and size: what `plan` divides a budget among."""
    from skypile.mixture import catalogue as lists
    from skypile.run_folder.output import new_file

    new_file(output, [folder for one in folders if (folder := one.partition("=")[2])])
    found = lists.catalogue(folders)
    lists.write_catalogue(output, found)
    tokens = sum(shard.tokens for shard in found)
    out.print(f"{shown(output)}: {len(found):,} shards, {tokens:,} tokens", highlight=False, soft_wrap=True)


@mixture.command()
def plan(
    catalogue: Annotated[str, typer.Option(help="File that `skypile mixture catalogue` wrote")],
    output: Annotated[str, typer.Option(help="Folder of the plan")],
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML of sources and phases; default: configs/curriculum.toml")
    ] = None,
    tokens: Annotated[int | None, typer.Option(help="Budget; phases keep their proportions")] = None,
    batch_sequences: Annotated[int | None, typer.Option(help="Sequences in a batch")] = None,
    as_json: AsJson = False,
) -> None:
    """Divide a token budget among sources by shares and phases, none repeated more than the cap.

    The folder holds the sequences of every shard that each blend draws, Megatron's arguments for each blend, and a
    picture of the phases. What a short source lacks goes to the others, and is reported.

    With --json: the manifest: tokens, steps, sources (source, sequences, asked, drawn, share, epochs), blends (phase,
    first_step, steps, sequences, shares), rates, left_out; and output.
    """
    from skypile.config import load_curriculum
    from skypile.mixture.folder import PICTURE, blends_of, plan_folder, rate_pieces
    from skypile.report.phases import phases
    from skypile.runtime import files

    path = config or shipped("configs/curriculum.toml")
    curriculum = load_curriculum(path, tokens=tokens, batch_sequences=batch_sequences)
    done, fresh = plan_folder(curriculum, catalogue, output)
    batch = done["batch_sequences"] * done["sequence_length"]
    picture = phases(f"{done['tokens']:,} tokens", blends_of(done), rate_pieces(done), batch)
    files.write_text(files.join(output, PICTURE), picture)
    if as_json:
        print_json({"output": output} | done)
        return
    _print(done)
    out.print(shown(output) + ("" if fresh else ": up to date"), highlight=False, soft_wrap=True)


@mixture.command()
def order(
    folder: PlanFolder,
    first: Annotated[int, typer.Option("--from", min=0, help="First step, from 0")] = 0,
    end: Annotated[int | None, typer.Option("--to", help="The step behind the last; default: the next one")] = None,
) -> None:
    """Print the sequences of steps, one a line: step, place in the batch, shard, sequence, epoch of the shard."""
    from skypile.mixture.folder import open_plan
    from skypile.mixture.order import drawn

    manifest, order = open_plan(folder)
    end = first + 1 if end is None else end
    if not first <= end <= manifest["steps"]:
        raise Refused(f"steps {first} to {end}: the plan has steps 0 to {manifest['steps']}")
    batch, at = manifest["batch_sequences"], first * manifest["batch_sequences"]
    for part in drawn(order, at, end * batch):
        columns = (one.tolist() for one in (part.shard, part.sequence, part.epoch))
        for shard, sequence, epoch in zip(*columns, strict=True):
            print(f"{at // batch}\t{at % batch}\t{visible(order.shards[shard])}\t{sequence}\t{epoch}")
            at += 1


def _print(done: dict[str, Any]) -> None:
    length, whole = done["sequence_length"], done["sequences"]
    table = Table("source", "tokens it has", "asked", "drawn", "tokens drawn", "epochs")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in done["sources"]:
        figures = (f"{one['asked'] / whole:.2%}", f"{one['share']:.2%}", f"{one['drawn'] * length:,}")
        table.add_row(shown(one["source"]), f"{one['sequences'] * length:,}", *figures, f"{one['epochs']:.2f}")
    out.print(table)
    for one in done["sources"]:
        lacks = round(one["asked"] - one["drawn"])
        if lacks > len(done["blends"]):  # more than rounding
            short = "is short" if one["sequences"] else "has nothing in the catalogue"
            told = f"{shown(one['source'])} {short}: {lacks * length:,} tokens of what was asked for went to others"
            err.print(told, highlight=False, soft_wrap=True)
    for what, tokens in done["left_out"].items():
        err.print(f"{shown(what)}: {tokens:,} tokens are no source's and left out", highlight=False, soft_wrap=True)
    size = f"{done['steps']:,} steps, {done['tokens']:,} tokens, {len(done['blends'])} blends"
    out.print(size, highlight=False, soft_wrap=True)
