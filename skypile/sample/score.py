"""How many of each planted truth a run found.

A truth is found when the record's last verdict is one its kind allows, for a reason the kind allows, and,
where the truth names a sentence, that sentence stands in the text that was kept (or no longer does). Reads the
ledger and the documents of the last stage through pyarrow; memory grows with the truths, not with the run.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from skypile.run_folder import ledger
from skypile.run_folder.ledger import Verdict
from skypile.runtime import files
from skypile.sample.kinds import KINDS
from skypile.schema import KEPT, STAGE_COLUMNS, arrow_schema

Truth = dict[str, Any]


@dataclass
class Score:
    """`missed`: one sentence a record, URL first."""

    kind: str
    meaning: str
    planted: int = 0
    found: int = 0
    missed: list[str] = field(default_factory=list)


def score(truths: str | Path, run: str) -> list[Score]:
    """Compare a run's ledger with `truths.jsonl`; one row a kind, in the order of KINDS.

    Raises FileNotFoundError if the run holds no ledger.
    """
    lines = Path(truths).read_text(encoding="utf-8").splitlines()
    planted = [json.loads(line) for line in lines]
    fates = match(planted, ledger.fates(run))
    wanted = {
        fate.record_id
        for truth, fate in zip(planted, fates, strict=True)
        if fate is not None and (truth["sentence"] or truth["absent"])
    }
    return tabulate(planted, fates, _texts(run, wanted))


def match(truths: Sequence[Truth], fates: Iterable[Verdict]) -> list[Verdict | None]:
    """The fate of each truth, by its URL, or for a record that lost its URL by file and offset; else None."""
    by_url = {truth["url"]: i for i, truth in enumerate(truths) if truth["url"]}
    by_place = {f"{Path(truth['file']).name}#{truth['offset']}": i for i, truth in enumerate(truths)}
    found: list[Verdict | None] = [None] * len(truths)
    placed: list[Verdict | None] = [None] * len(truths)
    for fate in fates:
        if (position := by_url.get(fate.url)) is not None:
            found[position] = fate
        elif (position := by_place.get(fate.url.rpartition("/")[2])) is not None:
            placed[position] = fate
    return [by_url_ or by_place_ for by_url_, by_place_ in zip(found, placed, strict=True)]


def tabulate(truths: Sequence[Truth], fates: Sequence[Verdict | None], texts: dict[str, str]) -> list[Score]:
    """Scores by kind, given each truth's fate and the kept texts by record id."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, truth in enumerate(truths):
        if truth["group"]:
            groups[truth["group"]].append(i)
    surplus = {i for members in groups.values() for i in _surplus(members, truths, fates)}
    keepers = _first_with_notice(truths, fates, texts)
    table: dict[str, Score] = {}
    for i, (truth, fate) in enumerate(zip(truths, fates, strict=True)):
        members = groups.get(truth["group"], [])
        kinds = {truths[m]["kind"] for m in members if KINDS[truths[m]["kind"]].keeps}
        rule = kinds.pop() if kinds else truth["kind"]
        row = table.setdefault(truth["kind"], Score(truth["kind"], KINDS[truth["kind"]].meaning))
        row.planted += 1
        problem = "one of its group too many is kept" if i in surplus else _problem(truth, rule, fate, texts)
        if i in keepers:
            problem = None
        if problem is None and members and _kept(members, fates) < (KINDS[rule].keeps or (0, 0))[0]:
            problem = f"none of its group is kept: {_words(fate)}"
        if problem is None:
            row.found += 1
        else:
            row.missed.append(f"{truth['url'] or truth['file']}: {problem}")
    return [table[kind] for kind in KINDS if kind in table]


def _kept(members: Sequence[int], fates: Sequence[Verdict | None]) -> int:
    return sum(1 for m in members if (fate := fates[m]) is not None and fate.verdict == KEPT)


def _surplus(members: Sequence[int], truths: Sequence[Truth], fates: Sequence[Verdict | None]) -> list[int]:
    """Kept members over the most that the group may keep; the original and then the first are forgiven."""
    most = next((k.keeps[1] for m in members if (k := KINDS[truths[m]["kind"]]).keeps), len(members))
    kept = [m for m in members if (fate := fates[m]) is not None and fate.verdict == KEPT]
    kept.sort(key=lambda m: (truths[m]["near"] is not None, m))
    return kept[most:]


def _first_with_notice(truths: Sequence[Truth], fates: Sequence[Verdict | None], texts: dict[str, str]) -> set[int]:
    """For every sentence that is to be cut, the first page that holds it still: one page may keep it."""
    first: dict[str, int] = {}
    for i, (truth, fate) in enumerate(zip(truths, fates, strict=True)):
        if (
            truth["absent"]
            and fate is not None
            and _squeeze(truth["absent"]) in _squeeze(texts.get(fate.record_id, ""))
        ):
            first.setdefault(truth["absent"], i)
    return set(first.values())


def _problem(truth: Truth, rule: str, fate: Verdict | None, texts: dict[str, str]) -> str | None:
    """What is wrong with a fate; None if nothing."""
    if fate is None:
        return "no record of it"
    kind = KINDS[rule]
    if fate.verdict not in kind.verdicts or (fate.verdict != KEPT and fate.reason not in kind.reasons):
        return _words(fate)
    if fate.verdict != KEPT:
        return None
    text = _squeeze(texts.get(fate.record_id, ""))
    if truth["sentence"] and _squeeze(truth["sentence"]) not in text:
        return f"kept without its sentence {truth['sentence']!r}"
    if truth["absent"] and _squeeze(truth["absent"]) in text:
        return f"kept with {truth['absent']!r}"
    return None


def _words(fate: Verdict | None) -> str:
    if fate is None:
        return "no record of it"
    reason = f" ({fate.reason})" if fate.reason else ""
    return f"{fate.verdict} by {fate.stage}{reason}"


def _squeeze(text: str) -> str:
    """Without white space, which extraction may set anew."""
    return re.sub(r"\s+", "", text)


def _texts(run: str, record_ids: set[str]) -> dict[str, str]:
    """Texts that the last stage kept, of the records named."""
    stage, folder = list(ledger.stage_folders(run).items())[-1]
    documents = ledger.dataset(files.join(folder, "documents"), arrow_schema(STAGE_COLUMNS[stage]))
    where = pc.field("record_id").isin(sorted(record_ids)) & (pc.field("verdict") == KEPT)
    rows = documents.to_table(columns=["record_id", "text"], filter=where)
    return dict(zip(rows["record_id"].to_pylist(), rows["text"].to_pylist(), strict=True))
