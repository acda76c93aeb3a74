"""Packed sequences as a MosaicML streaming dataset (MDS), by MosaicML's own library, `mosaicml-streaming`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skypile.tokens.megatron import open_shards


def write_mds(packed: str | Path, folder: str | Path, compression: str | None = "zstd") -> int:
    """Convert all shards in folder `packed` to MDS; returns the number of sequences.

    Every sample has `tokens` (uint16 or int32 array), `shard` and `sequence`, which `documents_of` turns
    into the pages it is made of.
    """
    try:
        from streaming import MDSWriter
    except ImportError:
        raise ImportError("writing MDS needs MosaicML's library: pip install mosaicml-streaming") from None
    shards = open_shards(packed)
    dtype = next(iter(shards.values())).tokens.dtype
    columns = {"tokens": f"ndarray:{dtype}", "shard": "str", "sequence": "int"}
    written = 0
    with MDSWriter(out=str(folder), columns=columns, compression=compression) as writer:
        for name, shard in shards.items():
            for number, sequence in enumerate(shard):
                writer.write({"tokens": np.array(sequence), "shard": name, "sequence": number})
                written += 1
    return written
