"""The transformer that a proxy is: Skywork-13B's architecture at any size.

A decoder as LLaMA has it (Touvron et al. 2023): RMSNorm before each sub-layer (Zhang and Sennrich 2019), rotary
positions (Su et al. 2021), a SwiGLU feed-forward (Shazeer 2020), no biases, no dropout, embeddings not tied to the
head. The report's Skywork-13B is the largest of `SIZES`; the others keep its proportions as far as that makes sense.
Modules have the names that Hugging Face's LLaMA gives them, so that its class loads these weights as they are; with
the same weights both give the same logits (within 1e-5 in float32).

Documents packed into one sequence see each other: as in the report's training, and most others', nothing is masked
but the future.

Needs the extra `[models]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from skypile.proxy.head_loss import head_loss

VOCABULARY_MULTIPLE = 64  # rows of the embedding: matrix units work on tiles, and 64 fits all of them


@dataclass(frozen=True)
class Shape:
    """How large a model is.

    Attributes:
        hidden: width of the residual stream.
        layers: blocks of attention and feed-forward.
        heads: attention heads, `hidden` / `heads` wide each.
        feed_forward: inner width of the SwiGLU.
        context: tokens in a training sequence. Nothing in the weights depends on it.
        vocabulary: rows of the embedding and of the head.
        theta: base of the rotary frequencies.
        epsilon: added to the mean square in RMSNorm.
    """

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    context: int
    vocabulary: int
    theta: float = 10_000.0
    epsilon: float = 1e-6

    def parameters(self) -> dict[str, int]:
        """Number of parameters by part.

        >>> sum(SIZES["skywork-13b"].parameters().values())
        13854269952
        """
        return {
            "embedding": self.vocabulary * self.hidden,
            "attention": self.layers * 4 * self.hidden**2,
            "feed-forward": self.layers * 3 * self.hidden * self.feed_forward,
            "norms": (2 * self.layers + 1) * self.hidden,
            "head": self.vocabulary * self.hidden,
        }

    def operations(self, length: int) -> float:
        """Floating-point operations that training on one token of a sequence of `length` takes.

        Two for each weight of a matrix and, over the half of the square that is not masked, four for each product of
        the attention, forward; twice as many backward (Kaplan et al. 2020; PaLM's appendix B).
        """
        parts = self.parameters()
        matrices = parts["attention"] + parts["feed-forward"] + parts["head"]
        return 6.0 * matrices + 6.0 * self.layers * self.hidden * length


# The vocabulary of the small ones is that of a compact vocabulary (see `compact_vocabulary`); a proxy's own takes its
# place. "125m" has the body of GPT-2's smallest.
SIZES = {
    "1m": Shape(hidden=64, layers=4, heads=2, feed_forward=176, context=256, vocabulary=8_192),
    "6m": Shape(hidden=192, layers=8, heads=3, feed_forward=512, context=256, vocabulary=8_192),
    "30m": Shape(hidden=512, layers=8, heads=8, feed_forward=1_376, context=512, vocabulary=8_192),
    "125m": Shape(hidden=768, layers=12, heads=12, feed_forward=2_048, context=1_024, vocabulary=26_112),
    "skywork-13b": Shape(hidden=4_608, layers=52, heads=36, feed_forward=12_288, context=4_096, vocabulary=65_536),
}

# The report's, at its width. A smaller model gets as much more as its matrices have fewer inputs, so that what a
# layer adds to the stream is as large in all of them.
INIT_STD, INIT_HIDDEN = 0.01, 4_608


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.heads = shape.heads
        self.q_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.o_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
        batch, length, hidden = x.shape
        query, key, value = (
            project(x).view(batch, length, self.heads, -1).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = rotated(query, cosine, sine), rotated(key, cosine, sine)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.o_proj(seen.transpose(1, 2).reshape(batch, length, hidden))


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.down_proj = nn.Linear(shape.feed_forward, shape.hidden, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """Attention, then feed-forward, each added to what came in."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.hidden, shape.epsilon)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden, shape.epsilon)
        self.mlp = FeedForward(shape)

    def forward(self, x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    """All of the model below its head."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.hidden)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden, shape.epsilon)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed_tokens(ids)
        cosine, sine = rotation(self.shape, ids.shape[1], ids.device)
        for layer in self.layers:
            x = layer(x, cosine, sine)
        return self.norm(x)


class Transformer(nn.Module):
    """The model; make one with `build`."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        self.lm_head = nn.Linear(shape.hidden, shape.vocabulary, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of the token after each: int64 (batch, length) -> (batch, length, vocabulary)."""
        return self.lm_head(self.model(ids))

    def losses(self, ids: torch.Tensor) -> torch.Tensor:
        """-ln p of each token but the first, given those before it: (batch, length) -> float32 (batch, length - 1)."""
        logits = self(ids[:, :-1])
        flat = functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none")
        return flat.view(len(ids), -1)

    def mean_loss(self, ids: torch.Tensor) -> torch.Tensor:
        """The mean of `losses`, to train on: its logits are never held all at once."""
        hidden = self.model(ids[:, :-1]).flatten(0, 1)
        return head_loss(hidden, self.lm_head.weight, ids[:, 1:].flatten())


def rotation(shape: Shape, length: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of the angles of each place: float32 (length, half a head), position * theta^(-i / half)."""
    half = shape.hidden // shape.heads // 2
    frequencies = shape.theta ** -(torch.arange(half, dtype=torch.float32, device=device) / half)
    angles = torch.outer(torch.arange(length, dtype=torch.float32, device=device), frequencies)
    return angles.cos(), angles.sin()


def rotated(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Turn component i of each head together with component i + half, as LLaMA's published weights expect."""
    cosine, sine = cosine.to(x.dtype), sine.to(x.dtype)
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cosine - right * sine, right * cosine + left * sine), dim=-1)


def build(shape: Shape, seed: int, device: str = "cpu") -> Transformer:
    """A new model. Its weights depend on the shape and the seed alone: they are drawn on the CPU, whatever the device.

    Norms start at one, all else is normal. device="meta" gives a model without memory, to count or to load into.

    Raises:
        ValueError: `hidden` cannot be cut into that many heads of even width.
    """
    if shape.hidden % (2 * shape.heads):
        raise ValueError(f"hidden={shape.hidden} is no even multiple of heads={shape.heads}: positions turn pairs")
    with torch.device("meta"):
        model = Transformer(shape)
    if device == "meta":
        return model
    model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    std = INIT_STD * (INIT_HIDDEN / shape.hidden) ** 0.5
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() == 1:
                weights.fill_(1.0)
            else:
                weights.normal_(0.0, std, generator=generator)
    return model.to(device)


def has_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 in hardware: elsewhere it would be slower than float32, and less exact."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


@contextmanager
def precision(device: str, bfloat16: bool) -> Iterator[None]:
    """In the block, matrices are multiplied in bfloat16 (weights, sums and norms stay float32), or all in float32."""
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bfloat16):
        yield
