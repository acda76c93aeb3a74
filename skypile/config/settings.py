"""The base of every table of settings, and the types that several of them use."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """Base of every table: unknown keys are refused, values never change after validation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Fields that say how a run goes, or when it is to stop, and change nothing in what comes out.
    undeciding: ClassVar[frozenset[str]] = frozenset()

    def deciding(self) -> dict[str, Any]:
        """What a finished result is reused for: all settings but those that decide nothing, as JSON has them."""
        return self.model_dump(mode="json", exclude=set(self.undeciding))
