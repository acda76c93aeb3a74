"""Settings of the deduplication stage."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SurvivorRule = Literal["longest", "best_quality", "earliest", "smallest_id"]


class DedupConfig(BaseModel):
    """How duplicates are found and which copy stays. Frozen; stored beside the output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word_shingle: int = Field(5, ge=1, le=64, description="words in a shingle that starts with a word")
    character_shingle: int = Field(5, ge=1, le=64, description="characters in a shingle that starts with a Han character")
    permutations: int = Field(128, ge=1, le=4096, description="length of a MinHash signature")
    # 21 x 6 finds 99.8 % of the pairs at Jaccard 0.8 (14 x 8, the usual choice: 92 %). Verification makes the wider
    # net cheap: it costs a comparison for 28 % of the pairs at 0.5, and nothing is dropped on a guess.
    bands: int = Field(21, ge=1, description="LSH bands; more bands find more")
    rows: int = Field(6, ge=1, description="rows in a band; more rows look at fewer pairs")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="seed of the permutations (datasketch's `seed`)")
    jaccard_threshold: float = Field(0.8, gt=0, le=1, description="near_duplicate: similarity at least this")
    containment_threshold: float | None = Field(
        0.95, gt=0, le=1, description="contained: this share of the page's shingles lies in the survivor; null: off"
    )
    survivor: SurvivorRule = Field("longest", description="which copy stays; ties go to the smallest record_id")
    quality_column: str = Field("citation_score", description="column that survivor = best_quality reads")
    time_column: str = Field("date", description="column that survivor = earliest reads")
    collapse_urls: bool = Field(True, description="drop all but one record of a canonical URL")
    # 16 was chosen so that a full bucket costs at most 7.5 comparisons a member.
    bucket_limit: int = Field(16, ge=2, le=1024, description="buckets up to this size are compared all with all")
    mega_rounds: int = Field(3, ge=0, le=32, description="extra passes over what is left in larger buckets")
    max_shingles: int = Field(
        20_000, ge=100, description="larger documents are compared on a sample of so many shingles (error 0.003)"
    )
    local_edges: int = Field(
        20_000_000, ge=0, description="above so many confirmed edges, components are found by distributed rounds"
    )

    @model_validator(mode="after")
    def _bands_fit(self) -> "DedupConfig":
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"bands x rows must not exceed permutations: {self.bands} x {self.rows} = {self.bands * self.rows} > "
                f"{self.permutations}; raise permutations or lower bands"
            )
        return self
