"""What a stage's counts mean for whoever started it: records that fail alike, and nothing kept.

One reason that fails many records is seldom their fault: the text stands in a column of another name, say. The note
names it, with what a failed record's evidence says. A stage that keeps nothing is an error where that says that the
input is not what it was taken for: no record, or none that could be read or held a page's text. Where a filter judged
texts and kept none, as it may of one page or a folder of one kind, the same sentence is a note.
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
# Reasons to drop that judge no text: there was none, or no page. All that fails is of this kind.
MISTAKEN = frozenset({"http_status", "not_html", "revisit", "empty_body", "no_text"})


class NothingKept(SkypileError):
    """The input is not what it was taken for: it holds no record, or none of it is kept; the message says why."""


def warnings(counts: dict[str, Any], folder: str) -> list[str]:
    """A sentence for each reason that WARN_SHARE of the records failed for, and one if a filter has kept nothing.

    `counts`: stage, read, kept, dropped, failed.
    """
    judged = counts["read"] and not counts["kept"] and not _mistaken(counts)
    return ([_nothing_kept(counts, folder)] if judged else []) + [
        f"{n:,} of {counts['read']:,} records ({n / counts['read']:.0%}) {verdict}: {_explained(reason, folder)}"
        for verdict in (schema.FAILED, schema.DROPPED)
        for reason, n in sorted(counts[verdict].items(), key=lambda item: (-item[1], item[0]))
        if (verdict == schema.FAILED or reason in WARNED) and n >= WARN_SHARE * counts["read"]
    ]


def check_kept(manifest: dict[str, Any], folder: str) -> None:
    """NothingKept if a finished stage has kept no record and judged none.

    A later stage that had nothing to read is none of its own fault: the stage before it has said so.
    """
    if manifest["kept"]:
        return
    if not manifest["read"] and manifest["stage"] == schema.STAGES[0]:
        raise NothingKept(f"nothing is kept: {manifest['stage']} found no record in its input")
    if manifest["read"] and _mistaken(manifest):
        raise NothingKept(_nothing_kept(manifest, folder))


def _mistaken(counts: dict[str, Any]) -> bool:
    return set(counts[schema.DROPPED]) <= MISTAKEN


def _nothing_kept(counts: dict[str, Any], folder: str) -> str:
    lost, read = counts[schema.DROPPED] | counts[schema.FAILED], counts["read"]
    reason, n = max(lost.items(), key=lambda item: item[1])
    which = f"all {read:,} records" if n == read else f"{n:,} of {read:,} records, more than for any other reason,"
    verb = schema.FAILED if reason in counts[schema.FAILED] else schema.DROPPED
    return f"nothing is kept: {counts['stage']} {verb} {which} as {_explained(reason, folder)}"


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
