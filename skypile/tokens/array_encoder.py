"""The encoder's method as array operations in PyTorch, for a GPU.

UTF-8 bytes -> code points -> which neighbours stand side by side in some piece -> segments -> 64-bit
hashes -> search in the sorted table of known segments -> (all unknown segments at once) repeated joining
of each one's best pair -> gather. Every step is a scan, sort, search or gather over the whole batch; the
same lines run on "cpu" and on "cuda". The ids are SentencePiece's, as from the compiled encoder.

A hash only proposes: the segment found is compared with the text code point by code point, and one
that differs is joined anew, so a collision costs time and never a wrong id. The table of known segments
is bounded; when full it starts again from the vocabulary's pieces.

On a CPU 12 MB/s (English) and 18 MB/s (Chinese) on one core, where the compiled loop is ten to thirty times faster. On
an H200 93 and 75 MB/s, where the compiled loop on one core of the same machine has 195 and 101 (`make gpu-check`): the
card waits for launches and transfers. Use it where the cores have other work.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.tokens.compiled_encoder import CompiledEncoder
from skypile.tokens.kernels import PADDING
from skypile.tokens.piece_model import EMPTY, PAIR_BITS, SYMBOL_BITS, SYMBOL_MASK, PieceModel, id_type

# Longer segments (a megabyte of "====") go to the compiled encoder: joining one pair a round over arrays
# would take as many rounds as symbols.
MAX_SYMBOLS = 64

# Text worked on at once. A dozen int64 values a character live at the same time: below 1 GB in all.
CHUNK_BYTES = 8 << 20

# Known segments kept, 83 bytes each with their code points and ids.
MAX_KNOWN = 1 << 20

_NONE = (1 << 62) - 1  # rank << 32 | symbol where no join is possible; above every real one


class ArrayEncoder:
    """A chunk of text to ids in PyTorch on `device`; `Encoder.load(device="cuda")` makes an encoder with it.

    Args:
        model: the piece model.
        device: a PyTorch device name.
        max_known: bound on the table of known segments.
    """

    chunk_bytes = CHUNK_BYTES

    def __init__(self, model: PieceModel, device: str, max_known: int = MAX_KNOWN):
        try:
            import torch
        except ImportError:
            raise ImportError(
                f'device="{device}" needs PyTorch: pip install "skypile[models]", or use device="cpu"'
            ) from None
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError(f'device="{device}": this PyTorch finds no CUDA device; use device="cpu"')
        self._torch: Any = torch
        self.id_dtype = id_type(len(model))
        self.device = torch.device(device)
        self._alone = CompiledEncoder(model, table_sets=1 << 10)
        self._tables = tables = model.tables
        self._joins = self._tensor(np.unpackbits(tables.pair_bits, bitorder="little").astype(bool))
        self._char_symbol = self._tensor(tables.char_symbol)
        rows = np.sort(tables.merge_table[tables.merge_table != EMPTY]).astype(np.int64)
        joined = rows & SYMBOL_MASK
        self._merge_keys = self._tensor(rows >> SYMBOL_BITS)
        self._merge_values = self._tensor((tables.ranks[joined].astype(np.int64) << 32) | joined)
        self._max_known = max_known
        self._known: dict[str, Any] | None = None
        self._start: dict[str, Any] | None = None

    def remember_start(self) -> None:
        """What is known now is what a full table starts from again."""
        self._start = self._known

    def _tensor(self, array: np.ndarray) -> Any:
        return self._torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def encode_chunk(self, buffer: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        if not offsets[-1]:
            return np.empty(0, self.id_dtype), offsets
        codes, text_starts = self._code_points(self._tensor(buffer[: offsets[-1]].copy()), self._tensor(offsets))
        starts, sizes = self._segments(codes, text_starts)
        hashes = self._hashes(codes, starts, sizes)
        for table in (self._known, self._start, None):  # a full table starts again, from the pieces if they fit
            self._known = table
            row = self._look_up(codes, starts, sizes, hashes)
            unknown = self._distinct_unknown(hashes, sizes, row)
            if len(unknown) + (0 if table is None else len(table["hashes"])) <= self._max_known:
                break
        if len(unknown):
            self._learn(codes, starts, sizes, hashes, unknown)
            row = self._look_up(codes, starts, sizes, hashes)
        ids, id_starts = self._gather(codes, starts, sizes, row)
        first_segment = self._torch.searchsorted(starts, text_starts)
        return ids, id_starts[first_segment].cpu().numpy()

    def _code_points(self, buffer: Any, offsets: Any) -> tuple[Any, Any]:
        """Decode UTF-8. Returns int64 code points (U+2581 as the space) and each text's first (n + 1)."""
        torch = self._torch
        lead = (buffer & 0xC0) != 0x80
        at = torch.nonzero(lead).squeeze(1)
        first = buffer[at].long()
        size = 1 + (first >= 0xC0).long() + (first >= 0xE0).long() + (first >= 0xF0).long()
        codes = torch.where(size == 1, first, first & (0xFF >> (size + 1)))
        padded = torch.nn.functional.pad(buffer, (0, 3))
        for step in (1, 2, 3):
            follows = (padded[at + step] & 0x3F).long()
            codes = torch.where(size > step, (codes << 6) | follows, codes)
        codes = torch.where(codes == 0x2581, 0x20, codes)
        before = torch.nn.functional.pad(torch.cumsum(lead.long(), 0), (1, 0))
        return codes, before[offsets]

    def _segments(self, codes: Any, text_starts: Any) -> tuple[Any, Any]:
        """Starts and lengths, in code points, of the segments between safe cuts and text bounds."""
        torch = self._torch
        mixed = codes[:-1] * 0x9E3779B1 + codes[1:] * 0x85EBCA77  # below 2**53, as in piece_model.pair_slot
        begins = torch.ones(len(codes), dtype=torch.bool, device=self.device)
        begins[1:] = ~self._joins[(mixed >> 9) & ((1 << PAIR_BITS) - 1)]
        begins[text_starts[text_starts < len(codes)]] = True
        starts = torch.nonzero(begins).squeeze(1)
        return starts, torch.diff(starts, append=starts.new_tensor([len(codes)]))

    def _hashes(self, codes: Any, starts: Any, lengths: Any) -> Any:
        """64-bit hash of each segment: a sum of mixed (code point, place), by differences of one running sum."""
        torch = self._torch
        place = torch.arange(len(codes), device=self.device) - torch.repeat_interleave(starts, lengths)
        mixed = (codes + (place + 1) * 0x110000) * -7046029254386353131
        mixed = (mixed ^ (mixed >> 29)) * -4417276706812531889
        mixed = mixed ^ (mixed >> 32)
        running = torch.nn.functional.pad(torch.cumsum(mixed, 0), (1, 0))
        return running[starts + lengths] - running[starts]

    def _look_up(self, codes: Any, starts: Any, lengths: Any, hashes: Any) -> Any:
        """Row of each segment in the table of known ones; -1 where it is unknown or the hash lied."""
        torch = self._torch
        known = self._known
        if known is None:
            return torch.full_like(hashes, -1)
        row = torch.searchsorted(known["hashes"], hashes).clamp_(max=len(known["hashes"]) - 1)
        same = (known["hashes"][row] == hashes) & (known["lengths"][row] == lengths)
        row = torch.where(same, row, -1)
        place, owner = self._spread(torch.where(same, lengths, 0))
        differs = codes[starts[owner] + place] != known["codes"][known["starts"][row[owner]] + place]
        row[owner[differs]] = -1
        return row

    def _spread(self, counts: Any) -> tuple[Any, Any]:
        """For counts [2, 0, 3]: places [0, 1, 0, 1, 2] and owners [0, 0, 2, 2, 2]."""
        torch = self._torch
        owner = torch.repeat_interleave(torch.arange(len(counts), device=self.device), counts)
        firsts = torch.cumsum(counts, 0) - counts
        return torch.arange(len(owner), device=self.device) - firsts[owner], owner

    def _distinct_unknown(self, hashes: Any, lengths: Any, row: Any) -> Any:
        """One segment for each hash that is not in the table; at most as many as the table may hold."""
        torch = self._torch
        unknown = torch.nonzero((row < 0) & (lengths <= MAX_SYMBOLS)).squeeze(1)
        order = unknown[torch.argsort(hashes[unknown], stable=True)]
        fresh = torch.ones(len(order), dtype=torch.bool, device=self.device)
        fresh[1:] = hashes[order[1:]] != hashes[order[:-1]]
        return order[fresh][: self._max_known]

    def _learn(self, codes: Any, starts: Any, lengths: Any, hashes: Any, chosen: Any) -> None:
        """Join the chosen segments and put them into the table of known ones."""
        torch = self._torch
        place, owner = self._spread(lengths[chosen])
        text = codes[starts[chosen][owner] + place]
        ids, counts = self._join(text, lengths[chosen])
        new = {
            "hashes": hashes[chosen],
            "lengths": lengths[chosen],
            "counts": counts,
            "codes": text,
            "ids": ids,
        }
        old = self._known
        self._known = self._sorted(new if old is None else {k: torch.cat([old[k], new[k]]) for k in new})

    def _sorted(self, table: dict[str, Any]) -> dict[str, Any]:
        """Order a table by hash, its code points and ids staying where they are, and drop repeated hashes."""
        torch = self._torch
        hashes, order = torch.sort(table["hashes"], stable=True)
        keep = torch.ones(len(hashes), dtype=torch.bool, device=self.device)
        keep[1:] = hashes[1:] != hashes[:-1]
        order = order[keep]
        starts = torch.cumsum(table["lengths"], 0) - table["lengths"]
        id_starts = torch.cumsum(table["counts"], 0) - table["counts"]
        return {"hashes": hashes[keep]} | self._compact(table, order, starts, id_starts)

    def _compact(self, table: dict[str, Any], order: Any, starts: Any, id_starts: Any) -> dict[str, Any]:
        torch = self._torch
        lengths, counts = table["lengths"][order], table["counts"][order]
        place, owner = self._spread(lengths)
        codes = table["codes"][starts[order][owner] + place]
        place, owner = self._spread(counts)
        ids = table["ids"][id_starts[order][owner] + place]
        return {
            "lengths": lengths,
            "counts": counts,
            "codes": codes,
            "ids": ids,
            "starts": torch.cumsum(lengths, 0) - lengths,
            "id_starts": torch.cumsum(counts, 0) - counts,
        }

    def _join(self, codes: Any, lengths: Any) -> tuple[Any, Any]:
        """Join all segments at once, each one's best (then leftmost) pair a round; ids and counts of ids."""
        torch = self._torch
        symbols = self._char_symbol[codes].long()
        owner = torch.repeat_interleave(torch.arange(len(lengths), device=self.device), lengths)
        spans = codes.clone()  # code point of symbols that end up as bytes; others never look at it
        while len(symbols) > 1:
            value = self._pair_values(symbols, owner)
            rank = value >> 32
            best = torch.full((len(lengths),), _NONE >> 32, device=self.device)
            best = best.scatter_reduce(0, owner[:-1], rank, "amin")
            is_best = (rank == best[owner[:-1]]) & (value != _NONE)
            if not is_best.any():
                break
            at = torch.arange(len(rank), device=self.device)
            leftmost = torch.full((len(lengths),), len(symbols), device=self.device)
            leftmost = leftmost.scatter_reduce(0, owner[:-1][is_best], at[is_best], "amin")
            chosen = leftmost[leftmost < len(symbols)]
            symbols[chosen] = value[chosen] & 0xFFFFFFFF
            keep = torch.ones(len(symbols), dtype=torch.bool, device=self.device)
            keep[chosen + 1] = False
            symbols, owner, spans = symbols[keep], owner[keep], spans[keep]
        return self._emit(symbols, spans, owner, len(lengths))

    def _pair_values(self, symbols: Any, owner: Any) -> Any:
        """rank << 32 | joined symbol of every two neighbours; _NONE where they do not join."""
        torch = self._torch
        left, right = symbols[:-1], symbols[1:]
        key = (left << SYMBOL_BITS) | right
        found = torch.searchsorted(self._merge_keys, key).clamp_(max=len(self._merge_keys) - 1)
        valid = (self._merge_keys[found] == key) & (owner[:-1] == owner[1:])
        return torch.where(valid, self._merge_values[found], _NONE)

    def _emit(self, symbols: Any, codes: Any, owner: Any, segments: int) -> tuple[Any, Any]:
        """Ids of symbols: themselves, or the UTF-8 bytes of characters that are no piece."""
        torch = self._torch
        tables = self._tables
        is_piece = symbols < tables.n_pieces
        codes = torch.where(codes == 0x20, 0x2581, codes)  # only reached where the model has no such piece
        size = 1 + (codes >= 0x80).long() + (codes >= 0x800).long() + (codes >= 0x10000).long()
        count = torch.where(is_piece, 1, size)
        place, source = self._spread(count)
        code, width = codes[source], size[source]
        byte = (code >> (6 * (width - 1 - place))) & 0x3F | 0x80
        lead = (code >> (6 * (width - 1))) | torch.tensor([0, 0, 0xC0, 0xE0, 0xF0], device=self.device)[width]
        byte = torch.where(place == 0, torch.where(width == 1, code, lead), byte)
        ids = torch.where(is_piece[source], symbols[source], tables.byte_base + byte)
        counts = torch.zeros(segments, dtype=torch.long, device=self.device).index_add_(0, owner, count)
        return ids, counts

    def _gather(self, codes: Any, starts: Any, lengths: Any, row: Any) -> tuple[np.ndarray, Any]:
        """Ids of all segments in order, and where each segment's begin (n + 1)."""
        torch = self._torch
        known = self._known
        counts = torch.zeros_like(row) if known is None else torch.where(row >= 0, known["counts"][row], 0)
        rest = torch.nonzero(row < 0).squeeze(1).tolist()
        encoded = [self._encode_alone(codes, int(starts[i]), int(lengths[i])) for i in rest]
        for i, ids in zip(rest, encoded, strict=True):
            counts[i] = len(ids)
        id_starts = torch.nn.functional.pad(torch.cumsum(counts, 0), (1, 0))
        out = torch.zeros(int(id_starts[-1]), dtype=torch.long, device=self.device)
        if known is not None:
            found = torch.nonzero(row >= 0).squeeze(1)
            place, owner = self._spread(counts[found])
            out[id_starts[found][owner] + place] = known["ids"][known["id_starts"][row[found]][owner] + place]
        result = out.cpu().numpy().astype(self.id_dtype)
        for i, ids in zip(rest, encoded, strict=True):
            result[int(id_starts[i]) : int(id_starts[i]) + len(ids)] = ids
        return result, id_starts

    def _encode_alone(self, codes: Any, start: int, length: int) -> np.ndarray:
        """One segment by the compiled encoder: a very long one, or one whose hash met another's."""
        text = "".join(map(chr, codes[start : start + length].tolist()))
        data = text.encode()
        buffer = np.frombuffer(data + b"\0" * PADDING, np.uint8)
        return self._alone.encode_chunk(buffer, np.array([len(data)]))[0]
