"""What a proxy lost on held-out text in the course of its training: domain by domain, state by state.

States are those that `skypile proxy train --keep` leaves. The losses of the batches (`losses.jsonl`) say how training
went; these say what it taught, and of which domain most.

Needs the extra `[models]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from skypile.errors import Refused
from skypile.proxy import checkpoint
from skypile.proxy.folder import PROXY, open_proxy
from skypile.proxy.losses import Loss, losses
from skypile.proxy.scoring import ProxyScorer
from skypile.proxy.validation import Validation


def curve(
    folder: str | Path,
    sets: Sequence[Validation],
    reference: Callable[[Sequence[str]], int],
    device: str = "cpu",
    told: Callable[[int, int], None] = lambda done, of: None,
) -> dict[int, list[Loss]]:
    """Losses of every state, by the tokens that it was trained on, ascending.

    Args:
        folder: of a proxy.
        sets, reference: see `losses.losses`.
        told: called with the number of states that are scored, and of all.

    Raises:
        Refused: no proxy, or fewer than two states: a curve has two points at least.
    """
    folder = Path(folder)
    if not (folder / PROXY).exists():
        raise Refused(f"{folder} holds no {PROXY}: it is no folder that `skypile proxy train` wrote for a transformer")
    states = checkpoint.steps(folder)
    if len(states) < 2:
        raise Refused(f"{folder} holds {len(states)} states: train with --keep, and --every below the number of steps")
    sequences = json.loads((folder / PROXY).read_text())["settings"]["sequences"]
    found = {}
    for step, state in states.items():
        proxy = open_proxy(state, device)
        found[step * sequences * proxy.model.shape.context] = losses(ProxyScorer(proxy), sets, reference)
        told(len(found), len(states))
    return found
