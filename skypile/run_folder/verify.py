"""Whether what a result's manifests name is what its files hold, to the bit. Cost: all of it is read once, 1 GB/s."""

from typing import Any, NamedTuple

from skypile.run_folder.output import TOKENS
from skypile.run_folder.parts import Parts, problems
from skypile.run_folder.stage_folder import DATA, follows, stamped_parts
from skypile.runtime import files
from skypile.schema import STAGES


class Verified(NamedTuple):
    """Files and bytes that the manifests name, and a sentence for each thing that is wrong."""

    parts: int
    size: int
    wrong: list[str]


def verify(folder: str) -> Verified:
    """Check a run (finished stages and waves, its token shards), a deduplication, token shards, or one stage's folder.

    FileNotFoundError if `folder` is none of these.
    """
    names = files.list_names(folder)
    stages = {stage: f"{number:02d}_{stage}" for number, stage in enumerate(STAGES, 1)}
    there = {stage: files.join(folder, name) for stage, name in stages.items() if name in names}
    if not there and not {"manifest.json", "waves"} & set(names):
        raise FileNotFoundError(f"{folder} holds no run, no deduplication and no token shards: nothing to verify")
    if not there:
        return _verified(folder, "")
    found = [_verified(place, f"{stages[stage]}/") for stage, place in there.items()]
    if files.exists(files.join(folder, TOKENS, "manifest.json")):
        found.append(_verified(files.join(folder, TOKENS), f"{TOKENS}/"))
    wrong = [line for one in found for line in one.wrong] + _stale(there)
    return Verified(sum(one.parts for one in found), sum(one.size for one in found), wrong)


def _verified(folder: str, prefix: str) -> Verified:
    parts = stamped_parts(folder)
    if parts is None:
        return Verified(0, 0, [f"{prefix}manifest.json names no parts: another version of skypile made it"])
    finished = files.exists(files.join(folder, "manifest.json"))
    wrong = problems(folder, parts, _below(parts), contents=True, surplus=finished)
    return Verified(len(parts), sum(size for size, _ in parts.values()), [f"{prefix}{line}" for line in wrong])


def _below(parts: Parts) -> tuple[str, ...]:
    """The folders that parts lie in."""
    if any("/" not in name for name in parts):
        return ("",)
    return tuple(sorted({name.split("/", 1)[0] for name in parts})) or DATA


def _stale(folders: dict[str, str]) -> list[str]:
    """Stages that were made from what the one before them no longer holds."""
    wrong = []
    upstream: dict[str, Any] | None = None
    for stage, folder in folders.items():
        done = files.read_json(files.join(folder, "manifest.json"))
        if done and upstream and not follows(done, upstream):
            wrong.append(f"{stage} was made from what {upstream['stage']} no longer holds")
        upstream = done
    return wrong
