"""Table [tokens]: token shards as the last step of a run."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from skypile.config.settings import Settings, Share


class TokensConfig(Settings):
    """Token shards, packed from the run's shards at its end; `skypile tokens pack` packs without a run."""

    enabled: bool = Field(False, description="on: `skypile run` ends with token shards")
    output: str | None = Field(None, description="folder for them, local or remote; unset: 06_tokens in the run")
    model: str | None = Field(
        None, description="SentencePiece .model every worker can read; unset: the 65,536-piece default"
    )
    sequence_length: int = Field(4096, ge=2, le=(1 << 31) - 1, description="tokens in a sequence")
    end_of_document: int | None = Field(None, ge=0, description="id after every document; unset: the model's")
    remainder: Literal["pad", "drop"] = Field("pad", description="pad or drop what is left of a file")
    validation: Share = Field(0.001, lt=1, description="share of hosts held out for validation")
    seed: int = Field(0, ge=-(1 << 63), lt=1 << 63, description="of the validation split")
    device: Literal["cpu", "cuda"] = Field("cpu", description="cuda: the GPU that Spark gives to each task")
    gpus_per_task: float = Field(0.0, ge=0, description="GPUs a task asks for, where the master schedules by stage")

    @field_validator("output")
    @classmethod
    def absolute(cls, given: str | None) -> str | None:
        """Where it is when the config is read: the run's own copy is read elsewhere, too."""
        return given if given is None or "://" in given else str(Path(given).absolute())
