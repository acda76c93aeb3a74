"""A dose of in-domain text, and what it does to a proxy: to the domain, and to everything else.

The report's experiment at toy scale: Skywork's 0.5T checkpoint, trained on 1B tokens of exercises, went from 6.9 to
40.7 on GSM8K, while its loss rose from 1.86 to 2.09 on English and from 2.08 to 2.21 on Chinese text. A benchmark sees
the first alone. Here a proxy goes on from its last state, optimizer and all, at one constant rate, on in-domain shards,
and is asked for its losses on the way.

Needs the extra `[models]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from skypile.errors import Refused
from skypile.proxy import checkpoint
from skypile.proxy.folder import PROXY, open_proxy
from skypile.proxy.losses import Loss, losses
from skypile.proxy.scoring import ProxyScorer
from skypile.proxy.sequences import cut, read_stream
from skypile.proxy.training import Training, train
from skypile.proxy.validation import Validation

CONSTANT = ((1.0, 1.0, 1.0),)


def dose(
    folder: str | Path,
    shards: str | Path,
    tokens: int,
    rate: float,
    sets: Sequence[Validation],
    reference: Callable[[Sequence[str]], int],
    points: int = 8,
    sequences: int = 16,
    device: str = "cpu",
    told: Callable[[int, float], None] = lambda step, loss: None,
) -> dict[int, list[Loss]]:
    """Losses by the tokens of the dose: before it, and at `points` places on the way, the last at its end.

    The proxy in its folder stays as it is.

    Args:
        folder: of a transformer proxy.
        shards: folder of in-domain tokens, packed with the proxy's vocabulary; repeated where they are too few.
        tokens: of the dose, in the proxy's vocabulary.
        rate: learning rate, constant.
        sets, reference: see `losses.losses`.
        points: places on the way.
        sequences: in a batch.
        device: PyTorch's name.
        told: called with the number of steps done and the batch's loss.

    Raises:
        Refused: no proxy, no shards, or less than a step of tokens.
    """
    folder = Path(folder)
    if not (folder / PROXY).exists():
        raise Refused(f"{folder} holds no {PROXY}: it is no folder that `skypile proxy train` wrote for a transformer")
    proxy = open_proxy(folder, device)
    context = proxy.model.shape.context
    steps = tokens // (sequences * context)
    if not 1 <= points <= steps:
        raise Refused(f"{tokens} tokens are {steps} steps of {sequences * context}: {points} points need as many")
    stream = read_stream(shards, proxy.encoder.model, steps * sequences * (context + 1))
    rows = cut(stream, proxy.vocabulary, context, steps * sequences)
    states = checkpoint.steps(folder)
    adam = checkpoint.load_optimizer(states[max(states)], proxy.model)
    scorer = ProxyScorer(proxy)
    found = {0: losses(scorer, sets, reference)}
    marks = {steps * (number + 1) // points for number in range(points)}
    settings = Training(steps, sequences, rate, warm_up=0, rates=CONSTANT)
    for step, loss in train(proxy.model, rows, settings, adam):
        told(step, loss)
        if step in marks:
            found[step * sequences * context] = losses(scorer, sets, reference)
    return found
