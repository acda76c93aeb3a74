"""Train a proxy on sequences of tokens, the same way each time.

AdamW as in the report (betas 0.9 and 0.95, decay 0.1, clipping at 1.0), a linear warm-up and a cosine down to a tenth
of the peak (`floor`), as its first session has it (6e-4 to 6e-5). As is the custom of the field, norms do not decay;
embeddings and the head do, as in Megatron, which the report trained with.

Which sequence comes when is a function of the seed and the number of the step, not of what the sequences hold: two
corpora in the same number of sequences are shown slot by slot in the same order. There is no dropout, so weights,
optimizer state and the number of the step are all there is to resume from.

On a CPU a run repeats bit by bit with the same number of threads. On a GPU sums are taken in any order, and losses
repeat to about the fourth digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from skypile.errors import Refused
from skypile.proxy.model import Shape, Transformer, has_bfloat16, precision
from skypile.tokens.shuffle import unpermute

BETAS, DECAY, CLIP = (0.9, 0.95), 0.1, 1.0
FLOOR = 0.1  # of the peak learning rate, at the end
PEAK, PEAK_HIDDEN = 0.01, 64


@dataclass(frozen=True)
class Training:
    """How a proxy is trained.

    Attributes:
        steps: updates of the weights.
        sequences: in a batch.
        learning_rate: the highest.
        warm_up: steps until it is reached.
        seed: of the order of the sequences.
        floor: share of the highest learning rate that the cosine ends at; 1: it stays.
        rates: pieces of a schedule, behind the warm-up one after the other: at which share of the steps each ends, and
            its rates at the beginning and the end, as shares of the highest, a cosine between. Where they are given,
            sequences are taken in their own order: it is that of a plan. None: one cosine down to `floor`.
    """

    steps: int
    sequences: int = 16
    learning_rate: float = PEAK
    warm_up: int = 20
    seed: int = 0
    floor: float = FLOOR
    rates: tuple[tuple[float, float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.steps < 1 or self.sequences < 1:
            raise Refused(f"steps={self.steps}, sequences={self.sequences}: both must be at least 1")
        if not self.learning_rate > 0:
            raise Refused(f"learning_rate={self.learning_rate} must be above 0")
        if self.warm_up < 0:
            raise Refused(f"warm_up={self.warm_up} must be at least 0; it counts steps")
        if not 0 <= self.floor <= 1:
            raise Refused(f"floor={self.floor} must be a share of the learning rate, from 0 to 1")

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        pieces = self.rates or ((1.0, 1.0, self.floor),)
        at = next((at for at, piece in enumerate(pieces) if step < piece[0] * self.steps), len(pieces) - 1)
        until, high, low = pieces[at]
        first = pieces[at - 1][0] * self.steps if at else self.warm_up
        gone = min(1.0, (step - first) / max(1, until * self.steps - first))
        return self.learning_rate * (low + (high - low) * 0.5 * (1 + math.cos(math.pi * gone)))

    def chosen(self, step: int, available: int) -> np.ndarray:
        """Numbers of the sequences in a step's batch: every epoch is another order of all, and none is left out.

        int64 [sequences]; `available` is the number of sequences there are.
        """
        places = np.arange(step * self.sequences, (step + 1) * self.sequences)
        if self.rates:
            return places % available
        epochs = places // available
        found = np.empty_like(places)
        for epoch in np.unique(epochs).tolist():
            inside = epochs == epoch
            found[inside] = unpermute(places[inside] % available, available, self.seed * 1_000_003 + epoch)
        return found


def warm_up_of(steps: int) -> int:
    """The usual warm-up of so many steps: a tenth of them, at most 100."""
    return min(100, -(-steps // 10))


def peak_rate(shape: Shape) -> float:
    """A learning rate to begin with: 0.01 at the width of the 1m, and as much less as a model is wider.

    At 300,000 tokens the 1m lost 3.39 bits per byte on three domains at 0.01, 3.58 at 0.003, 3.96 at 0.001; on a part
    of the texts 3.43 at 0.01 and 3.48 at 0.03. That the best rate falls with the width is muP's rule for matrices (Yang
    et al., "Tensor Programs V", 2022); other widths were not tried.
    """
    return PEAK * PEAK_HIDDEN / shape.hidden


def optimizer(model: Transformer, rate: float = 0.0) -> torch.optim.AdamW:
    """AdamW over matrices, which decay, and norms, which do not."""
    matrices = [weights for weights in model.parameters() if weights.dim() > 1]
    norms = [weights for weights in model.parameters() if weights.dim() == 1]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": norms, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=BETAS, fused=True)


def update(
    model: Transformer, adam: torch.optim.AdamW, ids: torch.Tensor, rate: float, bfloat16: bool = False
) -> torch.Tensor:
    """One step on a batch (int64, (sequences, length)): forward, backward, clip, AdamW. The mean loss before it."""
    for group in adam.param_groups:
        group["lr"] = rate
    with precision(ids.device.type, bfloat16):
        loss = model.mean_loss(ids)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    adam.step()
    adam.zero_grad(set_to_none=True)
    return loss.detach()


def train(
    model: Transformer,
    sequences: Sequence[np.ndarray] | np.ndarray,
    settings: Training,
    adam: torch.optim.AdamW | None = None,
    first: int = 0,
    bfloat16: bool | None = None,
) -> Iterator[tuple[int, float]]:
    """Train from step `first` to the last; yields (steps done, mean loss of the batch) after each.

    Args:
        model: changed in place, on its own device.
        sequences: of equal length, ids below the model's vocabulary; a token shard, or an array (n, length).
        settings: how.
        adam: of a run that is resumed; None: a new one.
        first: steps that were done already.
        bfloat16: None: where the device has it.
    """
    device = next(model.parameters()).device
    adam = optimizer(model) if adam is None else adam
    bfloat16 = has_bfloat16(str(device)) if bfloat16 is None else bfloat16
    model.train()
    for step in range(first, settings.steps):
        batch = np.stack([sequences[number] for number in settings.chosen(step, len(sequences)).tolist()])
        ids = torch.from_numpy(batch.astype(np.int64)).to(device)
        loss = update(model, adam, ids, settings.rate(step), bfloat16)
        yield step + 1, float(loss)
