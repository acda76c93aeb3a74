"""The proxy's part of `gpu_check`: the same losses on the device, and tokens a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.gpu_check import Row, Setting

# By the data sheet, dense bfloat16 without sparsity, TFLOP/s.
PEAKS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "A800": 312.0, "L40S": 362.0, "4090": 165.0}


def batches(setting: Setting, vocabulary: int, length: int, tokens: int) -> np.ndarray:
    """Sequences of compact ids of the texts, int64 (n, length + 1), repeated where there are too few."""
    from skypile.proxy.compact_vocabulary import compact, count
    from skypile.tokens.encoder import Encoder
    from skypile.tokens.packing import append_end_of_document

    encoder = Encoder.load()
    texts = [text for pair in zip(*setting.texts.values(), strict=False) for text in pair]
    stream = append_end_of_document(*encoder.encode_batch(texts[:50_000]), encoder.model.end_of_sentence)
    small = compact(encoder.model, count([stream], len(encoder)), 1, vocabulary)
    spelled = small.spell(stream)
    need = tokens // length + 1
    return np.resize(spelled, (need, length + 1)).astype(np.int64)


def forward(setting: Setting) -> Iterator[Row]:
    """Losses of one model, the same weights, on the CPU and on the device, in float32 and in bfloat16."""
    import torch

    from skypile.proxy.model import SIZES, build, precision

    for size in ("1m", "6m"):
        shape = SIZES[size]
        ids = torch.from_numpy(batches(setting, shape.vocabulary, shape.context, 16 * shape.context)[:16])
        with torch.no_grad():
            here = build(shape, 0).losses(ids)
            model = build(shape, 0, setting.device)
            there = model.losses(ids.to(setting.device))
            with precision(setting.device, True):
                low = model.losses(ids.to(setting.device))
        most = (there.cpu() - here).abs().max()
        yield f"{size}, loss of each token, float32", f"within {most:.1e} of the CPU's", f"of {here.numel():,} tokens"
        most, mean = (low - there).abs().max(), (low.mean() - there.mean()).abs()
        yield f"{size}, bfloat16 against float32", f"mean within {mean:.1e}", f"each token within {most:.1e}"


def speeds(setting: Setting) -> Iterator[Row]:
    """Whole training steps: forward, backward, clipping, AdamW; bfloat16, and float32 for the same losses."""
    from skypile.proxy.model import SIZES

    plans = {"1m": (512, 60), "6m": (512, 60), "125m": (32, 40)} if not setting.quick else {"1m": (4, 3), "6m": (2, 3)}
    for size, (sequences, steps) in plans.items():
        data = batches(setting, SIZES[size].vocabulary, SIZES[size].context, sequences * steps * SIZES[size].context)
        for bfloat16 in (True, False):
            yield trained(setting.device, size, data, sequences, steps, bfloat16)


def compiled(setting: Setting) -> Iterator[Row]:
    """The largest once more through torch.compile."""
    if setting.quick:
        yield "125m, torch.compile", "skipped", "--quick"
        return
    from skypile.proxy.model import SIZES

    shape = SIZES["125m"]
    data = batches(setting, shape.vocabulary, shape.context, 32 * 40 * shape.context)
    yield trained(setting.device, "125m", data, 32, 40, True, compile_it=True)


def trained(
    device: str, size: str, data: np.ndarray, sequences: int, steps: int, bfloat16: bool, compile_it: bool = False
) -> Row:
    """Train for some steps; the first third is not timed."""
    import torch

    from skypile.proxy.model import SIZES, build
    from skypile.proxy.training import Training, optimizer, update

    shape = SIZES[size]
    ids = torch.from_numpy(data).to(device)
    model = build(shape, 0, device)
    adam = optimizer(model)
    plan = Training(steps, sequences, 1e-3, warm_up=steps // 6)
    if compile_it:
        model.model.compile()  # the head has its own loop
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    losses, began, first = [], 0.0, steps // 3
    for step in range(steps):
        if step == first:
            if cuda:
                torch.cuda.synchronize()
            began = time.perf_counter()
        batch = ids[torch.from_numpy(plan.chosen(step, len(ids))).to(device)]
        losses.append(update(model, adam, batch, plan.rate(step), bfloat16))
    if cuda:
        torch.cuda.synchronize()
    speed = (steps - first) * sequences * shape.context / (time.perf_counter() - began)
    done = speed * shape.operations(shape.context) / 1e12
    name = torch.cuda.get_device_name() if cuda else ""
    peak = next((value for card, value in PEAKS.items() if card in name), None)
    share = f", {done / peak:.1%} of {peak:.0f}" if peak and bfloat16 else ""
    memory = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if cuda else ""
    kind = ("bfloat16" if bfloat16 else "float32") + (", torch.compile" if compile_it else "")
    fall = f"loss {losses[0]:.3f} to {losses[-1]:.3f} in {steps} steps"
    return (
        f"{size} ({sum(shape.parameters().values()) / 1e6:.1f}M), training, {kind}",
        f"{speed:,.0f} tokens/s",
        f"{done:.1f} TFLOP/s{share}; {fall} of {sequences} x {shape.context}{memory}",
    )
