"""What a run would do, without doing it: which stages are up to date, which would be made, and why."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from skypile import schema
from skypile.config import Config
from skypile.crawl.inputs import Split
from skypile.extraction.plan import extraction_plan, planned_splits
from skypile.plans import following_plan
from skypile.run_folder import stage_folder
from skypile.run_folder.stage_folder import Plan
from skypile.runtime import files


class Step(NamedTuple):
    """What would become of a stage, and why."""

    stage: str
    action: Literal["up to date", "run", "go on", "redo"]
    because: str


def dry_run(
    paths: Sequence[str], output: str, config: Config, limit: int | None = None, until: str = schema.STAGES[-1]
) -> tuple[list[Split], list[Step]]:
    """The splits that a run over `paths` would read, and a step a stage. Writes nothing; errors as `inputs.plan`."""
    splits = planned_splits(paths, config.extraction, limit)
    plan, _ = extraction_plan(splits, config.extraction, limit)
    steps: list[Step] = []
    for stage in schema.STAGES[: schema.STAGES.index(until) + 1]:
        if steps and steps[-1].action != "up to date":
            action: Literal["run", "redo"] = "redo" if _begun(output, stage) else "run"
            steps.append(Step(stage, action, f"reads what {steps[-1].stage} will have kept"))
            continue
        if steps:
            plan = following_plan(output, stage, config)
        steps.append(_step(output, plan))
    return splits, steps


def _begun(run: str, stage: str) -> bool:
    """Whether a stage's folder holds a plan or a manifest."""
    return bool({"plan.json", "manifest.json"} & set(files.list_names(stage_folder.stage_dir(run, stage))))


def _step(run: str, plan: Plan) -> Step:
    reason = stage_folder.why_redo(run, plan)
    if reason is None:
        return Step(plan.stage, "up to date", "")
    if stage_folder.manifest(run, plan.stage) is not None:
        return Step(plan.stage, "redo", reason)
    if not _begun(run, plan.stage):
        return Step(plan.stage, "run", "never done in this folder")
    return Step(
        plan.stage, "go on", f"interrupted after {stage_folder.waves_done(run, plan)} of {len(plan.waves)} waves"
    )
