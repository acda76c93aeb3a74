"""Folders of token shards, each with one manifest: packed without Spark, or shuffled (see `run_folder.once`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from skypile.run_folder.identity import named_files, signature
from skypile.run_folder.once import Result, once
from skypile.runtime import files
from skypile.tokens.encoder import Encoder, default_model_path
from skypile.tokens.shards import TRAIN, VALIDATION, Packing, parquet_batches, tokenize_batches
from skypile.tokens.shuffled import plan_shuffle, write_shuffled

SPLITS = (TRAIN, VALIDATION)
OURS = r"\.(bin|idx|documents\.parquet)(\.partial)?$"
OURS_SHUFFLED = r"^shard-\d{5}\.(bin|idx)(\.partial)?$|^shuffle\.json$"


def pack_files(
    paths: Sequence[str], output: str, model: str | Path | None, packing: Packing
) -> tuple[dict[str, Any], bool]:
    """Encode and pack Parquet files, one after the other, into `output`/train and /validation.

    Returns the manifest, and whether any work was done. Raises ValueError for a file that is named twice, OutputRefused
    and FolderLocked for an output that is not to be written.
    """
    if repeated := [path for path, times in Counter(map(files.absolute, paths)).items() if times > 1]:
        raise ValueError(f"{repeated[0]} is named twice: its documents would be, too")

    def work() -> dict[str, Any]:
        encoder = Encoder.load(model)
        counts = []
        for path, name in zip(paths, distinct_names(paths), strict=True):
            found, _ = tokenize_batches(parquet_batches(path), encoder, output, name, packing)
            counts += [asdict(count) for count in found]
        return {"shards": counts}

    return once(output, packed_result(paths, model, packing), work)


def packed_result(paths: Sequence[str], model: str | Path | None, packing: Packing) -> Result:
    """What a folder of packed shards is made from."""
    model = str(model or default_model_path())
    made_of = {
        "settings": asdict(packing) | {"model": Path(model).name},
        "paths": sorted(map(files.absolute, paths)),
    }

    def known(done: Mapping[str, Any]) -> dict[str, Any]:
        return {"file": named_files(paths), "model": signature(model)}

    return Result("tokens", "tokens", [*paths, model], made_of, known, SPLITS, OURS)


def distinct_names(paths: Sequence[str]) -> list[str]:
    """A shard name for each file: its own, with as many of its folders before it as tell it from the others.

    >>> distinct_names(["en/part-0.parquet", "zh/part-0.parquet", "zh/b.parquet"])
    ['en-part-0', 'zh-part-0', 'b']
    """
    parts = [PurePosixPath(files.absolute(path)).with_suffix("").parts for path in paths]
    names = [one[-1] for one in parts]
    for depth in range(2, max(map(len, parts), default=0) + 1):
        often = Counter(names)
        if len(often) == len(names):
            break
        names = [
            "-".join(one[-depth:]).lstrip("/") if often[name] > 1 else name
            for one, name in zip(parts, names, strict=True)
        ]
    times: Counter[str] = Counter()
    for number, name in enumerate(names):  # a-b/c beside a/b-c
        times[name] += 1
        names[number] = name if times[name] == 1 else f"{name}~{times[name]}"
    return names


def shuffle_shards(packed: str, output: str, shards: int, seed: int) -> tuple[dict[str, Any], bool]:
    """Shuffle all sequences of the shards in `packed` into `output`; the manifest, and whether any work was done."""

    def work() -> dict[str, Any]:
        names = plan_shuffle(packed, output, shards, seed)
        for number in range(len(names)):
            write_shuffled(packed, output, number)
        return {"shards": names}

    made_of = {"packed": files.absolute(packed), "settings": {"shards": shards, "seed": seed}}

    def known(done: Mapping[str, Any]) -> dict[str, Any]:
        return {"packed": named_files([packed])}

    return once(output, Result("shuffle", "tokens", [packed], made_of, known, ("",), OURS_SHUFFLED), work)
