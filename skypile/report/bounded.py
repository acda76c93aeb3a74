"""Counters of names a run may have too many of: hosts, files, paragraphs."""

import heapq
from typing import TypeVar

Name = TypeVar("Name")


MOST = 200_000  # names; about 40 MB


def forget(counts: dict[Name, list[int]]) -> bool:
    """Keep the larger half of MOST names if there are more; whether it came to that.

    What comes back later is counted too low by what it had then: a lower bound, and exact for whatever is common
    throughout.
    """
    if len(counts) <= MOST:
        return False
    largest = heapq.nsmallest(MOST // 2, counts.items(), key=lambda item: (-sum(item[1]), str(item[0])))
    counts.clear()
    counts.update(largest)
    return True
