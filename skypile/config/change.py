"""Settings that are moved on a finished run: `quality_filter.min_bin=2`, the value as in TOML."""

import tomllib
from collections.abc import Sequence
from typing import Any

from skypile.config import Config, QualityFilterConfig, RecurrenceConfig, RuleThresholds, parse
from skypile.errors import Refused

TABLE, WEIGHTS = "quality_filter", "recurrence"


def deciding() -> list[str]:
    """Settings that decide on stored scores: to move them needs no text to be read again."""
    shaping = QualityFilterConfig.undeciding | QualityFilterConfig.scoring | {"rules"}
    names = [name for name in QualityFilterConfig.model_fields if name not in shaping]
    names += [f"rules.{name}" for name in RuleThresholds.model_fields]
    return sorted(
        [f"{TABLE}.{name}" for name in names] + [f"{WEIGHTS}.{name}" for name in RecurrenceConfig.model_fields]
    )


def changed(config: Config, given: Sequence[str], instead: str) -> Config:
    """`config` with each `KEY=VALUE` of `given`; `instead`: what to do for settings that this cannot move.

    Raises:
        Refused: no such setting, or one that shapes scores.
        ConfigError: the value is refused.
    """
    every = config.model_dump(mode="json", exclude_none=True)
    for one in given:
        name, equals, value = (part.strip() for part in one.partition("="))
        if not equals:
            raise Refused(f"--set {one}: write it as quality_filter.min_bin=2")
        if name not in deciding():
            raise Refused(f"--set {name}: stored scores decide anew on {', '.join(deciding())}; {instead}")
        *tables, last = name.split(".")
        inner: dict[str, Any] = every
        for table in tables:
            inner = inner[table]
        try:
            inner[last] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            inner[last] = value
    return parse(every, f"--set {' --set '.join(given)}")
