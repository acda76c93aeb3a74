"""A chunk of text to ids in one compiled loop: what `Encoder` runs on a CPU."""

from __future__ import annotations

import numpy as np

from skypile.tokens.kernels import NEW_WORDS, PADDING, SET_WORDS, SLACK, encode_texts, length_masks
from skypile.tokens.piece_model import NORMAL, SPACE, PieceModel, id_type

# 8 MB. Nanoseconds a segment on web text seen before, Chinese and English: 2**15 sets 37 and 20, 2**16 29 and 15,
# 2**17 23 and 12, 2**18 25 and 12.
TABLE_SETS = 1 << 17

# Text encoded by one call into the compiled loop. Buffers take at most 12 bytes a byte of text, mostly untouched.
CHUNK_BYTES = 16 << 20


class CompiledEncoder:
    """Looks segments up in a table of bounded size, joins what it has not seen, and remembers it.

    Args:
        model: the piece model.
        table_sets: size of the table, a power of two; 64 bytes each.
    """

    chunk_bytes = CHUNK_BYTES

    def __init__(self, model: PieceModel, table_sets: int = TABLE_SETS):
        if table_sets < 1 or table_sets & (table_sets - 1):
            raise ValueError(f"table_sets={table_sets} must be a power of two")
        self.id_dtype = id_type(len(model))
        self._tables = model.tables
        self._entries = aligned_zeros(table_sets * SET_WORDS + NEW_WORDS)
        self._masks = length_masks()
        self.ids_a_byte = 1 if model.tables.char_symbol[SPACE] < len(model) else 3
        # Most segments of a new text are pieces by themselves: 77 % in Chinese, 81 % in English.
        normal = [piece for piece, kind in zip(model.pieces, model.types, strict=True) if kind == NORMAL]
        self.encode_chunk(*chunk([model.in_text(piece).encode() for piece in normal]))

    def encode_chunk(self, buffer: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids and offsets (n + 1) of the texts that stand end to end in `buffer`, PADDING bytes behind them."""
        ends = np.cumsum(lengths)
        return self.encode_spans(buffer, ends - lengths, ends)

    def encode_spans(self, buffer: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same of the texts buffer[starts[i]:ends[i]]."""
        lengths = ends - starts
        width = self.id_dtype.itemsize
        total = int(lengths.sum())
        out = np.empty(width * self.ids_a_byte * total + SLACK, np.uint8)
        new_ids = np.empty(self.ids_a_byte * int(lengths.max(initial=0)), np.int32)
        offsets = np.empty(len(lengths) + 1, np.int64)
        encode_texts(buffer, starts, ends, self._tables, self._masks, self._entries, new_ids, width, out, offsets)
        out.resize(width * int(offsets[-1]), refcheck=False)  # gives back what was never touched, without a copy
        return out.view(self.id_dtype), offsets

    @property
    def known(self) -> np.ndarray:
        """The segment table, int64 [table_sets * SET_WORDS], as it stands now."""
        return self._entries[:-NEW_WORDS]


def chunk(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Texts end to end, PADDING bytes behind them, and their lengths: what `encode_chunk` takes."""
    return np.frombuffer(b"".join([*texts, b"\0" * PADDING]), np.uint8), np.array(
        [len(text) for text in texts], np.int64
    )


def aligned_zeros(count: int) -> np.ndarray:
    """int64 [count] that starts at a cache line: the table's sets, a line each, would else lie across two."""
    memory = np.zeros(8 * count + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 8 * count].view(np.int64)
