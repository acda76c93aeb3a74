"""Table [recurrence]: how much what the judges say of recurrence counts in sampling."""

from pydantic import Field

from skypile.config.settings import Settings


class RecurrenceConfig(Settings):
    """Weights by recurrence, from what the judges accept of pages that recur so often; a column of the shards."""

    strength: float = Field(
        0.0,
        ge=0,
        le=10,
        description="0: every page weighs 1; 1: as much as the judges accept of its kind, against pages that do not "
        "recur; more: a power of that",
    )
    max_weight: float = Field(
        4.0, ge=1, le=100, description="largest weight; four epochs are nearly as good as new text"
    )
