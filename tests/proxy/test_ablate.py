"""`skypile ablate` on a run folder written by hand, from the question to the table."""

import json
from pathlib import Path

import pytest

from skypile.proxy import ablate, treatments
from skypile.proxy.comparison import Finding, Plan, Row
from skypile.proxy.pairs import ngram_proxy
from skypile.proxy.statistics import Comparison
from skypile.proxy.treatments import Treatment
from skypile.runtime import files
from tests.cli.test_cli import skypile
from tests.proxy.corpus import mixed, text
from tests.proxy.test_treatments import made, rules
from tests.report.run_folder import record


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """150 pages kept; 60 without sense dropped for their symbols, three for their length."""
    rows = [record(n, text=text(n), language="en", host=f"host{n % 30}.example") for n in range(150)]
    symbols = {"reason": "symbols", "rules": rules(symbol_share=0.3), "language": "en"}
    rows += [record(n, "quality_filter", text=mixed(n, 1.0), **symbols) for n in range(150, 210)]
    short = {"reason": "too_short", "rules": rules(words=9.0), "language": "en"}
    rows += [record(n, "quality_filter", text=text(n, 9), **short) for n in range(210, 213)]
    return made(tmp_path_factory.mktemp("run"), rows)


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("validation") / "village.jsonl"
    path.write_text("".join(json.dumps({"text": text(f"v{n}", 100)}) + "\n" for n in range(20)), encoding="utf-8")
    return str(path)


def test_a_rule_that_helps_is_found_by_its_loss_and_the_answer_is_kept(run: str, validation: str):
    asked = ("ablate", run, "--all", "--validation", validation, "--pairs", "4")
    done = skypile(*asked, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    names = [finding["name"] for finding in answer["findings"]]
    assert names[-1] == "without quality_filter:too_short"
    assert set(names[:2]) == {"without quality_filter", "without quality_filter:symbols"}
    finding = answer["findings"][names.index("without quality_filter:symbols")]
    assert (finding["gone"], finding["come"]) == (0, 60)
    village = next(row for row in finding["rows"] if row["domain"] == "village")
    assert village["comparison"]["mean"] > 0 and village["q"] < 0.05
    assert {row["domain"] for row in finding["rows"]} == {"village", "held-out hosts"}
    (kept,) = Path(run, "ablations").glob("*.json")
    assert json.loads(kept.read_text(encoding="utf-8")) == answer
    trainings = sorted(Path(run, "ablations", "trainings").iterdir())

    table = skypile(*asked)
    assert table.returncode == 0, table.stderr
    line = next(line for line in table.stdout.splitlines() if "quality_filter:symbols" in line and "village" in line)
    assert f"{village['comparison']['mean']:+.5f}" in line
    assert "60 texts come, 0 go" in table.stdout
    assert sorted(Path(run, "ablations", "trainings").iterdir()) == trainings
    assert len(list(Path(run, "ablations").glob("*.json"))) == 1


def test_the_run_itself_stays_what_it_was(run: str, validation: str):
    skypile("ablate", run, "--without", "quality_filter:symbols", "--validation", validation, "--pairs", "2")
    status = skypile("status", run)
    assert status.returncode == 0 and "quality_filter" in status.stdout
    assert treatments.without(run, "quality_filter").stage == "quality_filter"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--without, --until, --set, --shares, --against or --all"),
        (("--without", "quality_filter:symbol"), "it dropped for symbols, too_short"),
        (("--all", "--proxy", "gpt"), "is none of ngram, 1m"),
        (("--all", "--pairs", "1"), "pairs"),
        (("--all", "--hold-out", "0"), "nothing to validate on"),
        (("--all", "--pairs", "5000"), "fewer pairs"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run: str, arguments: tuple[str, ...], told: str):
    if "gpt" in arguments:
        pytest.importorskip("torch")
    done = skypile("ablate", run, *arguments)
    assert done.returncode == 2
    assert told in done.stderr and "Traceback" not in done.stderr


def test_documents_of_validation_texts_and_of_held_out_hosts_are_not_trained_on(run: str, tmp_path: Path):
    path = tmp_path / "seen.jsonl"
    path.write_text("".join(json.dumps({"text": text(n)}) + "\n" for n in range(10)), encoding="utf-8")
    sets = ablate.validation(run, [str(path)], 0.0, 0, None)
    (finding,) = ablate.findings(run, [treatments.without(run, "quality_filter")], sets, 0.0, ngram_proxy, Plan(2))
    assert "10 documents left out: they hold much of a validation text" in finding.notes
    held = ablate.validation(run, [str(path)], 0.5, 0, None)
    (less,) = ablate.findings(run, [treatments.without(run, "quality_filter")], held, 0.5, ngram_proxy, Plan(2))
    assert less.tokens < 0.75 * finding.tokens


def test_shares_are_compared_at_the_tokens_of_the_smallest(tmp_path: Path, validation: str):
    pages = [record(n, text=text(n), language="en", rules=rules(words=60.0 + 2 * n)) for n in range(150)]
    run = made(tmp_path, pages)
    sets = ("--validation", validation, "--hold-out", "0", "--pairs", "2")
    done = skypile("ablate", run, "--shares", "60,20", *sets, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["asked"]["shares"] == [20, 60]
    few, many = answer["findings"]
    assert (few["name"], many["name"]) == ("20 % kept", "60 % kept")
    assert few["budgets"] == many["budgets"] and len(few["budgets"]) == 2
    assert few["epochs"][1] > 0.9 and many["epochs"][1] < 0.5  # all of the one, a third of the other
    of_its_own = Treatment("60 % kept", "quality_filter", quality=treatments.shares(run, "60,80")[0].quality)
    found = ablate.validation(run, [validation], 0.0, 0, None)
    (alone,) = ablate.findings(run, [of_its_own], found, 0.0, ngram_proxy, Plan(2))
    assert alone.tokens > 2 * many["tokens"]


def found(name: str, mean: float, p: float) -> Finding:
    comparison = Comparison(mean, mean - 0.01, mean + 0.01, p, 1.0, 0.01, None, 0.01, 4, 9)
    return Finding(name, 0, 1, 0.1, 0, 9, (1.0, 1.0), (Row("d", "en", None, 9, comparison),), ())


def test_treatments_are_ranked_from_what_helps_to_what_harms():
    rows = [found("a", 0.0, 1.0), found("b", -0.02, 0.01), found("c", 0.03, 0.001)]
    assert [finding.name for finding in ablate.ranked(rows)] == ["c", "a", "b"]


def test_q_is_benjamini_and_hochbergs():
    """Their p of four tests, as in any textbook: p n / rank, from the largest down never rising."""
    rows = [found(str(p), 0.0, p) for p in (0.01, 0.02, 0.03, 0.5)]
    assert list(ablate.discoveries(rows).values()) == pytest.approx([0.04, 0.04, 0.04, 0.5])


def test_one_ablation_of_a_run_at_a_time(run: str, validation: str):
    from skypile.run_folder.lock import locked

    with locked(files.join(run, "ablations")):
        done = skypile("ablate", run, "--without", "quality_filter", "--validation", validation, "--pairs", "2")
    assert done.returncode == 2 and "Traceback" not in done.stderr
