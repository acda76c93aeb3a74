"""Table [spark]: how Spark runs."""

from pydantic import Field

from skypile.config.settings import Settings


class SparkConfig(Settings):
    """How Spark runs. Nothing here changes a decision."""

    master: str | None = Field(None, description="Spark master; unset: local[*] unless spark-submit names one")
    driver_memory: str = Field("2g", description="JVM heap of the driver (embedded: of everything)")
    shuffle_partitions: int = Field(
        0,
        ge=0,
        description="partitions after a shuffle; 0: 2 a core on one machine, and on a cluster Spark's own default, 200",
    )
    conf: dict[str, str] = Field(default_factory=dict, description="further spark.* settings, passed through")
    # What the way without Spark holds in memory is 36 bytes a record; one of over 1 GB does not wait long for Spark.
    local_mb: int = Field(
        1024, ge=0, description="up to so many MB of input are extracted by this machine without Spark; 0: none are"
    )
