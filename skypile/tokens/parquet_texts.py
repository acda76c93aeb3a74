"""Parquet files as batches of the documents that are encoded, and the names of their shards.

A user's files spell text in many types: plain, large or viewed strings, dictionaries of them; ids are text or
whole numbers. All leave here as strings, or the file is refused by name, column and type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.errors import Refused
from skypile.runtime import files
from skypile.runtime.parquet_rows import open_parquet, row_batches

NEEDED = ("text", "record_id", "url")
KEEP_WEIGHT = "keep_weight"  # of the distribution stage, where a run has it
BATCH_BYTES = 32 << 20  # and a row; a batch of as many rows as the largest pages are long would have 4 GB


def parquet_batches(
    path: str, batch_rows: int = 256, filesystem: Any = None, language: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches with columns text, record_id, url and perhaps language, all strings; ids are whole numbers' digits.

    A column keep_weight of numbers comes along as float64, 1 where it is null.

    At most `batch_rows` documents and about BATCH_BYTES a batch.

    Args:
        path: the file, within `filesystem` or local.
        language: of all rows, where the file has no such column (Spark keeps partition columns in folder names).

    Raises:
        Refused: no Parquet file, a column that is missing or of a type that holds no text, or a null text or id.
    """
    with opened(path, filesystem) as file:
        schema = file.schema_arrow
        if missing := sorted(set(NEEDED) - set(schema.names)):
            raise Refused(f"{path} lacks the columns {missing}; it has {sorted(schema.names)[:50]}")
        for name in NEEDED:
            _check_type(path, name, schema.field(name).type)
        columns = [name for name in (*NEEDED, "language") if name in schema.names]
        weighed = KEEP_WEIGHT in schema.names and _is_number(schema.field(KEEP_WEIGHT).type)
        read = [*columns, KEEP_WEIGHT] if weighed else columns
        row = 0
        groups = range(file.metadata.num_row_groups)
        batches = (batch for group in groups for batch in row_batches(file, group, read, batch_rows, BATCH_BYTES))
        while (batch := _next(path, batches)) is not None:
            arrays = [_strings(batch[name]) for name in columns]
            for name, array in zip(columns[:2], arrays, strict=False):
                if array.null_count:
                    at = row + array.is_null().index(True).as_py()
                    raise Refused(f"{path}: row {at} (from 0) has no {name}, a null; drop such rows first")
            row += batch.num_rows
            if language is not None and "language" not in columns:
                arrays.append(pa.array([language] * batch.num_rows))
            names = columns if len(arrays) == len(columns) else [*columns, "language"]
            if weighed:
                arrays.append(batch[KEEP_WEIGHT].cast(pa.float64()).fill_null(1.0))
                names = [*names, KEEP_WEIGHT]
            yield pa.RecordBatch.from_arrays(arrays, names)


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file's shards: its own, with as many of its folders' as tell it from the others.

    ["en/part-0.parquet", "zh/part-0.parquet", "b.parquet"] -> ["en-part-0", "zh-part-0", "b"]

    Raises:
        Refused: a file is given twice, or two files still get one name; both are named.
    """
    whole = [path.absolute() for path in paths]
    known: dict[Path, Path] = {}
    for path in whole:
        if (other := known.get(path.resolve())) is not None:
            raise Refused(f"{other} and {path} are one file: its documents would be trained on twice")
        known[path.resolve()] = path
    names = [path.stem for path in whole]
    for depth in range(2, max((len(path.parts) for path in whole), default=0) + 1):
        counts = Counter(map(str.casefold, names))  # some file systems do not tell A from a
        for number, path in enumerate(whole):
            if counts[names[number].casefold()] > 1:
                names[number] = "-".join([*path.parts[1:-1], path.stem][-depth:])
    taken: dict[str, Path] = {}
    for path, name in zip(whole, names, strict=True):
        if (other := taken.setdefault(name.casefold(), path)) is not path:
            raise Refused(f"{other} and {path} would both become shard {name}: rename one, or pack them apart")
    return names


def opened(path: str, filesystem: Any) -> pq.ParquetFile:
    if filesystem is None and Path(path).is_dir():
        raise Refused(f"{path} is a folder: give the Parquet files in it, {path}/*.parquet")
    try:
        return open_parquet(path, filesystem)
    except pa.ArrowInvalid as error:
        raise Refused(f"{path} is no whole Parquet file ({error}): is it another format, or cut short?") from None


def _next(path: str, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except (pa.ArrowException, OSError) as error:
        raise Refused(f"{path} is damaged ({error}): write or fetch it again") from None


def _check_type(path: str, name: str, kind: pa.DataType) -> None:
    held = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held)
    if text or (name == "record_id" and pa.types.is_integer(held)) or (name == "url" and pa.types.is_null(held)):
        return
    wanted = "text or whole numbers" if name == "record_id" else "text"
    raise Refused(f"{path}: column {name} is {kind}, and must be {wanted}; cast it, or is it another column?")


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _strings(array: pa.Array) -> pa.Array:
    """As large strings where they are not plain ones."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.large_string())


def shard_files(inputs: str) -> list[str]:
    """Parquet files below a folder, local or remote: of a run's stage those that it kept. FileNotFoundError."""
    fs, path = files.filesystem(inputs)
    found = files.parquet_below(fs, path)
    if any("/kept=" in p for p in found):
        found = [p for p in found if "/kept=true/" in p]
    if not found:
        raise FileNotFoundError(f"no Parquet file below {inputs}: give the folder of the shards stage")
    return [fs.unstrip_protocol(p) if "://" in inputs else p for p in found]
