"""Texts as ids and offsets, from strings and from token shards."""

from collections.abc import Iterator, Sequence

import numpy as np

from skypile.proxy.ngram.counting import Texts

# Ids of a shard handed on at once.
_PIECE = 1 << 24


def characters(texts: Sequence[str]) -> Texts:
    """The code points of texts, uint32, and offsets [texts + 1].

    >>> characters(["ab", "", "中"])
    (array([   97,    98, 20013], dtype=uint32), array([0, 2, 2, 3]))
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    ids = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4")
    return ids, np.concatenate([[0], np.cumsum(lengths)])


def cut(ids: np.ndarray, end: int) -> Iterator[Texts]:
    """The texts in a stream of ids, each closed by id `end`, which is left out; in batches.

    `ids` may be mapped from a file (`megatron.open_indexed(prefix).tokens`). What follows the last `end` is a text too;
    texts of no ids, as the padding of a shard's last sequence would give, are none.
    """
    carried = np.empty(0, ids.dtype)
    for first in range(0, len(ids), _PIECE):
        piece = np.concatenate([carried, ids[first : first + _PIECE]])
        if first + _PIECE >= len(ids):
            piece = np.append(piece, np.array([end], ids.dtype))
        ends = np.flatnonzero(piece == end)
        if not len(ends):
            carried = piece
            continue
        carried = piece[ends[-1] + 1 :]
        piece = piece[: ends[-1] + 1]
        lengths = np.diff(ends, prepend=-1) - 1
        lengths = lengths[lengths > 0]
        yield piece[piece != end], np.concatenate([[0], np.cumsum(lengths)])
