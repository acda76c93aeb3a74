"""Table [extraction]: reading the crawl, and the main text of each page."""

from typing import ClassVar, Literal

from pydantic import Field

from skypile.config.settings import Settings, Share


class ExtractionConfig(Settings):
    """Reading the crawl and taking the main text out of each page."""

    engine: Literal["fast", "trafilatura", "trafilatura-fast", "resiliparse"] = Field(
        "fast", description="fast, trafilatura (its default mode), trafilatura-fast (its fast mode) or resiliparse"
    )
    languages: tuple[str, ...] = Field(("en", "zh"), description="languages the gate lets through; empty: no gate")
    min_characters: int = Field(100, ge=0, description="shortest main text kept; a Han character counts as 2")
    timeout_seconds: float = Field(20.0, gt=0, description="processor time per page; over it: failed")
    memory_mb: int = Field(2048, ge=256, description="memory that a page may take")
    max_record_bytes: int = Field(16 << 20, ge=1024, description="larger records fail unread")
    text_field: str = Field("text", description="JSONL/Parquet column with ready text")
    html_field: str = Field("html", description="JSONL/Parquet column with HTML")
    url_field: str = Field("url", description="JSONL/Parquet column with the URL")
    # 700 gzipped pages, a second of the fast engine. A task costs the JVM 50 ms besides: Hadoop's local file system
    # runs `chmod` for every file and folder it makes.
    split_mb: int = Field(16, ge=1, description="input bytes per Spark task, where the format can be split")
    wave_mb: float = Field(512, gt=0, description="input bytes per wave; a crash loses at most one wave")
    max_failed_share: Share = Field(
        0.5, description="a wave of 100 or more pages with more extraction failures than this stops the run"
    )

    undeciding: ClassVar[frozenset[str]] = frozenset({"split_mb", "wave_mb", "max_failed_share"})
