"""Shards whose sequences are in a seeded order across all shards, and the way back.

Sequence n of the packed shards (numbered through in order of name) becomes sequence `permute(n)` of the
shuffled ones, which are cut to equal size. Any shuffled shard can be written by itself, by reading its
sequences through memory maps: no sort, no exchange between workers, no list of all sequences. The sidecars
stay with the packed shards: `locate_shuffled` finds a page there and follows the permutation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from skypile.errors import Refused
from skypile.run_folder.output import output_folder
from skypile.runtime import files
from skypile.tokens.megatron import open_shards, write_index
from skypile.tokens.provenance import SUFFIX, Place, locate_all
from skypile.tokens.shuffle import permute, unpermute

PLAN = "shuffle.json"

# Sequences read and written at once: 8 MB of 4,096 uint16 tokens.
_BLOCK = 1024


def plan_shuffle(packed: str | Path, shuffled: str | Path, shards: int, seed: int) -> list[str]:
    """Write the plan of a shuffle of all shards in folder `packed`; returns the names of the shuffled shards.

    Raises OutputRefused for a folder `shuffled` that is not empty, or holds another shuffle.
    """
    if shards < 1:
        raise Refused(f"shards={shards} must be at least 1: so many shuffled shards are written")
    made_of = {"packed": files.absolute(str(packed)), "settings": {"shards": shards, "seed": seed}}
    opened = open_shards(packed)  # what is wrong with them is said before a folder is made
    counts = [len(shard) for shard in opened.values()]
    shards = max(1, min(shards, sum(counts)))
    plan = {"seed": seed, "names": list(opened), "sequences": counts, "shards": shards}
    with output_folder(str(shuffled), "shuffle", [str(packed)], made_of):
        (Path(shuffled) / PLAN).write_text(json.dumps(plan, indent=1) + "\n")
    return [_shard_name(number) for number in range(shards)]


def write_shuffled(packed: str | Path, shuffled: str | Path, number: int) -> None:
    """Write shuffled shard `number` of the plan in folder `shuffled`."""
    plan = _read_plan(shuffled)
    opened = open_shards(packed)
    if plan["names"] != list(opened) or plan["sequences"] != [len(shard) for shard in opened.values()]:
        raise Refused(f"the shards in {packed} have changed since the shuffle was planned: shuffle them anew")
    sources = list(opened.values())
    firsts = np.concatenate([[0], np.cumsum(plan["sequences"])])
    bounds = _bounds(int(firsts[-1]), plan["shards"])
    prefix = Path(shuffled) / _shard_name(number)
    lengths: list[int] = []
    with Path(f"{prefix}.bin.partial").open("wb") as file:
        for first in range(bounds[number], bounds[number + 1], _BLOCK):
            wanted = np.arange(first, min(first + _BLOCK, bounds[number + 1]))
            origins = unpermute(wanted, int(firsts[-1]), plan["seed"])
            for origin, source in zip(origins, np.searchsorted(firsts, origins, "right") - 1, strict=True):
                sequence = sources[source][int(origin - firsts[source])]
                file.write(sequence.tobytes())
                lengths.append(len(sequence))
    Path(f"{prefix}.bin.partial").rename(f"{prefix}.bin")
    write_index(f"{prefix}.idx", np.array(lengths, np.int64), sources[0].tokens.dtype)


def locate_shuffled(packed: str | Path, shuffled: str | Path, url_or_id: str) -> Iterator[Place]:
    """As `provenance.locate`, with the places in the shuffled shards."""
    return locate_all_shuffled(packed, shuffled, [url_or_id])


def locate_all_shuffled(packed: str | Path, shuffled: str | Path, keys: Sequence[str]) -> Iterator[Place]:
    """As `provenance.locate_all`, with the places in the shuffled shards."""
    plan = _read_plan(shuffled)
    if missing := [name for name in plan["names"] if not Path(packed, name + SUFFIX).exists()]:
        raise Refused(
            f"{packed} lacks {missing[0]}{SUFFIX}: give the folder that was shuffled into {shuffled}, one split's"
        )
    first = dict(zip(plan["names"], np.cumsum([0, *plan["sequences"]]).tolist(), strict=False))
    total = sum(plan["sequences"])
    bounds = _bounds(total, plan["shards"])
    for place in locate_all(packed, keys):
        if Path(place.shard).parent != Path(packed):  # of another split, in a folder below
            continue
        origin = first[Path(place.shard).name] + place.sequence
        target = int(permute(np.array([origin]), total, plan["seed"])[0])
        number = int(np.searchsorted(bounds, target, "right")) - 1
        yield replace(place, shard=str(Path(shuffled) / _shard_name(number)), sequence=target - bounds[number])


def _read_plan(shuffled: str | Path) -> dict:
    path = Path(shuffled) / PLAN
    if not path.exists():
        raise Refused(f"{path} is missing: no shuffle was planned for this folder")
    return json.loads(path.read_text())


def _bounds(total: int, shards: int) -> list[int]:
    return [total * number // shards for number in range(shards + 1)]


def _shard_name(number: int) -> str:
    return f"shard-{number:05d}"
