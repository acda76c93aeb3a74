"""Pages out of a finished run: out of its shards, out of token shards, and out of whatever is made from it later.

The list in the run's folder comes first (`skypile.run_folder.takedowns`): from then on no run, decision or new setting
brings a page back. Then the files in which a page stands are written anew, and no others. Whatever is interrupted is
ended by the same command, or by `skypile run`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow.compute as pc

from skypile.errors import Refused
from skypile.plans import following_plan
from skypile.run_folder import ledger, removal, stage_folder
from skypile.run_folder.output import output_folder, tokens_folder
from skypile.run_folder.takedowns import EMPTIED, REASON, Takedown, add
from skypile.runs import open_run
from skypile.runtime import files
from skypile.schema import DROPPED, KEPT, STAGES
from skypile.tokens import takedown as token_shards

STAGE = "shards"


class TakenDown(NamedTuple):
    """What `take_down` has done.

    `removed`: key -> URLs of the pages that it took from the shards. `before`: key -> (stage, reason) that had dropped
    the page already, or had it taken down; with the reason "kept" there are no shards yet, and none will have it.
    `unknown`: keys that no record of the run has. `tokens`: folder -> entries of its manifest. `text_in`: stages whose
    folders still hold the text of any.
    """

    removed: dict[str, list[str]]
    before: dict[str, tuple[str, str]]
    unknown: list[str]
    tokens: dict[str, list[dict[str, Any]]]
    text_in: list[str]


def take_down(
    run: str, keys: Sequence[str], why: str, date: str, tokens: Sequence[str] = (), shuffled: Sequence[str] = ()
) -> TakenDown:
    """Remove the pages `keys` (URLs, exactly as the run has them, or record ids) from the run in folder `run`.

    `why`, `date`: for the ledger. `tokens`: folders of token shards, besides those that the run made itself.
    `shuffled`: folders that a split of these was shuffled into.

    Raises:
        FileNotFoundError: no run. DamagedParts: its shards are not what was written. Refused: no token shards, a
            shuffle of others, or shards that are out of date.
    """
    config = open_run(run).config
    keys = list(dict.fromkeys(keys))
    folders = list(dict.fromkeys([*map(files.absolute, tokens), *own_tokens(run, config.tokens.output)]))
    with output_folder(run, "run", []):
        removal.finish(stage_folder.stage_dir(run, STAGE))
        fates: dict[str, dict[str, ledger.Verdict]] = {key: {} for key in keys}  # the last verdict a record
        where = pc.field("record_id").isin(keys) | pc.field("url").isin(keys)
        stages = list(ledger.stage_folders(run))
        for stage in stages:
            for verdict in ledger.verdicts(run, stage, where):
                for key in {verdict.record_id, verdict.url} & fates.keys():
                    fates[key][verdict.record_id] = verdict
        if STAGE not in stages and stage_folder.manifest(run, STAGE) is not None:
            raise Refused(f"the shards of {run} are out of date, and hold pages still: `skypile run` first")
        packed = {name: token_shards.shuffled_from(name) for name in shuffled}
        ours = {
            folder: [name for name in shuffled if token_shards.is_split_of(packed[name], folder)] for folder in folders
        }
        if astray := [name for name in shuffled if not any(name in of_one for of_one in ours.values())]:
            raise Refused(
                f"{astray[0]} was not shuffled from a split of {', '.join(folders) or 'any token shards'}: give the "
                "shards that it was shuffled from with --tokens"
            )
        unknown = [key for key, found in fates.items() if not found]
        fresh = {folder: token_shards.is_fresh(folder) for folder in folders}  # before the shards change
        listed = {page.key: page for page in add(run, [Takedown(key, why, date) for key in keys if fates[key]])}
        pages = [listed[key] for key in keys if fates[key]]
        removed, before = _split(fates)
        if STAGE in stages and pages:
            # a record id goes before a URL, as in the stage
            ids_last = sorted(removed.items(), key=lambda item: item[0] in item[1])
            evidence = {record: listed[key].evidence for key, found in ids_last for record in found}
            stage_folder.check_finished(run, STAGE)
            plan = following_plan(run, STAGE, config)
            removal.drop(run, plan, REASON, evidence, EMPTIED, config.shards.compression_level)
        taken = {name: token_shards.take_down(name, pages, fresh[name], ours[name]) for name in folders if pages}
    urls = {key: sorted(found.values()) for key, found in removed.items()}
    return TakenDown(urls, before, unknown, taken, _text_in(run, {one for found in fates.values() for one in found}))


def own_tokens(run: str, output: str | None) -> list[str]:
    """The token shards that `[tokens]` made of the run, if they are finished."""
    folder = tokens_folder(run, output)
    return [folder] if files.exists(files.join(folder, "manifest.json")) else []


def _split(
    fates: dict[str, dict[str, ledger.Verdict]],
) -> tuple[dict[str, dict[str, str]], dict[str, tuple[str, str]]]:
    """key -> {record id: URL} of what stands in the shards; key -> (stage, reason) of what does not."""
    removed: dict[str, dict[str, str]] = {}
    before: dict[str, tuple[str, str]] = {}
    for key, found in fates.items():
        standing = {v.record_id: v.url for v in found.values() if v.verdict == KEPT and v.stage == STAGE}
        if standing:
            removed[key] = standing
        elif found:
            last = max(found.values(), key=lambda v: (v.verdict == KEPT, STAGES.index(v.stage)))
            before[key] = (last.stage, KEPT if last.verdict == KEPT else last.reason or DROPPED)
    return removed, before


def _text_in(run: str, records: set[str]) -> list[str]:
    """Stages before the last whose folders still hold a text of these records."""
    where = pc.field("record_id").isin(sorted(records)) & (pc.field("characters") > 0)
    stages = [stage for stage in ledger.stage_folders(run) if stage != STAGE] if records else []
    return [stage for stage in stages if ledger.documents(run, stage).count_rows(filter=where)]
