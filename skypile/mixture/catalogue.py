"""A catalogue of token shards: what there is to draw from, one JSON line a shard.

    {"shard": "/data/TOKENS/train/zh-00000", "language": "zh", "kind": "web", "sequences": 81920,
     "tokens": 335212331, "sequence_length": 4096, "keep_weight": 1.0}

`shard` is the path without suffix, as Megatron takes it. `tokens` are those of text, `sequences` what an epoch draws;
where no manifest counts a shard's text, as of shuffled ones and of Megatron's own, `tokens` are all, padding included.
`keep_weight` says how often a sequence of the shard is drawn beside those of the other shards of its source: the mean,
by tokens, of the weight that the distribution stage gave to its documents, where the shards' Parquet had it.
Shards are numbered in the order of the lines, and the order of a run's sequences depends on these numbers, not on the
paths: a catalogue may be written anew for another machine with `sed`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from skypile.errors import Refused
from skypile.run_folder.output import MARKER
from skypile.runtime import files
from skypile.tokens.megatron import uniform_sequences
from skypile.tokens.shards import TRAIN

EXACT = 1 << 53  # whole numbers below are exact in float64, which plans are made in


class Shard(NamedTuple):
    """One line of a catalogue."""

    shard: str
    language: str
    kind: str
    sequences: int
    tokens: int
    sequence_length: int
    keep_weight: float = 1.0


def catalogue(given: Sequence[str]) -> list[Shard]:
    """The shards in folders, each given as `KIND=FOLDER` or `LANGUAGE/KIND=FOLDER`.

    A folder is what `skypile tokens pack` or `shuffle` wrote (of a packed one, its training split), or any of
    Megatron's shards with sequences of one length. Without a language, each shard has the one that most of its tokens
    are in, as the manifest beside it says.

    Raises:
        Refused: not of this form, no shards, sequences of several lengths, no language, a shard given twice; a shuffle
            of shards of unlike keep weights.
    """
    found: dict[str, Shard] = {}
    for one in given:
        what, _, folder = one.partition("=")
        language, slash, kind = what.rpartition("/")
        if not folder or not kind or (slash and not language):
            raise Refused(f"{one!r} is not KIND=FOLDER or LANGUAGE/KIND=FOLDER: web=TOKENS, en/book=BOOKS")
        for shard in _shards(Path(folder), kind, language or None):
            if shard.shard in found:
                raise Refused(f"{shard.shard} is given twice: its text would count double")
            found[shard.shard] = shard
    return list(found.values())


def _shards(folder: Path, kind: str, language: str | None) -> Iterable[Shard]:
    folder = folder / TRAIN if (folder / TRAIN).is_dir() else folder
    prefixes = sorted(path.with_suffix("") for path in folder.glob("*.idx"))
    if not prefixes:
        raise Refused(f"{folder} holds no .idx file; give the folder that tokens were packed into")
    counts, before = _counted(folder), _weight_before(folder)
    for prefix in prefixes:
        sequences, length = uniform_sequences(prefix)
        count = counts.get(prefix.name, {})
        spoken = count.get("tokens_by_language") or {}
        named = language or max(sorted(spoken), key=lambda name: spoken[name], default=None)
        if named is None:
            raise Refused(f"nothing beside {prefix} names its language: give it, as in en/{kind}={folder}")
        tokens = count.get("tokens", sequences * length)
        weight = count.get("keep_weight", before)
        yield Shard(str(prefix.absolute()), named, kind, sequences, tokens, length, weight)


def _counted(folder: Path) -> dict[str, dict[str, Any]]:
    """What the manifest of a packing, beside the folder of its split, says of each shard."""
    manifest = files.read_json(str(folder.parent / "manifest.json")) or {}
    shards = manifest.get("shards") or []
    return {one["shard"]: one for one in shards if isinstance(one, dict) and one.get("split") == folder.name}


def _weight_before(folder: Path) -> float:
    """The one keep weight of the shards that a folder was shuffled from; 1 where that is unknown, or no shuffle.

    Up to rounding: weights are means over a shard's documents.
    """
    marker = files.read_json(str(folder / MARKER)) or {}
    if marker.get("kind") != "shuffle":
        return 1.0
    packed = marker["made_of"]["packed"]
    weights = [one.get("keep_weight", 1.0) for one in _counted(Path(packed)).values()]
    if weights and max(weights) > min(weights) * (1 + 1e-6):
        raise Refused(
            f"{folder} was shuffled from shards of unlike keep weights, which are lost in it: give {packed}, or "
            "shuffle those of each weight by themselves"
        )
    return weights[0] if weights else 1.0


def write_catalogue(path: str, shards: Iterable[Shard]) -> None:
    files.write_text(path, "".join(json.dumps(shard._asdict(), ensure_ascii=False) + "\n" for shard in shards))


def read_catalogue(path: str) -> list[Shard]:
    """The shards of a catalogue, in its order.

    Raises:
        Refused: no catalogue, or a line of it is none of a shard's; a shard twice; sequences of several lengths.
    """
    found: list[Shard] = []
    seen: dict[str, int] = {}
    with files.open_uri(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            shard = _shard(f"{path}, line {number}", line)
            if shard.shard in seen:
                raise Refused(f"{path}, line {number}: {shard.shard} stands in line {seen[shard.shard]} already")
            seen[shard.shard] = number
            if found and shard.sequence_length != found[0].sequence_length:
                raise Refused(
                    f"{path}, line {number}: sequences of {shard.sequence_length} tokens, those before have "
                    f"{found[0].sequence_length}; a run has one length: pack them anew"
                )
            found.append(shard)
    if not found:
        raise Refused(f"{path} names no shard; `skypile mixture catalogue` writes one")
    return found


def _shard(place: str, line: bytes) -> Shard:
    try:
        row = json.loads(line)
        shard = Shard(**row)
    except (ValueError, TypeError) as error:
        raise Refused(
            f"{place} is no shard of a catalogue ({error}): it has the keys {', '.join(Shard._fields)}"
        ) from None
    for name in ("shard", "language", "kind"):
        if not isinstance(getattr(shard, name), str) or not getattr(shard, name):
            raise Refused(f"{place}: {name} = {getattr(shard, name)!r} must be a text")
    if any(map(str.isspace, shard.shard)):
        raise Refused(
            f"{place}: shard = {shard.shard!r} has blanks, at which Megatron cuts its list of shards; rename it"
        )
    for name, least in (("sequences", 0), ("tokens", 0), ("sequence_length", 1)):
        value = getattr(shard, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise Refused(f"{place}: {name} = {value!r} must be a whole number from {least} on")
        if value >= EXACT:
            raise Refused(f"{place}: {name} = {value} is more than any shard has: it must be below 2**53")
    weight = shard.keep_weight
    if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 <= weight < math.inf:
        raise Refused(f"{place}: keep_weight = {weight!r} must be a number from 0 on; 1 is as often as its like")
    return shard._replace(keep_weight=float(weight))
