"""Table [code]: source code of repositories."""

from typing import Self

from pydantic import Field, model_validator

from skypile.config.code_formats import FORMATS
from skypile.config.settings import Count, Settings, Share


class CodeConfig(Settings):
    """Source code of repositories: `skypile code`."""

    path_field: str = Field("path", description="JSONL/Parquet column with a file's path in its repository")
    content_field: str = Field("content", description="JSONL/Parquet column with a file's text")
    repo_field: str = Field("repo", description="JSONL/Parquet column with the repository's name, if there is one")
    license_field: str = Field("license", description="JSONL/Parquet column with the licence, if there is one")
    max_bytes: Count = Field(1 << 20, description="The Stack: 1 MB; larger files are dropped unread")
    max_line: Count = Field(1000, description="RedPajama: 1000 characters in the longest line")
    max_mean_line: float = Field(100, gt=0, description="RedPajama: 100 characters in the mean line")
    min_alphanumeric: Share = Field(0.25, description="RedPajama: 0.25 of the characters")
    # Nobody has published shares: RedPajama leaves JSON and YAML out, StarCoder XML. Most of the four is data that no
    # person wrote.
    shares: dict[str, Share] = Field(
        {"json": 0.02, "xml": 0.01, "yaml": 0.02, "html": 0.02},
        description="share of the kept bytes that a format has, if there is as much of it; other formats have no bound",
    )
    dedup: bool = Field(True, description="drop exact and near duplicates, by the settings of [dedup]")

    @model_validator(mode="after")
    def shares_leave_room(self) -> Self:
        unknown = sorted(set(self.shares) - FORMATS)
        if unknown:
            raise ValueError(f"shares has formats {unknown} that are not known; known are {sorted(FORMATS)}")
        if sum(self.shares.values()) >= 1:
            raise ValueError(f"shares sum to {sum(self.shares.values()):g}; below 1, or nothing else could be kept")
        return self
