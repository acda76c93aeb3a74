"""Arguments of Megatron-LM for each blend of a plan.

Megatron has one blend a run, so a curriculum is several: each loads the checkpoint of the one before. With
`--phase-transition-iterations` it stops at a blend's last step, and counts the samples of the next one's data from 0,
as the plan does. Weights are numbers of sequences: Megatron divides them by their sum, and then draws exactly so many.
One cosine that ends at the floor does for all phases that stay there (`--lr-decay-iters`, `--min-lr`).

What Megatron decides itself: the order within a data set, by its `--seed`. Each blend gets a seed of its own; with one
for all, each would begin again with the same sequences. A sample is one token longer than a sequence here, the first of
the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skypile.mixture.phases import Blend, Piece

BETAS, DECAY, CLIP = (0.9, 0.95), 0.1, 1.0  # AdamW, as the report has it


def data_lines(shards: Sequence[str], draws: np.ndarray) -> list[str]:
    """Lines for `--data-args-path`, of the shards that a blend draws: `1200 /data/zh-00000`."""
    return [f"{number} {shard}" for shard, number in zip(shards, draws.tolist(), strict=True) if number]


def arguments(
    blends: Sequence[Blend],
    number: int,
    pieces: Sequence[Piece],
    batch_sequences: int,
    sequence_length: int,
    seed: int,
    data: str,
) -> list[str]:
    """The arguments of blend `number`, one option with its values an item; `data`: file of its `data_lines`."""
    steps = pieces[-1].end
    ends = [str(blend.first + blend.steps) for blend in blends[:-1]]
    beta1, beta2 = BETAS
    return [
        f"--data-args-path {data}",
        "--split 100,0,0",
        f"--seq-length {sequence_length}",
        f"--global-batch-size {batch_sequences}",
        f"--train-iters {steps}",
        *([f"--phase-transition-iterations {','.join(ends)}"] if ends else []),
        *_rates(pieces, next(n for n, piece in enumerate(pieces) if blends[number].first < piece.end)),
        f"--optimizer adam --adam-beta1 {beta1} --adam-beta2 {beta2} --weight-decay {DECAY} --clip-grad {CLIP}",
        f"--seed {seed % 2**31 + number}",
    ]


def _rates(pieces: Sequence[Piece], number: int) -> list[str]:
    """The schedule of one phase: the first one's, if this phase stays where that one ends, else a constant."""
    first, own = pieces[0], pieces[number]
    stays = all(piece.high == piece.low == first.low for piece in pieces[1 : number + 1])
    if stays:
        style = "constant" if first.high == first.low else "cosine"
        found = [f"--lr {first.high:g} --min-lr {first.low:g} --lr-decay-style {style} --lr-decay-iters {first.end}"]
        found += [f"--lr-warmup-iters {first.warm_up}"] if first.warm_up else []
        changed = any(piece.high != first.low for piece in pieces[1:])
    else:
        found = [f"--lr {own.high:g} --min-lr {own.high:g} --lr-decay-style constant"]
        changed = True
    return [*found, "--override-opt_param-scheduler"] if changed and number else found
