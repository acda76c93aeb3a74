"""Documents to sequences of equal length.

A shard is one stream of tokens: every document followed by one end-of-document id, cut every
`sequence_length` tokens. Where a document stands is therefore arithmetic: token p of the stream is token
p % sequence_length of sequence p // sequence_length, and one row a document (see `provenance`) says where
every token came from. No token is moved to fit: best-fit packing cuts fewer documents but pads
(Ding et al., "Fewer Truncations", 2024) and loses the arithmetic.

Attention masks need the documents of a sequence: `document_lengths` reads them off the
end-of-document ids, in the form variable-length attention kernels take.

A host is wholly in the training split or wholly in the validation split, by a hash of its name: no page
of a validation host is ever trained on, also in later crawls. A document without a host (no URL, or one that
names none) goes by a hash of its text: wherever and under whatever id it stands, it falls into one split.
The ids play no part. Copies of one text on two hosts are two documents here: deduplicate first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from skypile.crawl.url import host
from skypile.errors import Refused
from skypile.tokens.piece_model import CONTROL

REMAINDERS = ("carry", "pad", "drop")


def append_end_of_document(ids: np.ndarray, offsets: np.ndarray, end_of_document: int) -> np.ndarray:
    """Put the end-of-document id after every text: ids [1, 2, 3], offsets [0, 2, 3], 9 -> [1, 2, 9, 3, 9]"""
    return np.insert(ids, offsets[1:], end_of_document)


def document_lengths(sequence: np.ndarray, end_of_document: int) -> np.ndarray:
    """Lengths of the (parts of) documents in a sequence, the end-of-document id counted with its document.

    [5, 6, 9, 7, 9, 8], 9 -> [3, 2, 1]; their running sum with a 0 before it is `cu_seqlens`. Padding
    after the last document counts as one more.
    """
    ends = np.flatnonzero(sequence == end_of_document) + 1
    bounds = np.concatenate([[0], ends, [len(sequence)]])
    lengths = np.diff(bounds)
    return lengths[lengths > 0]


def position_ids(sequence: np.ndarray, end_of_document: int) -> np.ndarray:
    """Position of each token in its document, from 0. [5, 6, 9, 7, 9, 8], 9 -> [0, 1, 2, 0, 1, 0]"""
    lengths = document_lengths(sequence, end_of_document)
    firsts = np.cumsum(lengths) - lengths
    return np.arange(len(sequence)) - np.repeat(firsts, lengths)


def split_key(url: str | None, text: Callable[[], str]) -> str:
    """What decides on a document's split: the host of its URL, or the text where the URL names none.

    `text` is asked for only then. split_key("http://www.a.example/1", …) -> "a.example"
    """
    return host(url or "") or text()


def is_validation(key: str, fraction: float, seed: int = 0) -> bool:
    """Whether documents of a `split_key` belong to the validation split.

    The key's BLAKE2 hash, keyed with the seed, is read as a number in [0, 1) and compared with `fraction`, so a
    larger fraction keeps everything of a smaller one.
    """
    check_fraction(fraction)
    by_seed = seed.to_bytes(8, "little", signed=True)
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8, key=by_seed).digest()
    return int.from_bytes(digest, "little") < fraction * 2.0**64


def check_fraction(fraction: float) -> None:
    """Refuse a share for validation that is no share, or leaves nothing to train on."""
    if not 0 <= fraction < 1:
        raise Refused(
            f"validation={fraction} must be at least 0 and below 1: it is the share of hosts held out, 0.01 for 1 %"
        )


def check_end_of_document(end_of_document: int, types: np.ndarray) -> None:
    """Refuse an end-of-document id that ordinary text could produce: it would cut documents silently."""
    if not 0 <= end_of_document < len(types):
        raise Refused(
            f"end_of_document={end_of_document} is no id of a {len(types)}-piece vocabulary: they are 0 to "
            f"{len(types) - 1}"
        )
    if types[end_of_document] != CONTROL:
        control = np.flatnonzero(types == CONTROL)[:5].tolist()
        raise Refused(
            f"end_of_document={end_of_document} is no control piece (type {types[end_of_document]}): "
            f"a page's text could spell it; the first control pieces of this model are {control}"
        )
