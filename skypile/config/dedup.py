"""Table [dedup]: how duplicates are found, and which copy stays."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from skypile.config.settings import Count, Settings, Share

SurvivorRule = Literal["longest", "best_quality", "earliest", "smallest_id"]


class DedupConfig(Settings):
    """Exact and near duplicates: how they are found and which copy stays."""

    enabled: bool = Field(True, description="off: every document is kept")
    word_shingle: int = Field(5, ge=1, le=64, description="words in a shingle that starts with a word")
    character_shingle: int = Field(
        5, ge=1, le=64, description="characters in a shingle that starts with a Han character"
    )
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
    collapse_urls: bool = Field(True, description="drop all but one record of a canonical URL, if their texts agree")
    # A page that has changed since it was first captured mostly says again what it said, and different pages of a site
    # do not: of 10,000 random pairs within a host, 19 share as much in a crawl of manuals and 5 in one of news.
    url_overlap: Share = Field(
        0.5, description="duplicate_url: this share of the shorter text's shingles lies in the other; 0: any texts"
    )
    # 16 was chosen so that a full bucket costs at most 7.5 comparisons a member.
    bucket_limit: int = Field(16, ge=2, le=1024, description="buckets up to this size are compared all with all")
    mega_rounds: int = Field(3, ge=0, le=32, description="extra passes over what is left in larger buckets")
    max_shingles: int = Field(
        20_000, ge=100, description="larger documents are compared on a sample of so many shingles (error 0.003)"
    )
    local_documents: int = Field(
        200_000, ge=0, description="up to so many are decided in one task, files without Spark (1 KB and shingles each)"
    )
    local_edges: int = Field(
        20_000_000, ge=0, description="above so many confirmed edges, components are found by distributed rounds"
    )
    against: str | None = Field(None, description="folder of an index: what matches the corpus in it is dropped")
    update_index: bool = Field(False, description="add the documents to the index of `against`; creates it if absent")
    # Read on real pages: the notices of two guides stand on 91 % of their pages; of what a manual of 2,433 pages
    # repeats no sentence stands on more than 2 %, and the headings that stand on more have up to 25 characters.
    boilerplate_host_pages: int = Field(
        10, ge=0, description="a paragraph at the edge of so many pages of a host is cut from that host's pages; 0: off"
    )
    boilerplate_host_share: Share = Field(0.5, description="… if these are at least this share of the host's pages")
    boilerplate_hosts: int = Field(
        0,
        ge=0,
        description="a paragraph at the edge of pages of so many hosts is cut from all; 0: off, as authors quote",
    )
    boilerplate_characters: int = Field(
        40, ge=1, description="shortest paragraph cut for itself; a Han character counts as 2"
    )
    boilerplate_share: Share = Field(0.5, description="a page of which more than this is cut is dropped")
    boilerplate_most: Count = Field(
        2_000_000, description="so many recurring paragraphs, the commonest, are cut (40 bytes each in a worker)"
    )

    undeciding: ClassVar[frozenset[str]] = frozenset({"local_documents", "local_edges"})

    @property
    def survivor_column(self) -> str | None:
        """The column that the survivor rule reads, if it is neither the text nor the id."""
        return {"best_quality": self.quality_column, "earliest": self.time_column}.get(self.survivor)

    @model_validator(mode="after")
    def bands_fit(self) -> Self:
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"bands x rows must not exceed permutations: {self.bands} x {self.rows} = {self.bands * self.rows} > "
                f"{self.permutations}; raise permutations or lower bands"
            )
        if self.update_index and not self.against:
            raise ValueError("update_index is on but against names no index; set dedup.against to the index's folder")
        return self
