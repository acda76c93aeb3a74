"""A curriculum: sources, phases, and how a training run's budget is divided among them (configs/curriculum.toml)."""

from typing import Self

from pydantic import Field, model_validator

from skypile.config.settings import Count, Settings, Share


class Source(Settings):
    """Which shards of a catalogue a source is: those of its kind, in its language or in one that no other names."""

    kind: str = Field(description="web, book, paper, encyclopedia, social, code, stem, …: as the catalogue has it")
    language: str | None = Field(None, description="ISO 639-1; None: every one that no other source of the kind names")


class Ramp(Settings):
    """The share of one source that rises along a power of the phase's progress, its exponent solved for."""

    source: str = Field(description="whose share rises; the phase's other shares divide what is left")
    first: Share = Field(description="at the phase's beginning")
    last: Share = Field(description="at its end")
    mean: Share = Field(description="over the whole phase; nearer to `first` than to `last` makes it convex")
    blends: Count = Field(10, description="steps that stand for the curve: Megatron takes one blend a run")

    @model_validator(mode="after")
    def mean_lies_between(self) -> Self:
        if not min(self.first, self.last) < self.mean < max(self.first, self.last):
            raise ValueError(
                f"mean = {self.mean} must lie between first = {self.first} and last = {self.last}: no curve from the "
                "one to the other has it"
            )
        return self


class Phase(Settings):
    """One phase of training."""

    name: str
    tokens: Count = Field(description="of the phase, at the budget that the curriculum was written for")
    learning_rate: float = Field(gt=0, lt=1, description="at its beginning")
    final_learning_rate: float | None = Field(None, gt=0, description="at its end, along a cosine; None: constant")
    shares: dict[str, float] = Field(description="share of the tokens by source, in any unit: they are normalised")
    ramp: Ramp | None = None

    @model_validator(mode="after")
    def the_rate_falls(self) -> Self:
        if self.final_learning_rate is not None and self.final_learning_rate > self.learning_rate:
            raise ValueError(
                f"final_learning_rate = {self.final_learning_rate} must not be above learning_rate = "
                f"{self.learning_rate}: the rate falls along a cosine"
            )
        return self

    @model_validator(mode="after")
    def shares_can_be_normalised(self) -> Self:
        if negative := [name for name, share in self.shares.items() if not 0 <= share < float("inf")]:
            raise ValueError(f"shares of {negative} must be numbers from 0 on")
        if not sum(self.shares.values()) > 0:
            raise ValueError("shares name no source with a share above 0")
        if self.ramp and self.ramp.source in self.shares:
            raise ValueError(f"ramp.source = {self.ramp.source!r} has its share from the ramp; leave it out of shares")
        return self


class Curriculum(Settings):
    """A training run's mixture: sources, phases, budget."""

    tokens: Count | None = Field(None, description="budget of the run; the phases keep their proportions; None: theirs")
    batch_sequences: Count = Field(4096, description="sequences in a batch; the report: 16M tokens of 4,096")
    warm_up_tokens: int = Field(0, ge=0, description="until the first learning rate is reached; scaled with the budget")
    max_epochs: float = Field(5, gt=0, description="the report: a source is repeated at most 5 times")
    seed: int = Field(0, ge=0, lt=1 << 63, description="of the order of each shard's sequences")
    sources: dict[str, Source]
    phases: tuple[Phase, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def phases_fit_together(self) -> Self:
        named = {name for phase in self.phases for name in phase.shares}
        named |= {phase.ramp.source for phase in self.phases if phase.ramp}
        if unknown := sorted(named - set(self.sources)):
            raise ValueError(f"phases have shares of {unknown}, which are no sources; sources are {[*self.sources]}")
        if late := [phase.name for phase in self.phases[1:] if phase.final_learning_rate is not None]:
            raise ValueError(
                f"phases {late} fall along a cosine behind another phase; only the first may: Megatron counts its "
                "decay from step 0"
            )
        if len({phase.name for phase in self.phases}) < len(self.phases):
            raise ValueError("two phases have one name")
        if self.warm_up_tokens >= self.phases[0].tokens:
            raise ValueError(f"warm_up_tokens = {self.warm_up_tokens} must be fewer than those of the first phase")
        kinds = [f"{source.kind} {source.language or ''}".strip() for source in self.sources.values()]
        if twice := [kind for kind in kinds if kinds.count(kind) > 1]:
            raise ValueError(f"two sources are both {twice[0]}: a shard would belong to both")
        return self
