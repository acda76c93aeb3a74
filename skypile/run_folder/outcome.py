"""What a stage's counts mean for whoever started it: records that fail alike, and nothing kept.

One reason that fails many records is seldom their fault: the text stands in a column of another name, say. The note
names it, with what a failed record's evidence says, and a stage that keeps nothing at all is an error.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile import schema
from skypile.errors import SkypileError
from skypile.runtime import files

# Of the records read. Of real crawls at most 1 to 2 % have no text, and less fails for any one reason.
WARN_SHARE = 0.05
WARNED = ("no_text", "empty_body")  # besides every reason to fail


class NothingKept(SkypileError):
    """A stage has kept none of the records it read, or there were none; the message says why."""


def warnings(counts: dict[str, Any], folder: str) -> list[str]:
    """A sentence for each reason that WARN_SHARE of the records failed for. `counts`: read, dropped, failed."""
    return [
        f"{n:,} of {counts['read']:,} records ({n / counts['read']:.0%}) {verdict}: {_explained(reason, folder)}"
        for verdict in (schema.FAILED, schema.DROPPED)
        for reason, n in sorted(counts[verdict].items(), key=lambda item: (-item[1], item[0]))
        if (verdict == schema.FAILED or reason in WARNED) and n >= WARN_SHARE * counts["read"]
    ]


def check_kept(manifest: dict[str, Any], folder: str) -> None:
    """NothingKept if a finished stage has kept no record."""
    if manifest["kept"]:
        return
    lost = manifest[schema.DROPPED] | manifest[schema.FAILED]
    stage, read = manifest["stage"], manifest["read"]
    if not lost:
        raise NothingKept(f"nothing is kept: {stage} found no record in its input")
    reason, n = max(lost.items(), key=lambda item: item[1])
    which = f"all {read:,} records" if n == read else f"{n:,} of {read:,} records, more than for any other reason,"
    verb = schema.FAILED if reason in manifest[schema.FAILED] else schema.DROPPED
    raise NothingKept(f"nothing is kept: {stage} {verb} {which} as {_explained(reason, folder)}")


def _explained(reason: str, folder: str) -> str:
    """A reason in words, with what helps."""
    words = f"{reason} ({schema.REASONS[reason]})"
    if reason != "missing_field":
        return words
    known = _example(reason, folder)
    if known.get("detail"):
        return f"{words}; {known['detail']}"
    found, wanted = known.get("found") or [], known.get("wanted") or []
    columns = ", ".join(map(str, found)) or "none"
    return (
        f"{words}; the columns of one are {columns}, none of them filled and called {' or '.join(map(str, wanted))}: "
        "set extraction.text_field or extraction.html_field to the one with the text"
    )


def _example(reason: str, folder: str) -> dict[str, Any]:
    """The evidence of one record with a reason; empty if there is none."""
    fs, path = files.filesystem(files.join(folder, "verdicts"))
    for name in files.parquet_below(fs, path):
        with fs.open(name) as file, pq.ParquetFile(file) as parquet:
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group, ["reason", "evidence"])
                found = table.filter(pc.equal(table["reason"], pa.scalar(reason)))["evidence"]
                if len(found):
                    return json.loads(found[0].as_py() or "{}")
    return {}
