"""From a token back to its page, and from a page to its tokens.

Beside every `shard.bin` stands `shard.documents.parquet`, one row a document in the order of the stream:

    record_id        of the page
    url              of the page
    position         first token in the shard's stream; sequence = position // sequence_length
    tokens           of the document in this shard, its end-of-document id included
    document_offset  tokens of it that stand in the shard before (only where a remainder was carried over)

Takedowns and audits: `locate` answers which sequences hold a page, `documents_of` which pages a sequence
holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.errors import Refused
from skypile.runtime import files

SUFFIX = ".documents.parquet"

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("document_offset", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Place:
    """Tokens of one page inside one sequence.

    Attributes:
        shard: path of the shard without suffix.
        sequence: number of the sequence in the shard.
        start, stop: token range in the sequence.
        record_id, url: the page.
        document_offset: which token of the page stands at `start`.
    """

    shard: str
    sequence: int
    start: int
    stop: int
    record_id: str
    url: str | None
    document_offset: int


def locate(folder: str | Path, url_or_id: str) -> Iterator[Place]:
    """Every place of a page in the shards below a folder, by its URL or record id, in order of position.

    Raises:
        Refused: there are no shards, or what tells of their documents cannot be read.
    """
    return locate_all(folder, [url_or_id])


def locate_all(folder: str | Path, keys: Sequence[str]) -> Iterator[Place]:
    """As `locate`, of several pages at once, by shard. `folder` may be remote."""
    fs, path = files.filesystem(str(folder))
    sidecars = [name for name in sorted(fs.find(path)) if name.endswith(SUFFIX)]
    if not sidecars:
        raise Refused(f"{folder} holds no {SUFFIX[1:]} of any shard: give the folder that tokens were packed into")
    wanted = pa.array(keys, pa.string())
    matches = pc.field("url").isin(wanted) | pc.field("record_id").isin(wanted)
    for name in sidecars:
        sidecar = files.join(str(folder), name.removeprefix(path).lstrip("/"))
        length = sequence_length(sidecar)
        for row in pq.read_table(name, filters=matches, filesystem=fs).sort_by("position").to_pylist():
            yield from _places(sidecar.removesuffix(SUFFIX), row, length)


def documents_of(shard: str | Path, sequence: int) -> list[Place]:
    """The pages that sequence number `sequence` of a shard is made of, in order."""
    path = Path(f"{shard}{SUFFIX}")
    length = sequence_length(path)
    first, last = sequence * length, (sequence + 1) * length
    inside = (pc.field("position") < last) & (pc.field("position") + pc.field("tokens") > first)
    rows = pq.read_table(path).filter(inside).sort_by("position").to_pylist()
    return [p for row in rows for p in _places(str(shard), row, length) if p.sequence == sequence]


def sequence_length(path: str | Path) -> int:
    """Sequence length a sidecar was written for, from its metadata."""
    fs, inner = files.filesystem(str(path))
    try:
        metadata = pq.read_schema(inner, filesystem=fs).metadata or {}
    except pa.ArrowInvalid as error:
        raise Refused(f"{path} is no whole Parquet file ({error}): pack or copy the shard anew") from None
    if b"sequence_length" not in metadata:
        raise Refused(f"{path} names no sequence_length in its metadata: not written by skypile")
    return int(metadata[b"sequence_length"])


def _places(shard: str, row: dict, length: int) -> Iterator[Place]:
    at, stop = row["position"], row["position"] + row["tokens"]
    while at < stop:
        sequence = at // length
        until = min(stop, (sequence + 1) * length)
        yield Place(
            shard=shard,
            sequence=sequence,
            start=at - sequence * length,
            stop=until - sequence * length,
            record_id=row["record_id"],
            url=row["url"],
            document_offset=row["document_offset"] + at - row["position"],
        )
        at = until


def document_rows(
    record_ids: list[str],
    urls: list[str | None],
    positions: np.ndarray,
    tokens: np.ndarray,
) -> pa.Table:
    """Rows of the sidecar for documents that begin in this shard."""
    offsets = np.zeros(len(tokens), np.int64)
    return pa.table([record_ids, urls, positions, tokens, offsets], schema=DOCUMENT_SCHEMA)


def split_rows(documents: pa.Table, bound: int) -> tuple[pa.Table, pa.Table]:
    """Cut rows at stream position `bound`: what stays in this shard, and what begins the next at position 0."""
    rows = documents.to_pylist()
    kept, left = [], []
    for row in rows:
        before = max(0, bound - row["position"])
        if before:
            kept.append(row | {"tokens": before})
        left.append(
            row
            | {
                "position": max(row["position"], bound) - bound,
                "tokens": row["tokens"] - before,
                "document_offset": row["document_offset"] + before,
            }
        )
    return pa.Table.from_pylist(kept, DOCUMENT_SCHEMA), pa.Table.from_pylist(left, DOCUMENT_SCHEMA)
