"""Pages out of token shards, in place: their tokens become padding, every other token stays where it is.

Sequences keep their number and length, so the index, a shuffle's order and a sampling plan stay valid, and a training
run that is under way can be resumed. The rows of the pages leave the sidecar. What was removed is noted in the manifest
under `taken_down`. Cost: the sidecars are read, and the shards that hold a page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.errors import Refused
from skypile.run_folder.identity import named_files
from skypile.run_folder.once import MANIFEST
from skypile.run_folder.output import output_folder
from skypile.run_folder.parts import entry_of, problems, refuse
from skypile.run_folder.takedowns import Takedown
from skypile.runtime import files
from skypile.tokens.megatron import open_indexed, read_index
from skypile.tokens.parquet_texts import shard_files
from skypile.tokens.provenance import SUFFIX, Place, locate_all
from skypile.tokens.shuffled import locate_all_shuffled

_CHANGED = (".bin", SUFFIX)


def take_down(
    folder: str, pages: Sequence[Takedown], fresh: bool, shuffled: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Overwrite the tokens of `pages` in the shards below `folder`, and in folders that these were shuffled into.

    `fresh`: note what the shards are packed from anew, so that what was taken out of it too does not ask for another
    packing. Returns an entry a page and shard: key, record_id, url, shard, tokens, why, date.

    Raises:
        Refused: no token shards of skypile's, or a shuffle of others.
    """
    by_key = {page.key: page for page in pages}
    with output_folder(folder, "tokens", []):
        done = _manifest(folder)
        if "pending" in done:
            _finish(folder, done)
        found = _by_shard(locate_all(folder, list(by_key)))
        short = {prefix: prefix.removeprefix(folder.rstrip("/") + "/") for prefix in found}
        known = {f"{count['split']}/{count['shard']}": count for count in done["shards"]}
        if strange := [prefix for prefix, name in short.items() if name not in known]:
            raise Refused(f"{strange[0]} is no shard of {folder}, by its {MANIFEST}; move it elsewhere")
        touched = {name: done["parts"][name] for name in (f"{s}{end}" for s in short.values() for end in _CHANGED)}
        refuse(folder, problems(folder, touched, ("",), contents=True, surplus=False))
        _overwrite_shuffled(folder, shuffled, list(by_key), done["settings"]["padding"])
        entries = []
        for prefix, name in short.items():
            gone = _rows(f"{prefix}{SUFFIX}", list(by_key))
            total = done.get("totals", {}).get(known[name]["split"])
            _count_less(known[name], total, len(gone), sum(row["tokens"] for row in gone))
            for row in gone:
                page = by_key.get(row["record_id"]) or by_key[row["url"]]
                entries.append(
                    page._asdict() | {name: row[name] for name in ("record_id", "url", "tokens")} | {"shard": name}
                )
        done["taken_down"] = [*done.get("taken_down", []), *entries]
        done["pending"] = {"shards": sorted(short.values()), "fresh": fresh}
        files.write_json(files.join(folder, MANIFEST), done)
        _finish(folder, done)
    for target in shuffled:  # their manifest names the packed shards by content
        _note_shuffled(folder, target)
    return entries


def _finish(folder: str, done: dict[str, Any]) -> None:
    """Do what the manifest says of the shards under `pending`, whatever of it was done already."""
    pending = done["pending"]
    keys = sorted({entry["record_id"] for entry in done["taken_down"] if entry["shard"] in pending["shards"]})
    found = _by_shard(locate_all(folder, keys))
    for name in pending["shards"]:
        prefix = files.join(folder, name)
        _overwrite(prefix, found.get(prefix, []), done["settings"]["padding"])
        _rows(f"{prefix}{SUFFIX}", keys, remove=True)
        done["parts"] |= {f"{name}{end}": entry_of(f"{prefix}{end}") for end in _CHANGED}
    if pending["fresh"]:
        done["inputs"]["file"] = named_files(packed_from(done))
    del done["pending"]
    files.write_json(files.join(folder, MANIFEST), done)


def packed_from(done: dict[str, Any]) -> list[str]:
    """The files that the shards of a manifest were packed from."""
    return shard_files(done["shards_in"]) if "shards_in" in done else list(done["paths"])


def is_fresh(folder: str) -> bool:
    """Whether token shards are packed from what lies there now."""
    done = _manifest(folder)
    try:
        return bool(done["inputs"]["file"] == named_files(packed_from(done)))
    except FileNotFoundError:
        return False


def _manifest(folder: str) -> dict[str, Any]:
    done = files.read_json(files.join(folder, MANIFEST))
    if done is None or "padding" not in done.get("settings", {}):
        raise Refused(f"{folder} holds no finished tokens of skypile's: give the folder that the command wrote")
    return done


def _by_shard(places: Iterable[Place]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        found[place.shard].append(place)
    return found


def _overwrite(prefix: str, places: Sequence[Place], padding: int) -> None:
    """Put padding where the tokens of `places` stand in `prefix`.bin; doing it twice does no harm."""
    if "://" in prefix:  # an object is written whole
        fs, path = files.filesystem(prefix)
        index = read_index(f"{prefix}.idx", fs.cat_file(f"{path}.idx"))
        data = bytearray(fs.cat_file(f"{path}.bin"))
        index.check_size(f"{prefix}.bin", len(data))
        lengths, pointers, tokens = index.lengths, index.pointers, np.frombuffer(data, index.dtype)
    else:
        opened = open_indexed(prefix)
        lengths, pointers = opened.lengths, opened.pointers
        tokens = np.memmap(f"{prefix}.bin", opened.tokens.dtype, "r+")
    for place in places:
        first = int(pointers[place.sequence]) // tokens.itemsize
        if place.stop > lengths[place.sequence]:
            raise Refused(f"{prefix}: its documents do not fit its index; verify the shards, and pack them anew")
        tokens[first + place.start : first + place.stop] = padding
    if isinstance(tokens, np.memmap):
        tokens.flush()
    else:
        fs.pipe_file(f"{path}.bin", bytes(data))


def _rows(sidecar: str, keys: list[str], remove: bool = False) -> list[dict[str, Any]]:
    """The rows of the pages `keys` in a sidecar; with `remove`, it is written anew without them."""
    fs, path = files.filesystem(sidecar)
    wanted = pa.array(keys, pa.string())
    with fs.open(path, "rb") as file, pq.ParquetFile(file) as parquet:
        table = parquet.read()
    inside = pc.fill_null(pc.or_kleene(pc.is_in(table["url"], wanted), pc.is_in(table["record_id"], wanted)), False)
    if remove:
        pq.write_table(table.filter(pc.invert(inside)), f"{path}.partial", compression="zstd", filesystem=fs)
        fs.mv(f"{path}.partial", path)
    return list(table.filter(inside).to_pylist())


def _count_less(count: dict[str, Any], total: dict[str, Any] | None, documents: int, tokens: int) -> None:
    """Fewer documents and tokens, more padding. By language only where a shard has but one: sidecars name none."""
    languages = list(count["tokens_by_language"])
    for counted in (count, total):
        if counted is not None:
            counted["documents"] -= documents
            counted["tokens"] -= tokens
            counted["padding"] += tokens
            if len(languages) == 1:
                counted["tokens_by_language"][languages[0]] -= tokens


def _overwrite_shuffled(folder: str, shuffled: Sequence[str], keys: list[str], padding: int) -> None:
    for target in shuffled:
        packed = _packed_of(folder, target)
        with output_folder(target, "shuffle", []):
            for prefix, inside in _by_shard(locate_all_shuffled(packed, target, keys)).items():
                _overwrite(prefix, inside, padding)


def _note_shuffled(folder: str, target: str) -> None:
    packed = _packed_of(folder, target)
    done = files.read_json(files.join(target, MANIFEST)) or {}
    for name in done["parts"]:
        if name.endswith(".bin"):
            done["parts"][name] = entry_of(files.join(target, name))
    done["inputs"] = {"packed": named_files([packed])}
    files.write_json(files.join(target, MANIFEST), done)


def shuffled_from(target: str) -> str:
    """The folder of shards that a finished shuffle in `target` is of; empty if it holds none."""
    return str((files.read_json(files.join(target, MANIFEST)) or {}).get("packed", ""))


def is_split_of(packed: str, folder: str) -> bool:
    """Whether `packed` is a folder of shards in `folder`, under whatever name."""
    if "://" in packed or "://" in folder:
        return packed.rstrip("/").rpartition("/")[0] == folder.rstrip("/")
    return bool(packed) and Path(packed).resolve().parent == Path(folder).resolve()


def _packed_of(folder: str, target: str) -> str:
    packed = shuffled_from(target)
    if not is_split_of(packed, folder):
        raise Refused(f"{target} was shuffled from {packed or 'nothing'}, not from a split of {folder}")
    return packed
