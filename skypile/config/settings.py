"""The base of every table of settings, and the types that several of them use."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """Base of every table: unknown keys are refused, values never change after validation."""

    model_config = ConfigDict(frozen=True, extra="forbid")
