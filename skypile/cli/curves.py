"""`skypile proxy curve` and `dose`: losses drawn over the tokens of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skypile.cli.console import AsJson, err, out, print_json, shown, warned
from skypile.cli.proxy import SAID_EVERY, Device, chosen_device, losses_as_json, needs_pytorch
from skypile.runtime.progress import seldom

if TYPE_CHECKING:
    from skypile.proxy.losses import Loss
    from skypile.proxy.validation import Validation


def curve(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a transformer that was trained with --keep", metavar="PROXY")
    ],
    validation: Annotated[
        list[str],
        typer.Argument(help="Held-out texts, as `skypile losses` takes them", metavar="[DOMAIN=]PATH..."),
    ],
    output: Annotated[Path | None, typer.Option(help="The SVG; default: curve.svg in the proxy's folder")] = None,
    characters: Annotated[int, typer.Option(min=1, help="Leading characters of a text that count")] = 4_000,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Draw what a training lost on held-out texts, domain by domain, over the tokens that it had seen.

    With --json: states, a list of objects with tokens, sets and average, the last two as `skypile losses` has them.
    """
    needs_pytorch()
    from skypile.proxy.curve import curve as scored
    from skypile.proxy.validation import validation_sets
    from skypile.tokens.encoder import Encoder

    sets = validation_sets(validation, characters, warned)
    encoder = Encoder.load()
    is_time = seldom(SAID_EVERY)

    def told(done: int, of: int) -> None:
        if is_time():
            err.print(f"{done} of {of} states", highlight=False)

    found = scored(folder, sets, lambda texts: len(encoder.encode_batch(texts)[0]), chosen_device(device), told)
    path = folder / "curve.svg" if output is None else output
    _draw(path, f"{folder.name}: held-out loss by domain", "tokens trained on", sets, found, as_json)


def dose(
    folder: Annotated[Path, typer.Argument(help="Folder of a transformer that was trained", metavar="PROXY")],
    shards: Annotated[Path, typer.Argument(help="Folder of in-domain tokens, packed or shuffled")],
    validation: Annotated[
        list[str],
        typer.Argument(
            help="Held-out texts of the domain and of others, as `skypile losses` takes them",
            metavar="[DOMAIN=]PATH...",
        ),
    ],
    output: Annotated[Path | None, typer.Option(help="The SVG; default: dose.svg in the proxy's folder")] = None,
    tokens: Annotated[int, typer.Option(min=1, help="Of the dose")] = 200_000,
    learning_rate: Annotated[float, typer.Option(min=0, help="Constant; the proxy's last is a good beginning")] = 0.001,
    sequences: Annotated[int, typer.Option(min=1, help="Sequences in a batch")] = 16,
    points: Annotated[int, typer.Option(min=1, help="Places on the way where losses are measured")] = 8,
    characters: Annotated[int, typer.Option(min=1, help="Leading characters of a text that count")] = 4_000,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Train a proxy on with in-domain text, and draw what that does to the domain and to other text.

    The proxy's folder is only read. With --json: states, as `skypile proxy curve` has them; their tokens are the
    dose's, 0 is before it.
    """
    needs_pytorch()
    from skypile.proxy.dose import dose as dosed
    from skypile.proxy.validation import validation_sets
    from skypile.tokens.encoder import Encoder

    sets = validation_sets(validation, characters, warned)
    encoder = Encoder.load()
    found = dosed(
        *(folder, shards, tokens, learning_rate, sets, lambda texts: len(encoder.encode_batch(texts)[0])),
        *(points, sequences, chosen_device(device)),
    )
    title = f"{folder.name}: a dose of {shards.name}"
    _draw(folder / "dose.svg" if output is None else output, title, "tokens of the dose", sets, found, as_json)


def _draw(
    path: Path, title: str, across: str, sets: Sequence[Validation], found: dict[int, list[Loss]], as_json: bool
) -> None:
    """Bits per byte of each set over tokens, as SVG; and how a command ends that has drawn them."""
    from skypile.report.curves import curves
    from skypile.runtime import files

    lines = {
        f"{one.domain} {one.language}": [(float(tokens), rows[at].bits_per_byte) for tokens, rows in found.items()]
        for at, one in enumerate(sets)
    }
    files.write_text(str(path), curves(title, across, "bits per byte", lines))
    if as_json:
        print_json({"states": [{"tokens": tokens} | losses_as_json(rows) for tokens, rows in found.items()]})
        return
    out.print(shown(str(path)), soft_wrap=True)
