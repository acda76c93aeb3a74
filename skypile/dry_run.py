"""What a run would do, without doing it: which stages are up to date, which would be made, and why."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from skypile import schema
from skypile.config import Config
from skypile.crawl.inputs import Split
from skypile.extraction.plan import extraction_plan, planned_splits
from skypile.run_folder import stage_folder
from skypile.run_folder.stage_folder import Plan
from skypile.runtime import files
from skypile.version import __version__


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
            upstream = stage_folder.manifest(output, steps[-1].stage)
            assert upstream is not None  # it is up to date
            plan = stage_folder.following_plan(stage, getattr(config, stage).model_dump(mode="json"), upstream)
        steps.append(_step(output, plan))
    return splits, steps


def _begun(run: str, stage: str) -> dict[str, Any] | None:
    """The plan or manifest that a stage's folder holds, if any."""
    plan = files.read_json(files.join(stage_folder.stage_dir(run, stage), "plan.json"))
    return stage_folder.manifest(run, stage) or plan


def _step(run: str, plan: Plan) -> Step:
    done, begun = stage_folder.manifest(run, plan.stage), _begun(run, plan.stage)
    if begun is None:
        return Step(plan.stage, "run", "never done in this folder")
    if begun["fingerprint"] != stage_folder.fingerprint_of(plan):
        return Step(plan.stage, "redo", _changes(begun, plan))
    if done is not None:
        return Step(plan.stage, "up to date", "")
    waves = len(files.list_names(files.join(stage_folder.stage_dir(run, plan.stage), "waves")))
    return Step(plan.stage, "go on", f"interrupted after {waves} of {plan.waves} waves")


def _changes(before: dict[str, Any], plan: Plan) -> str:
    """In what a stage's plan differs from what its folder was made from."""
    found = []
    old, new = _flat(before["settings"]), _flat(plan.settings)
    for name in sorted(old | new):
        if old.get(name) != new.get(name):
            found.append(f"{plan.stage}.{name} was {old.get(name)!r}, now {new.get(name)!r}")
    if "inputs" in before and before["inputs"] != plan.inputs:
        if plan.stage == schema.STAGES[0]:
            found.append(f"the input was {_input(before['inputs'])}, now {_input(plan.inputs)}")
        else:
            found.append(f"{plan.inputs['stage']} was done anew since")
    if before["skypile"] != __version__:
        found.append(f"made by skypile {before['skypile']}, this is {__version__}")
    return "; ".join(found) or "interrupted, and begun from other input"


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with the names of tables within: `{"rules": {"a": 1}}` -> `{"rules.a": 1}`."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        inner = _flat(value) if isinstance(value, dict) else {}
        found |= {f"{name}.{key}": one for key, one in inner.items()} if inner else {name: value}
    return found


def _input(identity: dict[str, Any]) -> str:
    limit = f", its first {identity['limit']:,} records" if "limit" in identity else ""
    name = f" ({identity['digest'][:8]})"  # of two inputs of one size, what tells them apart
    return f"{identity['bytes']:,} bytes of files{name}{limit}"
