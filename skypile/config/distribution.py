"""Table [distribution_filter]: embed, cluster, thin."""

from typing import ClassVar

from pydantic import Field

from skypile.config.settings import Count, Settings, Share


class DistributionFilterConfig(Settings):
    """Embed, cluster, thin what recurs."""

    enabled: bool = Field(True, description="off: every document is kept, unscored")
    model: str | None = Field(None, description="folder of a sentence-transformers model; unset: built-in table")
    characters: int = Field(2000, ge=100, description="leading characters of a document that are embedded")
    clusters: int = Field(
        0,
        ge=0,
        description="number of clusters; 0: sqrt of the documents, 8 to 4096; those of one template are merged",
    )
    topics: int = Field(
        0, ge=0, description="top-level clusters that they lie in; 0: twice the root of their number, up to 40"
    )
    min_coverage: Share = Field(
        0.5, description="a text of whose letters the embedder knows a smaller share is in no cluster, and is kept"
    )
    centroids: str | None = Field(
        None, description="folder of an earlier run, whose centroids are reused; unset: trained on this crawl"
    )
    sample: Count = Field(65536, description="documents the centroids are trained on")
    iterations: Count = Field(20, description="k-means iterations")
    core_similarity: Share = Field(
        0.85, description="documents at least this close to their centroid form its dense core"
    )
    budget_share: Share = Field(0.01, description="largest share of all documents one dense core may keep")
    budget_min: Count = Field(50, description="a dense core of up to this many documents is never thinned")
    # Off: in the one open controlled test it did not help, and what repeats a text is dropped by deduplication.
    semantic_quantile: float | None = Field(
        None,
        gt=0.5,
        lt=1,
        description="semantic near-duplicates: drop what is as similar to a kept document as all but this share of "
        "random pairs are not (0.99999: one in 100,000); unset: off",
    )
    # Off: of 39,000 paragraphs on 198 hosts of a real crawl none was such a block, so there was none to judge by.
    recurring_hosts: int = Field(
        0,
        ge=0,
        description="recurring blocks: cut paragraphs that so many hosts have in other words; 0: off",
    )
    recurring_quantile: float = Field(
        0.9999, gt=0.99, lt=1, description="… where the same is what all but this share of random pairs are not"
    )
    recurring_share: Share = Field(0.5, lt=1, description="a page of which more than this is cut is dropped")
    seed: int = Field(0, ge=-(2**31), lt=2**31, description="seed of the k-means initialisation and the thinning")

    # Known by their content: see `skypile.pipeline`.
    undeciding: ClassVar[frozenset[str]] = frozenset({"model", "centroids"})
