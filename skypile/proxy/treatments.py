"""What a decision of a finished run did to its corpus, and what taking it back or changing it means.

A *treatment* is a stage or a reason that is taken out (`without dedup`, `without quality_filter:repeated_ngrams`), all
that comes behind a stage (`until extraction`), a setting that is moved (`quality_filter.min_bin=2`), or another run.
`skypile.proxy.corpora` gives the documents before and after it.
"""

from dataclasses import dataclass
from typing import Any, Final

from skypile import config as settings
from skypile import schema
from skypile.config.change import changed as changed_config
from skypile.errors import Refused
from skypile.quality.judges import JUDGES
from skypile.quality.rules import RULES
from skypile.run_folder import ledger, stage_folder
from skypile.run_folder.run_config import run_config
from skypile.runtime import files

# Stages whose verdicts can be taken back: what they read is documents.
STAGES: Final = ("distribution_filter", "dedup", "quality_filter")
# Stages behind which others decide: without these nothing is dropped from what it left.
LEFT_BY: Final = ("extraction", "distribution_filter", "dedup")

# Reasons of the judges above the rules: they drop as many as `min_bin` says, together.
JUDGED: Final = frozenset({f"low_{judge}" for judge in JUDGES} | {"high_perplexity", "low_quality"})


@dataclass(frozen=True)
class Treatment:
    """A change of decisions.

    Attributes:
        name: as it is shown.
        stage: whose decisions change; None: all, by another run.
        reason: the only one taken out; None: all of the stage, or `quality` decides.
        quality: settings by which the quality filter decides anew; None: it is not asked.
        other: folder of the other run.
        until: the last stage whose verdicts hold; None: all hold but what the other attributes say.
        base: settings by which the quality filter decides the corpus before; None: the run's verdicts hold there.
        weights: settings of keep weights, by which documents are drawn; None: as they are by the run's.
    """

    name: str
    stage: str | None = None
    reason: str | None = None
    quality: settings.QualityFilterConfig | None = None
    other: str | None = None
    until: str | None = None
    base: settings.QualityFilterConfig | None = None
    weights: settings.RecurrenceConfig | None = None


def without(run: str, given: str) -> Treatment:
    """`--without STAGE` or `--without STAGE:REASON`.

    Raises:
        Refused: the run has no such stage, or the stage dropped nothing for such a reason; the message names those.
    """
    stage, colon, reason = given.partition(":")
    done = manifests(run)
    if stage not in STAGES:
        raise Refused(f"--without {given}: no stage to leave out is called {stage!r}; there are {', '.join(STAGES)}")
    dropped = done[stage][schema.DROPPED]
    if not colon:
        return Treatment(f"without {stage}", stage)
    if reason not in dropped and not (reason == "boilerplate" and stage == "dedup"):
        had = f"it dropped for {', '.join(sorted(dropped))}" if dropped else "it dropped nothing"
        raise Refused(f"--without {given}: {stage} dropped no document for {reason!r} in {run}; {had}")
    quality = _without_reason(run_config(run).quality_filter, reason) if stage == "quality_filter" else None
    return Treatment(f"without {stage}:{reason}", stage, reason, quality)


def until(run: str, given: str) -> Treatment:
    """`--until STAGE`: what that stage left, and nothing that a later one did.

    Raises:
        Refused: the run has no such stage, or none behind it that decides.
    """
    done = manifests(run)
    if given not in LEFT_BY or given not in done:
        there = ", ".join(stage for stage in LEFT_BY if stage in done)
        raise Refused(f"--until {given}: no stage of {run} that others come behind is called so; there are {there}")
    return Treatment(f"until {given}", until=given)


def changed(run: str, given: str) -> Treatment:
    """`--set quality_filter.NAME=VALUE` or `--set recurrence.NAME=VALUE`, the value as in TOML.

    Raises:
        Refused: no such setting, or one whose stage would have to run again.
        ConfigError: the value is refused.
    """
    instead = "for any other setting run the crawl again with it, and compare with --against"
    moved = changed_config(run_config(run), [given], instead)
    name, _, value = (part.strip() for part in given.partition("="))
    if name.startswith("recurrence."):
        return Treatment(f"{name}={value}", weights=moved.recurrence)
    return Treatment(f"{name}={value}", "quality_filter", None, moved.quality_filter)


def shares(run: str, given: str) -> list[Treatment]:
    """`--shares 5,10,20,40`: the best so many per cent of each language's pages, by the judges, against all of them.

    Ascending, so that the smallest corpus comes first: at its size all are compared. A run that combines no judges is
    decided by the mean of their ranks.

    Raises:
        Refused: no whole numbers of 1 to 99, or a single one: a curve has two points at least.
    """
    try:
        wanted = sorted({int(one) for one in given.split(",")})
    except ValueError:
        wanted = []
    if len(wanted) < 2 or not 0 < wanted[0] <= wanted[-1] < 100:
        raise Refused(f"--shares {given}: give two or more whole per cents of 1 to 99, as in 5,10,20,40")
    manifests(run)
    config = run_config(run).quality_filter
    ranked = {"combine": "mean" if config.combine == "citation" else config.combine, "bins": 100}
    base = config.model_copy(update=ranked | {"min_bin": 0})
    return [
        Treatment(
            f"{share} % kept",
            "quality_filter",
            quality=base.model_copy(update={"min_bin": 100 - share}),
            base=base,
        )
        for share in wanted
    ]


def against(run: str, other: str) -> Treatment:
    """`--against OTHER_RUN`: after is what the other run has made.

    Raises:
        Refused, FileNotFoundError: the other is no finished run.
    """
    manifests(run)
    manifests(other)
    return Treatment(f"against {other}", other=files.absolute(other))


def every(run: str) -> list[Treatment]:
    """`--all`: every stage that dropped something, or deduplication that cut, and every reason of each."""
    found = []
    for stage, manifest in manifests(run).items():
        if stage not in STAGES or not (manifest[schema.DROPPED] or manifest.get("cut", {}).get("records")):
            continue
        found.append(without(run, stage))
        reasons = {*manifest[schema.DROPPED]} | ({"boilerplate"} if manifest.get("cut", {}).get("records") else set())
        found += [without(run, f"{stage}:{reason}") for reason in sorted(reasons)]
    return found


def _without_reason(config: settings.QualityFilterConfig, reason: str) -> settings.QualityFilterConfig:
    """Settings under which the quality filter drops nothing for `reason`."""
    if reason == "language":
        return config.model_copy(update={"languages": (), "min_language_score": 0.0})
    if reason in JUDGED:
        return config.model_copy(update={"min_bin": 0})
    lifted = {r.threshold: 0.0 if r.bound == "min" else float("inf") for r in RULES if r.reason == reason}
    return config.model_copy(update={"rules": config.rules.model_copy(update=lifted)})


def manifests(run: str) -> dict[str, dict[str, Any]]:
    """Manifests of the stages of a run whose quality filter is done."""
    folders = ledger.stage_folders(run)
    found = {stage: stage_folder.manifest(run, stage) for stage in folders if folders[stage] != run}
    done = {stage: manifest for stage, manifest in found.items() if manifest is not None}
    if "quality_filter" not in done:
        last = next(reversed(done), None)
        raise Refused(f"{run} is no finished run ({f'it ends with {last}' if last else 'nothing of it is done'}): "
                      "run `skypile run` to its end, ablate takes back what its stages decided")  # fmt: skip
    return done
