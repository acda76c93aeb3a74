"""A transformer proxy from token shards to a folder, and back from the folder.

    proxy.json            size, settings, and what it was trained on
    tokenizer.model       the vocabulary the shards were packed with
    vocabulary.json       its ids that are kept (see `compact_vocabulary`)
    losses.jsonl          loss of each step's batch
    step-00000100/        the state (see `checkpoint`)

The same command goes on where an interrupted one stopped, and ends with the same weights, bit by bit on a CPU.

Where the shards are a plan's (`skypile mixture plan`), all its sequences are trained on, in its order, at its rates.

Needs the extra `[models]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skypile.errors import Refused
from skypile.mixture.folder import is_plan, open_plan, rate_pieces
from skypile.proxy import checkpoint
from skypile.proxy.compact_vocabulary import CompactVocabulary, compact, count, with_spelling
from skypile.proxy.model import SIZES, VOCABULARY_MULTIPLE, Shape, Transformer, build
from skypile.proxy.sequences import cut, read_stream
from skypile.proxy.training import Training, optimizer, train
from skypile.run_folder.identity import named_files
from skypile.run_folder.output import output_folder
from skypile.runtime import files
from skypile.tokens.encoder import Encoder, default_model_path
from skypile.tokens.piece_model import PieceModel, load_piece_model

MOST_PLANNED = 10_000_000_000  # tokens: 20 GB
PROXY, MODEL, VOCABULARY, LOSSES = "proxy.json", "tokenizer.model", "vocabulary.json", "losses.jsonl"


@dataclass(frozen=True)
class Proxy:
    """A trained proxy.

    Attributes:
        name: of its folder.
        model: the transformer, on its device.
        encoder: text to ids of the vocabulary the shards were packed with.
        vocabulary: those ids to the model's.
    """

    name: str
    model: Transformer
    encoder: Encoder
    vocabulary: CompactVocabulary


def shape_for(size: str, vocabulary: CompactVocabulary) -> Shape:
    """One of `SIZES` with a compact vocabulary's rows, rounded up to a multiple of 64.

    Raises:
        Refused: there is no such size.
    """
    if size not in SIZES:
        raise Refused(f"size={size!r} is none of {', '.join(SIZES)}")
    return replace(SIZES[size], vocabulary=-(-len(vocabulary) // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE)


def train_proxy(
    shards: str,
    output: str,
    size: str,
    settings: Training,
    model: str | Path | None = None,
    at_least: int = 2,
    most: int | None = None,
    device: str = "cpu",
    every: int = 500,
    keep: bool = False,
    told: Callable[[int, float], None] = lambda step, loss: None,
) -> Path:
    """Train a proxy of `size` on the shards in a folder, into `output`; returns the folder of its last state.

    Args:
        shards: folder that tokens were packed or shuffled into, or a plan's, which `planned` has read.
        model: the vocabulary they were packed with; None: the package's default.
        at_least: a piece that occurs so often in what is trained on is kept.
        most: pieces kept, the end of document and the bytes counted; None: as many as `size` is made for.
        device: PyTorch's name.
        every: steps from one saved state to the next.
        keep: keep all states, not the last alone.
        told: called with the number of steps done and the batch's loss.

    Raises:
        Refused: no shards, another vocabulary's, no such size.
        OutputRefused, FolderLocked: `output` holds something else, or another process writes to it.
    """
    path = Path(model or default_model_path())
    if size not in SIZES:
        raise Refused(f"size={size!r} is none of {', '.join(SIZES)}")
    most = SIZES[size].vocabulary if most is None else most
    made_of = {
        "shards": files.absolute(shards),
        "files": named_files([shards]),
        "settings": _plain(settings) | {"size": size, "model": path.name, "at_least": at_least, "vocabulary": most},
    }
    folder = Path(output)
    with output_folder(output, "proxy", [shards, str(path)], made_of):
        pieces = load_piece_model(path)
        vocabulary, sequences, settings = _prepared(folder, shards, pieces, size, settings, at_least, most)
        return _trained(folder, vocabulary, sequences, size, settings, device, every, keep, told)


def _prepared(
    folder: Path, shards: str, pieces: PieceModel, size: str, settings: Training, at_least: int, most: int
) -> tuple[CompactVocabulary, np.ndarray, Training]:
    """The vocabulary, kept in the folder, the sequences, and the settings: of a plan with as many steps as it makes."""
    context = SIZES[size].context
    of_plan = is_plan(shards)
    wanted = settings.steps * settings.sequences
    stream = read_stream(shards, pieces, wanted * (context + 1))
    vocabulary = compact(pieces, count([stream], len(pieces)), at_least, most)
    (folder / MODEL).write_bytes(pieces.serialized)
    (folder / VOCABULARY).write_text(json.dumps({"kept": vocabulary.kept.tolist()}) + "\n")
    sequences = cut(stream, vocabulary, context, None if of_plan else wanted)
    if of_plan:  # spelled in the compact vocabulary its tokens are more, and its last phase is not to be cut off
        settings = with_steps(settings, max(1, len(sequences) // settings.sequences))
        wanted = settings.steps * settings.sequences
    facts = {
        "size": size,
        "settings": _plain(settings),
        "vocabulary": len(vocabulary),
        "sequences": len(sequences),
        "epochs": wanted / len(sequences),
    }
    (folder / PROXY).write_text(json.dumps(facts, indent=1) + "\n")
    return vocabulary, sequences, settings


def _plain(settings: Training) -> dict[str, Any]:
    """As JSON has them; without what is not set."""
    return json.loads(json.dumps({name: value for name, value in asdict(settings).items() if value != ()}))


def planned(plan: str, sequences: int, context: int, learning_rate: float) -> Training:
    """The training that a plan asks for, of batches of `sequences` of `context` tokens, `learning_rate` the highest.

    Raises:
        Refused: no finished plan, or one for another size of models: all of its tokens are read into memory.
    """
    manifest, _ = open_plan(plan)
    if manifest["tokens"] > MOST_PLANNED:
        raise Refused(
            f"{plan} is of {manifest['tokens']:,} tokens, and a proxy is trained on all of them: plan again with fewer "
            "(skypile mixture plan --tokens 10000000)"
        )
    pieces = rate_pieces(manifest)
    highest = max(piece.high for piece in pieces)
    whole = pieces[-1].end
    rates = tuple((piece.end / whole, piece.high / highest, piece.low / highest) for piece in pieces)
    steps = max(1, -(-manifest["tokens"] // (sequences * context)))
    warm_up = round(pieces[0].warm_up / whole * steps)
    return Training(steps, sequences, learning_rate, warm_up, rates=rates)


def with_steps(settings: Training, steps: int) -> Training:
    """The same shape over another number of steps."""
    return replace(settings, steps=steps, warm_up=round(settings.warm_up * steps / settings.steps))


def _trained(
    folder: Path,
    vocabulary: CompactVocabulary,
    sequences: np.ndarray,
    size: str,
    settings: Training,
    device: str,
    every: int,
    keep: bool,
    told: Callable[[int, float], None],
) -> Path:
    states = checkpoint.steps(folder)
    done = max(states, default=0)
    if done:
        network = checkpoint.load(states[done], device)
        adam = checkpoint.load_optimizer(states[done], network)
    else:
        network = build(shape_for(size, vocabulary), settings.seed, device)
        adam = optimizer(network)
    log = folder / LOSSES
    lines = log.read_text().splitlines(keepends=True)[:done] if log.exists() else []
    log.write_text("".join(lines))  # steps after the last state are taken again
    with log.open("a") as file:
        for step, loss in train(network, sequences, settings, adam, done):
            file.write(json.dumps({"step": step, "loss": loss, "rate": settings.rate(step - 1)}) + "\n")
            told(step, loss)
            if step % every == 0 or step == settings.steps:
                file.flush()
                checkpoint.save(folder, step, network, adam, keep)
    return checkpoint.steps(folder)[settings.steps]


def is_proxy(path: Path) -> bool:
    """Whether a folder is a proxy's, or one of a proxy's states."""
    return (path / VOCABULARY).exists() or (path.parent / VOCABULARY).exists()


def open_proxy(path: str | Path, device: str = "cpu") -> Proxy:
    """The proxy in a folder, as its last state has it, or in the folder of one of its states.

    Raises:
        Refused: no proxy, or one without a state.
    """
    path = Path(path)
    folder = path if (path / VOCABULARY).exists() else path.parent
    if not (folder / VOCABULARY).exists():
        raise Refused(f"{path} holds no {VOCABULARY}: it is no folder that `skypile proxy train` wrote")
    states = checkpoint.steps(folder)
    if not states:
        raise Refused(f"{folder} holds no state yet: its training was stopped before the first was saved")
    state = states[max(states)] if folder == path else path
    encoder = Encoder.load(folder / MODEL)
    kept = np.array(json.loads((folder / VOCABULARY).read_text())["kept"], np.int32)
    name = folder.name if folder == path else f"{folder.name}/{path.name}"
    return Proxy(name, checkpoint.load(state, device), encoder, with_spelling(encoder.model, kept))
