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
from skypile.run_folder.identity import content_digest, named_files
from skypile.run_folder.once import MANIFEST
from skypile.run_folder.output import output_folder
from skypile.run_folder.takedowns import Takedown
from skypile.runtime import files
from skypile.tokens.megatron import open_indexed
from skypile.tokens.parquet_texts import shard_files
from skypile.tokens.provenance import SUFFIX, Place, locate_all
from skypile.tokens.shuffled import locate_all_shuffled


def take_down(
    folder: str, pages: Sequence[Takedown], fresh: bool, shuffled: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Overwrite the tokens of `pages` in the shards below `folder`, and in folders that these were shuffled into.

    `fresh`: note what the shards are packed from anew, so that what was taken out of it too does not ask for another
    packing. Returns an entry a page and shard: key, record_id, url, shard, tokens, why, date.

    Raises:
        Refused: no token shards of skypile's, or a shuffle of others.
    """
    done = _manifest(folder, "tokens")
    by_key = {page.key: page for page in pages}
    places = list(locate_all(folder, list(by_key)))
    _overwrite_shuffled(folder, shuffled, list(by_key), done["settings"]["padding"])
    with output_folder(folder, "tokens", []):
        for prefix, inside in _by_shard(places).items():
            _overwrite(prefix, inside, done["settings"]["padding"])
        entries = []
        for prefix in _by_shard(places):
            gone = _without(f"{prefix}{SUFFIX}", list(by_key))
            short = prefix.removeprefix(folder.rstrip("/") + "/")
            for suffix in (".bin", SUFFIX):
                done["parts"][f"{short}{suffix}"] = _entry(f"{prefix}{suffix}")
            count = next(one for one in done["shards"] if f"{one['split']}/{one['shard']}" == short)
            tokens = sum(row["tokens"] for row in gone)
            for counted in (count, done.get("totals", {}).get(count["split"], {})):
                _count_less(counted, len(gone), tokens)
            for row in gone:
                page = by_key.get(row["url"]) or by_key[row["record_id"]]
                entries.append(
                    page._asdict() | {name: row[name] for name in ("record_id", "url", "tokens")} | {"shard": short}
                )
        done["taken_down"] = [*done.get("taken_down", []), *entries]
        if fresh:
            done["inputs"]["file"] = named_files(packed_from(done))
        files.write_json(files.join(folder, MANIFEST), done)
    for target in shuffled:  # their manifest names the packed shards by content
        _note_shuffled(folder, target)
    return entries


def packed_from(done: dict[str, Any]) -> list[str]:
    """The files that the shards of a manifest were packed from."""
    return shard_files(done["shards_in"]) if "shards_in" in done else list(done["paths"])


def is_fresh(folder: str) -> bool:
    """Whether token shards are packed from what lies there now."""
    done = _manifest(folder, "tokens")
    try:
        return bool(done["inputs"]["file"] == named_files(packed_from(done)))
    except FileNotFoundError:
        return False


def _manifest(folder: str, what: str) -> dict[str, Any]:
    done = files.read_json(files.join(folder, MANIFEST))
    if done is None or "padding" not in done.get("settings", {}) | ({"padding": 0} if what == "shuffle" else {}):
        raise Refused(f"{folder} holds no finished {what} of skypile's: give the folder that the command wrote")
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
        code, lengths, pointers = _remote_index(prefix)
        data = bytearray(fs.cat_file(f"{path}.bin"))
        tokens = np.frombuffer(data, code)
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


def _remote_index(prefix: str) -> tuple[np.dtype, np.ndarray, np.ndarray]:
    """dtype, lengths and pointers of a remote shard, whose index fits into memory."""
    import tempfile

    fs, path = files.filesystem(prefix)
    with tempfile.TemporaryDirectory() as folder:
        fs.get_file(f"{path}.idx", f"{folder}/shard.idx")
        size = int(fs.size(f"{path}.bin"))
        with Path(folder, "shard.bin").open("wb") as file:
            file.truncate(size)  # a hole: only the index is read
        opened = open_indexed(f"{folder}/shard")
        return opened.tokens.dtype, opened.lengths, opened.pointers


def _without(sidecar: str, keys: list[str]) -> list[dict[str, Any]]:
    """Write a sidecar anew without the rows of the pages `keys`; those rows."""
    fs, path = files.filesystem(sidecar)
    wanted = pa.array(keys, pa.string())
    with fs.open(path, "rb") as file, pq.ParquetFile(file) as parquet:
        table = parquet.read()
    inside = pc.or_(pc.is_in(table["url"], wanted), pc.is_in(table["record_id"], wanted))
    pq.write_table(table.filter(pc.invert(inside)), f"{path}.partial", compression="zstd", filesystem=fs)
    fs.mv(f"{path}.partial", path)
    return list(table.filter(inside).to_pylist())


def _entry(place: str) -> list[Any]:
    fs, path = files.filesystem(place)
    return [int(fs.size(path)), content_digest(place)]


def _count_less(counted: dict[str, Any], documents: int, tokens: int) -> None:
    """Fewer documents and tokens, more padding. By language only where a shard has but one: sidecars name none."""
    if not counted:
        return
    counted["documents"] -= documents
    counted["tokens"] -= tokens
    counted["padding"] += tokens
    if len(by_language := counted["tokens_by_language"]) == 1:
        by_language[next(iter(by_language))] -= tokens


def _overwrite_shuffled(folder: str, shuffled: Sequence[str], keys: list[str], padding: int) -> None:
    for target in shuffled:
        packed = _packed_of(folder, target)
        with output_folder(target, "shuffle", []):
            for prefix, inside in _by_shard(locate_all_shuffled(packed, target, keys)).items():
                _overwrite(prefix, inside, padding)


def _note_shuffled(folder: str, target: str) -> None:
    done = _manifest(target, "shuffle")
    for name in done["parts"]:
        if name.endswith(".bin"):
            done["parts"][name] = _entry(files.join(target, name))
    done["inputs"] = {"packed": named_files([_packed_of(folder, target)])}
    files.write_json(files.join(target, MANIFEST), done)


def _packed_of(folder: str, target: str) -> str:
    packed = str(_manifest(target, "shuffle")["packed"])
    if files.absolute(folder).rstrip("/") != packed.rstrip("/").rpartition("/")[0]:
        raise Refused(f"{target} was shuffled from {packed}, not from a split of {folder}")
    return packed
