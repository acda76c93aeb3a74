"""A plan in a folder, and back from it.

    manifest.json     curriculum, blends, sources: asked for, drawn, epochs
    shards.parquet    a row a shard: what it has, and what each blend draws of it
    blend-00.data     Megatron's --data-args-path of each blend
    blend-00.args     and its other arguments
    phases.svg        learning rate and shares over the tokens (drawn by the command line)

Made anew where the catalogue's content is another; another curriculum wants another folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.config.curriculum import Curriculum
from skypile.errors import Refused
from skypile.mixture.catalogue import Shard, read_catalogue
from skypile.mixture.megatron import arguments, data_lines
from skypile.mixture.order import Order
from skypile.mixture.phases import Blend, Piece, pieces
from skypile.mixture.plan import Plan, plan
from skypile.run_folder.identity import named_files
from skypile.run_folder.once import MANIFEST, Result, once
from skypile.runtime import files

SHARDS = "shards.parquet"
PICTURE = "phases.svg"
OURS = r"^(shards\.parquet|blend-\d+\.(data|args)|phases\.svg)$"


def plan_folder(curriculum: Curriculum, catalogue: str, output: str) -> tuple[dict[str, Any], bool]:
    """Plan and write; the manifest, and whether any work was done.

    Raises what `plan` and `read_catalogue` do, Refused for a path with blanks, and OutputRefused and FolderLocked.
    """
    if any(map(str.isspace, where := str(Path(output).absolute()))):
        raise Refused(
            f"{where!r} has blanks, at which a shell cuts the arguments of the blends ($(cat blend-00.args)): name a "
            "folder without"
        )
    made_of = {"catalogue": files.absolute(catalogue), "settings": curriculum.model_dump(mode="json")}

    def work() -> dict[str, Any]:
        shards = read_catalogue(catalogue)
        length = shards[0].sequence_length
        found, rates = plan(curriculum, shards), pieces(curriculum, length)
        _write(Path(output), found, rates, curriculum, length)
        return described(found, rates, curriculum.batch_sequences, length)

    def known(done: Any) -> dict[str, Any]:
        return named_files([catalogue])

    return once(output, Result("mixture", "mixture", [catalogue], made_of, known, ("",), OURS), work)


def _write(folder: Path, found: Plan, rates: list[Piece], curriculum: Curriculum, length: int) -> None:
    table = pa.table({name: [getattr(shard, name) for shard in found.shards] for name in Shard._fields})
    table = table.append_column("source", pa.array([found.sources[number] for number in found.source.tolist()]))
    width = len(found.blends)
    draws = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(found.draws.T).reshape(-1)), width)
    pq.write_table(table.append_column("draws", draws), folder / SHARDS, compression="zstd")
    names = [shard.shard for shard in found.shards]
    for number in range(width):
        data = folder / f"blend-{number:02d}.data"
        files.write_text(str(data), "\n".join(data_lines(names, found.draws[number])) + "\n")
        of_megatron = arguments(
            found.blends, number, rates, curriculum.batch_sequences, length, curriculum.seed, str(data.absolute())
        )
        files.write_text(str(data.with_suffix(".args")), "\n".join(of_megatron) + "\n")


def described(found: Plan, rates: list[Piece], batch: int, length: int) -> dict[str, Any]:
    """What a manifest says of a plan: sequences and epochs by source, and by blend."""
    drawn, sizes = found.drawn(), found.sizes()
    whole = int(drawn.sum())
    sources = [
        {
            "source": name,
            "sequences": int(size),
            "asked": round(float(found.asked[:, n].sum()), 3),
            "drawn": int(drawn[:, n].sum()),
            "share": int(drawn[:, n].sum()) / whole,
            "epochs": int(drawn[:, n].sum()) / int(size) if size else 0.0,
        }
        for n, (name, size) in enumerate(zip(found.sources, sizes, strict=True))
    ]
    blends = [
        {
            **{"phase": blend.phase, "first_step": blend.first, "steps": blend.steps, "sequences": int(drawn[n].sum())},
            "shares": (drawn[n] / drawn[n].sum()).tolist(),  # of the sources, in their order
        }
        for n, blend in enumerate(found.blends)
    ]
    return {
        **{"sequence_length": length, "batch_sequences": batch, "steps": whole // batch, "sequences": whole},
        **{"tokens": whole * length, "sources": sources, "blends": blends},
        **{"rates": [piece._asdict() for piece in rates], "left_out": found.left_out},
    }


def is_plan(folder: str | Path) -> bool:
    """Whether a folder holds a plan, finished or not."""
    return (Path(folder) / SHARDS).exists()


def open_plan(folder: str | Path) -> tuple[dict[str, Any], Order]:
    """A plan's manifest, and its order.

    Raises:
        Refused: no plan, or an unfinished one.
    """
    manifest = files.read_json(str(Path(folder) / MANIFEST))
    if manifest is None or not is_plan(folder):
        raise Refused(f"{folder} holds no finished plan: give the folder that `skypile mixture plan` wrote")
    table = pq.read_table(Path(folder) / SHARDS, columns=["shard", "sequences", "draws"])
    draws = table["draws"].combine_chunks().flatten().to_numpy().reshape(len(table), -1).T
    seed = int(manifest["settings"]["seed"])
    return manifest, Order(table["shard"].to_pylist(), table["sequences"].to_numpy(), np.ascontiguousarray(draws), seed)


def rate_pieces(manifest: dict[str, Any]) -> list[Piece]:
    return [Piece(**piece) for piece in manifest["rates"]]


def blends_of(manifest: dict[str, Any]) -> list[Blend]:
    """The blends as they came out: shares are those that are drawn."""
    names = [source["source"] for source in manifest["sources"]]
    return [
        Blend(one["phase"], one["first_step"], one["steps"], dict(zip(names, one["shares"], strict=True)))
        for one in manifest["blends"]
    ]
