"""Stage folders: written so that a stage is whole or absent, whoever writes the Parquet in them.

  <run>/<nn_stage>/
    documents/kept=true/wave=0/…parquet    rows for the next stage
    documents/kept=false/wave=0/…parquet   the same columns, dropped and failed rows
    verdicts/wave=0/…parquet               LEDGER_COLUMNS, no text
  clusters/, classifier/, perplexity/, judges/   what two of the stages decided by
    plan.json                              written first: what this folder is being made from
    waves/00000.json                       one stamp per finished wave
    manifest.json                          written last: settings, inputs, counts, digest, seconds, versions, parts

Extraction, the long stage, is written in many waves, the others in one. A wave replaces its own partition
of `documents` and `verdicts` and is then stamped with the sizes and checksums of its files; a file that no stamp
names is not there, whoever reads. A run keeps the waves that were made from the same input, by the same code, with the
same settings, and whose files are what was written; it makes all others.

`skypile.run_folder.storage` has Spark write a wave, `skypile.extraction.without_spark` writes one without it."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa

from skypile import schema
from skypile.errors import SkypileError
from skypile.run_folder import parts as part_files
from skypile.run_folder.code import code, versions
from skypile.run_folder.identity import difference
from skypile.run_folder.outcome import warnings
from skypile.run_folder.parts import Parts
from skypile.run_folder.stamp import Stamp, Written, add_up, checked
from skypile.runtime import files
from skypile.version import __version__

DATA = ("documents", "verdicts")  # the folders of parts
BESIDE = ("clusters", "classifier", "perplexity", "judges")  # what a stage of one wave writes besides: parts, too
OURS = (*DATA, *BESIDE, "waves", "plan.json", "manifest.json", "_scratch", "_removal.json")


class PrunedError(SkypileError):
    """A stage is to be made from documents that were removed; the message says what can be done."""


class Plan(NamedTuple):
    """What a stage folder is made from.

    `settings`: those that decide. `waves`: for each wave, what its part of the input is known by. `unsettled(wave)`:
    what of its input has changed while it was read, in words; such a wave is read again by the next run.
    `notes(stamp)` and `findings()` (entries of the manifest) are asked for when a wave is done.
    """

    stage: str
    settings: dict[str, Any]
    inputs: dict[str, Any]
    waves: Sequence[str]
    notes: Callable[[Stamp], list[str]] = lambda counts: []
    unsettled: Callable[[int], list[str]] = lambda number: []
    findings: Callable[[], dict[str, Any]] = dict

    @property
    def made_of(self) -> dict[str, Any]:
        return {"stage": self.stage, "settings": self.settings, "inputs": self.inputs, "code": code(self.stage)}

    def made_from(self, wave: int) -> str:
        """What a wave's stamp says that it was made from."""
        return fingerprint(self.made_of | {"inputs": self.waves[wave]})


def stage_dir(run: str, stage: str) -> str:
    """`runs/a`, `dedup` -> `runs/a/03_dedup`."""
    return files.join(run, f"{schema.STAGES.index(stage) + 1:02d}_{stage}")


def manifest(run: str, stage: str) -> dict[str, Any] | None:
    """The manifest of a finished stage, else None."""
    return files.read_json(files.join(stage_dir(run, stage), "manifest.json"))


def check_not_pruned(run: str, stage: str) -> None:
    """PrunedError if the documents that `stage` kept were removed."""
    if (manifest(run, stage) or {}).get("pruned"):
        raise PrunedError(
            f"the documents that {stage} kept were removed from {run} (skypile prune or keep_documents = false); "
            "what reads them cannot be made again: restore the settings that the later stages were made with, or run "
            "into another folder"
        )


def write(
    run: str,
    plan: Plan,
    write_wave: Callable[[str, int], Written],
    check_ids: Callable[[str], None],
    on_wave: Callable[[int, Stamp], None] = lambda number, stamp: None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, Any], bool]:
    """Bring the folder of `plan` under `run` to its end. Returns its manifest and whether any work was done.

    `write_wave(folder, number)` writes a wave; `check_ids(folder)` raises ConservationError if a record has two
    verdicts in the finished folder; `say` is told why a finished stage is made again.
    """
    folder = stage_dir(run, plan.stage)
    done = manifest(run, plan.stage)
    reason = why_redo(run, plan)
    if done is not None and reason is None:
        return done, False
    if (number := schema.STAGES.index(plan.stage)) > 0:
        check_not_pruned(run, schema.STAGES[number - 1])  # before anything is removed that could not be made again
    if done is not None:
        say(f"{plan.stage:<20} redone: {reason}")
        files.remove_tree(files.join(folder, "manifest.json"))
    kept = {number: stamp for number in range(len(plan.waves)) if (stamp := _sound_stamp(folder, plan, number))}
    refuse_foreign(folder)
    if not kept:
        for name in OURS:
            files.remove_tree(files.join(folder, name))
    begun = {"stage": plan.stage, "settings": plan.settings, "inputs": plan.inputs, "waves": len(plan.waves)}
    files.write_json(files.join(folder, "plan.json"), begun)
    stamps = []
    for number in range(len(plan.waves)):
        stamp = kept.get(number)
        if stamp is None:
            began = time.monotonic()
            _remove_wave(folder, number)
            stamp = checked(plan.stage, number, write_wave(folder, number))
            stamp |= {"made_from": plan.made_from(number), "unsettled": plan.unsettled(number)}
            stamp |= {"notes": plan.notes(stamp), "findings": plan.findings()}
            stamp["seconds"] = round(time.monotonic() - began, 2)
            files.write_json(_stamp_path(folder, number), stamp)
        stamps.append(stamp)
        on_wave(number, stamp)
    for name in files.list_names(files.join(folder, "waves")):  # there were more waves once
        if name.partition(".")[0].isdigit() and int(name.partition(".")[0]) >= len(plan.waves):
            files.remove_tree(files.join(folder, "waves", name))
    parts: Parts = {name: entry for stamp in stamps for name, entry in stamp["parts"].items()}
    part_files.remove_surplus(folder, parts, DATA)
    part_files.refuse(folder, part_files.problems(folder, parts, DATA, contents=False))
    check_ids(folder)
    counts = add_up(stamps)
    result = (
        plan.made_of
        | counts
        | {key: value for stamp in stamps for key, value in stamp["findings"].items()}
        | {"notes": counts["notes"] + warnings({"stage": plan.stage} | counts, folder)}
        | {"skypile": __version__, "waves": len(plan.waves), "fingerprint": fingerprint(plan.made_of)}
        | {"versions": versions(), "parts": parts, "finished": datetime.now(UTC).isoformat(timespec="seconds")}
    )
    files.write_json(files.join(folder, "manifest.json"), result)
    return result, True


def why_redo(run: str, plan: Plan) -> str | None:
    """Why a stage has to be made, in words; None if what is there is what `plan` would make.

    Reads its manifest and lists its files, and reads these to the bit where `parts.affordable`.
    """
    folder = stage_dir(run, plan.stage)
    done = manifest(run, plan.stage)
    if done is None:
        return "unfinished" if files.exists(files.join(folder, "plan.json")) else "not made yet"
    if "parts" not in done:
        return "another version of skypile made it"
    if (differ := difference(done, plan.made_of)) is not None:
        return differ
    if done["unsettled"]:
        return f"{done['unsettled'][0]} while it was read"
    wrong = part_files.problems(folder, done["parts"], _data(done), part_files.affordable(done["parts"]))
    return wrong[0] if wrong else None


def _data(done: dict[str, Any]) -> tuple[str, ...]:
    """The folders of parts of a finished stage."""
    return ("documents/kept=false", "verdicts", *BESIDE) if done.get("pruned") else (*DATA, *BESIDE)


def waves_done(run: str, plan: Plan) -> int:
    """How many waves of an unfinished stage need not be made again, by their stamps."""
    stamps = (files.read_json(_stamp_path(stage_dir(run, plan.stage), number)) for number in range(len(plan.waves)))
    return sum(bool(s) and s.get("made_from") == plan.made_from(n) for n, s in enumerate(stamps) if s)


def refuse_foreign(folder: str) -> None:
    """Refuse to write anew where files stand that no stage has written. Raises DamagedParts."""
    names = (name for name in part_files.listed(folder, DATA) if not name.rsplit("/", 1)[-1].startswith("part-"))
    if found := next(names, None):
        raise part_files.DamagedParts(f"{folder}/{found} is no file of skypile's; move it elsewhere")


def check_finished(run: str, stage: str) -> dict[str, Any]:
    """The manifest of a finished stage, whose files are what was written. FileNotFoundError, DamagedParts."""
    folder = stage_dir(run, stage)
    done = manifest(run, stage)
    if done is None:
        raise FileNotFoundError(f"{folder} has no manifest.json: run the {stage} stage first")
    parts = done.get("parts", {})
    part_files.refuse(folder, part_files.problems(folder, parts, _data(done), part_files.affordable(parts)))
    return done


def kept_by(stage: str, done: dict[str, Any]) -> dict[str, str]:
    """What the stage after `stage`, whose manifest is `done`, is made from: its part of a plan's inputs."""
    return {f"what {stage} kept": f"{done['fingerprint']} {done['digest']}"}


def follows(done: dict[str, Any], upstream: dict[str, Any] | None) -> bool:
    """Whether a finished stage was made from what the one before it holds now, by their manifests.

    True for the first, which reads the crawl. `upstream` None: what was before it is not finished now.
    """
    known = {key: value for key, value in done.get("inputs", {}).items() if key.startswith("what ")}
    return not known or (upstream is not None and known == kept_by(upstream["stage"], upstream))


def stamped_parts(folder: str) -> Parts | None:
    """The files that a stage's manifest, or before it is finished its stamps, name.

    None: all that are there, in a run of a version that noted none.
    """
    done = files.read_json(files.join(folder, "manifest.json"))
    if done is not None:
        return done.get("parts")
    names = files.list_names(folder)
    if "waves" not in names:
        return {} if "plan.json" in names else None
    stamps = [
        files.read_json(files.join(folder, "waves", name))
        for name in files.list_names(files.join(folder, "waves"))
        if not name.startswith(".")
    ]
    return {name: entry for stamp in stamps if stamp for name, entry in stamp.get("parts", {}).items()}


def documents_dir(folder: str, kept: bool) -> str:
    """Where in a stage folder the documents are that stay, or those that go."""
    return files.join(folder, "documents", f"kept={str(kept).lower()}")


def verdicts_dir(folder: str) -> str:
    return files.join(folder, "verdicts")


def of_wave(folder: str, number: int) -> str:
    """The partition of a wave in a folder of documents or verdicts."""
    return files.join(folder, f"wave={number}")


def places_of(number: int) -> list[str]:
    """The partitions of a wave below a stage folder, and with the first what is written besides."""
    places = [of_wave(place, number) for place in ("documents/kept=true", "documents/kept=false", "verdicts")]
    return places if number else [*places, *BESIDE]


def passed_on(columns: Sequence[schema.Column]) -> list[str]:
    """The columns of kept rows that the digest covers besides the verdicts: those that are text.

    Numbers follow from the text; those that are measured in floating point may differ in the last place.
    """
    verdict = schema.names(schema.VERDICT_COLUMNS)
    return [c.name for c in columns if pa.types.is_string(c.type) and c.name not in verdict]


def summary(manifest: dict[str, Any], fresh: bool = True) -> str:
    """One line on a finished stage."""
    lost = {verdict: sum(manifest[verdict].values()) for verdict in (schema.DROPPED, schema.FAILED)}
    speed = f"{manifest['read'] / manifest['seconds']:,.0f} records/s" if manifest["seconds"] else ""
    return (
        f"{manifest['stage']:<20} read {manifest['read']:>9,}  kept {manifest['kept']:>9,}  "
        f"dropped {lost['dropped']:>9,}  failed {lost['failed']:>6,}  "
        + (f"{manifest['seconds']:>7.1f} s  {speed}" if fresh else "up to date")
    )


def fingerprint(value: dict[str, Any]) -> str:
    """Of what a stage or a wave is made from, as manifests and stamps have it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _stamp_path(folder: str, number: int) -> str:
    return files.join(folder, "waves", f"{number:05d}.json")


def _sound_stamp(folder: str, plan: Plan, number: int) -> Stamp | None:
    """The stamp of a wave that need not be made again."""
    stamp = files.read_json(_stamp_path(folder, number))
    if stamp is None or stamp.get("made_from") != plan.made_from(number) or stamp["unsettled"]:
        return None
    contents = part_files.affordable(stamp["parts"])
    return None if part_files.problems(folder, stamp["parts"], places_of(number), contents, surplus=False) else stamp


def _remove_wave(folder: str, number: int) -> None:
    """What an attempt has left that died before its stamp, or before what it was made from changed."""
    for place in (documents_dir(folder, True), documents_dir(folder, False), verdicts_dir(folder)):
        files.remove_tree(of_wave(place, number))
    files.remove_tree(_stamp_path(folder, number))
    part_files.remove_staging(*files.filesystem(folder), DATA)
