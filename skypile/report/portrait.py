"""What is told of a cluster of the distribution filter. `skypile.report.portraits` fills it in."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

STAGE = "distribution_filter"


@dataclass
class Page:
    """A page of a cluster."""

    record_id: str
    url: str
    similarity: float  # to the centre
    title: str = ""
    text: str = ""  # its beginning, where the cluster is shown
    other: int | None = None  # of a border: the cluster whose centre is nearest but its own
    margin: float | None = None  # of a border: by how much its own centre is nearer (cosine)


@dataclass
class Portrait:
    """A cluster, or what has none (`cluster` None: texts with too little that the embedder knows)."""

    cluster: int | None
    topic: int | None = None
    name: list[str] = field(default_factory=list)
    size: int = 0  # documents that the distribution filter judged
    kept: int = 0  # of them, by every stage up to the last that has run
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)  # (stage, reason)
    languages: Counter[str] = field(default_factory=Counter)
    hosts: list[tuple[str, int]] = field(default_factory=list)  # the commonest
    core: int | None = None
    budget: int | None = None
    nearest: list[Page] = field(default_factory=list)  # exemplars
    borders: list[Page] = field(default_factory=list)
    farthest: list[Page] = field(default_factory=list)  # outliers

    @property
    def quoted(self) -> list[tuple[str, list[Page]]]:
        """Its pages, under what each few of them are."""
        return [
            ("nearest to the centre", self.nearest),
            ("at the border to another cluster", self.borders),
            ("farthest from the centre", self.farthest),
        ]

    @property
    def thinned(self) -> int:
        """Documents that the distribution filter dropped."""
        return sum(n for (stage, _), n in self.lost.items() if stage == STAGE)


@dataclass
class Mapped:
    """A sample of documents, or the centres, to be laid out. Lists: a member a point."""

    vectors: NDArray[np.int8]  # (points, dim)
    clusters: list[int]
    kept: list[bool]
    says: list[str]  # title, or URL
    sample: bool  # documents; else centres


@dataclass
class Portraits:
    clusters: list[Portrait]  # the largest first; None among them
    topics: dict[int, list[str]]  # names of the larger clusters that clusters form, where they do
    last: str  # stage after which `kept` is counted
    mapped: Mapped
    hosts_forgotten: bool = False

    @property
    def documents(self) -> int:
        return sum(one.size for one in self.clusters)

    @property
    def kept(self) -> int:
        return sum(one.kept for one in self.clusters)

    def spread(self, after: bool = False) -> tuple[float, float]:
        """Entropy (nats) of the clusters' shares, before or after the run, and exp of it, their effective number."""
        return spread([one.kept if after else one.size for one in self.clusters if one.cluster is not None])


def spread(counts: list[int]) -> tuple[float, float]:
    """Entropy of shares in nats, and its exponential: so many equal shares have the same (Hill number of order 1).

    >>> [round(figure, 3) for figure in spread([5, 5, 5, 5, 0])]
    [1.386, 4.0]
    """
    held = np.array(sorted(n for n in counts if n), np.float64)
    if not len(held):
        return 0.0, 0.0
    shares = held / held.sum()
    entropy = max(float(-(shares * np.log(shares)).sum()), 0.0)
    return entropy, float(np.exp(entropy))
