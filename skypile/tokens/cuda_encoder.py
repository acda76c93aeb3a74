"""A chunk of text to ids on a GPU: what `Encoder.load(device="cuda")` runs; the kernels are in `cuda_kernels`."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numba as nb
import numpy as np

from skypile.tokens.compiled_encoder import CompiledEncoder, chunk
from skypile.tokens.piece_model import PieceModel
from skypile.tokens.scanning import decode, pair_place

# Text encoded at once; 16 bytes of the GPU's memory a byte of it. As on the CPU; not tuned on a card.
CHUNK_BYTES = 16 << 20

CHECK_EVERY = 1  # of the vocabulary's pieces, in the check of a device: some 400 KB, 10 ms


class CudaEncoder:
    """Encodes on one GPU, and has the compiled encoder do the few segments that are too long for it.

    Args:
        model: the piece model.
        device: "cuda" or "cuda:1".
        options: of `CompiledEncoder`, whose segment table is copied to the GPU once, with the vocabulary's pieces.

    Raises:
        ImportError: numba-cuda is not installed.
        ValueError: there is no such device, or it gives other ids than the compiled encoder for pairs of the
            vocabulary's pieces: a fault of a driver or a card would else show in nothing.
    """

    chunk_bytes = CHUNK_BYTES

    def __init__(self, model: PieceModel, device: str, **options: Any):
        self._gpu = find_gpu(device)
        from numba import cuda

        from skypile.tokens import cuda_kernels

        self._cuda, self._kernels = cuda, cuda_kernels
        self._compiled = CompiledEncoder(model, **options)
        self.id_dtype = self._compiled.id_dtype
        tables = model.tables
        self._pair_bits = tables.pair_bits
        with self._gpu:
            arrays = (tables.pair_bits, tables.char_symbol, tables.merge_table.view(np.int64), tables.ranks)
            self._tables = (*map(cuda.to_device, arrays), tables.n_pieces, tables.byte_base)
            self._entries = cuda.to_device(self._compiled.known)
            self._found = cuda.to_device(np.zeros(2, np.int64))
        self._bytes = self._texts = 0  # that there is room for
        self._check(device, [model.in_text(piece).encode() for piece in model.pieces[::CHECK_EVERY]])

    def _check(self, device: str, pieces: list[bytes]) -> None:
        texts = chunk([one + other for one, other in zip(pieces, reversed(pieces), strict=True)])
        (ids, offsets), (expected, ends) = self.encode_chunk(*texts), self._compiled.encode_chunk(*texts)
        if not np.array_equal(ids, expected) or not np.array_equal(offsets, ends):
            raise ValueError(
                f'device="{device}": this GPU, with its driver and numba-cuda, gives other ids than the processor; '
                'use device="cpu", and report the versions of all three'
            )

    def _make_room(self, size: int, texts: int) -> None:
        """Have arrays on the device for so many bytes and texts, a quarter more than the largest chunk yet."""
        new = self._cuda.device_array
        if size > self._bytes:
            self._bytes = size + size // 4
            tiles = self._bytes // self._kernels.TILE_BYTES + 1
            ids = self._bytes * self._compiled.ids_a_byte
            self._words = new((self._bytes + self._kernels.READABLE) // 4 + 1, np.uint32)
            self._loose, self._tile_ids, self._ids = (new(ids, self.id_dtype) for _ in range(3))
            self._tile_counts, self._tile_starts = new(tiles, np.int32), new(tiles, np.int64)
            self._long_segments = new((2, self._bytes // self._kernels.SEGMENT_BYTES + 1), np.int64)
        if texts > self._texts:
            self._texts = texts + texts // 4
            self._text_starts, self._text_ids = (new(self._texts + 1, np.int64) for _ in range(2))

    def encode_chunk(self, buffer: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids and offsets (n + 1) of the texts that stand end to end in `buffer`, PADDING bytes behind them."""
        starts = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        total = int(starts[-1])
        if not total:
            return np.empty(0, self.id_dtype), starts
        with self._gpu:
            self._make_room(total, len(lengths))
            self._words.view(np.uint8)[:total].copy_to_device(buffer[:total])
            text_starts, text_ids = self._text_starts[: len(starts)], self._text_ids[: len(starts)]
            text_starts.copy_to_device(starts)
            kernels, size = self._kernels, self._compiled.ids_a_byte
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Grid size")  # Numba's, of few texts, that more would be faster
                shape = total // kernels.TILE_BYTES + 1, kernels.THREADS
                encode, gather = kernels.encode_tiles[shape], kernels.gather_tiles[shape]
            encode(
                self._words, text_starts, self._tables, self._entries, self.id_dtype.itemsize, size,
                self._loose, self._tile_ids, self._tile_counts, text_ids, self._long_segments, self._found,
            )  # fmt: skip
            gather(
                self._tile_ids,
                self._tile_counts,
                size,
                text_starts,
                self._ids,
                self._tile_starts,
                text_ids,
                self._found,
            )
            count, left_out = self._found.copy_to_host().tolist()
            ids = self._ids[:count].copy_to_host()
            offsets = text_ids.copy_to_host()
            if left_out:
                ids = self._add_long_segments(buffer, starts, left_out, ids, offsets)
        return ids, offsets

    def _add_long_segments(
        self, buffer: np.ndarray, text_starts: np.ndarray, count: int, ids: np.ndarray, offsets: np.ndarray
    ) -> np.ndarray:
        """Ids with those of the segments that the kernel left out, which raise offsets, too."""
        self._found.copy_to_device(np.zeros(2, np.int64))
        listed = self._long_segments.copy_to_host()[:, :count]
        starts, before = listed[:, np.argsort(listed[0])]
        places = self._tile_starts.copy_to_host()[starts // self._kernels.TILE_BYTES] + before
        text_ends = text_starts[np.searchsorted(text_starts, starts, side="right")]
        ends = segment_ends(buffer, starts, text_ends, self._pair_bits)
        new, bounds = self._compiled.encode_spans(buffer, starts, ends)
        offsets += bounds[np.searchsorted(starts, text_starts)]
        parts = np.split(ids, places)
        return np.concatenate(
            [parts[0], *(p for i in range(count) for p in (new[bounds[i] : bounds[i + 1]], parts[i + 1]))]
        )


def find_gpu(device: str) -> Any:
    """Numba's context manager of a GPU by its name, "cuda" or "cuda:1"."""
    kind, _, number = device.partition(":")
    if kind != "cuda" or (":" in device and not number.isdecimal()):
        raise ValueError(f'device="{device}" is none of "cpu", "cuda", "cuda:0", "cuda:1", …')
    if find_spec("numba_cuda") is None and not nb.config.ENABLE_CUDASIM:  # type: ignore[attr-defined]
        raise ImportError(f'device="{device}" needs numba-cuda: pip install "skypile[gpu]", or use device="cpu"')
    from numba import cuda

    if not cuda.is_available():
        raise ValueError(f'device="{device}": Numba finds no CUDA device here; use device="cpu"')
    if int(number or 0) >= len(cuda.gpus):
        raise ValueError(f'device="{device}": there are {len(cuda.gpus)} CUDA devices, numbered from 0')
    return cuda.gpus[int(number or 0)]


@nb.njit(cache=True, nogil=True)
def segment_ends(buffer, starts, text_ends, pair_bits):
    """End of the segment at each start, as the kernel cuts: by the pair filter alone."""
    ends = np.empty_like(starts)
    for i in range(len(starts)):
        previous, size = decode(buffer, starts[i])
        at = starts[i] + size
        while at < text_ends[i]:
            code, size = decode(buffer, at)
            place = pair_place(previous, code)
            if (pair_bits[place >> 3] >> (place & 7)) & 1 == 0:
                break
            previous = code
            at += size
        ends[i] = at
    return ends
