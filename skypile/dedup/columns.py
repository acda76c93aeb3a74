"""Which columns of a user's own files hold what, and what both ways of deduplicating files say of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from skypile.config import DedupConfig
from skypile.schema import KEPT

Counts = dict[str, Any]  # read, kept, dropped: {reason: rows}


class Columns(NamedTuple):
    """Which columns of the input hold what; without ``url`` no URLs are compared."""

    id: str
    text: str
    url: str | None = None


def check_columns(names: Sequence[str], columns: Columns, config: DedupConfig) -> None:
    """ValueError if the input, with columns ``names``, lacks one that is needed or has one in the way."""
    missing = [name for name in (*columns, config.survivor_column) if name and name not in names]
    if missing:
        raise ValueError(f"the input has no column {missing}; its columns are {list(names)}")
    if "record_id" in names and columns.id != "record_id":
        raise ValueError(f"the input has a column record_id beside the id column {columns.id!r}: rename or drop it")


def bad_id(rows: int, record: str | None, columns: Columns) -> ValueError:
    """What to raise for an id that is null or stands in several rows."""
    return ValueError(
        f"{rows} rows have the id {record!r} in column {columns.id!r}: "
        "ids must be unique and not null; is it the right column?"
    )


def counted(rows: dict[tuple[str, str | None], int]) -> Counts:
    """Counts of the manifest from the number of rows of each verdict and reason."""
    dropped = {str(reason): n for (verdict, reason), n in sorted(rows.items(), key=str) if verdict != KEPT}
    return {"read": sum(rows.values()), "kept": rows.get((KEPT, None), 0), "dropped": dropped}
