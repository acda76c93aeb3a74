"""Every setting of skypile: frozen, validated, a file a table.

A run reads one TOML file whose tables carry the names of the fields of `Config`; what it leaves out takes
the defaults below. The whole config is stored beside the output, and each stage's manifest holds the
settings that shaped it, so that a stage is redone exactly when one of them changed.
"""

import tomllib
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import BaseModel, ValidationError, model_validator

from skypile.config.dedup import DedupConfig as DedupConfig
from skypile.config.distribution import DistributionFilterConfig as DistributionFilterConfig
from skypile.config.extraction import ExtractionConfig as ExtractionConfig
from skypile.config.quality import CitationConfig as CitationConfig
from skypile.config.quality import QualityFilterConfig as QualityFilterConfig
from skypile.config.quality import RuleThresholds as RuleThresholds
from skypile.config.settings import Settings as Settings
from skypile.config.shards import ShardsConfig as ShardsConfig
from skypile.config.spark import SparkConfig as SparkConfig
from skypile.errors import SkypileError


class Config(Settings):
    """One run."""

    spark: SparkConfig = SparkConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    distribution_filter: DistributionFilterConfig = DistributionFilterConfig()
    dedup: DedupConfig = DedupConfig()
    quality_filter: QualityFilterConfig = QualityFilterConfig()
    shards: ShardsConfig = ShardsConfig()

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
        named = (self.distribution_filter.model, self.dedup.against, quality.bad_words, quality.classifier)
        return [*(path for path in named if path), *quality.wikipedia]


class ConfigError(SkypileError):
    """The config file is unreadable or invalid; the message names key, value and rule."""


def parse(table: dict[str, Any], origin: str = "config") -> Config:
    """Validate a nested dict of settings; `origin` names it in errors."""
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        lines = [f"{origin}: {error.error_count()} setting(s) refused"]
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"]) or "(whole)"
            lines.append(f"  {key} = {item['input']!r}: {item['msg']}{_slip(key, item['type'])}")
        raise ConfigError("\n".join(lines)) from None


def load(path: str | Path | None) -> Config:
    """Read a TOML config file; without one, the defaults."""
    if path is None:
        return Config()
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no config file {path}; configs/ in the repository holds examples") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML: {error}") from None
    return parse(table, str(path))


def dumps(config: Config) -> str:
    """The config as TOML; unset (None) values are left out. `parse(tomllib.loads(dumps(c))) == c`."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def _slip(key: str, kind: str) -> str:
    """The likely slip behind an unknown key: a field of another table, or a misspelt one."""
    if kind != "extra_forbidden":
        return ""
    import difflib

    *tables, name = key.split(".")
    owner: type[BaseModel] = Config
    for table in tables:
        owner = owner.model_fields[table].annotation  # type: ignore[assignment]
    homes = [
        f"{table}.{name}"
        for table, field in Config.model_fields.items()
        if name in getattr(field.annotation, "model_fields", {})
    ]
    near = homes or difflib.get_close_matches(name, owner.model_fields, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(owner.model_fields)}"
