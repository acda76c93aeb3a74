"""Folders of token shards, each with one manifest: packed without Spark, or shuffled (see `run_folder.once`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skypile.errors import Refused
from skypile.run_folder.identity import named_files, signature
from skypile.run_folder.once import Result, once
from skypile.run_folder.output import check_apart
from skypile.runtime import files
from skypile.tokens.encoder import Encoder, default_model_path
from skypile.tokens.piece_model import load_piece_model
from skypile.tokens.shards import TRAIN, VALIDATION, Packing, tokenize_file
from skypile.tokens.shuffled import plan_shuffle, write_shuffled
from skypile.tokens.text_files import text_batches, text_files

SPLITS = (TRAIN, VALIDATION)
OURS = r"\.(bin|idx|documents\.parquet)(\.partial)?$"
OURS_SHUFFLED = r"^shard-\d{5}\.(bin|idx)(\.partial)?$|^shuffle\.json$"


def pack_files(
    paths: Sequence[Path], output: str, model: str | Path | None, packing: Packing
) -> tuple[dict[str, Any], bool]:
    """Encode and pack Parquet and JSONL files, one after the other, into `output`/train and /validation.

    Returns the manifest, and whether any work was done. Raises what `text_files` does, Refused where no row has a text,
    and OutputRefused and FolderLocked for an output that is not to be written.
    """
    check_apart(output, [str(path) for path in paths])
    found = text_files(paths)
    result, packing = packed_result([str(path) for path in found.values()], model, packing)

    def work() -> dict[str, Any]:
        encoder = Encoder.load(model)
        counts: list[dict[str, Any]] = []
        left_out: dict[str, list[Any]] = {}
        for name, path in found.items():
            lost: list[str] = []
            made = tokenize_file(path, text_batches(path, lost.append), encoder, output, name, packing)
            counts += [asdict(count) for count in made]
            left_out |= {str(path): [len(lost), lost[0]]} if lost else {}
        if not any(count["documents"] for count in counts):
            lost_of = "; ".join(f"{path}: {rows} rows, {reason}" for path, (rows, reason) in left_out.items())
            raise Refused(f"nothing to pack: no row has a text in a column text ({lost_of or 'there is no row'})")
        return {"shards": counts, "left_out": left_out}

    return once(output, result, work)


def packed_result(paths: Sequence[str], model: str | Path | None, packing: Packing) -> tuple[Result, Packing]:
    """What a folder of packed shards is made from, and its packing with what the model says of it filled in."""
    model = str(model or default_model_path())
    packing = packing.for_model(load_piece_model(model))
    made_of = {
        "settings": asdict(packing) | {"model": Path(model).name},
        "paths": sorted(map(files.absolute, paths)),
    }

    def known(done: Mapping[str, Any]) -> dict[str, Any]:
        return {"file": named_files(paths), "model": signature(model)}

    return Result("tokens", "tokens", [*paths, model], made_of, known, SPLITS, OURS), packing


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
