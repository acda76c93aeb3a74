"""Every setting of skypile: frozen, validated, a file a table.

A run reads one TOML file whose tables carry the names of the fields of `Config`; what it leaves out takes
the defaults below. The whole config is stored beside the output, and each stage's manifest holds the
settings that shaped it, so that a stage is redone exactly when one of them changed.
"""

import tomllib
from pathlib import Path
from typing import Any, Self, TypeVar

import tomli_w
from pydantic import BaseModel, ValidationError, model_validator

from skypile.config.code import CodeConfig as CodeConfig
from skypile.config.curriculum import Curriculum as Curriculum
from skypile.config.decontamination import DecontaminationConfig as DecontaminationConfig
from skypile.config.dedup import DedupConfig as DedupConfig
from skypile.config.distribution import DistributionFilterConfig as DistributionFilterConfig
from skypile.config.extraction import ExtractionConfig as ExtractionConfig
from skypile.config.parallel import ParallelConfig as ParallelConfig
from skypile.config.privacy import PrivacyConfig as PrivacyConfig
from skypile.config.quality import CitationConfig as CitationConfig
from skypile.config.quality import PerplexityConfig as PerplexityConfig
from skypile.config.quality import QualityFilterConfig as QualityFilterConfig
from skypile.config.quality import RuleThresholds as RuleThresholds
from skypile.config.recurrence import RecurrenceConfig as RecurrenceConfig
from skypile.config.run import RunConfig as RunConfig
from skypile.config.settings import Settings as Settings
from skypile.config.shards import ShardsConfig as ShardsConfig
from skypile.config.spark import SparkConfig as SparkConfig
from skypile.config.tokens import TokensConfig as TokensConfig
from skypile.errors import SkypileError


class Config(Settings):
    """One run."""

    run: RunConfig = RunConfig()
    spark: SparkConfig = SparkConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    distribution_filter: DistributionFilterConfig = DistributionFilterConfig()
    dedup: DedupConfig = DedupConfig()
    quality_filter: QualityFilterConfig = QualityFilterConfig()
    recurrence: RecurrenceConfig = RecurrenceConfig()
    shards: ShardsConfig = ShardsConfig()
    tokens: TokensConfig = TokensConfig()
    decontamination: DecontaminationConfig = DecontaminationConfig()
    parallel: ParallelConfig = ParallelConfig()
    code: CodeConfig = CodeConfig()

    @model_validator(mode="after")
    def gate_lets_wanted_languages_through(self) -> Self:
        gate, wanted = set(self.extraction.languages), set(self.quality_filter.languages)
        if gate and not wanted <= gate:
            raise ValueError(
                f"quality_filter.languages {sorted(wanted)} has languages that extraction.languages "
                f"{sorted(gate)} gates out; add {sorted(wanted - gate)} to extraction.languages"
            )
        return self

    def files_read(self) -> list[str]:
        """Files and folders besides the crawl that the stages read."""
        quality = self.quality_filter
        named = [self.distribution_filter.model, self.distribution_filter.centroids, self.dedup.against]
        named += [quality.bad_words, quality.lexicon_file(), quality.blocked_hosts]
        named += [quality.classifier, quality.perplexity_model]
        named += [self.tokens.model] if self.tokens.enabled else []
        return [*(path for path in named if path), *quality.wikipedia, *quality.trusted]


MOST_SHOWN = 200  # characters of a refused value

Table = TypeVar("Table", bound=BaseModel)


class ConfigError(SkypileError):
    """The config file is unreadable or invalid; the message names key, value and rule."""


def parse(table: dict[str, Any], origin: str = "config") -> Config:
    """Validate a nested dict of settings; `origin` names it in errors."""
    return _validated(Config, table, origin)


def _validated(model: type[Table], table: dict[str, Any], origin: str) -> Table:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        refused = [_refusal(model, item["loc"], item["input"], item["msg"], item["type"]) for item in error.errors()]
        count = f"{len(refused)} settings refused: " if len(refused) > 1 else ""
        raise ConfigError(f"{origin}: {count}{'; '.join(refused)}") from None


def load(path: str | Path | None) -> Config:
    """Read a TOML config file; without one, the defaults."""
    return Config() if path is None else parse(_read(path), str(path))


def load_curriculum(path: str | Path, **changed: Any) -> Curriculum:
    """Read a curriculum from a TOML file; values of `changed` that are not None take the place of its own."""
    table = _read(path) | {name: value for name, value in changed.items() if value is not None}
    return _validated(Curriculum, table, str(path))


def _read(path: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"no config file {path}; configs/ in the repository holds examples") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML: {error}") from None


def dumps(config: Config) -> str:
    """The config as TOML; unset (None) values are left out. `parse(tomllib.loads(dumps(c))) == c`."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def _refusal(model: type[BaseModel], place: tuple[int | str, ...], value: Any, message: str, kind: str) -> str:
    """Key, value, rule and likely slip of one refused setting, in one line."""
    key = ".".join(str(part) for part in place)
    shown = repr(value)
    shown = shown if len(shown) <= MOST_SHOWN else shown[:MOST_SHOWN] + " …"
    if kind == "extra_forbidden":
        return f"{key} = {shown}: no such setting{_slip(model, place)}"
    if kind == "missing":
        return f"{key} is missing"
    rule = message.removeprefix("Value error, ")
    if kind in ("tuple_type", "list_type"):
        rule = 'must be a list, in brackets: ["a", "b"]'
    if not place:  # a rule over several tables, which names their keys itself
        return rule
    if isinstance(value, dict) and kind == "value_error":  # a rule over several keys of one table
        return f"{key}: {rule}"
    table = _table(model, place)
    if table is not None and kind in ("model_type", "model_attributes_type"):
        return f"{key} = {shown}: {key} is a table of settings: write [{key}] and its settings below"
    return f"{key} = {shown}: {rule}"


def _slip(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """The likely slip behind an unknown key: a setting of another table, or a misspelt one, by its whole name."""
    import difflib

    *tables, name = map(str, place)
    every = _names(model)
    homes = [full for full in every if full.rpartition(".")[2] == name]
    inside = ".".join(tables)
    homes.sort(key=lambda full: not full.startswith(f"{inside}."))
    if homes:
        return f"; did you mean {' or '.join(homes[:3])}?"
    beside = {full: full.rpartition(".")[2] for full in every if full.rpartition(".")[0] == inside}
    for candidates in (beside, {full: full.rpartition(".")[2] for full in every}):
        near = difflib.get_close_matches(name, candidates.values(), n=1, cutoff=0.75)
        if near:
            return f"; did you mean {next(full for full, last in candidates.items() if last == near[0])}?"
    return f"; {f'[{inside}]' if inside else 'the config'} has {', '.join(beside.values())}"


def _names(table: type[BaseModel], prefix: str = "") -> list[str]:
    """Whole names of all settings and tables: ["spark", "spark.master", …]"""
    found = []
    for name, field in table.model_fields.items():
        found.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += _names(field.annotation, f"{prefix}{name}.")
    return found


def _table(model: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The table that `place` names, None where it names a setting."""
    table: Any = model
    for part in place:
        field = getattr(table, "model_fields", {}).get(part)
        table = field.annotation if field else None
    return table if isinstance(table, type) and issubclass(table, BaseModel) else None
