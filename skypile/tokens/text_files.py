"""Texts to pack from a user's own files: Parquet, JSONL (plain or compressed), and folders of both."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from skypile.config import ExtractionConfig
from skypile.crawl import inputs
from skypile.crawl.read import read_split
from skypile.errors import Refused
from skypile.tokens.parquet_texts import distinct_names, opened, parquet_batches

_ENDING = re.compile(r"\.(?:parquet|pq|jsonl|ndjson|json)(?:\.\w+)?$", re.IGNORECASE)
_BATCH = pa.schema([("text", pa.large_string()), ("record_id", pa.string()), ("url", pa.string())])


def text_files(paths: Sequence[Path]) -> dict[str, Path]:
    """Name of a shard -> file: the files in `paths`, and all Parquet and JSONL files in its folders and below them.

    A file in a folder is named after its way there: `zh/0.parquet` -> `zh-0`, those that would have one name by more
    of it (see `distinct_names`). Raises Refused if that does not help or a file is given twice, FileNotFoundError if
    there are none.
    """
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            visible = (file for file in sorted(path.rglob("*")) if file.is_file() and _ENDING.search(file.name))
            below = [(file.relative_to(path).parts, file) for file in visible]
            below = [(parts, file) for parts, file in below if not any(part.startswith((".", "_")) for part in parts)]
        else:
            below = [((path.name,), path)]
        if not below or not path.exists():
            raise FileNotFoundError(f"no Parquet or JSONL file in {path}")
        found += [(_ENDING.sub("", "-".join(parts)), file) for parts, file in below]
    counts = Counter(name.casefold() for name, _ in found)
    result: dict[str, Path] = {}
    for (short, file), longer in zip(found, distinct_names([file for _, file in found]), strict=True):
        name = short if counts[short.casefold()] == 1 else longer
        if name in result:
            raise Refused(f"{result[name]} and {file} would both be shard {name}: pack them into two folders")
        result[name] = file
    return result


def text_batches(path: Path, lost: Callable[[str], None], batch_rows: int = 256) -> Iterator[pa.RecordBatch]:
    """Batches with text, record_id, url of a Parquet or JSONL file.

    Records without an id of their own are known as in a run over this one file. `lost(reason)` is called for each
    row without a text, which is left out.
    """
    if inputs.format_of(path.name) == "parquet":
        with opened(str(path), None) as file:
            present = set(file.schema_arrow.names)
        if {"text", "record_id", "url"} <= present:
            yield from parquet_batches(str(path), batch_rows)
            return
    config = ExtractionConfig()
    rows: list[dict[str, str | None]] = []
    for split in inputs.plan([str(path)], config):
        for record in read_split(split, config):
            if not record.text:
                lost(record.reason or "missing_field")
                continue
            rows.append({"text": record.text, "record_id": record.record_id, "url": record.url})
            if len(rows) == batch_rows:
                yield pa.RecordBatch.from_pylist(rows, _BATCH)
                rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, _BATCH)
