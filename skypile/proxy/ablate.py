"""`skypile ablate`: what a run's decisions are worth to a model, treatment by treatment.

    sets = ablate.validation(run, ["zh=articles.jsonl"], hold_out=0.1, seed=0, characters=4000)
    for finding in ablate.findings(run, [treatments.without(run, "dedup")], sets, 0.1, ngram_proxy, Plan()):
        ...

Kept in RUN/ablations: finished trainings in `trainings`, and a file a finding, for the report.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from scipy import stats

from skypile.proxy.comparison import Finding, MakeProxy, Plan, check_sets, compare_corpora, digest
from skypile.proxy.corpora import Document, documents
from skypile.proxy.held_out import held_out_sets, is_held_out, screen, screened
from skypile.proxy.treatments import Treatment, manifests
from skypile.proxy.validation import Validation, validation_sets
from skypile.run_folder.lock import locked
from skypile.run_folder.run_config import run_config
from skypile.runtime import files
from skypile.tokens.encoder import Encoder

FOLDER = "ablations"


def validation(
    run: str,
    paths: Sequence[str],
    hold_out: float,
    seed: int,
    characters: int | None,
    told: Callable[[str], None] = lambda _: None,
) -> list[Validation]:
    """The sets of the files in `paths`, then those of the held-out share of the run's hosts.

    Of a file's languages those with a single text are left out: they have no spread to judge by.

    Raises:
        Refused: no set is left, or a file cannot be read.
    """
    sets = validation_sets(paths, characters, told) if paths else []
    for one in sets:
        if len(one.texts) == 1:
            told(f"{one.domain}, {one.language}: a single text has no spread to judge by, and was left out")
    sets = [one for one in sets if len(one.texts) > 1]
    sets += held_out_sets(run, hold_out, seed, characters) if hold_out else []
    check_sets(sets)
    return sets


def findings(
    run: str,
    treatments: Sequence[Treatment],
    sets: Sequence[Validation],
    hold_out: float,
    make: MakeProxy,
    plan: Plan,
    encoder: Encoder | None = None,
    told: Callable[[str, int, int], None] = lambda name, done, of: None,
) -> Iterator[Finding]:
    """Compare the run's corpus with what each treatment makes of it; the folder of the run is written to.

    Args:
        sets: of `validation`, with the same share of held-out hosts and seed.
        make: `pairs.ngram_proxy`, or what `transformer_pairs.transformer_proxy` gives.
        told: called with a treatment's name, the trainings of it that are done, and all of them.

    Raises:
        FolderLocked: another ablation of this run is under way.
    """
    folder = files.join(run, FOLDER)
    encoder = encoder or Encoder.load()
    marks = screen([text for one in sets for text in one.texts], run_config(run).dedup)
    fs, path = files.filesystem(folder)
    fs.makedirs(path, exist_ok=True)
    budgets: tuple[int, ...] = ()
    with locked(folder):
        for treatment in treatments:
            notes: list[str] = []
            left_out: list[str] = []
            pages = _trained_on(documents(run, treatment, notes), hold_out, plan.seed)

            def read(pages: Iterable[Document], left_out: list[str], notes: list[str]) -> Iterator[Document]:
                yield from screened(pages, marks, left_out)
                if left_out:
                    notes.append(f"{len(left_out):,} documents left out: they hold much of a validation text")

            name = treatment.name
            finding = compare_corpora(
                name,
                read(pages, left_out, notes),
                sets,
                make,
                encoder,
                replace(plan, budgets=budgets) if treatment.base else plan,
                files.join(folder, "trainings"),
                notes,
                lambda done, of, name=name: told(name, done, of),  # type: ignore[misc]
            )
            if treatment.base and not budgets:  # of shares the smallest comes first: all are compared at its size
                budgets = finding.budgets
            yield finding


def _trained_on(pages: Iterable[Document], hold_out: float, seed: int) -> Iterator[Document]:
    return (page for page in pages if not is_held_out(page.host, hold_out, seed))


def discoveries(found: Sequence[Finding]) -> dict[tuple[str, str, str, float | None], float]:
    """q of each row, by treatment, domain, language and rate: the share of false ones among rows with so small a p.

    Over treatments, for each domain and rate by itself (Benjamini and Hochberg 1995): who tries twenty rules finds one
    at p < 0.05 by chance.
    """
    rows = [(finding.name, row) for finding in found for row in finding.rows]
    places = sorted({(row.domain, row.language, row.rate or 0.0) for _, row in rows})
    result = {}
    for place in places:
        here = [(name, row) for name, row in rows if (row.domain, row.language, row.rate or 0.0) == place]
        adjusted = stats.false_discovery_control([row.comparison.p for _, row in here])
        for (name, row), q in zip(here, adjusted.tolist(), strict=True):
            result[name, row.domain, row.language, row.rate] = q
    return result


def ranked(found: Sequence[Finding]) -> list[Finding]:
    """Findings by what they say: those that the run's corpus gains most from first, those that it loses from last.

    By the mean of their differences over domains, each in its standard errors.
    """

    def weight(finding: Finding) -> float:
        errors = [(row.comparison.high - row.comparison.low) / 4 for row in finding.rows]
        terms = [row.comparison.mean / error for row, error in zip(finding.rows, errors, strict=True) if error]
        return sum(terms) / len(terms) if terms else 0.0

    return sorted(found, key=lambda finding: (-weight(finding), finding.name))


def keep(run: str, found: Sequence[Finding], asked: dict[str, Any]) -> str:
    """Write findings, what was asked, and the digest of the run's decisions, to RUN/ablations; the file's path.

    The same question, the same file.
    """
    asked = asked | {"digest": manifests(run)["quality_filter"].get("digest")}
    question = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    path = files.join(run, FOLDER, f"{digest([question])[:12]}.json")
    q = discoveries(found)
    told = []
    for finding in found:
        one = finding.as_dict()
        for row in one["rows"]:
            row["q"] = q[finding.name, row["domain"], row["language"], row["rate"]]
        told.append(one)
    files.write_json(path, {"asked": asked, "findings": told})
    return path
