"""The loss of a linear head and its gradients, a block of tokens at a time.

A small model is nearly all head: 2,048 tokens over 8,192 pieces make 67 MB of float32 logits, which the usual
cross-entropy writes and reads six times, forward and backward. Here a block's logits are turned into its loss and its
gradients while they lie in the cache, and thrown away; no more than one block ever exists (as in Wijmans et al., "Cut
Your Losses in Large-Vocabulary Language Models", 2024). Chances are kept as products are, in bfloat16 where these are:
the gradients go through it in any case, and one softmax over a block is all that is computed elementwise.

Needs the extra `[models]`.
"""

from __future__ import annotations

from typing import Any

import torch

# Bytes of logits at once. On a CPU the 1m trained on 14,900, 16,400, 17,800, 18,000 and 14,600 tokens a second and core
# in bfloat16 with 0.5, 1, 2, 4 and 8 MB, and fastest with 2 MB in float32. A GPU wants more to do at a time.
BLOCK_CPU, BLOCK_GPU = 1 << 21, 1 << 29

LEAST = torch.finfo(torch.float32).tiny  # a chance below it, in a model that went astray, is told as 87 nats


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        device = hidden.device.type
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        matrix = weight.to(low)
        rows = max(1, (BLOCK_CPU if device == "cpu" else BLOCK_GPU) // (len(weight) * low.itemsize))
        total = hidden.new_zeros((), dtype=torch.float32)
        hidden_gradient, weight_gradient = torch.empty_like(hidden), torch.zeros_like(weight)
        with torch.autocast(device, enabled=False):  # it would take each softmax to float32 and back
            for first in range(0, len(hidden), rows):
                x, wanted = hidden[first : first + rows].to(low), targets[first : first + rows, None]
                chances = torch.softmax(x @ matrix.T, -1)
                right = chances.gather(1, wanted)
                total -= right.float().clamp_min(LEAST).log().sum()
                slope = chances.scatter_(1, wanted, right - 1)  # the gradient by the logits
                hidden_gradient[first : first + rows] = slope @ matrix
                weight_gradient += slope.T @ x
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        ctx.tokens = len(hidden)
        return total / len(hidden)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        scale = gradients[0] / ctx.tokens
        return hidden_gradient * scale, weight_gradient * scale, None


def head_loss(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean of -ln softmax(hidden @ weight.T)[target]: (n, d), (pieces, d), int64 (n,) -> a float32 number.

    Products are in the precision that autocast asks for, all else in float32.
    """
    return _HeadLoss.apply(hidden, weight, targets)
