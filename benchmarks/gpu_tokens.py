"""The tokens' part of `gpu_check`: the kernels' ids are the compiled encoder's, and how fast both are."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import cycle
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tokenize_stress import random_text
from skypile.tokens.compiled_encoder import chunk
from skypile.tokens.encoder import Encoder

if TYPE_CHECKING:
    from benchmarks.gpu_check import Row, Setting


def same_ids(setting: Setting) -> Iterator[Row]:
    """Ids on the device against the compiled encoder's, text by text."""
    if not setting.device.startswith("cuda"):
        yield "token ids", "skipped", "the kernels run on a GPU only"
        return
    compiled, kernels = Encoder.load(), Encoder.load(device=setting.device)
    chance = random.Random(1)
    pieces = [piece for piece in compiled.model.pieces[259:] if piece]
    odd = [random_text(chance, pieces) for _ in range(200 if setting.quick else 20_000)]
    odd += ["", " ", "ab" * 100, "=" * 5000, "\U0010ffff" * 90, "的" * 500, "\0a\0"]
    for name, texts in {"odd and random texts": odd, **setting.texts}.items():
        (ids, ends), (other_ids, other_ends) = compiled.encode_batch(texts), kernels.encode_batch(texts)
        same = sum(
            (ids[a:b].tolist() == other_ids[c:d].tolist())
            for a, b, c, d in zip(ends[:-1], ends[1:], other_ends[:-1], other_ends[1:], strict=True)
        )
        yield f"ids equal to the CPU's: {name}", f"{same:,} of {len(texts):,} texts", f"{len(ids):,} tokens"


def devices(setting: Setting) -> list[tuple[str, str]]:
    """What the encoder is timed on: a label, and its device."""
    kernels = [(f"kernels on {setting.device}", setting.device)] if setting.device.startswith("cuda") else []
    return [("compiled, one core", "cpu"), *kernels]


def speeds(setting: Setting) -> Iterator[Row]:
    """Text in, ids out: a half is encoded to warm up, the other, unseen, is timed; twice, with the halves swapped."""
    for name, texts in setting.texts.items():
        for label, device in devices(setting):
            found: list[float] = []
            first: list[float] = []
            for warm, unseen in ((texts[::2], texts[1::2]), (texts[1::2], texts[::2])):
                encoder = Encoder.load(device=device)
                for part, into in ((warm, first), (unseen, found)):
                    size = sum(len(text.encode()) for text in part) / 1e6
                    began = time.perf_counter()
                    encoder.encode_batch(part)
                    into.append(size / (time.perf_counter() - began))
            told = " and ".join(f"{speed:.0f}" for speed in found)
            yield f"tokens, {name}, {label}", f"{told} MB/s", f"while warming up {first[0]:.0f}; {size:.1f} MB a half"


def chunk_sizes(setting: Setting) -> Iterator[Row]:
    """Bytes in, ids out: chunks of several sizes, their text seen before; the median of seven."""
    for name, texts in setting.texts.items():
        for label, device in devices(setting):
            encoder = Encoder.load(device=device)._chunks
            for megabytes in (1, 4) if setting.quick else (4, 16, 64):
                buffer, lengths = chunk_of(texts, megabytes << 20)
                seconds = []
                for _ in range(8):
                    began = time.perf_counter()
                    encoder.encode_chunk(buffer, lengths)
                    seconds.append(time.perf_counter() - began)
                middle = median(seconds[1:])
                what = f"tokens, {name}, {label}, {megabytes} MB of bytes at once"
                yield what, f"{lengths.sum() / middle / 1e6:.0f} MB/s", f"{1e3 * middle:.1f} ms"


def chunk_of(texts: list[str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts over and over until they have so many bytes, as `encode_chunk` takes them."""
    written: list[bytes] = []
    for text in cycle(texts):
        written.append(b" " + text.encode())
        size -= len(written[-1])
        if size <= 0:
            return chunk(written)
    raise ValueError("no texts")
