"""Rows of a finished stage of one wave, dropped after the fact: only the files in which they stand are written anew.

The folder is then what the stage would have made with the rows dropped: its counts, digest and checksums fit, and what
a stamp and the manifest say it was made from is what it would be made from now. Every other file stays byte for byte,
every other row value for value. New files are written aside; then a journal says which take whose place, and what the
stamp and the manifest become. A process that dies leaves the stage as it was, or a journal that `finish` ends.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile import schema
from skypile.run_folder import stage_folder
from skypile.run_folder.parquet_part import ROW_GROUP_BYTES, part
from skypile.run_folder.parts import entry_of, listed
from skypile.run_folder.row_hash import row_hash
from skypile.run_folder.stage_folder import Plan
from skypile.runtime import files

_LEDGER = schema.names(schema.LEDGER_COLUMNS)
JOURNAL = "_removal.json"  # one of stage_folder.OURS
_KEPT, _DROPPED = "documents/kept=true/", "documents/kept=false/"
_MARK = "-removed-"  # in the names of the files with what was dropped


def drop(
    run: str, plan: Plan, reason: str, evidence: Mapping[str, str], emptied: tuple[str, ...], level: int
) -> dict[str, Any]:
    """Drop the kept rows of `plan.stage` whose ids are keys of `evidence`, for `reason`; the manifest.

    `plan`: of one wave, with the inputs that it has now. `emptied`: columns of the dropped that become null. `level`:
    of zstd, as the stage compresses. The caller holds the run's lock, and knows that the stage is finished.
    """
    folder = stage_folder.stage_dir(run, plan.stage)
    done = stage_folder.manifest(run, plan.stage)
    assert done is not None and len(plan.waves) == 1
    parts = dict(done["parts"])
    wanted = pa.array(sorted(evidence), pa.string())
    digest = int(done["digest"], 16)
    changed = 0
    moves: list[str] = []
    columns = schema.STAGE_COLUMNS[plan.stage]
    passed_on = stage_folder.passed_on(columns)
    for name in [name for name in parts if name.startswith(_KEPT)]:
        if not _holds(folder, name, wanted):
            continue
        gone, parts[name] = _take(folder, name, wanted, level)
        moves.append(name)
        for row in gone.to_pylist():
            digest ^= row_hash([row[column] for column in passed_on])
        place = files.join(folder, name.rpartition("/")[0].replace(_KEPT, _DROPPED, 1))
        table = _dropped(gone, reason, evidence, emptied).cast(schema.arrow_schema(columns))
        written: dict[str, list[Any]] = {}
        attempt = f"{_MARK.strip('-')}-{parts[name][1][:8]}"  # the content is new with every removal
        with part(place, 0, table.schema, written, attempt) as add:
            for batch in table.to_batches():
                add(batch)
        parts |= {path.removeprefix(f"{folder}/"): entry for path, entry in written.items()}
        changed += len(gone)
    for name in [name for name in parts if name.startswith("verdicts/")]:

        def decide(batch: pa.Table) -> pa.Table:
            nonlocal digest
            new = _decided(batch, wanted, reason, evidence)
            for was, now in zip(batch.select(_LEDGER).to_pylist(), new.select(_LEDGER).to_pylist(), strict=True):
                if was != now:
                    digest ^= row_hash([was[c] for c in _LEDGER]) ^ row_hash([now[c] for c in _LEDGER])
            return new

        if _holds(folder, name, wanted):
            parts[name] = _rewrite(folder, name, decide, level)
            moves.append(name)
    noted = _noted(plan, done, parts, f"{digest:016x}", changed, reason)
    files.write_json(files.join(folder, JOURNAL), noted | {"moves": moves})
    finish(folder)
    return noted["manifest"]


def finish(folder: str) -> None:
    """End what a journal in a stage folder says was begun, and remove what an attempt without one has left."""
    todo = files.read_json(files.join(folder, JOURNAL))
    if todo is None:
        done = files.read_json(files.join(folder, "manifest.json")) or {"parts": {}}
        fs, path = files.filesystem(folder)
        for name in listed(folder, ("documents/kept=false",)):
            if _MARK in name and name not in done["parts"]:
                fs.rm_file(f"{path.rstrip('/')}/{name}")
        return
    for name in todo["moves"]:
        aside = _aside(name)
        fs, path = files.filesystem(files.join(folder, name))
        if files.exists(files.join(folder, aside)):
            fs.mv(files.filesystem(files.join(folder, aside))[1], path)
        head, _, last = path.rpartition("/")
        if fs.exists(beside := f"{head}/.{last}.crc"):  # Hadoop's checksum, of what the file was
            fs.rm_file(beside)
    number = "waves/00000.json"
    files.write_json(files.join(folder, number), (files.read_json(files.join(folder, number)) or {}) | todo["stamp"])
    files.write_json(files.join(folder, "manifest.json"), todo["manifest"])
    files.remove_tree(files.join(folder, JOURNAL))


def _aside(name: str) -> str:
    head, _, last = name.rpartition("/")
    return f"{head}/_{last}"


def _take(folder: str, name: str, wanted: pa.Array, level: int) -> tuple[pa.Table, list[Any]]:
    """The rows with the ids `wanted` of a Parquet file, and size and checksum of one without them beside it."""
    gone: list[pa.Table] = []

    def keep(table: pa.Table) -> pa.Table:
        inside = pc.is_in(table["record_id"], wanted)
        gone.append(table.filter(inside))
        return table.filter(pc.invert(inside))

    entry = _rewrite(folder, name, keep, level)
    return pa.concat_tables(gone), entry


def _holds(folder: str, name: str, wanted: pa.Array) -> bool:
    with files.open_uri(files.join(folder, name)) as file, pq.ParquetFile(file) as parquet:
        groups = range(parquet.num_row_groups)
        ids = (parquet.read_row_group(group, ["record_id"])["record_id"] for group in groups)
        return any(pc.any(pc.is_in(column, wanted)).as_py() for column in ids)


def _rewrite(folder: str, name: str, change: Callable[[pa.Table], pa.Table], level: int) -> list[Any]:
    """Write a Parquet file anew beside itself, a row group at a time; size and checksum of that."""
    place, aside = files.join(folder, name), files.join(folder, _aside(name))
    how = {"compression": "zstd", "compression_level": level, "write_page_checksum": True}
    with (
        files.open_uri(place) as file,
        pq.ParquetFile(file) as parquet,
        files.open_uri(aside, "wb") as target,
        pq.ParquetWriter(target, parquet.schema_arrow, **how) as writer,
    ):
        for group in range(parquet.num_row_groups):
            table = change(parquet.read_row_group(group))
            rows = max(1, ROW_GROUP_BYTES * len(table) // max(table.nbytes, 1))
            writer.write_table(table.cast(parquet.schema_arrow), row_group_size=rows)
    return entry_of(aside)


def _dropped(table: pa.Table, reason: str, evidence: Mapping[str, str], emptied: tuple[str, ...]) -> pa.Table:
    table = _decided(table, table["record_id"].combine_chunks(), reason, evidence)
    for name in emptied:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.field(at), pa.nulls(len(table), table.field(at).type))
    return table


def _decided(table: pa.Table, wanted: pa.Array, reason: str, evidence: Mapping[str, str]) -> pa.Table:
    """`table` with the verdict `dropped` on rows that are kept and whose ids are `wanted`."""
    mask = pc.and_(pc.is_in(table["record_id"], wanted), pc.equal(table["verdict"], schema.KEPT))
    ids = table["record_id"].to_pylist()
    new = {
        "verdict": pa.array([schema.DROPPED] * len(ids)),
        "reason": pa.array([reason] * len(ids)),
        "evidence": pa.array([evidence.get(record) for record in ids], pa.string()),
    }
    for name, values in new.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.field(at), pc.if_else(mask, values, table[name]))
    return table


def _noted(
    plan: Plan, done: dict[str, Any], parts: dict[str, Any], digest: str, changed: int, reason: str
) -> dict[str, Any]:
    dropped = dict(sorted((done["dropped"] | {reason: done["dropped"].get(reason, 0) + changed}).items()))
    counts = {"kept": done["kept"] - changed, "dropped": dropped if changed else done["dropped"]}
    stamp = counts | {"digest": digest, "parts": parts, "made_from": plan.made_from(0)}
    made_of = {name: done[name] for name in ("stage", "settings", "code")} | {"inputs": plan.inputs}
    result = done | counts | {"digest": digest, "parts": parts, "inputs": plan.inputs}
    result |= {"fingerprint": stage_folder.fingerprint(made_of)}
    return {"stamp": stamp, "manifest": result}
