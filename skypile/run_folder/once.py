"""A result in one folder with one manifest, made once: a deduplication of files, token shards.

What is finished is left as it is if it was made from the same, by the same code, with the same settings, and its files
are what was written; else it is made again, and a line says why.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from skypile.run_folder.code import code
from skypile.run_folder.identity import difference
from skypile.run_folder.output import OutputRefused, output_folder
from skypile.run_folder.parts import affordable, listed, problems, summed
from skypile.runtime import files

MANIFEST = "manifest.json"


class Result(NamedTuple):
    """What a folder is made from. `kind`: as `output_folder` has it. `stage`: whose code makes it (`code`).

    `inputs`: paths that are read. `made_of`: those and the settings, in which a folder that holds something else
    differs. `known`: what the inputs are known by, asked for with the manifest that is there, if any. `below`: the
    folders of parts in it, ("",) for itself. `ours`: a pattern of the paths of parts, finished or not.
    """

    kind: str
    stage: str
    inputs: Sequence[str]
    made_of: Mapping[str, Any]
    known: Callable[[Mapping[str, Any]], dict[str, Any]]
    below: Sequence[str]
    ours: str


def once(
    output: str, result: Result, work: Callable[[], dict[str, Any]], same: Callable[[], bool] = lambda: False
) -> tuple[dict[str, Any], bool]:
    """The manifest of `output`, after `work` has written it unless it is finished; and whether it has.

    `work` finds nothing of an earlier attempt. `same()`: as `output_folder`. Raises OutputRefused and FolderLocked.
    """
    with output_folder(output, result.kind, result.inputs, result.made_of, same):
        place = files.join(output, MANIFEST)
        done = files.read_json(place)
        identity = {**result.made_of, "code": code(result.stage), "inputs": result.known(done or {})}
        if done is not None:
            reason = why_redo(output, done, identity, result.below)
            if reason is None:
                return done, False
            print(f"{output} redone: {reason}", file=sys.stderr)
        _clear(output, result)
        manifest = identity | work() | {"parts": summed(output, result.below)}
        files.write_json(place, manifest)
    return manifest, True


def _clear(output: str, result: Result) -> None:
    """Remove the parts of an earlier attempt. OutputRefused where other files stand among them."""
    found = listed(output, result.below)
    if foreign := next((name for name in found if not re.search(result.ours, name)), None):
        raise OutputRefused(f"{output}/{foreign} is no file of skypile's; move it elsewhere")
    files.remove_tree(files.join(output, MANIFEST))
    for name in found if "" in result.below else result.below:
        files.remove_tree(files.join(output, name))


def why_redo(output: str, done: Mapping[str, Any], identity: Mapping[str, Any], below: Sequence[str]) -> str | None:
    """Why a finished result has to be made again, in words; None if it would come out as it is."""
    if "parts" not in done:
        return "another version of skypile made it"
    if (differ := difference(done, identity)) is not None:
        return differ
    wrong = problems(output, done["parts"], below, affordable(done["parts"]), surplus=bool(below[0]))
    return wrong[0] if wrong else None
