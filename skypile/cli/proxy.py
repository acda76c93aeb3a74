"""`skypile losses` and `skypile proxy …`: what models lose on held-out text, and small models to ask."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from skypile.cli.console import AsJson, err, out, print_json, shown, warned
from skypile.errors import Refused
from skypile.runtime.progress import seldom

if TYPE_CHECKING:
    from skypile.proxy.losses import Averages, Loss, Scorer

proxy = typer.Typer(no_args_is_help=True, help="Train small language models that judge a corpus.")

Device = Annotated[
    str | None, typer.Option(help="PyTorch's name of a device; default: cuda where there is one, else cpu")
]
SAID_EVERY = 10.0  # seconds between two words on how far training is


@proxy.command()
def train(
    shards: Annotated[
        Path, typer.Argument(help="Folder that tokens were packed or shuffled into, or of a plan of a mixture")
    ],
    output: Annotated[Path, typer.Option(help="Folder of the proxy")],
    size: Annotated[str, typer.Option(help="ngram; 1m, 6m, 30m, 125m or skywork-13b")] = "1m",
    tokens: Annotated[
        int | None,
        typer.Option(
            min=1, help="Tokens to train on, repeated where the shards hold fewer; default: 1000000, or the plan's"
        ),
    ] = None,
    sequences: Annotated[int, typer.Option(min=1, help="Sequences in a batch")] = 16,
    learning_rate: Annotated[
        float | None,
        typer.Option(min=0, help="The highest, of which it ends at a tenth; default: 0.01 for 1m, less for wider"),
    ] = None,
    at_least: Annotated[int, typer.Option(min=1, help="Keep pieces that occur so often; the others are spelled")] = 2,
    vocabulary: Annotated[
        int | None, typer.Option(min=1, help="Pieces kept at most; default: what the size is made for")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="The shards' SentencePiece .model, if not the default")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights and the order of sequences")] = 0,
    device: Device = None,
    every: Annotated[int, typer.Option(min=1, help="Steps from one saved state to the next")] = 500,
    keep: Annotated[bool, typer.Option("--keep", help="Keep all saved states, for curves of their losses")] = False,
) -> None:
    """Train a proxy on token shards: an n-gram, or a transformer; the same command goes on where it was stopped.

    Of a plan (`skypile mixture plan`), all is trained on, in its order and at its learning rates, as shares of the
    highest here. An n-gram takes of the options --tokens and --model; the transformers need the extra [models].
    """
    from skypile.mixture.folder import is_plan, open_plan

    plan = is_plan(shards)
    if plan and tokens is not None:
        raise Refused(f"tokens={tokens}: {shards} is a plan, which is trained on as a whole; make one of fewer tokens")
    tokens = int(open_plan(shards)[0]["tokens"]) if plan else 1_000_000 if tokens is None else tokens
    if size == "ngram":
        from skypile.proxy.ngram_folder import train_ngram

        out.print(shown(train_ngram(str(shards), str(output), tokens, model)), soft_wrap=True)
        return
    needs_pytorch()
    from skypile.proxy.folder import planned, train_proxy
    from skypile.proxy.model import SIZES
    from skypile.proxy.training import Training, peak_rate, warm_up_of

    if size not in SIZES:
        raise Refused(f"size={size!r} is none of ngram, {', '.join(SIZES)}")
    context = SIZES[size].context
    rate = peak_rate(SIZES[size]) if learning_rate is None else learning_rate
    if plan:
        settings = replace(planned(str(shards), sequences, context, rate), seed=seed)
    else:
        steps = -(-tokens // (sequences * context))
        settings = Training(steps, sequences, rate, warm_up=warm_up_of(steps), seed=seed)
    where = chosen_device(device)
    told = _progress(settings.steps, sequences * context)
    last = train_proxy(str(shards), str(output), size, settings, model, at_least, vocabulary, where, every, keep, told)
    done = int(last.name.rpartition("-")[2])
    out.print(f"{shown(last)}: {done} steps of {sequences} sequences", soft_wrap=True)


def losses(
    validation: Annotated[
        list[str],
        typer.Argument(
            help="Held-out texts: JSONL, Parquet, .txt or folders of them; DOMAIN=PATH names a domain",
            metavar="[DOMAIN=]PATH...",
        ),
    ],
    model: Annotated[
        list[Path], typer.Option("--model", help="Folder of a proxy, or of a Hugging Face causal model; repeatable")
    ],
    reference: Annotated[
        Path | None, typer.Option(help="SentencePiece .model to normalise by; default: skypile's 65,536 pieces")
    ] = None,
    characters: Annotated[
        int | None, typer.Option(min=1, help="Leading characters of a text that count; default: all")
    ] = None,
    context: Annotated[int | None, typer.Option(min=2, help="Tokens in a window, for Hugging Face models")] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Losses of models on held-out texts, by domain and language.

    Bits per byte compare models of any vocabulary; perplexity is per token of the model's own, normalised perplexity
    per token of the reference. The average perplexity is exp of the mean log-perplexity over the rows.
    """
    from skypile.proxy.losses import losses as measured
    from skypile.proxy.validation import validation_sets
    from skypile.tokens.encoder import Encoder

    sets = validation_sets(validation, characters, warned)
    encoder = Encoder.load(reference)
    rows = {}
    for path in model:
        scorer = model_scorer(path, device, context)
        if scorer.name in rows:
            raise Refused(f"two models are called {scorer.name}: give each folder a name of its own")
        rows[scorer.name] = measured(scorer, sets, lambda texts: len(encoder.encode_batch(texts)[0]))
    if as_json:
        print_json({name: losses_as_json(found) for name, found in rows.items()})
        return
    for name, found in rows.items():
        _print_table(name, found)


def _print_table(name: str, found: list[Loss]) -> None:
    from skypile.proxy.losses import averages

    table = Table("domain", "language", title=shown(name), title_justify="left")
    for column in ("texts", "bytes", "tokens", "bits per byte", "perplexity", "normalised"):
        table.add_column(column, justify="right")
    for row in found:
        counts = (f"{count:,}" for count in (row.texts, row.bytes, row.tokens))
        table.add_row(shown(row.domain), row.language, *counts, *_figures(row))
    if len(found) > 1:
        table.add_row("average", "", "", "", "", *_figures(averages(found)))
    out.print(table)


def _figures(row: Loss | Averages) -> tuple[str, str, str]:
    return f"{row.bits_per_byte:.4f}", f"{row.perplexity:.2f}", f"{row.normalised_perplexity:.2f}"


def losses_as_json(found: list[Loss]) -> dict[str, Any]:
    from skypile.proxy.losses import Averages, averages

    sets = [asdict(row) | {name: getattr(row, name) for name in Averages._fields} for row in found]
    return {"sets": sets, "average": averages(found)._asdict()}


def model_scorer(path: Path, device: str | None, context: int | None) -> Scorer:
    """The model in a folder: a proxy, or a Hugging Face causal model on a device, with windows of `context` tokens."""
    if not path.is_dir():
        what = "no folder" if path.exists() else "not there"
        raise Refused(f"{path} is {what}: give the folder of a proxy, or of a Hugging Face model")
    from skypile.proxy.ngram_folder import NgramScorer, is_ngram

    if is_ngram(path):
        return NgramScorer(path)
    needs_pytorch()
    from skypile.proxy.folder import is_proxy, open_proxy
    from skypile.proxy.scoring import HuggingFaceScorer, ProxyScorer

    if is_proxy(path):
        return ProxyScorer(open_proxy(path, chosen_device(device)))
    return HuggingFaceScorer(path, chosen_device(device), context)


def needs_pytorch() -> None:
    """Refuse where the extra is not installed."""
    if missing := [name for name in ("torch", "safetensors") if importlib.util.find_spec(name) is None]:
        raise Refused(f'transformer proxies need {" and ".join(missing)}: pip install "skypile[models]"')


def chosen_device(device: str | None) -> str:
    """A device that is there: the one named, else a GPU, else the CPU."""
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Refused(f"device={device!r}: this PyTorch finds no CUDA device; use cpu")
    if device.split(":")[0] not in ("cuda", "cpu"):
        raise Refused(f"device={device!r} is neither cpu nor cuda, nor cuda:1")
    return device


def _progress(steps: int, tokens: int) -> Callable[[int, float], None]:
    """Says on standard error, now and then, how far training is."""
    began, is_time = time.monotonic(), seldom(SAID_EVERY)
    first: int | None = None

    def told(step: int, loss: float) -> None:
        nonlocal first
        first = step if first is None else first
        if is_time() or step == steps:
            speed = (step - first + 1) * tokens / max(time.monotonic() - began, 1e-9)
            err.print(f"step {step} of {max(step, steps)}, loss {loss:.3f}, {speed:,.0f} tokens/s", highlight=False)

    return told
