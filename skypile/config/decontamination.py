"""Table [decontamination]: when a page holds a benchmark's item, and what becomes of it."""

from typing import Literal

from pydantic import Field

from skypile.config.settings import Count, Settings, Share


class DecontaminationConfig(Settings):
    """Benchmark items in the corpus: how they are found and what goes (`skypile decontaminate`)."""

    action: Literal["drop", "cut"] = Field("drop", description="drop the page, or cut the passages and keep the rest")
    # Tuned on half of the items of `benchmarks.decontamination`: see the table in docs/decontamination.md.
    ngram: int = Field(
        10, ge=6, le=64, description="weight of an n-gram: a word counts as 2, a Han character or a number as 1"
    )
    share: Share = Field(0.7, gt=0, description="an item is found when this share of it stands in the page")
    numbers_share: Share = Field(0.85, gt=0, description="… when so much does, but for other numbers")
    common_documents: Count = Field(
        10, description="an n-gram is common, and tells nothing, in so many documents that do not hold its item"
    )
    common_sources: int = Field(3, ge=1, le=16, description="… of at least so many hosts")
    most_cut: Share = Field(0.5, description="a page of which more than this would be cut is dropped")
