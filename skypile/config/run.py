"""Table [run]: the run folder as a whole."""

from pydantic import Field

from skypile.config.settings import Settings


class RunConfig(Settings):
    """The run folder. Nothing here changes a decision."""

    keep_documents: bool = Field(
        True,
        description="off: a stage's kept documents are removed once the next stage is whole (`skypile prune`)",
    )
