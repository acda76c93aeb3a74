"""Table [shards]: the Parquet that training reads."""

from pydantic import Field

from skypile.config.settings import Count, Settings


class ShardsConfig(Settings):
    """The Parquet shards that training reads."""

    shard_mb: Count = Field(256, description="text bytes per shard, before compression")
    compression_level: int = Field(9, ge=1, le=22, description="zstd level")
