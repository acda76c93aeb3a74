"""What an index of a corpus holds (see ``distributed.index``), without Spark."""

from typing import Any

from skypile.runtime import files


def arrivals(index: str) -> list[dict[str, Any]]:
    """Arrivals that are in the index, oldest first: name, number, documents, kept."""
    names = files.list_names(files.join(index, "batches"))
    found = [files.read_json(files.join(index, "batches", name)) for name in names if name.endswith(".json")]
    return sorted((arrival for arrival in found if arrival), key=lambda arrival: arrival["number"])


def arrivals_seen(index: str, made_from: list[str] | None = None) -> list[str]:
    """Names of the arrivals that documents are held against.

    ``made_from``: those that a finished result was made from which then added an arrival of its own: they are the
    answer as long as they, and more, stand in the index.
    """
    names = [arrival["name"] for arrival in arrivals(index)]
    if made_from is not None and len(names) > len(made_from) and names[: len(made_from)] == made_from:
        return made_from
    return names
