"""Spark's hash of a row, without Spark: what digests are made of (`skypile.run_folder.storage`)."""

import math
import struct
from collections.abc import Sequence

import xxhash

_SEED = 42  # Spark's
_DOUBLE = struct.Struct("<d")


def row_hash(row: Sequence[str | float | None]) -> int:
    """64 bits of a row, of LEDGER_COLUMNS or of text: Spark's `xxhash64`, of which `run_folder.storage` makes a digest.

    XXH64 of each value that is not null, seeded with the hash of the values before it; a number is its eight bytes.
    """
    found = _SEED
    for value in row:
        if isinstance(value, str):
            found = xxhash.xxh64_intdigest(value.encode(), found)
        elif value is not None:  # Java has one NaN, and Spark's hash one zero
            found = xxhash.xxh64_intdigest(_DOUBLE.pack(math.nan if math.isnan(value) else value + 0.0), found)
    return found
