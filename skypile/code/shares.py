"""Data formats in proportion: which files of a format stay so that it has its share of the kept bytes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Ranked(NamedTuple):
    """A file of a format that has a share: in this order, the best first."""

    worse: float  # 1 - quality
    record_id: str  # a hash: no order of names or of input decides
    size: int


def budgets(other: int, available: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, float]:
    """Bytes that each format may have beside `other` bytes of formats without a share.

    The kept bytes T solve T = other + sum of min(available, share * T): a format that has less than its share is kept
    whole, and what the others may have is measured by what there is. By hand: 900 bytes of code, shares 0.1 and 0.1 of
    plenty: T = 1125, 112.5 bytes each; of plenty and of 10: T = (900 + 10) / 0.9.

    >>> budgets(900, {"json": 10, "xml": 5000}, {"json": 0.1, "xml": 0.1})
    {'json': 10.0, 'xml': 101.11111111111111}
    """
    present = sorted(
        (name for name in shares if available.get(name)),
        key=lambda name: (available[name] / shares[name] if shares[name] else float("inf"), name),
    )
    total = float(other)
    for whole in range(len(present) + 1):
        fixed = other + sum(available[name] for name in present[:whole])
        total = fixed / (1 - sum(shares[name] for name in present[whole:]))
        if whole == len(present) or available[present[whole]] >= shares[present[whole]] * total:
            break
    return {name: min(float(available[name]), shares[name] * total) for name in sorted(present)}


def fitting(files: Sequence[Ranked], budget: float) -> set[str]:
    """Record ids of the files that stay: the best first, each that still fits into the budget; then the smallest of the
    others, if the sum comes nearer to the budget with it.

    >>> sorted(fitting([Ranked(0.1, "a", 60), Ranked(0.2, "b", 50), Ranked(0.3, "c", 35)], 100))
    ['a', 'c']
    """
    left, stay, others = budget, set(), []
    for file in sorted(files):
        if file.size <= left:
            stay.add(file.record_id)
            left -= file.size
        else:
            others.append(file)
    last = min(others, key=lambda file: (file.size, file), default=None)
    if last is not None and last.size - left < left:
        stay.add(last.record_id)
    return stay
