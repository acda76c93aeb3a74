"""From token shards to the sequences a proxy is trained on, in its own compact vocabulary.

The shards' streams are taken one after the other, in order of name, or a plan's sequences in the order in which they
are drawn (`skypile mixture plan`), and cut anew: spelled in the compact vocabulary they are longer, and a proxy's
context is shorter. Padding is left out. Read are as many tokens as will be trained on
and no more; they are held in memory, two bytes each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from skypile.errors import Refused
from skypile.mixture.folder import is_plan, open_plan
from skypile.mixture.order import drawn_tokens
from skypile.proxy.compact_vocabulary import CompactVocabulary
from skypile.tokens.megatron import IndexedDataset, open_shards
from skypile.tokens.piece_model import PieceModel
from skypile.tokens.shards import TRAIN

_BLOCK = 1 << 20  # tokens


def read_stream(folder: str | Path, model: PieceModel, most: int) -> np.ndarray:
    """The first tokens of all shards in a folder of packed or shuffled ones, or of a plan, at most `most`; no padding.

    Padding is the model's padding piece, and an end of document that follows another: there are no empty documents.

    Raises:
        Refused: no shards, or a model without an end of sentence.
    """
    if model.end_of_sentence is None:
        raise Refused("this vocabulary names no end of sentence, so nothing would part one document from the next")
    folder = Path(folder)
    if (folder / TRAIN).is_dir():
        folder = folder / TRAIN
    found, size, last = [], 0, model.end_of_sentence
    for block in _planned(folder) if is_plan(folder) else _blocks(open_shards(folder).values()):
        if model.pad is not None and model.pad != model.end_of_sentence:
            block = block[block != model.pad]
        ends = block == model.end_of_sentence
        before = np.concatenate([[last == model.end_of_sentence], ends[:-1]])
        last = int(block[-1]) if len(block) else last
        found.append(block[~(ends & before)][: most - size])
        size += len(found[-1])
        if size == most:
            break
    return np.concatenate(found) if found else np.empty(0, np.uint16)


def _blocks(shards: Iterable[IndexedDataset]) -> Iterator[np.ndarray]:
    """The shards' tokens, end to end. Sequences of a shard stand so in its .bin."""
    for shard in shards:
        for first in range(0, len(shard.tokens), _BLOCK):
            yield np.asarray(shard.tokens[first : first + _BLOCK])


def _planned(folder: Path) -> Iterator[np.ndarray]:
    """The tokens of a plan, in the order in which it draws them."""
    order = open_plan(folder)[1]
    held: list[np.ndarray] = []
    size = 0
    for sequence in drawn_tokens(order, 0, int(order.draws.sum())):
        held.append(sequence)
        size += len(sequence)
        if size >= _BLOCK:
            yield np.concatenate(held)
            held, size = [], 0
    if held:
        yield np.concatenate(held)


def cut(stream: np.ndarray, vocabulary: CompactVocabulary, context: int, most: int | None = None) -> np.ndarray:
    """Spell a stream of a vocabulary's ids and cut it: (sequences, context + 1), uint16 where the ids fit, else int32.

    Each sequence gives `context` predictions: its last token is no other one's first. What is left over is dropped.

    Args:
        most: of sequences.

    Raises:
        Refused: the stream is shorter than one sequence.
    """
    spelled = vocabulary.spell(stream)
    length = context + 1
    number = len(spelled) // length
    if number == 0:
        raise Refused(f"{len(spelled)} tokens are less than one sequence of {length}: train on more text")
    number = number if most is None else min(number, most)
    kind = np.uint16 if len(vocabulary) <= 1 << 16 else np.int32
    return spelled[: number * length].reshape(number, length).astype(kind)
